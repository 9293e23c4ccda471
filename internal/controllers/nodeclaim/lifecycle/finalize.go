package lifecycle

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/index"
)

// terminationPoll is how often an ending instance is looked at.
const terminationPoll = 5 * time.Second

// finalize gives the machine back: the Node goes first, which drains it, then
// the instance, and the claim when the instance is gone.
func (r *Reconciler) finalize(ctx context.Context, claim *karpv1.NodeClaim) (reconcile.Result, error) {
	if !controllerutil.ContainsFinalizer(claim, karpv1.TerminationFinalizer) {
		return reconcile.Result{}, nil
	}
	if err := r.stampDeadline(ctx, claim); err != nil {
		return reconcile.Result{}, err
	}
	waiting, err := r.deleteNodes(ctx, claim)
	if err != nil || waiting {
		return reconcile.Result{}, err
	}
	gone, err := r.terminate(ctx, claim)
	if err != nil {
		return reconcile.Result{}, err
	}
	if !gone {
		return reconcile.Result{RequeueAfter: terminationPoll}, nil
	}
	before := claim.DeepCopy()
	controllerutil.RemoveFinalizer(claim, karpv1.TerminationFinalizer)
	if err := write.Changes(ctx, r.Client, claim, before); err != nil {
		return reconcile.Result{}, fmt.Errorf("removing the finalizer of nodeclaim %s: %w", claim.Name, err)
	}
	pool := claim.Labels[karpv1.NodePoolLabelKey]
	r.Metrics.NodeClaimsTerminated.WithLabelValues(pool, claim.Labels[karpv1.CapacityTypeLabelKey], claim.Labels[corev1.LabelTopologyZone]).Inc()
	r.Metrics.NodeClaimTermination.WithLabelValues(pool).Observe(r.Clock.Since(claim.DeletionTimestamp.Time).Seconds())
	r.Log.Info("deleted nodeclaim", fields(claim, "node", claim.Status.NodeName)...)
	return reconcile.Result{}, nil
}

// stampDeadline writes down when draining gives way to terminationGracePeriod.
func (r *Reconciler) stampDeadline(ctx context.Context, claim *karpv1.NodeClaim) error {
	_, stamped := claim.Annotations[karpv1.NodeClaimTerminationTimestampAnnotationKey]
	if stamped || claim.Spec.TerminationGracePeriod == nil {
		return nil
	}
	before := claim.DeepCopy()
	if claim.Annotations == nil {
		claim.Annotations = map[string]string{}
	}
	at := claim.DeletionTimestamp.Add(claim.Spec.TerminationGracePeriod.Duration)
	claim.Annotations[karpv1.NodeClaimTerminationTimestampAnnotationKey] = at.UTC().Format(time.RFC3339)
	if err := write.Changes(ctx, r.Client, claim, before); err != nil {
		return fmt.Errorf("writing down when the drain has to end: %w", err)
	}
	return nil
}

// deleteNodes asks for the end of the claim's Nodes and reports whether there
// are any left; their end wakes the claim.
func (r *Reconciler) deleteNodes(ctx context.Context, claim *karpv1.NodeClaim) (bool, error) {
	if claim.Status.ProviderID == "" {
		return false, nil
	}
	var nodes corev1.NodeList
	if err := r.Client.List(ctx, &nodes, client.MatchingFields{index.NodeProviderID: claim.Status.ProviderID}); err != nil {
		return false, fmt.Errorf("finding the nodes of nodeclaim %s: %w", claim.Name, err)
	}
	for i := range nodes.Items {
		if err := write.Delete(ctx, r.Client, &nodes.Items[i]); err != nil {
			return true, fmt.Errorf("deleting node %s: %w", nodes.Items[i].Name, err)
		}
	}
	return len(nodes.Items) > 0, nil
}

// terminate ends the instance and reports whether it is gone. A launch whose
// answer was lost leaves no provider ID: the garbage collection finds that
// instance by its tag.
func (r *Reconciler) terminate(ctx context.Context, claim *karpv1.NodeClaim) (bool, error) {
	if claim.Status.ProviderID == "" {
		return true, nil
	}
	instance, err := r.Cloud.Get(ctx, claim.Status.ProviderID)
	if cloud.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking at instance %s: %w", claim.Status.ProviderID, err)
	}
	if instance.State != cloud.ShuttingDown {
		if err := r.Cloud.Terminate(ctx, claim.Status.ProviderID); cloud.IsNotFound(err) {
			return true, nil
		} else if err != nil {
			return false, fmt.Errorf("terminating instance %s: %w", claim.Status.ProviderID, err)
		}
	}
	before := claim.DeepCopy()
	claim.StatusConditions().SetTrue(karpv1.ConditionTypeInstanceTerminating)
	return false, write.Status(ctx, r.Client, claim, before)
}
