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

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/controllers/node/termination"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/evacuate"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
)

// ReplacedByAnnotation names, on a NodeClaim, the one that was launched to take
// its place: the whole memory of a replacement, so that a process that starts anew
// goes on with it.
const ReplacedByAnnotation = "drover.sh/replaced-by"

const (
	// replacePause is how long after one look for a replacement the next comes: it
	// plans the cluster once for each candidate.
	replacePause = time.Minute
	// singleType is the metric label of this method.
	singleType = "single"
)

// Launcher carries plans out; *apply.Applier is one.
type Launcher interface {
	Launch(ctx context.Context, decision *apply.Decision) (apply.Outcome, error)
}

// replacements are the NodeClaims that were launched in the place of others, by
// the claim that they replace.
func (s *state) replacements() map[string]string {
	found := map[string]string{}
	for _, claim := range s.claims {
		if by := claim.Annotations[ReplacedByAnnotation]; by != "" {
			found[claim.Name] = by
		}
	}
	return found
}

// replace brings on-demand nodes back to Spot, one at a time: the new node is
// launched first, and the old one goes when it is ready. It returns whether one is
// under way.
func (r *Reconciler) replace(ctx context.Context, cluster *state) (bool, error) {
	if r.Launcher == nil {
		return false, nil
	}
	underWay, err := r.goOn(ctx, cluster)
	if underWay || err != nil {
		return underWay, err
	}
	if now := r.Clock.Now(); now.Sub(r.looked) < replacePause {
		return false, nil
	}
	candidates, err := r.replaceable(ctx, cluster)
	if err != nil || len(candidates) == 0 {
		return false, err
	}
	r.looked = r.Clock.Now()
	return r.begin(ctx, candidates)
}

// goOn ends the nodes whose replacement is ready, and forgets replacements that
// failed.
func (r *Reconciler) goOn(ctx context.Context, cluster *state) (bool, error) {
	byName := map[string]*karpv1.NodeClaim{}
	for _, claim := range cluster.allClaims {
		byName[claim.Name] = claim
	}
	underWay := false
	for i := range cluster.nodes {
		node := &cluster.nodes[i]
		claim := cluster.claims[node.Spec.ProviderID]
		if claim == nil || claim.Annotations[ReplacedByAnnotation] == "" {
			continue
		}
		if claim.DeletionTimestamp != nil {
			underWay = true // draining
			continue
		}
		next := byName[claim.Annotations[ReplacedByAnnotation]]
		switch {
		case next == nil || next.DeletionTimestamp != nil:
			if err := r.forget(ctx, claim.DeepCopy()); err != nil {
				return underWay, err
			}
		case isTrue(next, karpv1.ConditionTypeInitialized):
			underWay = true
			if err := r.end(ctx, candidate{claim.DeepCopy(), node.DeepCopy()}, next); err != nil {
				return underWay, err
			}
		default:
			underWay = true
		}
	}
	return underWay, nil
}

func (r *Reconciler) forget(ctx context.Context, claim *karpv1.NodeClaim) error {
	before := claim.DeepCopy()
	r.Log.Info("a replacement did not come up: the node stays", "nodeclaim", claim.Name, "replacement", claim.Annotations[ReplacedByAnnotation])
	delete(claim.Annotations, ReplacedByAnnotation)
	if err := write.Changes(ctx, r.Client, claim, before); err != nil {
		return fmt.Errorf("taking %s off nodeclaim %s: %w", ReplacedByAnnotation, claim.Name, err)
	}
	return nil
}

// end keeps pods away from the old node and deletes its claim: termination evicts
// its pods within their budgets.
func (r *Reconciler) end(ctx context.Context, old candidate, next *karpv1.NodeClaim) error {
	before := old.node.DeepCopy()
	if termination.Disrupt(old.node) {
		if err := write.Changes(ctx, r.Client, old.node, before); err != nil {
			return fmt.Errorf("tainting node %s: %w", old.node.Name, err)
		}
	}
	stored := old.claim.DeepCopy()
	old.claim.StatusConditions().SetTrueWithReason(karpv1.ConditionTypeDisruptionReason, "Underutilized", "Underutilized")
	if err := write.Status(ctx, r.Client, old.claim, stored); err != nil {
		return fmt.Errorf("noting the reason on nodeclaim %s: %w", old.claim.Name, err)
	}
	pool, capacityType := old.claim.Labels[karpv1.NodePoolLabelKey], old.claim.Labels[karpv1.CapacityTypeLabelKey]
	r.Log.Info("disrupting node(s)", "reason", "underutilized", "decision", "replace", "disrupted-node-count", 1, "replacement-node-count", 1,
		"node", old.node.Name, "nodeclaim", old.claim.Name, "nodepool", pool, "capacity-type", capacityType, "replacement", next.Name)
	r.Events.Normal(old.claim, events.DisruptionTerminating, "Disrupting NodeClaim: Underutilized")
	r.Events.Normal(old.node, events.DisruptionTerminating, "Disrupting Node: Underutilized")
	if err := write.Delete(ctx, r.Client, old.claim); err != nil {
		return fmt.Errorf("deleting nodeclaim %s: %w", old.claim.Name, err)
	}
	r.Metrics.DisruptionDecisions.WithLabelValues("replace", "underutilized", singleType).Inc()
	r.Metrics.NodeClaimsDisrupted.WithLabelValues("underutilized", pool, capacityType).Inc()
	return nil
}

