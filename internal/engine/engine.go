package engine

import (
	"slices"
	"sort"

	"github.com/drover-project/drover/internal/model"
)

// Solve places the pending pods of snapshot on its nodes and on nodes to buy.
// The plan costs as little per hour as was found within the step budget, then
// takes as few nodes as possible. Bad input is not an error: what cannot be
// understood or placed is in the Report with a reason, and everything else is
// decided without it. The snapshot is only read.
func Solve(snapshot *model.Snapshot, settings model.Settings) (model.Plan, model.Report) {
	if settings.MaxSteps > 0 {
		return solveWithin(snapshot, settings)
	}
	return solveOnce(snapshot, settings, 1)
}

// solveOnce is one search. Its proof takes so many times the usual steps; none for zero.
func solveOnce(snapshot *model.Snapshot, settings model.Settings, proof int) (model.Plan, model.Report) {
	if len(snapshot.NodeGroups) > 0 {
		return solveGroups(snapshot, settings, proof)
	}
	return solveAll(snapshot, settings, proof)
}

// solveAll decides over what has one price each.
func solveAll(snapshot *model.Snapshot, settings model.Settings, proof int) (model.Plan, model.Report) {
	snapshot = withDefaultSpread(snapshot, settings)
	passed := map[model.PodKey]bool{}
	for round := 1; ; round++ {
		counted, holders := withVolumes(snapshot, passed)
		plan, report := decide(counted, settings, proof)
		if round == maxHolders || !passOn(snapshot, holders, report.Unplaced, passed) {
			return plan, report
		}
	}
}

// decide is one look at a snapshot whose volumes are counted.
func decide(snapshot *model.Snapshot, settings model.Settings, proof int) (model.Plan, model.Report) {
	signer := newSigner(snapshot)
	c := solveWithWishes(newProblem(snapshot, settings), groupPods(snapshot, signer), signer)
	plan, report := c.best.plan()
	if c.effort = proof; proof > 0 {
		c.certify(&report, nano(plan.PricePerHour)+nano(report.InterruptionsPerHour))
	}
	report.Preferences = c.report()
	report.Steps = c.steps
	return plan, report
}

// replaces reports whether a plan places all that the other does, and is no
// worse.
func (s *solution) replaces(other *solution) bool {
	switch {
	case !s.keepsPlaces(other):
		return false
	case s.placed != other.placed:
		return s.placed > other.placed
	case s.cost != other.cost:
		return s.cost < other.cost
	}
	return s.nodes <= other.nodes
}

// plan names the pods and writes plan and report.
func (s *solution) plan() (model.Plan, model.Report) {
	var plan model.Plan
	s.untie()
	n := &names{next: make([]int, len(s.p.classes))}
	onNodes := make([][]model.PodKey, len(s.onNodes))
	for i, share := range s.onNodes {
		onNodes[i] = n.take(share.class, share.count)
		for _, key := range onNodes[i] {
			plan.Placements = append(plan.Placements, model.Placement{Pod: key, Node: s.p.nodes[share.node].spec.Name})
		}
	}
	sort.Slice(plan.Placements, func(i, j int) bool { return lessKey(plan.Placements[i].Pod, plan.Placements[j].Pod) })
	s.orderBins()
	reasons := map[*bin]model.LaunchReason{}
	for i := range s.bins {
		reasons[&s.bins[i]] = s.launchReason(&s.bins[i])
	}
	launches := s.launches(n)
	report := model.Report{Steps: s.steps, Unplaced: s.unplacedReasons(n)}
	cost, interruptions := int64(0), int64(0)
	plan.Launches = slices.Grow(plan.Launches, len(launches))
	report.Launches = slices.Grow(report.Launches, len(launches))
	for i := range launches {
		plan.Launches = append(plan.Launches, launches[i].Launch)
		report.Launches = append(report.Launches, s.buying.reason(&launches[i], reasons[launches[i].bin]))
		first := &s.p.space.configs[launches[i].first]
		cost, interruptions = cost+first.listed(), interruptions+first.price-first.listed()
	}
	plan.PricePerHour, report.InterruptionsPerHour = dollars(cost), dollars(interruptions)
	report.Extras = s.buying.costs()
	report.Placed = s.placedReasons(onNodes, launches)
	return plan, report
}
