package engine

import (
	"encoding/binary"
	"math"
	"slices"
	"sort"
)

// maxPatternItems bounds the search for patterns: the linear program has one row for
// each kind of pods and its pivots cost the square of that.
const maxPatternItems = 256

// worthPatterns is the gap to what the resources cost at least above which
// patterns are looked for, and half of which is close enough for them.
const worthPatterns = 0.02

// patternSearch finds the cheapest mixture of patterns that covers the demand:
// column generation, with a knapsack for each config that proposes columns. Items
// that differ in nothing a pattern knows are one there; those that rules limit are
// in no pattern and packed with what is left.
type patternSearch struct {
	mixture
	of     *packer
	oneOf  []int   // by item, the item of the mixture that stands for it; -1 for none
	equals [][]int // by item of the mixture, those that it stands for
}

// packPatterns packs counts by patterns, or returns nil where that is not the
// way: too many different items, or none that no rule limits.
func (k *packer) packPatterns(counts []int, runs []*packing, used usage, budget int) *packing {
	for i := range counts {
		if counts[i] > 0 && runs[0].left[i] > 0 {
			return nil
		}
	}
	s := &patternSearch{of: k}
	items := s.merge(counts)
	if len(items) > maxPatternItems || len(items) == 0 {
		return nil
	}
	s.mixture = newMixture(&packer{p: k.p, items: items, configs: k.configs, scale: k.scale}, s.counted(counts))
	s.prepare(runs)
	s.generate((budget-k.steps)*3/4, float64(k.linear*(1+worthPatterns/2)))
	k.steps += s.steps
	k.prices, k.worths = make([]int64, len(k.items)), make([]int64, len(k.items))
	for i, one := range s.oneOf {
		if one >= 0 {
			k.prices[i] = wholePrice(s.worthOf(one))
			k.worths[i] = wholePrice((s.best[one] + s.center[one]) / 2)
		}
	}
	return s.round(counts, used, budget)
}

// merge makes one item of those with pods that want the same of the same configs.
func (s *patternSearch) merge(counts []int) []*item {
	s.oneOf = make([]int, len(s.of.items))
	var items []*item
	known := map[string]int{}
	var key []byte
	for i, it := range s.of.items {
		s.oneOf[i] = -1
		if counts[i] == 0 || ruled(it.class) {
			continue
		}
		key = key[:0]
		for _, amount := range it.class.request {
			key = binary.AppendVarint(key, amount)
		}
		for _, word := range it.configs {
			key = binary.LittleEndian.AppendUint64(key, uint64(word))
		}
		one, found := known[string(key)]
		if !found {
			one = len(items)
			known[string(key)] = one
			items, s.equals = append(items, it), append(s.equals, nil)
		}
		s.oneOf[i], s.equals[one] = one, append(s.equals[one], i)
	}
	return items
}

// counted sums up the pods of items that are one.
func (s *patternSearch) counted(counts []int) []int {
	sums := make([]int, len(s.equals))
	for one, list := range s.equals {
		for _, i := range list {
			sums[one] += counts[i]
		}
	}
	return sums
}

// prepare starts the program from packings that are known.
func (s *patternSearch) prepare(runs []*packing) {
	worths, proven := make([]float64, len(s.counts)), 0.0
	for _, i := range s.rows {
		worths[i] = s.k.items[i].linear
		proven += float64(worths[i] * float64(s.counts[i]))
	}
	s.begin(worths, proven)
	s.bringSingles()
	for _, run := range runs {
		for i := range run.bins {
			if p := s.patternOf(&run.bins[i]); len(p.parts) > 0 {
				s.bring(p)
			}
		}
	}
}

// patternOf is what the program knows of a node.
func (s *patternSearch) patternOf(b *bin) pattern {
	pods := make(map[int]int, len(b.shares))
	p := pattern{config: b.config}
	for _, sh := range b.shares {
		one := s.oneOf[s.of.index[sh.demand]]
		if one >= 0 && pods[one] == 0 {
			p.parts = append(p.parts, part{item: one})
		}
		pods[one] += sh.count
	}
	for n := range p.parts {
		p.parts[n].count = pods[p.parts[n].item]
	}
	return p
}

func (s *knapsack) pattern() pattern {
	p := pattern{config: s.config}
	for at, count := range s.taken {
		if count > 0 {
			p.parts = append(p.parts, part{s.items[at], count})
		}
	}
	return p
}

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
	next := &patternSearch{of: s.of, oneOf: s.oneOf, equals: s.equals, mixture: newMixture(s.k, s.counted(left))}
	if len(next.rows) == 0 {
		return nil
	}
	proven := 0.0
	for _, i := range next.rows {
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

// fillOne takes the pods of a pattern from those left, and tells how many such nodes
// there are pods for: 0 when there are too few for one.
func (s *patternSearch) fillOne(left []int, p pattern) (b bin, same int) {
	b, same = bin{config: p.config}, math.MaxInt
	for _, x := range p.parts {
		wanted := x.count
		for _, i := range s.equals[x.item] {
			if take := min(wanted, left[i]); take > 0 {
				b.shares = append(b.shares, share{demand: s.of.items[i].demand, count: take})
				same = min(same, left[i]/take)
				wanted -= take
			}
		}
		if wanted > 0 {
			return b, 0
		}
	}
	return b, same
}