// replaceable are on-demand nodes at rest of pools that let it, whose pods may all
// be moved now.
func (r *Reconciler) replaceable(ctx context.Context, cluster *state) ([]candidate, error) {
	var budgets policyv1.PodDisruptionBudgetList
	allowed := r.allowed(cluster, karpv1.DisruptionReasonUnderutilized)
	var found []candidate
	for _, each := range cluster.resting {
		pool := each.claim.Labels[karpv1.NodePoolLabelKey]
		if each.claim.Labels[karpv1.CapacityTypeLabelKey] != karpv1.CapacityTypeOnDemand || !cluster.consolidates(pool) || allowed[pool] <= 0 ||
			each.node.Annotations[karpv1.DoNotDisruptAnnotationKey] == "true" || !observe.IsReady(each.node) {
			continue
		}
		if budgets.Items == nil {
			if err := r.Live.List(ctx, &budgets); err != nil {
				return nil, fmt.Errorf("listing PodDisruptionBudgets: %w", err)
			}
		}
		if movable(cluster.pods[each.node.Name], budgets.Items, r.Clock.Now()) {
			found = append(found, each)
		}
	}
	return found, nil
}

// consolidates reports whether the pool lets nodes go that are not empty.
func (s *state) consolidates(pool string) bool {
	at := slices.IndexFunc(s.pools, func(p karpv1.NodePool) bool { return p.Name == pool })
	return at >= 0 && s.pools[at].DeletionTimestamp == nil && s.pools[at].Spec.Disruption.ConsolidationPolicy != karpv1.ConsolidationPolicyWhenEmpty
}

// movable reports whether all pods of a node can be evicted, come back by
// themselves and are free to go to any zone.
func movable(pods []corev1.Pod, budgets []policyv1.PodDisruptionBudget, now time.Time) bool {
	for i := range pods {
		pod := &pods[i]
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		owner := metav1.GetControllerOfNoCopy(pod)
		isOwn := observe.IsOwnedByDaemonSet(pod) || owner != nil && owner.Kind == "Node"
		if evacuate.MayNotBeDisturbed(pod, now) || !isOwn && (owner == nil || hasClaims(pod) || heldBy(pod, budgets)) {
			return false
		}
	}
	return true
}

// hasClaims reports whether the pod has volumes that may be tied to a zone.
func hasClaims(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.PersistentVolumeClaim != nil || v.Ephemeral != nil })
}

func heldBy(pod *corev1.Pod, budgets []policyv1.PodDisruptionBudget) bool {
	return slices.ContainsFunc(budgets, func(b policyv1.PodDisruptionBudget) bool {
		selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		return b.Namespace == pod.Namespace && b.Status.DisruptionsAllowed < 1 && (err != nil || selector.Matches(labels.Set(pod.Labels)))
	})
}

// begin asks the engine for the best move and launches the new node.
func (r *Reconciler) begin(ctx context.Context, candidates []candidate) (bool, error) {
	snapshot, err := r.Observer.Snapshot(ctx)
	if err != nil {
		return false, fmt.Errorf("observing the cluster: %w", err)
	}
	if len(snapshot.Pending) > 0 {
		return false, nil // those come first
	}
	var names []string
	for _, each := range candidates {
		names = append(names, each.node.Name)
	}
	move := engine.Replace(snapshot, names, r.Settings)
	if move == nil || move.Launch == nil || move.Launch.Offerings[0].CapacityType != model.Spot {
		return false, nil
	}
	old := candidates[slices.Index(names, move.Node)]
	launch := *move.Launch
	launch.Pods = nil // they are on the old node; no new pod has their name
	decision := &apply.Decision{Snapshot: snapshot, Plan: model.Plan{Launches: []model.Launch{launch}},
		Report: model.Report{Launches: []model.LaunchReason{{Chosen: move.Reason}}}}
	outcome, err := r.Launcher.Launch(ctx, decision)
	if err != nil || outcome.Created[0] == "" {
		return false, err
	}
	return true, r.remember(ctx, old, outcome.Created[0], move)
}

func (r *Reconciler) remember(ctx context.Context, old candidate, by string, move *model.Replacement) error {
	before := old.claim.DeepCopy()
	if old.claim.Annotations == nil {
		old.claim.Annotations = map[string]string{}
	}
	old.claim.Annotations[ReplacedByAnnotation] = by
	if err := write.Changes(ctx, r.Client, old.claim, before); err != nil {
		return fmt.Errorf("noting the replacement on nodeclaim %s: %w", old.claim.Name, err)
	}
	r.Log.Info("a cheaper node takes the place of one on demand", "nodeclaim", old.claim.Name, "replacement", by, "reason", move.Message)
	r.Events.Normal(old.claim, events.DisruptionLaunching, "Launching NodeClaim "+by+": "+move.Message)
	return nil
}
