package engine

import (
	"math"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// shares tells how much of the least cost each kind of hard rule makes: what
// the linear program says with the rule, less what it says without, one rule
// after another.
func (b *bounding) shares() []model.CostShare {
	if len(b.families) > maxFamilies {
		return nil
	}
	everywhere := []demandFamily{{configs: b.p.buyable, demand: make(vector, len(b.p.resources.names))}}
	for f := range b.families {
		everywhere[0].demand.add(b.families[f].demand, 1)
	}
	prices, rules := b.prices()
	anywhere := b.linearCost(b.p.space.configs, everywhere, nil)
	bare := anywhere
	if len(b.p.snapshot.DaemonSets) > 0 {
		bare = b.linearCost(b.withoutDaemons(), everywhere, nil)
	}
	costs := []float64{
		bare,
		anywhere,
		b.linearCost(b.p.space.configs, b.families, nil),
		costAt(prices, b.families, rules),
	}
	var list []model.CostShare
	for i, rule := range []model.Code{model.CodeDaemonSets, model.CodeRequirement, model.CodePodAntiAffinity} {
		if more := wholePrice(costs[i+1] - costs[i]); more >= leastShare {
			list = append(list, model.CostShare{Rule: rule, PricePerHour: dollars(more)})
		}
	}
	return list
}

// gapShares tells what rules make that the bound leaves out: a spread over nodes
// lets only so many pods onto each as long as one of them has none.
func (b *bounding) gapShares(s *solution, proven int64) []model.CostShare {
	if len(b.families) > maxFamilies {
		return nil
	}
	kept, more := b.slots(true), b.slots(false)
	spread := slices.ContainsFunc(more, func(s slot) bool { return s.rule.kind == spreadRule })
	if !spread {
		return nil
	}
	configs := b.p.space.configs
	part := wholePrice(b.linearCost(configs, b.families, more) - b.linearCost(configs, b.families, kept))
	part = min(max(part, makeBounding(b.p, s, 0, true).lowerBound(s)-proven), max(s.cost-proven, 0))
	if part < leastShare {
		return nil
	}
	return []model.CostShare{{Rule: model.CodeTopologySpread, PricePerHour: dollars(part)}}
}

// openShares tells where the rest of the gap comes from, of which so much is known
// already: what the plan costs more than the cheapest mixture of nodes no bound can
// prove that knows no more than what one node holds, and more steps could at most
// prove what is left. Where rules force about as many nodes as there are, each is bought
// whole for its pod of that rule. With nodes that are there another plan may use those better: then
// nothing can be told.
func (b *bounding) openShares(s *solution, proven, mixed int64, known []model.CostShare) []model.CostShare {
	if len(b.problem.Free) > 0 {
		return nil
	}
	told := int64(0)
	for _, share := range known {
		told += int64(math.Round(share.PricePerHour * nanoDollars))
	}
	var list []model.CostShare
	rest := s.cost - proven - told
	if mixed == 0 && b.pinned(s) {
		mixed = proven // nothing is left to mix
	}
	if whole := min(s.cost-mixed-told, rest); mixed > 0 && whole >= leastShare {
		list = append(list, model.CostShare{Rule: model.CodeWholeNodes, PricePerHour: dollars(whole)})
		rest -= whole
	}
	if rest >= leastShare {
		list = append(list, model.CostShare{Rule: model.CodeStepBudget, PricePerHour: dollars(rest)})
	}
	return list
}

// leastShare hides what only rounding makes: a thousandth of a cent per hour.
const leastShare = 10_000

// linearCost is what the families' resources and slots cost at least.
func (b *bounding) linearCost(configs []config, families []demandFamily, rules []slot) float64 {
	return costAt(priceFamilies(configs, b.candidates, families, rules).byFamily, families, rules)
}

func costAt(prices [][]float64, families []demandFamily, rules []slot) float64 {
	cost := 0.0
	for f := range families {
		cost += worthAt(prices[f], families[f].demand)
	}
	for n := range rules {
		cost += float64(rules[n].price * float64(rules[n].count))
	}
	return cost
}

// withoutDaemons are the configs with the room that DaemonSets take given back.
func (b *bounding) withoutDaemons() []config {
	bare := append([]config(nil), b.p.space.configs...)
	for i := range bare {
		bare[i].room = bare[i].room.clone()
		bare[i].room.add(bare[i].daemons.vector, 1)
	}
	return bare
}
