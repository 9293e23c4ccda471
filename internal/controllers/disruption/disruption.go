// Package disruption takes away nodes that no pod needs: those that are empty
// but for the pods that come with every node, those on demand whose pods Spot holds
// for less again, and Spot nodes whose pods many other Spot pools hold for less.
package disruption

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/controllers/node/termination"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
)

const (
	// poll is when candidates that had to stay are looked at again: budgets
	// open by the clock, annotations go without a trace on the claim.
	poll = 10 * time.Second
	// retryBase and retryMax bound the growing pause after a look that failed.
	retryBase = 100 * time.Millisecond
	retryMax  = 10 * time.Second
	// consolidationType is the metric label of this method.
	consolidationType = "empty"
)

// Reconciler looks for empty nodes, all at once, one look at a time.
type Reconciler struct {
	Client client.Client
	// Live reads the API server itself.
	Live     client.Reader
	Observer *observe.Observer
	Settings model.Settings
	Events   *events.Recorder
	Metrics  *metrics.Metrics
	Clock    clock.Clock
	Log      logr.Logger
	// Launcher launches nodes that take the place of dearer ones; nil: none do.
	Launcher Launcher
	// SpotMoves says when Spot nodes are among those.
	SpotMoves SpotMoves

	looked time.Time // for a replacement, last
	tried  map[string]bool
	failed map[string]time.Time
}

// Setup adds the controller to the manager. Its queue has one entry, because a
// look is at the whole cluster.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	one := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: "cluster"}}}
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("disruption").
		Watches(&karpv1.NodeClaim{}, one, builder.WithPredicates(cameToRest())).
		WithOptions(controller.Options{
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryBase, retryMax),
		}).
		Complete(r)
}

// cameToRest lets through that a claim has become consolidatable, at the start
// every claim, and that one is gone, which leaves more of the budget.
func cameToRest() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !isTrue(e.ObjectOld, karpv1.ConditionTypeConsolidatable) && isTrue(e.ObjectNew, karpv1.ConditionTypeConsolidatable)
		},
	}
}

func isTrue(object client.Object, condition string) bool {
	for _, each := range object.(*karpv1.NodeClaim).Status.Conditions {
		if each.Type == condition {
			return each.IsTrue()
		}
	}
	return false
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	cluster, err := r.look(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	if err := r.undoLeftovers(ctx, cluster); err != nil {
		return write.Again(reconcile.Result{}, err)
	}
	empty, err := r.unneeded(ctx, cluster)
	if err != nil {
		return reconcile.Result{}, err
	}
	r.Metrics.DisruptionEligible.WithLabelValues("empty").Set(float64(len(empty)))
	allowed := r.allowed(cluster, karpv1.DisruptionReasonEmpty)
	for _, candidate := range empty {
		pool := candidate.claim.Labels[karpv1.NodePoolLabelKey]
		if allowed[pool] <= 0 {
			r.Events.Normal(candidate.claim, events.DisruptionBlocked,
				fmt.Sprintf("NodePool %q allows no more disruptions for reason Empty now (spec.disruption.budgets)", pool))
			continue
		}
		taken, err := r.take(ctx, candidate)
		if err != nil {
			return write.Again(reconcile.Result{}, err)
		}
		if taken {
			allowed[pool]--
		}
	}
	replacing := false
	if len(empty) == 0 {
		if replacing, err = r.replace(ctx, cluster); err != nil {
			return write.Again(reconcile.Result{}, err)
		}
	}
	if len(cluster.resting) > 0 || replacing {
		return reconcile.Result{RequeueAfter: poll}, nil
	}
	return reconcile.Result{}, nil
}

// unneeded are the empty nodes that no pod is promised to or about to go to.
func (r *Reconciler) unneeded(ctx context.Context, cluster *state) ([]candidate, error) {
	empty := cluster.empty(r.Clock.Now())
	if len(empty) == 0 {
		return nil, nil
	}
	snapshot, err := r.Observer.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("observing the cluster: %w", err)
	}
	wanted := map[string]bool{}
	for i := range snapshot.Nodes {
		if slices.ContainsFunc(snapshot.Nodes[i].Pods, func(pod model.Pod) bool { return pod.Promised }) {
			wanted[snapshot.Nodes[i].Name] = true
		}
	}
	if len(snapshot.Pending) > 0 {
		plan, _ := engine.Solve(snapshot, r.Settings)
		for _, placement := range plan.Placements {
			wanted[placement.Node] = true
		}
	}
	return slices.DeleteFunc(empty, func(c candidate) bool { return wanted[c.node.Name] }), nil
}

