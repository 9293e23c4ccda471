// Package podevents notes on each NodeClaim when its node's pods last changed;
// consolidateAfter counts from then.
package podevents

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/observe"
)

const (
	// The least time between two notes on one claim is a tenth of the NodePool's
	// consolidateAfter, within these bounds. A burst of pods makes the note at most
	// this much too late, never too early.
	minPause    = 5 * time.Second
	maxPause    = time.Minute
	concurrency = 10
)

// Reconciler is asked for node names.
type Reconciler struct {
	Client  client.Client
	Metrics *metrics.Metrics
	Clock   clock.PassiveClock
}

// Setup adds the controller to the manager.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("nodeclaim.podevents").
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(nodeOf)).
		WithEventFilter(r.moves()).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(r)
}

func nodeOf(_ context.Context, object client.Object) []reconcile.Request {
	if name := object.(*corev1.Pod).Spec.NodeName; name != "" {
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: name}}}
	}
	return nil
}

// moves lets through that a pod has come to its node, or has left it or is
// about to. Pods that belong to the node itself do not count.
func (r *Reconciler) moves() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(e event.DeleteEvent) bool { return counts(e.Object.(*corev1.Pod)) },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*corev1.Pod), e.ObjectNew.(*corev1.Pod)
			r.observeStartup(before, after)
			return counts(after) && moved(before, after)
		},
	}
}

func counts(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOfNoCopy(pod)
	return !observe.IsOwnedByDaemonSet(pod) && (owner == nil || owner.Kind != "Node")
}

func moved(before, after *corev1.Pod) bool {
	over := func(pod *corev1.Pod) bool {
		return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	}
	return before.Spec.NodeName != after.Spec.NodeName ||
		over(before) != over(after) ||
		(before.DeletionTimestamp == nil) != (after.DeletionTimestamp == nil)
}

// observeStartup measures a pod that becomes ready for the first time it is seen
// to.
func (r *Reconciler) observeStartup(before, after *corev1.Pod) {
	if at := readySince(after); readySince(before).IsZero() && !at.IsZero() {
		r.Metrics.PodStartup.Observe(at.Sub(after.CreationTimestamp.Time).Seconds())
	}
}

func readySince(pod *corev1.Pod) time.Time {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
			return condition.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

// Reconcile implements reconcile.Reconciler; the request names a node.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	node := &corev1.Node{}
	if err := r.Client.Get(ctx, request.NamespacedName, node); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	// Whether a node that is closed may be consolidated is nobody's question, and
	// when many are emptied at once these notes would be many, too.
	if node.Spec.ProviderID == "" || node.Spec.Unschedulable {
		return reconcile.Result{}, nil
	}
	var claims karpv1.NodeClaimList
	if err := r.Client.List(ctx, &claims, client.MatchingFields{index.ClaimProviderID: node.Spec.ProviderID}); err != nil {
		return reconcile.Result{}, fmt.Errorf("finding the nodeclaim of node %s: %w", node.Name, err)
	}
	if len(claims.Items) == 0 || claims.Items[0].DeletionTimestamp != nil {
		return reconcile.Result{}, nil
	}
	return write.Settled(r.note(ctx, &claims.Items[0]))
}

// pause is the least time between two notes on a claim.
func (r *Reconciler) pause(ctx context.Context, claim *karpv1.NodeClaim) time.Duration {
	pool := &karpv1.NodePool{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: claim.Labels[karpv1.NodePoolLabelKey]}, pool); err != nil {
		return minPause
	}
	after := pool.Spec.Disruption.ConsolidateAfter.Duration
	if after == nil { // Never
		return maxPause
	}
	return min(max(*after/10, minPause), maxPause)
}

func (r *Reconciler) note(ctx context.Context, claim *karpv1.NodeClaim) (reconcile.Result, error) {
	now := r.Clock.Now()
	if left := claim.Status.LastPodEventTime.Add(r.pause(ctx, claim)).Sub(now); left > 0 {
		return reconcile.Result{RequeueAfter: left}, nil
	}
	before := claim.DeepCopy()
	claim.Status.LastPodEventTime = metav1.NewTime(now)
	if err := write.Status(ctx, r.Client, claim, before); err != nil {
		return reconcile.Result{}, fmt.Errorf("noting a pod event on nodeclaim %s: %w", claim.Name, err)
	}
	return reconcile.Result{}, nil
}
