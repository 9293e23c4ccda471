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
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/drover-project/drover/internal/controllers/write"
)

// A change to a version that the client itself has replaced is a conflict
// without a request; one to the newest version is sent.
func TestStaleChangesAreNotSent(t *testing.T) {
	sent := 0
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
	c := write.Remember(fake.NewClientBuilder().WithObjects(node).WithStatusSubresource(node).WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			sent++
			return c.Patch(ctx, object, patch, options...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, resource string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			sent++
			return c.SubResource(resource).Patch(ctx, object, patch, options...)
		},
	}).Build())
	read := func() *corev1.Node {
		var found corev1.Node
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(node), &found); err != nil {
			t.Fatal(err)
		}
		return &found
	}
	cached := read()
	label := func(of *corev1.Node, value string) error {
		changed := of.DeepCopy()
		changed.Labels = map[string]string{"a": value}
		return write.Changes(t.Context(), c, changed, of)
	}
	phase := func(of *corev1.Node) error {
		changed := of.DeepCopy()
		changed.Status.Phase = corev1.NodeRunning
		return write.Status(t.Context(), c, changed, of)
	}
	if err := label(cached, "1"); err != nil || sent != 1 {
		t.Fatalf("the first change: %v after %d requests", err, sent)
	}
	for what, err := range map[string]error{"label": label(cached, "2"), "status": phase(cached)} {
		if !apierrors.IsConflict(err) || sent != 1 {
			t.Errorf("%s of a stale node: error %v after %d requests, want a conflict after 1", what, err, sent)
		}
	}
	if result, err := write.Settled(reconcile.Result{}, label(cached, "2")); err != nil || result.RequeueAfter == 0 {
		t.Errorf("a stale change settles as %+v, %v: it has to come back by itself", result, err)
	}
	if err := phase(read()); err != nil || sent != 2 {
		t.Errorf("status of the node as it is: %v after %d requests", err, sent)
	}
	if err := label(cached, "3"); !apierrors.IsConflict(err) || sent != 2 {
		t.Errorf("a label after the status changed: %v after %d requests", err, sent)
	}
	other := read()
	if err := c.Delete(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	again := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "new"}}
	if err := c.Create(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if err := label(read(), "4"); err != nil || sent != 3 {
		t.Errorf("a new node of the same name: %v after %d requests", err, sent)
	}
}
