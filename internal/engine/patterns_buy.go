package engine

import (
	"math"
	"slices"
	"sort"
)

// Whole nodes of patterns are bought as often as the program says, rounded up from
// mostlyWhole on. For pods that were left before, smaller parts are rounded up, too, the
// largest first, until what is bought is leastDive of what the program costs.
const (
	mostlyWhole = 0.8
	leastDive   = 0.3
	maxDives    = 40
	finishEvery = 2 // dives, and after the last
)

var wholeParts = [...]float64{mostlyWhole, 0.65, 0.5, 0.35, 0.2, 0.1}

// round buys whole nodes of the program's patterns, asks what is the cheapest
// mixture for the pods that are left, and so on. The rest is packed greedily, and
// the best of all such packings returned.
func (s *patternSearch) round(counts []int, used usage, budget int) *packing {
	out := &packing{left: append([]int(nil), counts...), usage: used.clone()}
	var best *packing
	for dive := 0; ; dive++ {
		bought := s.buyMost(out, dive > 0)
		var next *patternSearch
		if (bought || dive == 0) && dive < maxDives && s.of.steps < budget {
			next = s.rest(out.left)
		}
		if next == nil || dive%finishEvery == 0 {
			best = best.orBetter(s.finish(out))
		}
		if next == nil {
			return best
		}
		next.generate(max(0, (budget-s.of.steps)/4), 0)
		s.of.steps += next.steps
		s = next
	}
}

// buyMost buys each pattern as often as the program says, and where asked to also those of
// which it wants a part only, until that is enough. It reports whether that was any.
func (s *patternSearch) buyMost(out *packing, partly bool) bool {
	before, _ := s.k.p.cost(out.bins)
	bought := len(out.bins)
	for n, part := range wholeParts {
		above := math.Inf(1)
		if n > 0 {
			above = wholeParts[n-1]
		}
		s.buyWhole(out, part, above)
		if now, _ := s.k.p.cost(out.bins); !partly || float64(now-before) > leastDive*s.lp.objective() {
			break
		}
	}
	return len(out.bins) > bought
}

// rest is the search for the pods that are left, which begins with what is known
// of all; nil when there are none.
func (s *patternSearch) rest(left []int) *patternSearch {
	ones := s.counted(left)
	next := &patternSearch{of: s.of, alike: s.alike, rooms: s.rooms, oneOf: s.oneOf, equals: s.equals, mixture: newMixture(s.k, ones, rowEach(ones), s.work)}
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
// of a node on, without those that were bought when it was rounded up from the part above.
func (s *patternSearch) buyWhole(out *packing, part, above float64) {
	order := make([]int, len(s.lp.labels))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return s.lp.values[order[a]] > s.lp.values[order[b]] })
	for _, position := range order {
		if label := s.lp.labels[position]; label >= 0 {
			value := s.lp.values[position]
			s.buy(out, s.patterns[label], nodesFor(value, part)-nodesFor(value, above))
		}
	}
}

// nodesFor is how many nodes a value is, rounded up from that part on.
func nodesFor(value, part float64) int {
	if math.IsInf(part, 1) {
		return 0
	}
	return int(value + 1 - part + 1e-6)
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
