package engine

import (
	"encoding/binary"
	"math"
	"sort"
	"strconv"
)

// maxPatternItems bounds the search for patterns: the linear program has one row for
// each kind of pods and its pivots cost the square of that.
const maxPatternItems = 256

// maxItemsPerNode is how many times more items than nodes there may be.
const maxItemsPerNode = 3

// mostLeftOut is the part of the cost that items may have which are left out
// because there are too many.
const mostLeftOut = 0.05

// worthPatterns is the gap to what the resources cost at least above which
// patterns are looked for, and half of which is close enough for them.
const worthPatterns = 0.02

// patternSearch finds the cheapest mixture of patterns that covers the demand:
// column generation, with a knapsack for each kind of node that proposes columns.
// Items that differ in nothing a pattern knows are one there: which zone they ask
// for matters when nodes are bought. Those that must be beside others are in no
// pattern and packed with what is left.
type patternSearch struct {
	mixture
	of       *packer
	alike    *alike
	rooms    *occupancy
	demanded []int   // pods by item
	oneOf    []int   // by item, the item of the mixture that stands for it; -1 for none
	equals   [][]int // by item of the mixture, those that it stands for, the choosiest first
}

// packPatterns packs counts by patterns, or returns nil where that is not the
// way: too many different items for the steps, or far fewer nodes than that, of which
// hardly any pattern would be bought whole.
func (k *packer) packPatterns(counts []int, runs []*packing, used usage, budget int) *packing {
	for i := range counts {
		if counts[i] > 0 && runs[0].left[i] > 0 {
			return nil
		}
	}
	if costsOf(min(k.requests(counts), maxPatternItems)) > budget-k.steps {
		return nil
	}
	s := &patternSearch{of: k, alike: newAlike(k.p, k.configs), rooms: newOccupancy(len(k.p.rules))}
	items := s.merge(counts, true)
	if len(items) > maxPatternItems {
		items = s.merge(counts, false)
	}
	items = s.costliest(items, counts)
	if rows := len(items); rows == 0 || rows > maxItemsPerNode*runs[0].nodes || costsOf(rows) > budget-k.steps {
		return nil
	}
	ones := s.counted(counts)
	s.mixture = newMixture(&packer{p: k.p, items: items, configs: s.alike.configs(k.configs), scale: k.scale}, ones, rowEach(ones))
	s.demanded = counts
	s.prepare(runs)
	s.packed = func(worths []float64) { s.pack(worths, used) }
	s.generate((budget-k.steps)*3/4, float64(s.proven*(1+worthPatterns/2)))
	k.steps += s.steps
	k.prices, k.worths = make([]int64, len(k.items)), make([]int64, len(k.items))
	for i, one := range s.oneOf {
		if one >= 0 {
			k.prices[i] = wholePrice(s.worthOf(one))
			k.worths[i] = wholePrice(s.center[one])
		}
	}
	k.mixed = s.mixed()
	return s.round(counts, used, budget)
}

// mixed are all nodes that were in the program, each with pods of items that stand for
// those it holds.
func (s *patternSearch) mixed() []bin {
	bins := make([]bin, len(s.patterns))
	for n := range s.patterns {
		p := &s.patterns[n]
		bins[n] = bin{config: p.config, times: 1}
		for _, x := range p.parts {
			bins[n].shares = append(bins[n].shares, share{demand: s.of.items[s.equals[x.item][0]].demand, count: x.count})
		}
	}
	return bins
}

// costsOf is about what a program of so many rows takes to begin with, in steps.
func costsOf(rows int) int { return rows * rows * rows / 2 }

// requests is how many different amounts pods ask for.
func (k *packer) requests(counts []int) int {
	different := make(map[string]bool, len(counts))
	for i, it := range k.items {
		if counts[i] > 0 {
			different[wantKey(it.class.request, nil)] = true
		}
	}
	return len(different)
}

// merge makes one item of those with pods that want the same of the same kinds of
// nodes, but for those that rules per node limit: all of them where there is room for
// so many, or those whose rules have a price.
func (s *patternSearch) merge(counts []int, all bool) []*item {
	s.oneOf, s.equals = make([]int, len(s.of.items)), nil
	var items []*item
	known := map[string]int{}
	for i, it := range s.of.items {
		s.oneOf[i] = -1
		if counts[i] == 0 || it.class.bundle != nil || it.joins() {
			continue
		}
		configs := s.alike.admitting(it.configs)
		key := wantKey(it.class.request, configs)
		if it.slot > 0 || all && it.perNode < counts[i] {
			key += strconv.Itoa(it.class.id)
		}
		one, found := known[key]
		if !found {
			one = len(items)
			known[key] = one
			items, s.equals = append(items, &item{class: it.class, configs: configs, linear: it.linear}), append(s.equals, nil)
		}
		s.oneOf[i], s.equals[one] = one, append(s.equals[one], i)
	}
	for one, list := range s.equals {
		items[one].perNode = s.mostPerNode(list)
		sort.SliceStable(list, func(a, b int) bool { return s.of.items[list[a]].choosier(s.of.items[list[b]]) })
	}
	return items
}

