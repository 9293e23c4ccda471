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
	signer := newSigner(snapshot)
	base := newProblem(snapshot, settings)
	classes := groupPods(snapshot, signer)
	best := solve(base.withClasses(classes, signer), base.settings.MaxSteps)
	return best.plan()
}

// plan names the pods and writes plan and report.
func (s *solution) plan() (model.Plan, model.Report) {
	var plan model.Plan
	n := &names{next: make([]int, len(s.p.classes))}
	for _, share := range s.onNodes {
		for _, key := range n.take(share.class, share.count) {
			plan.Placements = append(plan.Placements, model.Placement{Pod: key, Node: s.p.nodes[share.node].spec.Name})
		}
	}
	sort.Slice(plan.Placements, func(i, j int) bool { return lessKey(plan.Placements[i].Pod, plan.Placements[j].Pod) })
	plan.Launches, _ = s.launches(n)
	cost := int64(0)
	for i := range plan.Launches {
		sortPodKeys(plan.Launches[i].Pods)
	}
	for i := range s.bins {
		cost += s.p.space.configs[s.bins[i].config].price * int64(s.bins[i].times)
	}
	plan.PricePerHour = dollars(cost)
	return plan, model.Report{Steps: s.steps}
}
