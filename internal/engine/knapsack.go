package engine

import "slices"

// knapsack looks for the pods that are worth most together on one node of one
// config. It keeps what it learned between calls, in which values change little.
type knapsack struct {
	config  int
	room    vector
	items   []int     // that may be here, most worth for their size first
	most    []int     // of each item on a node, by item
	prices  []float64 // of the node's resources, from the items' values
	density []float64 // by position in items
	taken   []int     // by position, of the best pods found
	steps   int
	longer  int // doublings of the steps of a longer look
	asks    *asks
}

// asks are buffers of prices up to which resources are asked for.
type asks struct{ order, left []breakpoint }

// Bounds of one search, to begin with and where fewer steps find nothing.
const (
	quickSteps = 30_000
	proofSteps = 240_000
)

func newKnapsack(k *packer, config int, counts []int, asks *asks) *knapsack {
	c := &k.p.space.configs[config]
	most, items := make([]int, len(k.items)), make([]int, 0, len(k.items))
	s := &knapsack{config: config, room: c.room, most: most, items: items, asks: asks, prices: append([]float64(nil), k.scale.prices...)}
	for i, it := range k.items {
		if counts[i] == 0 || !it.configs.has(config) {
			continue
		}
		if s.most[i] = it.class.request.times(c.room, min(counts[i], it.perNode)); s.most[i] > 0 {
			s.items = append(s.items, i)
		}
	}
	s.taken, s.density = make([]int, len(s.items)), make([]float64, len(s.items))
	return s
}

// atMost is what pods on the node could be worth at most: what its resources cost
// at the prices settled last, and what pods are worth beyond that.
func (s *knapsack) atMost(items []*item, values []float64) float64 {
	sum := worthAt(s.prices, s.room)
	for _, i := range s.items {
		if more := values[i] - worthAt(s.prices, items[i].class.request); more > 0 {
			sum += float64(more * float64(s.most[i]))
		}
	}
	s.steps += len(s.items)
	return sum
}

// above looks for pods that are worth more than the floor, in so many steps. It
// returns what those in taken are worth, or the floor, and what no pods are worth
// more than.
func (s *knapsack) above(w *sweep, items []*item, values []float64, floor float64, limit int) (worth, most float64) {
	s.sortByDensity(items, values)
	clear(s.taken)
	w.s, w.items, w.values = s, items, values
	return w.most(s.balance(items, values), floor, limit)
}

// balance takes pods one after the other, each time those worth most for what they
// use, at prices that rise as their resource runs out: so that no resource is left
// for want of another. It returns what they are worth.
func (s *knapsack) balance(items []*item, values []float64) float64 {
	room, prices, worth := s.room.clone(), make([]float64, len(s.room)), 0.0
	for {
		for r, price := range s.prices {
			prices[r] = price * float64(s.room[r]) / float64(max(room[r], 1))
		}
		best, rate := -1, 0.0
		for at, i := range s.items {
			request := items[i].class.request
			if s.taken[at] == s.most[i] || !request.fits(room) {
				continue
			}
			if x := values[i] / max(worthAt(prices, request), 1e-9); x > rate {
				best, rate = at, x
			}
		}
		s.steps += len(s.items)
		if best < 0 {
			return worth
		}
		i := s.items[best]
		request := items[i].class.request
		count := max(1, request.times(room, s.most[i]-s.taken[best])/4)
		s.taken[best] += count
		room.add(request, -count)
		worth += float64(values[i] * float64(count))
	}
}

// settlePrices moves the price of one resource after another to where the pods
// worth more than their resources just use it up.
func (s *knapsack) settlePrices(items []*item, values []float64) {
	for r, room := range s.room {
		order := s.asks.order[:0]
		for _, i := range s.items {
			request := items[i].class.request
			if request[r] == 0 {
				continue
			}
			left := values[i]
			for other, amount := range request {
				if other != r {
					left -= float64(s.prices[other] * float64(amount))
				}
			}
			if left > 0 {
				order = append(order, breakpoint{left / float64(request[r]), float64(request[r]) * float64(s.most[i]), 0})
			}
		}
		s.asks.order = order
		s.prices[r] = clearingPrice(order, float64(room))
		s.steps += 4 * len(order)
	}
}