// take ends one empty node: keep pods away, look again at fresh state, then
// delete the claim. A crash in between leaves a taint that the next look undoes.
func (r *Reconciler) take(ctx context.Context, candidate candidate) (bool, error) {
	claim, node := candidate.claim, candidate.node
	before := node.DeepCopy()
	termination.Disrupt(node)
	if err := write.Changes(ctx, r.Client, node, before); err != nil {
		return false, fmt.Errorf("tainting node %s: %w", node.Name, err)
	}
	r.Log.Info("tainted node", "node", node.Name, "taint.Key", karpv1.DisruptedTaintKey, "taint.Effect", string(corev1.TaintEffectNoSchedule))
	if occupied, err := r.occupied(ctx, node); err != nil || occupied {
		r.Metrics.DisruptionFailed.WithLabelValues(consolidationType).Inc()
		if undo := r.release(ctx, node); undo != nil {
			return false, undo
		}
		return false, err
	}
	stored := claim.DeepCopy()
	claim.StatusConditions().SetTrueWithReason(karpv1.ConditionTypeDisruptionReason, "Empty", "Empty")
	if err := write.Status(ctx, r.Client, claim, stored); err != nil {
		return false, fmt.Errorf("noting the reason on nodeclaim %s: %w", claim.Name, err)
	}
	pool, capacityType := claim.Labels[karpv1.NodePoolLabelKey], claim.Labels[karpv1.CapacityTypeLabelKey]
	r.Log.Info("disrupting node(s)", "reason", "empty", "decision", "delete", "disrupted-node-count", 1, "replacement-node-count", 0, "pod-count", 0,
		"node", node.Name, "nodeclaim", claim.Name, "nodepool", pool, "instance-type", claim.Labels[corev1.LabelInstanceTypeStable], "capacity-type", capacityType)
	r.Events.Normal(claim, events.DisruptionTerminating, "Disrupting NodeClaim: Empty")
	r.Events.Normal(node, events.DisruptionTerminating, "Disrupting Node: Empty")
	if err := write.Delete(ctx, r.Client, claim); err != nil {
		return false, fmt.Errorf("deleting nodeclaim %s: %w", claim.Name, err)
	}
	r.Metrics.DisruptionDecisions.WithLabelValues("delete", "empty", consolidationType).Inc()
	r.Metrics.NodeClaimsDisrupted.WithLabelValues("empty", pool, capacityType).Inc()
	return true, nil
}

// occupied asks the API server whether a pod has come to the node that the
// cache does not show yet.
func (r *Reconciler) occupied(ctx context.Context, node *corev1.Node) (bool, error) {
	var pods corev1.PodList
	if err := r.Live.List(ctx, &pods, client.MatchingFields{"spec.nodeName": node.Name}); err != nil {
		return false, fmt.Errorf("listing the pods of node %s: %w", node.Name, err)
	}
	return !isEmpty(pods.Items, r.Clock.Now()), nil
}

// undoLeftovers takes the taint off nodes that are not ending: an earlier
// process was killed before it could decide.
func (r *Reconciler) undoLeftovers(ctx context.Context, cluster *state) error {
	for i := range cluster.nodes {
		node := &cluster.nodes[i]
		claim := cluster.claims[node.Spec.ProviderID]
		if claim == nil || claim.DeletionTimestamp != nil || node.DeletionTimestamp != nil {
			continue
		}
		if err := r.release(ctx, node.DeepCopy()); err != nil {
			return err
		}
	}
	return nil
}

// release takes the disrupted taint off the node if it is there.
func (r *Reconciler) release(ctx context.Context, node *corev1.Node) error {
	before := node.DeepCopy()
	node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(taint corev1.Taint) bool {
		return taint.MatchTaint(&karpv1.DisruptedNoScheduleTaint)
	})
	if len(node.Spec.Taints) == len(before.Spec.Taints) {
		return nil
	}
	delete(node.Labels, corev1.LabelNodeExcludeBalancers)
	if err := write.Changes(ctx, r.Client, node, before); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("taking the taint off node %s: %w", node.Name, err)
	}
	return nil
}
