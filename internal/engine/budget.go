package engine

import (
	"cmp"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// solveWithin makes plans with every step budget up to the one that is asked for and
// returns the best. A search with more steps may take another way: only if what fewer
// steps find counts, too, can more never make a plan dearer.
func solveWithin(snapshot *model.Snapshot, settings model.Settings) (model.Plan, model.Report) {
	asked, usual := settings.MaxSteps, usualSteps(snapshot)
	var best *candidate
	steps := 0
	for _, budget := range budgets(asked, usual) {
		settings.MaxSteps = budget
		plan, report := solveOnce(snapshot, settings, 0)
		steps += report.Steps
		if next := newCandidate(snapshot, budget, plan, report); best == nil || next.better(best) {
			best = next
		}
	}
	settings.MaxSteps = best.budget
	plan, report := solveOnce(snapshot, settings, min(max(asked/usual, 1), mostEffort))
	report.Steps = steps
	return plan, report
}

// budgets are the step budgets at which plans are made, up to the most that is allowed: a
// grid below the usual one, that one and some times that.
func budgets(most, usual int) []int {
	list := []int{1}
	for step := 1 << 12; step <= most && step < usual; step <<= 4 {
		list = append(list, step)
	}
	for step := usual; step <= min(most, mostMaxSteps); step *= 4 {
		list = append(list, step)
	}
	return list
}

// candidate is what a plan of one budget comes to.
type candidate struct {
	budget  int
	missing []missing // the most important first
	cost    int64     // with interruptions, in nanoDollars per hour
	unkept  int       // pods of which preferred rules are not kept, once for each
	nodes   int
}

// missing are pods of one priority that have no place.
type missing struct {
	priority int32
	pods     int
}

func newCandidate(snapshot *model.Snapshot, budget int, plan model.Plan, report model.Report) *candidate {
	o := &candidate{budget: budget, cost: nano(plan.PricePerHour) + nano(report.InterruptionsPerHour), nodes: len(plan.Launches)}
	for _, reason := range report.Preferences {
		o.unkept += len(reason.Pods)
	}
	if len(report.Unplaced) == 0 {
		return o
	}
	priorities, counts := make(map[model.PodKey]int32, len(snapshot.Pending)), map[int32]int{}
	for i := range snapshot.Pending {
		priorities[snapshot.Pending[i].PodKey] = snapshot.Pending[i].Priority
	}
	for _, reason := range report.Unplaced {
		for _, key := range reason.Pods {
			counts[priorities[key]]++
		}
	}
	for priority, pods := range counts {
		o.missing = append(o.missing, missing{priority, pods})
	}
	slices.SortFunc(o.missing, func(a, b missing) int { return cmp.Compare(b.priority, a.priority) })
	return o
}

// better is a total order: otherwise what is best of some plans could be worse than what
// is best of fewer.
func (o *candidate) better(other *candidate) bool {
	if order := compareMissing(o.missing, other.missing); order != 0 {
		return order < 0
	}
	return cmp.Or(cmp.Compare(o.cost, other.cost), cmp.Compare(o.unkept, other.unkept), cmp.Compare(o.nodes, other.nodes)) < 0
}

// compareMissing is below zero where the first misses fewer pods of the highest priority
// in which they differ.
func compareMissing(a, b []missing) int {
	for i := range min(len(a), len(b)) {
		if order := cmp.Or(cmp.Compare(a[i].priority, b[i].priority), cmp.Compare(a[i].pods, b[i].pods)); order != 0 {
			return order
		}
	}
	return len(a) - len(b)
}