// settleBoth looks for the prices of the two dearest resources at which the pods worth
// more than their resources use both up: one price after the other ends too early
// where paying less for the one needs more of the other.
func (s *knapsack) settleBoth(items []*item, values []float64) {
	s.settlePrices(items, values)
	first, second := s.dearest(-1)
	if second < 0 || s.prices[second] <= 0 {
		return
	}
	before, worth := slices.Clone(s.prices), s.atMost(items, values)
	low, high := 0.0, s.prices[second]
	for range widenings {
		s.prices[second] = high
		if !s.wanted(first, second, items, values) {
			break
		}
		low, high = high, high*2
	}
	for range halvings {
		middle := low + (high-low)/2
		s.prices[second] = middle
		if s.wanted(first, second, items, values) {
			low = middle
		} else {
			high = middle
		}
	}
	s.prices[second] = high
	s.wanted(first, second, items, values)
	if s.atMost(items, values) > worth {
		copy(s.prices, before)
	}
}

// How often settleBoth doubles and halves what it looks at.
const (
	widenings = 6
	halvings  = 12
)

// wanted settles the price of the first resource and reports whether more of the second
// is wanted than there is.
func (s *knapsack) wanted(first, second int, items []*item, values []float64) bool {
	order, used := s.asks.order[:0], 0.0
	for _, i := range s.items {
		request := items[i].class.request
		left := values[i] - worthAt(s.prices, request) + float64(s.prices[first]*float64(request[first]))
		switch {
		case left <= 0:
		case request[first] == 0:
			used += float64(request[second]) * float64(s.most[i])
		default:
			order = append(order, breakpoint{left / float64(request[first]), float64(request[first]) * float64(s.most[i]), float64(request[second]) * float64(s.most[i])})
		}
	}
	s.asks.order = order
	s.steps += 4 * len(order)
	s.asks.left = append(s.asks.left[:0], order...)
	s.prices[first] = clearingPrice(s.asks.left, float64(s.room[first]))
	at, above, taken := 0.0, 0.0, 0.0
	for _, b := range order {
		switch {
		case b.price > s.prices[first]:
			used += b.other
			taken += b.amount
		case b.price == s.prices[first]:
			at += b.other
			above += b.amount
		}
	}
	if above > 0 {
		used += float64(at * max(0, min(1, (float64(s.room[first])-taken)/above)))
	}
	return used > float64(s.room[second])
}

// breakpoint is a price up to which an amount is asked for, with so much of another
// resource.
type breakpoint struct{ price, amount, other float64 }

// clearingPrice is the price at which no more than room is asked for.
func clearingPrice(order []breakpoint, room float64) float64 {
	for len(order) > 0 {
		// Split around a middle price, as in quickselect.
		pivot := order[len(order)/2].price
		above, at := 0.0, 0.0
		for _, b := range order {
			switch {
			case b.price > pivot:
				above += b.amount
			case b.price == pivot:
				at += b.amount
			}
		}
		keep := order[:0]
		switch {
		case above > room:
			for _, b := range order {
				if b.price > pivot {
					keep = append(keep, b)
				}
			}
		case above+at > room:
			return pivot
		default:
			room -= above + at
			for _, b := range order {
				if b.price < pivot {
					keep = append(keep, b)
				}
			}
		}
		order = keep
	}
	return 0
}

// sortByDensity is an insertion sort: the order changes little between calls.
func (s *knapsack) sortByDensity(items []*item, values []float64) {
	of := func(i int) float64 {
		cost := worthAt(s.prices, items[i].class.request)
		if cost <= 0 {
			cost = 1e-9
		}
		return values[i] / cost
	}
	for n, i := range s.items {
		d := of(i)
		at := n
		for at > 0 && s.density[at-1] < d {
			s.density[at], s.items[at] = s.density[at-1], s.items[at-1]
			at--
			s.steps++
		}
		s.density[at], s.items[at] = d, i
	}
	s.steps += 2 * len(s.items)
}

// dearest returns the two resources whose room costs most, without the one left out; the
// second is -1 where there is one resource only.
func (s *knapsack) dearest(without int) (first, second int) {
	first, second = -1, -1
	cost := func(r int) float64 { return s.prices[r] * float64(s.room[r]) }
	for r := range s.room {
		switch {
		case r == without:
		case first < 0 || cost(r) > cost(first):
			first, second = r, first
		case second < 0 || cost(r) > cost(second):
			second = r
		}
	}
	return first, second
}
