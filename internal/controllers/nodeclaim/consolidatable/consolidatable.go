// Package consolidatable marks NodeClaims whose pods have been at rest for the
// NodePool's consolidateAfter.
package consolidatable

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/controllers/write"
)

const concurrency = 10

// Reconciler keeps the condition Consolidatable.
type Reconciler struct {
	Client client.Client
	Clock  clock.PassiveClock
}

// Setup adds the controller to the manager.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("nodeclaim.consolidatable").
		For(&karpv1.NodeClaim{}).
		Watches(&karpv1.NodePool{}, handler.EnqueueRequestsFromMapFunc(r.claimsOf), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(r)
}

func (r *Reconciler) claimsOf(ctx context.Context, object client.Object) []reconcile.Request {
	var claims karpv1.NodeClaimList
	if err := r.Client.List(ctx, &claims, client.MatchingLabels{karpv1.NodePoolLabelKey: object.GetName()}, client.UnsafeDisableDeepCopy); err != nil {
		return nil // the cache is not running yet; every claim has an event of its own then
	}
	var requests []reconcile.Request
	for i := range claims.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&claims.Items[i])})
	}
	return requests
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	claim := &karpv1.NodeClaim{}
	if err := r.Client.Get(ctx, request.NamespacedName, claim); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if claim.DeletionTimestamp != nil {
		return reconcile.Result{}, nil
	}
	pool := &karpv1.NodePool{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: claim.Labels[karpv1.NodePoolLabelKey]}, pool); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	return write.Settled(r.mark(ctx, claim, pool))
}

func (r *Reconciler) mark(ctx context.Context, claim *karpv1.NodeClaim, pool *karpv1.NodePool) (reconcile.Result, error) {
	before := claim.DeepCopy()
	at, ever := restedAt(claim, pool)
	left := at.Sub(r.Clock.Now())
	if ever && left <= 0 {
		claim.StatusConditions().SetTrue(karpv1.ConditionTypeConsolidatable)
	} else if err := claim.StatusConditions().Clear(karpv1.ConditionTypeConsolidatable); err != nil {
		return reconcile.Result{}, fmt.Errorf("clearing the condition Consolidatable: %w", err)
	}
	// Conditions that others keep were not touched, so an unchanged list needs
	// no write even though reading it filled in what is missing.
	if consolidatable(before) != consolidatable(claim) {
		if err := write.Status(ctx, r.Client, claim, before); err != nil {
			return reconcile.Result{}, fmt.Errorf("marking nodeclaim %s: %w", claim.Name, err)
		}
	}
	if ever && left > 0 {
		return reconcile.Result{RequeueAfter: left}, nil
	}
	return reconcile.Result{}, nil
}

func consolidatable(claim *karpv1.NodeClaim) bool {
	for _, condition := range claim.Status.Conditions {
		if condition.Type == karpv1.ConditionTypeConsolidatable {
			return condition.IsTrue()
		}
	}
	return false
}

// restedAt is when the claim will have been at rest for long enough, if ever.
func restedAt(claim *karpv1.NodeClaim, pool *karpv1.NodePool) (at time.Time, ever bool) {
	initialized := claim.DeepCopy().StatusConditions().Get(karpv1.ConditionTypeInitialized)
	after := pool.Spec.Disruption.ConsolidateAfter.Duration
	if !initialized.IsTrue() || after == nil {
		return time.Time{}, false
	}
	since := initialized.LastTransitionTime.Time
	if last := claim.Status.LastPodEventTime.Time; last.After(since) {
		since = last
	}
	return since.Add(*after), true
}
