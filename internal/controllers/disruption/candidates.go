package disruption

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/evacuate"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/spot"
)

const (
	// DefaultSpotStay is how long a Spot node stays at least, and over how long Spot
	// prices count: a day, because prices have its rhythm.
	DefaultSpotStay = 24 * time.Hour
	// spotRetry is how long a Spot node stays whose replacement did not come up.
	spotRetry = time.Hour
	// candidatesPerLook bounds how many nodes are tried in one look.
	candidatesPerLook = 16
)

// SpotMoves says when Spot nodes go for other Spot pools.
type SpotMoves struct {
	// Off leaves Spot nodes where they are.
	Off bool
	// Stay is how long a Spot node stays at least; 0 means DefaultSpotStay. Pools that
	// took a node back within that time are not moved to.
	Stay time.Duration
	// History, when set, knows what was heard of Spot pools.
	History func(ctx context.Context) (spot.History, error)
}

func (m *SpotMoves) stay() time.Duration {
	if m.Stay <= 0 {
		return DefaultSpotStay
	}
	return m.Stay
}

// restless are the pools that took nodes back lately.
func (m *SpotMoves) restless(ctx context.Context, now time.Time) (map[model.OfferingKey]bool, error) {
	if m.History == nil {
		return nil, nil
	}
	history, err := m.History(ctx)
	if err != nil {
		return nil, err
	}
	restless := map[model.OfferingKey]bool{}
	for pool, seen := range history {
		if seen.Last.After(now.Add(-m.stay())) {
			restless[model.OfferingKey{InstanceType: pool.InstanceType, Zone: pool.Zone, CapacityType: model.Spot}] = true
		}
	}
	return restless, nil
}

// replaceable are nodes at rest of pools that let it, whose pods may all be moved
// now: those on demand, and Spot nodes that have stayed long enough.
func (r *Reconciler) replaceable(ctx context.Context, cluster *state) ([]candidate, error) {
	var budgets *policyv1.PodDisruptionBudgetList
	allowed := r.allowed(cluster, karpv1.DisruptionReasonUnderutilized)
	var found []candidate
	for _, each := range cluster.resting {
		pool := each.claim.Labels[karpv1.NodePoolLabelKey]
		if !r.mayBeReplaced(each) || !cluster.consolidates(pool) || allowed[pool] <= 0 {
			continue
		}
		if budgets == nil {
			budgets = &policyv1.PodDisruptionBudgetList{}
			if err := r.Live.List(ctx, budgets); err != nil {
				return nil, fmt.Errorf("listing PodDisruptionBudgets: %w", err)
			}
		}
		if movable(cluster.pods[each.node.Name], budgets.Items, r.Clock.Now()) {
			found = append(found, each)
		}
	}
	return found, nil
}

// mayBeReplaced reports whether a node as such may go for a cheaper one.
func (r *Reconciler) mayBeReplaced(c candidate) bool {
	if c.node.Annotations[karpv1.DoNotDisruptAnnotationKey] == "true" || !observe.IsReady(c.node) || !observe.TakesPods(c.node) {
		return false
	}
	switch c.claim.Labels[karpv1.CapacityTypeLabelKey] {
	case karpv1.CapacityTypeOnDemand:
		return true
	case karpv1.CapacityTypeSpot:
		now := r.Clock.Now()
		failed, hasFailed := r.failed[c.claim.Name]
		return !r.SpotMoves.Off && now.Sub(c.claim.CreationTimestamp.Time) >= r.SpotMoves.stay() && (!hasFailed || now.Sub(failed) >= spotRetry)
	}
	return false
}

// turn takes those of the candidates that come next, so that in a large cluster
// each has its turn.
func (r *Reconciler) turn(candidates []candidate) []candidate {
	isNew := func(c candidate) bool { return !r.tried[c.claim.Name] }
	if !slices.ContainsFunc(candidates, isNew) {
		r.tried = nil
	}
	if r.tried == nil {
		r.tried = map[string]bool{}
	}
	var next []candidate
	for _, each := range candidates {
		if isNew(each) && len(next) < candidatesPerLook {
			next = append(next, each)
			r.tried[each.claim.Name] = true
		}
	}
	return next
}

// withHistory finds the pools that took nodes back lately, for Spot nodes. Where that
// cannot be known, those stay.
func (r *Reconciler) withHistory(ctx context.Context, candidates []candidate) ([]candidate, map[model.OfferingKey]bool) {
	isSpot := func(c candidate) bool { return c.claim.Labels[karpv1.CapacityTypeLabelKey] == karpv1.CapacityTypeSpot }
	if !slices.ContainsFunc(candidates, isSpot) {
		return candidates, nil
	}
	restless, err := r.SpotMoves.restless(ctx, r.Clock.Now())
	if err != nil {
		r.Log.Error(err, "it is not known which Spot pools took nodes back: Spot nodes stay where they are")
		return slices.DeleteFunc(candidates, isSpot), nil
	}
	return candidates, restless
}

// consolidates reports whether the pool lets nodes go that are not empty.
func (s *state) consolidates(pool string) bool {
	at := slices.IndexFunc(s.pools, func(p karpv1.NodePool) bool { return p.Name == pool })
	return at >= 0 && s.pools[at].DeletionTimestamp == nil && s.pools[at].Spec.Disruption.ConsolidationPolicy != karpv1.ConsolidationPolicyWhenEmpty
}

// movable reports whether all pods of a node can be evicted and come back by
// themselves. Where their volumes let them go is for the engine.
func movable(pods []corev1.Pod, budgets []policyv1.PodDisruptionBudget, now time.Time) bool {
	for i := range pods {
		pod := &pods[i]
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		owner := metav1.GetControllerOfNoCopy(pod)
		isOwn := observe.IsOwnedByDaemonSet(pod) || owner != nil && owner.Kind == "Node"
		if evacuate.MayNotBeDisturbed(pod, now) || !isOwn && (owner == nil || heldBy(pod, budgets)) {
			return false
		}
	}
	return true
}

func heldBy(pod *corev1.Pod, budgets []policyv1.PodDisruptionBudget) bool {
	return slices.ContainsFunc(budgets, func(b policyv1.PodDisruptionBudget) bool {
		selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		return b.Namespace == pod.Namespace && b.Status.DisruptionsAllowed < 1 && (err != nil || selector.Matches(labels.Set(pod.Labels)))
	})
}
