package disruption_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/disruption"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

const providerID = "aws:///us-west-2a/i-%d"

// restingNodes adds claims and their nodes that are at rest and empty.
func restingNodes(cluster *clustertest.Cluster, count int) {
	for i := range count {
		claim := &karpv1.NodeClaim{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("default-%d", i), Finalizers: []string{karpv1.TerminationFinalizer}}}
		claim.Labels = map[string]string{
			karpv1.NodePoolLabelKey: "default", "type": "karpenter", corev1.LabelInstanceTypeStable: "m5.large",
			corev1.LabelTopologyZone: "us-west-2a", karpv1.CapacityTypeLabelKey: "on-demand",
		}
		claim.Spec.NodeClassRef = clustertest.Pool().Spec.Template.Spec.NodeClassRef
		claim.Status.ProviderID = fmt.Sprintf(providerID, i)
		for _, condition := range []string{karpv1.ConditionTypeLaunched, karpv1.ConditionTypeRegistered, karpv1.ConditionTypeInitialized, karpv1.ConditionTypeConsolidatable} {
			claim.StatusConditions().SetTrue(condition)
		}
		cluster.Create(claim)
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%d", i), Labels: map[string]string{
			karpv1.NodeInitializedLabelKey: "true", karpv1.NodePoolLabelKey: "default", "type": "karpenter",
		}}}
		node.Spec.ProviderID = claim.Status.ProviderID
		node.Status.Allocatable = translate.ResourceList(map[string]int64{"cpu": 1930, "memory": 6 << 30, "pods": 29})
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		cluster.Create(node)
	}
}

func podOn(node string, change func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "on-" + node}}
	pod.Spec.NodeName = node
	pod.Status.Phase = corev1.PodRunning
	if change != nil {
		change(pod)
	}
	return pod
}

func look(t *testing.T, cluster *clustertest.Cluster, live client.Reader) {
	t.Helper()
	reconciler := &disruption.Reconciler{
		Client: cluster.Client, Live: live, Observer: &observe.Observer{Reader: cluster.Client, Cloud: cluster.Cloud},
		Events: cluster.Events, Metrics: metrics.New(prometheus.NewRegistry()), Clock: cluster.Clock, Log: logr.Discard(),
	}
	if _, err := reconciler.Reconcile(t.Context(), reconcile.Request{}); err != nil {
		t.Fatal(err)
	}
}

// ending names the claims that are being deleted.
func ending(cluster *clustertest.Cluster) string {
	var names []string
	for _, claim := range cluster.Claims() {
		if claim.DeletionTimestamp != nil {
			names = append(names, claim.Name)
		}
	}
	return strings.Join(names, " ")
}

func TestWhichEmptyNodesGo(t *testing.T) {
	daemon := func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Name: "cni", Controller: new(true)}}
	}
	for _, test := range []struct {
		name    string
		prepare func(*clustertest.Cluster)
		want    string
	}{
		{"an empty node", func(*clustertest.Cluster) {}, "default-0"},
		{"a node with a DaemonSet's pod", func(c *clustertest.Cluster) { c.Create(podOn("node-0", daemon)) }, "default-0"},
		{"a node with a pod that has ended", func(c *clustertest.Cluster) {
			c.Create(podOn("node-0", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }))
		}, "default-0"},
		{"a node with a pod", func(c *clustertest.Cluster) { c.Create(podOn("node-0", nil)) }, ""},
		{"a DaemonSet's pod that must not be disturbed", func(c *clustertest.Cluster) {
			c.Create(podOn("node-0", func(p *corev1.Pod) {
				daemon(p)
				p.Annotations = map[string]string{karpv1.DoNotDisruptAnnotationKey: "true"}
			}))
		}, ""},
		{"a node that must not be disturbed", func(c *clustertest.Cluster) {
			node := clustertest.Get(c, &corev1.Node{}, "node-0")
			node.Annotations = map[string]string{karpv1.DoNotDisruptAnnotationKey: "true"}
			c.Update(node)
		}, ""},
		{"a node that a pending pod is about to go to", func(c *clustertest.Cluster) {
			c.Create(clustertest.PendingPod("inflate", "1Gi"))
		}, ""},
		{"a budget that is closed", func(c *clustertest.Cluster) {
			pool := clustertest.Get(c, &karpv1.NodePool{}, "default")
			pool.Spec.Disruption.Budgets = []karpv1.Budget{{Nodes: "0", Reasons: []karpv1.DisruptionReason{karpv1.DisruptionReasonEmpty}}}
			c.Update(pool)
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			cluster := clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool())
			restingNodes(cluster, 1)
			test.prepare(cluster)
			look(t, cluster, cluster.Client)
			if got := ending(cluster); got != test.want {
				t.Errorf("ending claims are %q, want %q", got, test.want)
			}
		})
	}
}

func TestBudgetCountsNodesThatAreGoing(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool())
	restingNodes(cluster, 15) // 10 % of 15, rounded up, is 2
	look(t, cluster, cluster.Client)
	if got := ending(cluster); got != "default-0 default-1" {
		t.Errorf("ending claims are %q, want the first two", got)
	}
	look(t, cluster, cluster.Client)
	if got := ending(cluster); got != "default-0 default-1" {
		t.Errorf("ending claims are %q, want no more while two are going", got)
	}
}

// late is an API server that already has a pod which the cache does not show.
func late(cluster *clustertest.Cluster) client.Reader {
	return interceptor.NewClient(cluster.Client, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if pods, ok := list.(*corev1.PodList); ok {
				pods.Items = []corev1.Pod{*podOn("node-0", nil)}
				return nil
			}
			return c.List(ctx, list, options...)
		},
	})
}

func TestNodeThatGotAPodInTheMeantimeStays(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool())
	restingNodes(cluster, 1)
	look(t, cluster, late(cluster))
	if got := ending(cluster); got != "" {
		t.Errorf("ending claims are %q, want none", got)
	}
	if taints := clustertest.Get(cluster, &corev1.Node{}, "node-0").Spec.Taints; len(taints) != 0 {
		t.Errorf("the node keeps taints %v", taints)
	}
}

func TestTaintOfAKilledProcessIsUndone(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool())
	restingNodes(cluster, 1)
	cluster.Create(podOn("node-0", nil))
	node := clustertest.Get(cluster, &corev1.Node{}, "node-0")
	node.Spec.Taints = []corev1.Taint{karpv1.DisruptedNoScheduleTaint}
	cluster.Update(node)
	look(t, cluster, cluster.Client)
	if taints := clustertest.Get(cluster, &corev1.Node{}, "node-0").Spec.Taints; len(taints) != 0 {
		t.Errorf("the node keeps taints %v", taints)
	}
}
