package engine

import (
	"sort"

	"github.com/drover-project/drover/internal/model"
)

// Solve places the pending pods of snapshot on its nodes and on nodes to buy.
// The plan costs as little per hour as was found within the step budget, then
// takes as few nodes as possible. Bad input is not an error: what cannot be
// understood or placed is in the Report with a reason, and everything else is
// decided without it. The snapshot is only read.
func Solve(snapshot *model.Snapshot, settings model.Settings) (model.Plan, model.Report) {
	snapshot = withDefaultSpread(snapshot, settings)
	passed := map[model.PodKey]bool{}
	for round := 1; ; round++ {
		counted, holders := withVolumes(snapshot, passed)
		plan, report := decide(counted, settings)
		if round == maxHolders || !passOn(snapshot, holders, report.Unplaced, passed) {
			return plan, report
		}
	}
}

// decide is one look at a snapshot whose volumes are counted.
func decide(snapshot *model.Snapshot, settings model.Settings) (model.Plan, model.Report) {
	signer := newSigner(snapshot)
	base := newProblem(snapshot, settings)
	chosen := solveWithWishes(base, groupPods(snapshot, signer), signer)
	plan, report := chosen.best.plan()
	chosen.certify(&report)
	report.Preferences = chosen.report()
	report.Steps = chosen.steps
	return plan, report
}

// plan names the pods and writes plan and report.
func (s *solution) plan() (model.Plan, model.Report) {
	var plan model.Plan
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
	cost := int64(0)
	for i := range launches {
		plan.Launches = append(plan.Launches, launches[i].Launch)
		report.Launches = append(report.Launches, reasons[launches[i].bin])
		cost += s.p.space.configs[launches[i].first].price
	}
	plan.PricePerHour = dollars(cost)
	report.Placed = s.placedReasons(onNodes, launches)
	return plan, report
}
