package lifecycle

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/controllers/write"
)

const (
	// LaunchTimeout is measured from the claim's creation.
	LaunchTimeout = 5 * time.Minute
	// RegistrationTimeout is measured from the claim's creation.
	RegistrationTimeout = 15 * time.Minute

	retryBase = 500 * time.Millisecond
	retryMax  = 30 * time.Second
)

// deadline is when a claim in this state has had its time, and what it failed
// to do; none when it has got far enough.
func deadline(claim *karpv1.NodeClaim) (at time.Time, missed string) {
	switch {
	case !claim.StatusConditions().Get(karpv1.ConditionTypeLaunched).IsTrue():
		return claim.CreationTimestamp.Add(LaunchTimeout), "launch"
	case !claim.StatusConditions().Get(karpv1.ConditionTypeRegistered).IsTrue():
		return claim.CreationTimestamp.Add(RegistrationTimeout), "register"
	}
	return time.Time{}, ""
}

// expireAfter ends a step that could not be completed: the claim is deleted if
// its time is over, so that its pods are planned anew; else it comes back then,
// or earlier because of the error.
func (r *Reconciler) expireAfter(ctx context.Context, claim *karpv1.NodeClaim, cause error) (reconcile.Result, error) {
	at, missed := deadline(claim)
	if missed == "" {
		return reconcile.Result{}, cause
	}
	if left := at.Sub(r.Clock.Now()); left > 0 {
		if cause != nil {
			return reconcile.Result{}, cause
		}
		return reconcile.Result{RequeueAfter: left}, nil
	}
	if err := write.Delete(ctx, r.Client, claim); err != nil {
		return reconcile.Result{}, fmt.Errorf("deleting a nodeclaim that did not %s in time: %w", missed, err)
	}
	r.Metrics.NodeClaimsDisrupted.WithLabelValues("liveness", claim.Labels[karpv1.NodePoolLabelKey], claim.Labels[karpv1.CapacityTypeLabelKey]).Inc()
	r.Log.Info("terminating nodeclaim that did not "+missed+" in time", fields(claim, "created", claim.CreationTimestamp.Time)...)
	return reconcile.Result{}, nil
}
