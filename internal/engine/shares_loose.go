package engine

import (
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// looseShares tells how much cheaper plans for the same pods come out without
// rules that the bound leaves out and that nobody can value otherwise: limits of
// pools, and affinity per node.
func (c *chooser) looseShares(proven int64) []model.CostShare {
	var list []model.CostShare
	for _, without := range []struct {
		rule    model.Code
		problem *problem
	}{{model.CodeLimitReached, c.plain.unlimited()}, {model.CodePodAffinity, c.plain.untied()}} {
		if without.problem == nil {
			continue
		}
		if part := c.saves(without.problem, proven); part >= leastShare {
			list = append(list, model.CostShare{Rule: without.rule, PricePerHour: dollars(part)})
		}
	}
	return list
}

// saves is how much less the pods of the plan cost in another problem, at most
// what the bound leaves open.
func (c *chooser) saves(p *problem, proven int64) int64 {
	classes := make([]*class, len(p.classes))
	for i, of := range p.classes {
		same := *of
		same.held = len(of.keys) - (c.best.p.classes[i].count() - c.best.unplaced[i])
		classes[i] = &same
	}
	p.classes = classes
	s := converge(p, newLearned(), p.settings.MaxSteps)
	if s.placed < c.best.placed {
		return 0
	}
	return min(c.best.cost-s.cost, c.best.cost-proven)
}

// unlimited is the problem without limits of pools; nil when there are none.
func (p *problem) unlimited() *problem {
	if !p.limits() {
		return nil
	}
	q, space := *p, *p.space
	space.configs = slices.Clone(space.configs)
	for i := range space.configs {
		space.configs[i].capacity = nil
	}
	q.space = &space
	return &q
}

// untied is the problem without affinity per node; nil when there is none.
func (p *problem) untied() *problem {
	if !p.drawsPerNode() {
		return nil
	}
	q := *p
	q.classes = make([]*class, len(p.classes))
	for i, of := range p.classes {
		free := *of
		free.hosts = slices.DeleteFunc(slices.Clone(of.hosts), func(t touch) bool { return t.rule.kind == affinityRule })
		q.classes[i] = &free
	}
	return &q
}
