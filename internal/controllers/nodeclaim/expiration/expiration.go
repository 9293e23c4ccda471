// Package expiration ends NodeClaims that have reached their expireAfter.
package expiration

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/metrics"
)

// Reconciler ends claims by age. Budgets do not hold it back; drains still
// respect PodDisruptionBudgets.
type Reconciler struct {
	Client  client.Client
	Metrics *metrics.Metrics
	Clock   clock.PassiveClock
	Log     logr.Logger
}

// Setup adds the controller to the manager.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("nodeclaim.expiration").For(&karpv1.NodeClaim{}).Complete(r)
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	claim := &karpv1.NodeClaim{}
	if err := r.Client.Get(ctx, request.NamespacedName, claim); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if claim.DeletionTimestamp != nil || claim.Spec.ExpireAfter.Duration == nil {
		return reconcile.Result{}, nil
	}
	if left := claim.CreationTimestamp.Add(*claim.Spec.ExpireAfter.Duration).Sub(r.Clock.Now()); left > 0 {
		return reconcile.Result{RequeueAfter: left}, nil
	}
	if err := write.Delete(ctx, r.Client, claim); err != nil {
		return write.Settled(reconcile.Result{}, fmt.Errorf("deleting expired nodeclaim %s: %w", claim.Name, err))
	}
	pool := claim.Labels[karpv1.NodePoolLabelKey]
	r.Metrics.NodeClaimsDisrupted.WithLabelValues("expired", pool, claim.Labels[karpv1.CapacityTypeLabelKey]).Inc()
	r.Log.Info("deleted expired nodeclaim", "nodeclaim", claim.Name, "nodepool", pool, "expire-after", claim.Spec.ExpireAfter.Duration.String())
	return reconcile.Result{}, nil
}
