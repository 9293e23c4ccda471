package nodegroup_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/drover-project/drover/internal/controllers/nodegroup"
)

// cluster whose API server refuses some resources.
func refusing(t *testing.T, refused string, objects ...client.Object) (client.Client, *strings.Builder, client.Reader, error) {
	t.Helper()
	kube := fake.NewClientBuilder().WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			review, ok := object.(*authorizationv1.SelfSubjectAccessReview)
			if !ok {
				return c.Create(ctx, object, options...)
			}
			review.Status.Allowed = !strings.Contains(refused, review.Spec.ResourceAttributes.Resource)
			return nil
		},
	}).Build()
	log := &strings.Builder{}
	reader, err := nodegroup.Permitted(t.Context(), kube, kube, funcr.New(func(_, args string) { log.WriteString(args + "\n") }, funcr.Options{}))
	return kube, log, reader, err
}

func TestWhatMayNotBeReadCountsAsEmpty(t *testing.T) {
	class := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "high"}, Value: 10}
	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	_, log, reader, err := refusing(t, "priorityclasses volumeattachments", class, space)
	if err != nil {
		t.Fatal(err)
	}
	var classes schedulingv1.PriorityClassList
	if err := reader.List(t.Context(), &classes); err != nil || len(classes.Items) != 0 {
		t.Errorf("lists %d classes: %v", len(classes.Items), err)
	}
	if err := reader.Get(t.Context(), client.ObjectKey{Name: "high"}, &schedulingv1.PriorityClass{}); !apierrors.IsNotFound(err) {
		t.Errorf("reading a class: %v, want that it is not found", err)
	}
	var spaces corev1.NamespaceList
	if err := reader.List(t.Context(), &spaces); err != nil || len(spaces.Items) != 1 {
		t.Errorf("lists %d namespaces: %v", len(spaces.Items), err)
	}
	if text := log.String(); !strings.Contains(text, "priorityclasses") || !strings.Contains(text, "volumeattachments") || strings.Contains(text, "namespaces") {
		t.Errorf("the log is %q", text)
	}
}

func TestPodsAndNodesMustBeReadable(t *testing.T) {
	if _, _, _, err := refusing(t, "nodes"); err == nil || !strings.Contains(err.Error(), "may not list and watch nodes") {
		t.Errorf("got %v", err)
	}
}

func TestPodsThatDoNotAskForANode(t *testing.T) {
	now := time.Now()
	options := nodegroup.Defaults()
	options.NewPodDelay = time.Minute
	low, normal := int32(-11), int32(0)
	for name, c := range map[string]struct {
		age      time.Duration
		priority *int32
		delay    string
		waits    bool
	}{
		"old enough":                 {2 * time.Minute, &normal, "", false},
		"too young":                  {30 * time.Second, &normal, "", true},
		"of no importance":           {2 * time.Minute, &low, "", true},
		"its own delay is longer":    {2 * time.Minute, nil, "5m", true},
		"its own delay is shorter":   {30 * time.Second, nil, "10s", false},
		"a delay that is not a time": {30 * time.Second, nil, "soon", true},
	} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(now.Add(-c.age))}}
		pod.Spec.Priority = c.priority
		if c.delay != "" {
			pod.Annotations = map[string]string{"cluster-autoscaler.kubernetes.io/pod-scale-up-delay": c.delay}
		}
		if got := nodegroup.Waits(pod, options, now); got != c.waits {
			t.Errorf("%s: waits is %v", name, got)
		}
	}
}

func TestPodsThatUseABookingAskForNoNode(t *testing.T) {
	options := nodegroup.Defaults()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"autoscaling.x-k8s.io/consume-provisioning-request": "job"}}}
	if nodegroup.Waits(pod, options, time.Now()) {
		t.Error("the annotation means nothing without --enable-provisioning-requests, and the pod waits")
	}
	options.Requests.Enabled = true
	if !nodegroup.Waits(pod, options, time.Now()) {
		t.Error("a pod that uses a booking makes a group grow")
	}
}
