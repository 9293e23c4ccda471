package engine

import (
	"math"
	"slices"
	"sort"
)

// Whole nodes of patterns are bought as often as the program says, rounded up from
// these parts on: the second where that buys nothing more.
const (
	mostlyWhole = 0.8
	halfWhole   = 0.5
	maxDives    = 16
)

// round buys whole nodes of the program's patterns, asks what is the cheapest
// mixture for the pods that are left, and so on. The rest is packed greedily, and
// the best of all such packings returned.
func (s *patternSearch) round(counts []int, used usage, budget int) *packing {
	out := &packing{left: append([]int(nil), counts...), usage: used.clone()}
	var best *packing
	for dive := 0; ; dive++ {
		bought := s.buyWhole(out, mostlyWhole) || dive > 0 && s.buyWhole(out, halfWhole)
		if dive == 0 || bought {
			best = best.orBetter(s.finish(out))
		}
		if !bought && dive > 0 || dive == maxDives || s.of.steps >= budget {
			return best
		}
		next := s.rest(out.left)
		if next == nil {
			return best
		}
		next.generate(max(0, (budget-s.of.steps)/4), 0)
		s.of.steps += next.steps
		s = next
	}
}

// rest is the search for the pods that are left, which begins with what is known
// of all; nil when there are none.
func (s *patternSearch) rest(left []int) *patternSearch {
	ones := s.counted(left)
	next := &patternSearch{of: s.of, alike: s.alike, rooms: s.rooms, oneOf: s.oneOf, equals: s.equals, mixture: newMixture(s.k, ones, rowEach(ones))}
	if len(next.asked) == 0 {
		return nil
	}
	proven := 0.0
	for _, i := range next.asked {
		proven += float64(s.best[i] * float64(next.counts[i]))
	}
	next.begin(s.best, proven)
	next.bringSingles()
	for _, p := range s.patterns {
		if p = p.within(next.counts); len(p.parts) > 0 {
			next.bring(p)
		}
	}
	next.settle()
	return next
}

// within is the pattern with no more pods than are left.
func (p pattern) within(left []int) pattern {
	cut := pattern{config: p.config}
	for _, x := range p.parts {
		if count := min(x.count, left[x.item]); count > 0 {
			cut.parts = append(cut.parts, part{x.item, count})
		}
	}
	return cut
}

// buyWhole buys each pattern as often as the program says, rounded up from that part
// of a node on, and reports whether that was any.
func (s *patternSearch) buyWhole(out *packing, part float64) bool {
	order := make([]int, len(s.lp.labels))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return s.lp.values[order[a]] > s.lp.values[order[b]] })
	before := len(out.bins)
	for _, position := range order {
		if label := s.lp.labels[position]; label >= 0 {
			s.buy(out, s.patterns[label], int(s.lp.values[position]+1-part+1e-6))
		}
	}
	return len(out.bins) > before
}

// finish is the packing with the pods that are left packed greedily.
func (s *patternSearch) finish(bought *packing) *packing {
	k := s.of
	out := &packing{left: bought.left, usage: bought.usage.clone(), pods: bought.pods, bins: slices.Clone(bought.bins)}
	rest := k.run(variant{}, out.left, out.usage.clone())
	values := k.values()
	for i, one := range s.oneOf {
		if one >= 0 {
			k.items[i].value = k.prices[i] + 1000
		}
	}
	if other := k.run(variant{}, out.left, out.usage.clone()); other.better(rest) {
		rest = other
	}
	k.setValues(values)
	out.bins = append(out.bins, rest.bins...)
	out.left, out.usage, out.pods = rest.left, rest.usage, out.pods+rest.pods
	out.cost, out.nodes = k.p.cost(out.bins)
	return out
}

// buy adds up to times nodes of the pattern, as far as pods and limits go: as many
// at a time as hold the same pods.
func (s *patternSearch) buy(out *packing, p pattern, times int) {
	for times > 0 {
		b, same := s.fillOne(out.left, p)
		if b.times = min(same, times); b.times == 0 || !s.k.p.flexible(&b, out.usage) {
			return
		}
		s.k.p.rightSize(&b, out.usage)
		pool := s.k.p.space.configs[b.config].pool
		if b.times = out.usage.times(pool, b.charge, b.times); b.times <= 0 {
			return
		}
		for _, sh := range b.shares {
			out.left[s.of.index[sh.demand]] -= sh.count * b.times
			out.pods += sh.count * b.times
		}
		out.usage.add(pool, b.charge, b.times)
		out.bins = append(out.bins, b)
		times -= b.times
	}
}

// fillOne takes the pods of a pattern from those left, in the zone where most of them
// must be, and tells how many such nodes there are pods for: 0 when there are too
// few for one.
func (s *patternSearch) fillOne(left []int, p pattern) (b bin, same int) {
	most := -1
	for _, config := range s.alike.zones(p.config) {
		next, times, tied := s.fillIn(config, left, p)
		if times > 0 && tied > most {
			b, same, most = next, times, tied
		}
	}
	return b, same
}

// fillIn fills a node of a config, and tells how many of its pods may not be in every
// zone.
func (s *patternSearch) fillIn(config int, left []int, p pattern) (b bin, same, tied int) {
	b, same = bin{config: config}, math.MaxInt
	s.rooms.reset(s.k.p, s.k.p.space.configs[config].daemons)
	for _, x := range p.parts {
		wanted := x.count
		for _, i := range s.equals[x.item] {
			it := s.of.items[i]
			take := min(wanted, left[i])
			if take == 0 || !it.configs.has(config) {
				continue
			}
			if ruled(it.class) {
				if take = s.rooms.room(it.class, take, false); take <= 0 {
					continue
				}
				s.rooms.add(it.class, take)
			}
			b.shares = append(b.shares, share{demand: it.demand, count: take})
			same = min(same, left[i]/take)
			if wanted -= take; s.tied(it, p.config) {
				tied += take
			}
		}
		if wanted > 0 {
			return b, 0, 0
		}
	}
	return b, same, tied
}

// tied reports whether pods of the item may not be in every zone that has the kind of
// node.
func (s *patternSearch) tied(it *item, first int) bool {
	for _, config := range s.alike.zones(first) {
		if !it.configs.has(config) {
			return true
		}
	}
	return false
}
