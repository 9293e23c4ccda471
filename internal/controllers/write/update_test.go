package write_test

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/drover-project/drover/internal/controllers/write"
)

// TestNodesAreUpdatedWherePatchesAreForbidden: the change is made, and never over
// someone else's; other kinds are patched.
func TestNodesAreUpdatedWherePatchesAreForbidden(t *testing.T) {
	node, pod := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "p"}}
	var patched []string
	forbidding := interceptor.Funcs{Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
		patched = append(patched, object.GetName())
		return c.Patch(ctx, object, patch, options...)
	}}
	kube := write.ByUpdate(fake.NewClientBuilder().WithObjects(node, pod).WithInterceptorFuncs(forbidding).Build())
	read := func(object client.Object) {
		t.Helper()
		if err := kube.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			t.Fatal(err)
		}
	}
	read(node)
	read(pod)
	before := node.DeepCopy()
	node.Spec.Unschedulable = true
	if err := write.Changes(t.Context(), kube, node, before); err != nil {
		t.Fatal(err)
	}
	read(node)
	if !node.Spec.Unschedulable {
		t.Error("the change is not made")
	}
	stale := before.DeepCopy()
	stale.Labels = map[string]string{"a": "b"}
	if err := write.Changes(t.Context(), kube, stale, before); !apierrors.IsConflict(err) {
		t.Errorf("a change from an old version gives %v, want a conflict", err)
	}
	podBefore := pod.DeepCopy()
	pod.Labels = map[string]string{"a": "b"}
	if err := write.Changes(t.Context(), kube, pod, podBefore); err != nil {
		t.Fatal(err)
	}
	if len(patched) != 1 || patched[0] != "p" {
		t.Errorf("patched are %v, want the pod alone", patched)
	}
	if err := kube.Patch(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}, client.MergeFrom(before)); err == nil {
		t.Error("a node without a version is updated, over whatever others did")
	}
}
