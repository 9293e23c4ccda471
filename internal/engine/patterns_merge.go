package engine

import (
	"encoding/binary"
	"math"
	"sort"
	"strconv"
)

// maxPatternItems bounds the search for patterns: the linear program has one row for
// each kind of pods and its pivots cost the square of that. Items that are too many are
// left out, up to the part mostLeftOut of the cost.
const (
	maxPatternItems = 256
	mostLeftOut     = 0.05
)

// merged are items that each stand for those that are one.
func (s *patternSearch) merged(counts []int) []*item {
	if items := s.merge(counts, true); len(items) <= maxPatternItems {
		return items
	}
	return s.merge(counts, false)
}

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
