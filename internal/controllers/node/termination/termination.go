// Package termination ends nodes in good order: no new pods, drain, volumes
// detached, instance gone, and only then the Node.
package termination

import (
	"context"
	"fmt"
	"time"

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
	"github.com/drover-project/drover/internal/observe"
)

const (
	concurrency = 100
	// instancePoll is how often an ending instance is looked at.
	instancePoll = 5 * time.Second
	// settle is the least time between the taint and the end of the instance:
	// the scheduler may have bound a pod just before it saw the taint.
	settle = 2 * time.Second

	retryBase = 500 * time.Millisecond
	retryMax  = 30 * time.Second
)

// Reconciler ends Nodes that carry drover's finalizer.
type Reconciler struct {
	Client  client.Client
	Cloud   cloud.Provider
	Events  *events.Recorder
	Metrics *metrics.Metrics
	Clock   clock.PassiveClock
	Backoff Backoff
	Log     logr.Logger
	// Self is the pod that this runs in, if it is one; see evacuate.Rules.
	Self client.ObjectKey
}

// Setup adds the controller to the manager.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	ending := predicate.NewPredicateFuncs(func(object client.Object) bool {
		return object.GetDeletionTimestamp() != nil && controllerutil.ContainsFinalizer(object, karpv1.TerminationFinalizer)
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("node.termination").
		For(&corev1.Node{}, builder.WithPredicates(ending)).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(r.endingNodeOf), builder.WithPredicates(leaving())).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrency,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryBase, retryMax),
		}).
		Complete(r)
}

// leaving lets through that a pod has left its node.
func leaving() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(event.UpdateEvent) bool { return false },
	}
}

func (r *Reconciler) endingNodeOf(ctx context.Context, object client.Object) []reconcile.Request {
	node := &corev1.Node{}
	key := client.ObjectKey{Name: object.(*corev1.Pod).Spec.NodeName}
	if key.Name == "" || r.Client.Get(ctx, key, node) != nil || node.DeletionTimestamp == nil {
		return nil
	}
	return []reconcile.Request{{NamespacedName: key}}
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	node := &corev1.Node{}
	if err := r.Client.Get(ctx, request.NamespacedName, node); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if node.DeletionTimestamp == nil || !controllerutil.ContainsFinalizer(node, karpv1.TerminationFinalizer) {
		return reconcile.Result{}, nil
	}
	return write.Settled(r.end(ctx, node))
}

// end takes the next steps; the result says when to come back.
func (r *Reconciler) end(ctx context.Context, node *corev1.Node) (reconcile.Result, error) {
	claim, err := r.endClaim(ctx, node)
	if err != nil {
		return reconcile.Result{}, err
	}
	if gone, err := r.isGone(ctx, node); err != nil || gone {
		return r.release(ctx, node, err)
	}
	if err := r.taint(ctx, node); err != nil {
		return reconcile.Result{}, err
	}
	deadline, err := deadlineOf(claim)
	if err != nil {
		return reconcile.Result{}, err
	}
	if wait, err := r.drain(ctx, node, deadline); err != nil || wait > 0 {
		return reconcile.Result{RequeueAfter: wait}, r.mark(ctx, claim, karpv1.ConditionTypeDrained, false, err)
	}
	if err := r.mark(ctx, claim, karpv1.ConditionTypeDrained, true, nil); err != nil {
		return reconcile.Result{}, err
	}
	if wait, err := r.awaitVolumes(ctx, node, deadline); err != nil || wait > 0 {
		return reconcile.Result{RequeueAfter: wait}, r.mark(ctx, claim, karpv1.ConditionTypeVolumesDetached, false, err)
	}
	if err := r.mark(ctx, claim, karpv1.ConditionTypeVolumesDetached, true, nil); err != nil {
		return reconcile.Result{}, err
	}
	if left := node.DeletionTimestamp.Add(settle).Sub(r.Clock.Now()); left > 0 {
		return reconcile.Result{RequeueAfter: left}, nil
	}
	return r.terminate(ctx, node)
}

// endClaim deletes the NodeClaim with the Node and returns it, nil when there
// is none.
func (r *Reconciler) endClaim(ctx context.Context, node *corev1.Node) (*karpv1.NodeClaim, error) {
	if node.Spec.ProviderID == "" {
		return nil, nil
	}
	var claims karpv1.NodeClaimList
	if err := r.Client.List(ctx, &claims, client.MatchingFields{index.ClaimProviderID: node.Spec.ProviderID}); err != nil {
		return nil, fmt.Errorf("finding the nodeclaim of node %s: %w", node.Name, err)
	}
	if len(claims.Items) == 0 {
		return nil, nil
	}
	if err := write.Delete(ctx, r.Client, &claims.Items[0]); err != nil {
		return nil, fmt.Errorf("deleting the nodeclaim of node %s: %w", node.Name, err)
	}
	return &claims.Items[0], nil
}

