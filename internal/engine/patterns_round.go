package engine

import (
	"slices"
	"sort"
)

// A program of more than fewPatternItems rows takes far longer to settle: larger items stand
// for smaller ones then, as long as that makes all pods together dearer by no more than
// mostRounded.
const (
	fewPatternItems = 128
	mostRounded     = 0.016
)

// roundUp lets items stand for others that ask for little less, whatever costs least
// first, but not where devices make their worth, nor where a rule per node that has a price
// bears on them.
func (s *patternSearch) roundUp(items []*item, counts []int) []*item {
	if len(items) <= fewPatternItems {
		return items
	}
	r := newRounding(items, s.counted(counts), func(one int) bool {
		return s.of.items[s.equals[one][0]].slot == 0 && !items[one].wantsDevices(s.of.p.resources)
	})
	for alive, left := len(items), r.total*mostRounded; alive > fewPatternItems; alive-- {
		from := r.cheapest()
		if from < 0 || r.cost(from) > left {
			break
		}
		left -= r.cost(from)
		r.join(from)
	}
	s.of.steps += r.steps
	return s.keep(items, r.into)
}

// keep leaves out the items that others stand for.
func (s *patternSearch) keep(items []*item, into []int) []*item {
	kept, equals, numbers := make([]*item, 0, fewPatternItems), make([][]int, 0, fewPatternItems), make([]int, len(items))
	for one := range items {
		if into[one] < 0 {
			numbers[one] = len(kept)
			kept, equals = append(kept, items[one]), append(equals, s.equals[one])
		}
	}
	for one := range items {
		at := one
		for into[at] >= 0 {
			at = into[at]
		}
		if at != one {
			equals[numbers[at]] = append(equals[numbers[at]], s.equals[one]...)
		}
		for _, i := range s.equals[one] {
			s.oneOf[i] = numbers[at]
		}
	}
	for one, it := range kept {
		it.perNode = s.mostPerNode(equals[one])
	}
	s.equals = equals
	return kept
}

// rounding finds which items may stand for which others.
type rounding struct {
	items  []*item
	counts []int
	order  []int // items that may, cheapest first
	into   []int // by item, what stands for it; -1 for none
	target []int // by position in order, that of what may stand for the item at least cost; -1 for none
	total  float64
	steps  int
}

func newRounding(items []*item, counts []int, may func(one int) bool) *rounding {
	r := &rounding{items: items, counts: slices.Clone(counts), into: make([]int, len(items))}
	for i, it := range items {
		r.into[i] = -1
		r.total += float64(it.linear * float64(counts[i]))
		if may(i) {
			r.order = append(r.order, i)
		}
	}
	sort.SliceStable(r.order, func(a, b int) bool { return items[r.order[a]].linear < items[r.order[b]].linear })
	r.target = make([]int, len(r.order))
	for at := range r.order {
		r.aim(at, at+1)
	}
	return r
}

// aim finds what may stand for an item, from a position on: whatever asks for as much of
// everything and may be nowhere else.
func (r *rounding) aim(at, from int) {
	small := r.items[r.order[at]]
	for to := from; to < len(r.order); to++ {
		r.steps++
		large := r.items[r.order[to]]
		if r.into[r.order[to]] < 0 && within(small.class.request, large.class.request) && large.configs.within(small.configs) {
			r.target[at] = to
			return
		}
	}
	r.target[at] = -1
}

// cost is by how much the pods of an item become dearer.
func (r *rounding) cost(at int) float64 {
	i, to := r.order[at], r.order[r.target[at]]
	return float64((r.items[to].linear - r.items[i].linear) * float64(r.counts[i]))
}

// cheapest is the position of the item that costs least to round up; -1 for none.
func (r *rounding) cheapest() int {
	best := -1
	for at, i := range r.order {
		if r.into[i] < 0 && r.target[at] >= 0 && (best < 0 || r.cost(at) < r.cost(best)) {
			best = at
		}
	}
	r.steps += len(r.order)
	return best
}

// join lets the target of an item stand for it.
func (r *rounding) join(from int) {
	i, to := r.order[from], r.order[r.target[from]]
	r.into[i] = to
	r.counts[to] += r.counts[i]
	for at := range r.order[:from] {
		if r.target[at] == from && r.into[r.order[at]] < 0 {
			r.aim(at, from+1)
		}
	}
}
