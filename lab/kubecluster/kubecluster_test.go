package kubecluster

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/drover-project/drover/lab/region/nodegroups"
)

func pod(name string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"app": name}}, Spec: corev1.PodSpec{NodeName: "n"}}
	for _, c := range change {
		c(p)
	}
	return p
}

func TestPodsThatADrainMoves(t *testing.T) {
	yes := true
	client := fake.NewClientset(
		pod("web"),
		pod("daemon", func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Name: "d", Controller: &yes}}
		}),
		pod("static", func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} }),
		pod("done", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }),
	)
	pods, err := New(client).Pods(context.Background(), "n")
	if err != nil || !slices.Equal(pods, []nodegroups.Pod{{Namespace: "default", Name: "web"}}) {
		t.Errorf("%v, %v", pods, err)
	}
}

func TestChange(t *testing.T) {
	client := fake.NewClientset(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{"a": "1", "b": "1"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "x", Value: "1", Effect: corev1.TaintEffectNoSchedule}, {Key: "y", Effect: corev1.TaintEffectNoExecute}}},
	})
	c := New(client)
	change := nodegroups.Change{
		Cordon: true, SetLabels: map[string]string{"a": "2"}, RemoveLabels: []string{"b"},
		SetTaints:    []types.Taint{{Key: aws.String("x"), Value: aws.String("2"), Effect: types.TaintEffectNoSchedule}},
		RemoveTaints: []types.Taint{{Key: aws.String("y"), Effect: types.TaintEffectNoExecute}},
	}
	if err := c.Change(context.Background(), "n", change); err != nil {
		t.Fatal(err)
	}
	n, err := client.CoreV1().Nodes().Get(context.Background(), "n", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !n.Spec.Unschedulable || !maps.Equal(n.Labels, map[string]string{"a": "2"}) || !slices.Equal(n.Spec.Taints, []corev1.Taint{{Key: "x", Value: "2", Effect: corev1.TaintEffectNoSchedule}}) {
		t.Errorf("%v %v %v", n.Spec.Unschedulable, n.Labels, n.Spec.Taints)
	}
	if err := c.Change(context.Background(), "n", nodegroups.Change{Uncordon: true}); err != nil {
		t.Fatal(err)
	}
	if n, _ = client.CoreV1().Nodes().Get(context.Background(), "n", metav1.GetOptions{}); n.Spec.Unschedulable {
		t.Error("still cordoned")
	}
	if err := c.Change(context.Background(), "gone", change); err != nil {
		t.Errorf("a node that is gone: %v", err)
	}
}

func TestEvictionThatABudgetBlocks(t *testing.T) {
	client := fake.NewClientset(pod("web"), &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "keep"},
		Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
	}, &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "other"},
		Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}}},
	})
	blocked := apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
	blocked.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: "DisruptionBudget", Message: "The disruption budget keep needs 1 healthy pods and has 1 currently"}}
	client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		return a.GetSubresource() == "eviction", nil, blocked
	})
	err := New(client).Evict(context.Background(), nodegroups.Pod{Namespace: "default", Name: "web"})
	var b *nodegroups.Blocked
	want := "pod default/web cannot be evicted, PodDisruptionBudget default/keep: The disruption budget keep needs 1 healthy pods and has 1 currently"
	if !errors.As(err, &b) || b.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestConfigMap(t *testing.T) {
	data, err := New(fake.NewClientset()).ConfigMap(context.Background())
	if err != nil || data != nil {
		t.Errorf("without a ConfigMap: %v, %v", data, err)
	}
	client := fake.NewClientset(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "aws-auth"}, Data: map[string]string{"mapRoles": "[]"}})
	if data, err = New(client).ConfigMap(context.Background()); err != nil || data["mapRoles"] != "[]" {
		t.Errorf("%v, %v", data, err)
	}
}
