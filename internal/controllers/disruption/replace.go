package disruption

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/controllers/node/termination"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/model"
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

// replace brings on-demand nodes back to Spot, and Spot nodes to cheaper pools, one at
// a time: the new node is launched first, and the old one goes when it is ready. It
// returns whether one is under way.
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
	if err != nil {
		return false, err
	}
	r.Metrics.DisruptionEligible.WithLabelValues("underutilized").Set(float64(len(candidates)))
	if len(candidates) == 0 {
		return false, nil
	}
	r.looked = r.Clock.Now()
	candidates, restless := r.withHistory(ctx, r.turn(candidates))
	return r.begin(ctx, candidates, restless)
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
	if r.failed == nil {
		r.failed = map[string]time.Time{}
	}
	maps.DeleteFunc(r.failed, func(_ string, at time.Time) bool { return r.Clock.Since(at) >= spotRetry })
	r.failed[claim.Name] = r.Clock.Now()
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

// begin asks the engine for the best move and launches the new node. No Spot node
// goes to a restless pool.
func (r *Reconciler) begin(ctx context.Context, candidates []candidate, restless map[model.OfferingKey]bool) (bool, error) {
	var names []string
	for _, each := range candidates {
		names = append(names, each.node.Name)
	}
	if len(names) == 0 {
		return false, nil
	}
	snapshot, moving, err := r.Observer.SnapshotToMove(ctx, names)
	if err != nil {
		return false, fmt.Errorf("observing the cluster: %w", err)
	}
	if len(snapshot.Pending) > 0 {
		return false, nil // those come first
	}
	moves := model.Moves{NewNodesOnly: true, Restless: restless}
	for _, name := range names {
		moves.Candidates = append(moves.Candidates, model.Candidate{Node: name, Pods: moving[name]})
	}
	for _, move := range engine.Replace(snapshot, moves, r.Settings) {
		if move.Launch.Offerings[0].CapacityType == model.Spot {
			return r.launch(ctx, snapshot, candidates[slices.Index(names, move.Node)], &move)
		}
	}
	return false, nil
}

func (r *Reconciler) launch(ctx context.Context, snapshot *model.Snapshot, old candidate, move *model.Replacement) (bool, error) {
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
	from := old.claim.Labels[karpv1.CapacityTypeLabelKey]
	r.Log.Info(replacing(from), "nodeclaim", old.claim.Name, "capacity-type", from, "replacement", by, "reason", move.Message)
	r.Events.Normal(old.claim, events.DisruptionLaunching, "Launching NodeClaim "+by+" on Spot in the place of this one on "+bought(from)+": "+move.Message)
	return nil
}

func replacing(from string) string {
	return "a cheaper Spot node takes the place of one on " + bought(from)
}

// bought is a capacity type in words.
func bought(capacityType string) string {
	if capacityType == karpv1.CapacityTypeSpot {
		return "Spot"
	}
	return "demand"
}
