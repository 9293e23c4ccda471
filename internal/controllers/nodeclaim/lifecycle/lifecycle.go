// Package lifecycle takes a NodeClaim from intent to a node that is ready, and
// at its end gives the machine back: Launched, Registered, Initialized, Ready.
package lifecycle

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/metrics"
)

// concurrency is high because workers mostly wait for the cloud.
const concurrency = 100

// Reconciler moves NodeClaims on.
type Reconciler struct {
	Client client.Client
	// Live reads the API server itself.
	Live    client.Reader
	Cloud   cloud.Provider
	Events  *events.Recorder
	Metrics *metrics.Metrics
	Clock   clock.PassiveClock
	Log     logr.Logger
}

// Setup adds the controller to the manager.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("nodeclaim.lifecycle").
		For(&karpv1.NodeClaim{}).
		Watches(&corev1.Node{}, handler.EnqueueRequestsFromMapFunc(r.claimOf), builder.WithPredicates(unsettledNodes())).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrency,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryBase, retryMax),
		}).
		Complete(r)
}

// unsettledNodes leaves out the heartbeats of nodes that are all set.
func unsettledNodes() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectNew.GetLabels()[karpv1.NodeInitializedLabelKey] != "true"
		},
	}
}

func (r *Reconciler) claimOf(ctx context.Context, object client.Object) []reconcile.Request {
	providerID := object.(*corev1.Node).Spec.ProviderID
	if providerID == "" {
		return nil
	}
	var claims karpv1.NodeClaimList
	if err := r.Client.List(ctx, &claims, client.MatchingFields{index.ClaimProviderID: providerID}); err != nil {
		r.Log.Error(err, "finding the nodeclaim of a node", "Node", object.GetName())
		return nil
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
		return write.Settled(r.finalize(ctx, claim))
	}
	return write.Settled(r.advance(ctx, claim))
}

// advance takes the steps that can be taken now, in order, and then sees
// whether the claim has had its time. Each step leaves the claim as stored.
func (r *Reconciler) advance(ctx context.Context, claim *karpv1.NodeClaim) (reconcile.Result, error) {
	before := claim.DeepCopy()
	if controllerutil.AddFinalizer(claim, karpv1.TerminationFinalizer) {
		if err := write.Changes(ctx, r.Client, claim, before); err != nil {
			return reconcile.Result{}, fmt.Errorf("adding the finalizer: %w", err)
		}
	}
	for _, step := range []func(context.Context, *karpv1.NodeClaim) (bool, error){r.launch, r.register, r.reserve, r.initialize} {
		done, err := step(ctx, claim)
		if err != nil {
			return r.expireAfter(ctx, claim, err)
		}
		if !done {
			return r.expireAfter(ctx, claim, nil)
		}
	}
	return r.settle(ctx, claim)
}

// fields are the log fields that name a claim.
func fields(claim *karpv1.NodeClaim, more ...any) []any {
	named := []any{"nodeclaim", claim.Name, "nodepool", claim.Labels[karpv1.NodePoolLabelKey], "provider-id", claim.Status.ProviderID}
	return append(named, more...)
}
