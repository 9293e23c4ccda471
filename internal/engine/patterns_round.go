package engine

import (
	"container/heap"
	"math"
	"slices"
	"sort"
)

// A program of more than fewPatternItems rows takes far longer to settle: larger items stand
// for smaller ones then, as long as that makes all pods together dearer by no more than
// mostRounded, or mostRoundedMany where there are more than maxPatternItems.
const (
	fewPatternItems = 128
	mostRounded     = 0.016
	mostRoundedMany = 0.10
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
	r.round(fewPatternItems, mostRounded)
	r.round(maxPatternItems, mostRoundedMany)
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
	order  []int   // items that may, cheapest first
	into   []int   // by item, what stands for it; -1 for none
	target []int   // by position in order, that of what may stand for the item at least cost
	aimed  [][]int // by position, those whose target it was once
	queue  costQueue
	alive  int     // items for which nothing stands
	total  float64 // what all pods are worth
	spent  float64 // how much dearer they have become
	steps  int
}

// costQueue is a heap of positions by what it costs to round the item up, or has cost
// once: that only rises.
type costQueue []rise

type rise struct {
	cost float64
	at   int
}

func (q costQueue) Len() int { return len(q) }
func (q costQueue) Less(i, j int) bool {
	return q[i].cost < q[j].cost || q[i].cost == q[j].cost && q[i].at < q[j].at
}
func (q costQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push is part of heap.Interface.
func (q *costQueue) Push(x any) { *q = append(*q, x.(rise)) }

// Pop is part of heap.Interface.
func (q *costQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func newRounding(items []*item, counts []int, may func(one int) bool) *rounding {
	r := &rounding{items: items, counts: slices.Clone(counts), into: make([]int, len(items)), alive: len(items)}
	for i, it := range items {
		r.into[i] = -1
		r.total += float64(it.linear * float64(counts[i]))
		if may(i) {
			r.order = append(r.order, i)
		}
	}
	sort.SliceStable(r.order, func(a, b int) bool { return items[r.order[a]].linear < items[r.order[b]].linear })
	r.target, r.aimed = make([]int, len(r.order)), make([][]int, len(r.order))
	for at := range r.order {
		r.aim(at, at+1)
	}
	return r
}

// round rounds up whatever costs least, until so few items are left, as long as that makes
// all pods together no dearer than by that part.
func (r *rounding) round(few int, part float64) {
	for r.alive > few && len(r.queue) > 0 {
		next := &r.queue[0]
		if r.into[r.order[next.at]] >= 0 {
			heap.Pop(&r.queue)
			continue
		}
		if cost := r.cost(next.at); cost > next.cost {
			next.cost = cost
			heap.Fix(&r.queue, 0)
			continue
		}
		if r.spent+next.cost > float64(r.total*part) {
			return
		}
		r.spent += next.cost
		r.alive--
		r.join(heap.Pop(&r.queue).(rise).at)
	}
}

// aim finds what may stand for an item, from a position on: whatever asks for as much of
// everything and may be nowhere else.
func (r *rounding) aim(at, from int) {
	small := r.items[r.order[at]]
	for to := from; to < len(r.order); to++ {
		r.steps++
		large := r.items[r.order[to]]
		if r.into[r.order[to]] < 0 && within(small.class.request, large.class.request) && large.configs.within(small.configs) {
			r.target[at], r.aimed[to] = to, append(r.aimed[to], at)
			heap.Push(&r.queue, rise{r.cost(at), at})
			return
		}
	}
	r.target[at] = -1
}

// cost is by how much the pods of an item become dearer; without bounds where nothing may
// stand for it.
func (r *rounding) cost(at int) float64 {
	if r.target[at] < 0 {
		return math.Inf(1)
	}
	i, to := r.order[at], r.order[r.target[at]]
	return float64((r.items[to].linear - r.items[i].linear) * float64(r.counts[i]))
}

// join lets the target of an item stand for it.
func (r *rounding) join(from int) {
	i, to := r.order[from], r.order[r.target[from]]
	r.into[i] = to
	r.counts[to] += r.counts[i]
	for _, at := range r.aimed[from] {
		if r.target[at] == from && r.into[r.order[at]] < 0 {
			r.aim(at, from+1)
		}
	}
}