// deadlineOf is when terminationGracePeriod ends the drain, nil for never.
func deadlineOf(claim *karpv1.NodeClaim) (*time.Time, error) {
	if claim == nil {
		return nil, nil
	}
	stamp, ok := claim.Annotations[karpv1.NodeClaimTerminationTimestampAnnotationKey]
	if !ok {
		return nil, nil
	}
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return nil, fmt.Errorf("nodeclaim %s: annotation %s should be an RFC 3339 time: %w", claim.Name, karpv1.NodeClaimTerminationTimestampAnnotationKey, err)
	}
	return &at, nil
}

// isGone reports whether the machine has ended already; nothing can be drained
// from it then.
func (r *Reconciler) isGone(ctx context.Context, node *corev1.Node) (bool, error) {
	if observe.IsReady(node) || node.Spec.ProviderID == "" {
		return false, nil
	}
	_, err := r.Cloud.Get(ctx, node.Spec.ProviderID)
	if cloud.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking at instance %s: %w", node.Spec.ProviderID, err)
	}
	return false, nil
}

// taint keeps new pods and load balancer traffic away.
func (r *Reconciler) taint(ctx context.Context, node *corev1.Node) error {
	before := node.DeepCopy()
	if !Disrupt(node) {
		return nil
	}
	if err := write.Changes(ctx, r.Client, node, before); err != nil {
		return fmt.Errorf("tainting node %s: %w", node.Name, err)
	}
	r.Log.Info("tainted node", "node", node.Name, "taint.Key", karpv1.DisruptedTaintKey, "taint.Effect", string(corev1.TaintEffectNoSchedule))
	return nil
}

// Disrupt puts Karpenter's disrupted taint on the node and reports whether that
// is a change.
func Disrupt(node *corev1.Node) bool {
	for _, taint := range node.Spec.Taints {
		if taint.MatchTaint(&karpv1.DisruptedNoScheduleTaint) {
			return false
		}
	}
	node.Spec.Taints = append(node.Spec.Taints, karpv1.DisruptedNoScheduleTaint)
	if node.Labels == nil {
		node.Labels = map[string]string{}
	}
	node.Labels[corev1.LabelNodeExcludeBalancers] = "karpenter"
	return true
}

// mark notes a step's state on the claim; it passes cause through.
func (r *Reconciler) mark(ctx context.Context, claim *karpv1.NodeClaim, condition string, done bool, cause error) error {
	if claim == nil || cause != nil {
		return cause
	}
	before := claim.DeepCopy()
	if done {
		if claim.StatusConditions().SetTrue(condition) && condition == karpv1.ConditionTypeDrained {
			r.Metrics.NodesDrained.WithLabelValues(claim.Labels[karpv1.NodePoolLabelKey]).Inc()
		}
	} else {
		claim.StatusConditions().SetUnknownWithReason(condition, "InProgress", "waiting for the node to be cleared")
	}
	// A claim that is gone must not keep its Node.
	if err := client.IgnoreNotFound(write.Status(ctx, r.Client, claim, before)); err != nil {
		return fmt.Errorf("noting %s on nodeclaim %s: %w", condition, claim.Name, err)
	}
	return nil
}

// terminate ends the instance; the Node stays until the instance is gone.
func (r *Reconciler) terminate(ctx context.Context, node *corev1.Node) (reconcile.Result, error) {
	if node.Spec.ProviderID == "" {
		return r.release(ctx, node, nil)
	}
	instance, err := r.Cloud.Get(ctx, node.Spec.ProviderID)
	if err == nil && instance.State != cloud.ShuttingDown {
		err = r.Cloud.Terminate(ctx, node.Spec.ProviderID)
	}
	if cloud.IsNotFound(err) {
		return r.release(ctx, node, nil)
	}
	if err != nil {
		r.Events.Warning(node, events.FailedTermination, fmt.Sprintf("Failed terminating instance %s: %s", node.Spec.ProviderID, err))
		return reconcile.Result{}, fmt.Errorf("terminating instance %s: %w", node.Spec.ProviderID, err)
	}
	return reconcile.Result{RequeueAfter: instancePoll}, nil
}

// release lets the Node go; it passes cause through.
func (r *Reconciler) release(ctx context.Context, node *corev1.Node, cause error) (reconcile.Result, error) {
	if cause != nil {
		return reconcile.Result{}, cause
	}
	before := node.DeepCopy()
	controllerutil.RemoveFinalizer(node, karpv1.TerminationFinalizer)
	if err := write.Changes(ctx, r.Client, node, before); err != nil {
		return reconcile.Result{}, fmt.Errorf("removing the finalizer of node %s: %w", node.Name, err)
	}
	r.Metrics.NodesTerminated.WithLabelValues(node.Labels[karpv1.NodePoolLabelKey]).Inc()
	r.Log.Info("deleted node", "node", node.Name)
	return reconcile.Result{}, nil
}