// costliest leaves out the items that cost least in all where there are too many,
// and all where much would be left out.
func (s *patternSearch) costliest(items []*item, counts []int) []*item {
	if len(items) <= maxPatternItems {
		return items
	}
	sums, costs, order := s.counted(counts), make([]float64, len(items)), make([]int, len(items))
	for one, it := range items {
		costs[one], order[one] = it.linear*float64(sums[one]), one
	}
	sort.SliceStable(order, func(a, b int) bool { return costs[order[a]] > costs[order[b]] })
	all, few := 0.0, 0.0
	for n, one := range order {
		all += costs[one]
		if n >= maxPatternItems {
			few += costs[one]
		}
	}
	if few > float64(all*mostLeftOut) {
		return nil
	}
	kept, equals := make([]*item, maxPatternItems), make([][]int, maxPatternItems)
	for n, one := range order {
		for _, i := range s.equals[one] {
			s.oneOf[i] = -1
			if n < maxPatternItems {
				s.oneOf[i] = n
			}
		}
		if n < maxPatternItems {
			kept[n], equals[n] = items[one], s.equals[one]
		}
	}
	s.equals = equals
	return kept
}

// wantKey is equal for pods that want the same of the same configs.
func wantKey(request vector, configs bitset) string {
	var key []byte
	for _, amount := range request {
		key = binary.AppendVarint(key, amount)
	}
	return string(key) + bitsKey(configs)
}

// mostPerNode is how many pods of some items rules admit on one node at most.
func (s *patternSearch) mostPerNode(list []int) int {
	sum, seen := 0, map[*class]bool{}
	for _, i := range list {
		it := s.of.items[i]
		if it.perNode == math.MaxInt32 {
			return it.perNode
		}
		if !seen[it.class] {
			seen[it.class] = true
			sum += it.perNode
		}
	}
	return sum
}

// choosier reports whether pods of the item find fewer places than those of another.
func (it *item) choosier(other *item) bool {
	if it.perNode != other.perNode {
		return it.perNode < other.perNode
	}
	return it.configs.count() < other.configs.count()
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
	worths, proven := s.sizeWorths(), 0.0
	for _, i := range s.asked {
		proven += float64(worths[i] * float64(s.counts[i]))
	}
	s.begin(worths, proven)
	s.bringSingles()
	for _, run := range runs {
		s.bringAll(run)
	}
}

// pack brings the nodes of a packing of everything that goes by these worths: they
// complement each other, as those that are asked one by one do not.
func (s *patternSearch) pack(worths []float64, used usage) {
	k := s.of
	values, before := k.values(), k.steps
	for i, one := range s.oneOf {
		if one >= 0 {
			k.items[i].value = wholePrice(worths[one]) + 1000
		}
	}
	run := k.run(variant{}, s.demanded, used.clone())
	k.setValues(values)
	s.steps, k.steps = s.steps+k.steps-before, before
	s.bringAll(run)
}

// bringAll brings the nodes of a packing.
func (s *patternSearch) bringAll(run *packing) {
	for i := range run.bins {
		if p := s.patternOf(&run.bins[i]); len(p.parts) > 0 {
			s.bring(p)
		}
	}
}

// sizeWorths are what items are worth by where they may be and how large they are,
// the mean of those that are one.
func (s *patternSearch) sizeWorths() []float64 {
	groups, worths := s.of.sizeGroups(), make([]float64, len(s.counts))
	for f, prices := range s.of.groupPrices(groups, s.demanded) {
		for _, i := range groups[f] {
			if one := s.oneOf[i]; one >= 0 && s.counts[one] > 0 {
				worth := worthAt(prices, s.of.items[i].class.request)
				worths[one] += float64(worth * float64(s.demanded[i]) / float64(s.counts[one]))
			}
		}
	}
	return worths
}

// patternOf is what the program knows of a node.
func (s *patternSearch) patternOf(b *bin) pattern {
	pods := make(map[int]int, len(b.shares))
	p := pattern{config: s.alike.of(b.config)}
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
