// Package write holds how controllers change objects: only what differs, and
// never over someone else's change.
package write

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// conflictDelay lets the informer cache catch up with the change that won. That
// change is an event of its own for the controllers that watch the object.
const conflictDelay = 250 * time.Millisecond

// Changes patches the object, without its status, from what it was before. It
// fails with a conflict when someone else has changed the object since. The
// object then holds what the API server answered.
func Changes(ctx context.Context, c client.Client, object, before client.Object) error {
	if equality.Semantic.DeepEqual(object, before) {
		return nil
	}
	if err := stale(c, before); err != nil {
		return err
	}
	return c.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// Status is Changes for the status alone.
func Status(ctx context.Context, c client.Client, object, before client.Object) error {
	if equality.Semantic.DeepEqual(object, before) {
		return nil
	}
	if err := stale(c, before); err != nil {
		return err
	}
	return c.Status().Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// stale is the conflict that the API server would answer.
func stale(c client.Client, before client.Object) error {
	if known, ok := c.(*newest); ok && known.isStale(before) {
		return apierrors.NewConflict(schema.GroupResource{Resource: fmt.Sprintf("%T", before)}, before.GetName(), errStale)
	}
	return nil
}

var errStale = errors.New("the informer cache does not show this program's last change yet")

// Settled turns what may go wrong in the course of nature into a quiet retry:
// an object that is gone needs nothing, one that has changed another look.
func Settled(result reconcile.Result, err error) (reconcile.Result, error) {
	switch {
	case apierrors.IsNotFound(err):
		return reconcile.Result{}, nil
	case apierrors.IsConflict(err):
		return reconcile.Result{RequeueAfter: conflictDelay}, nil
	}
	return result, err
}

// Again is Settled for a look at many objects: one of them being gone is no
// reason not to look at the others.
func Again(result reconcile.Result, err error) (reconcile.Result, error) {
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: conflictDelay}, nil
	}
	return result, err
}

// Delete deletes the object unless it is being deleted or gone. It does not
// delete another object that has taken over the name.
func Delete(ctx context.Context, c client.Client, object client.Object) error {
	if object.GetDeletionTimestamp() != nil {
		return nil
	}
	uid := object.GetUID()
	return client.IgnoreNotFound(c.Delete(ctx, object, client.Preconditions{UID: &uid}))
}
