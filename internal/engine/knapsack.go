package engine

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
	trial   []int
	rests   []vector // buffers of the search, by position
	// beyond is by position what the pods from there on were worth more than their
	// resources when above was asked last.
	beyond []float64
	steps  int
}

// Bounds of one search: of one that should come to its end, and of one that is to
// find something quickly.
const (
	proofSteps = 4_000
	quickSteps = 160
)

func newKnapsack(k *packer, config int, counts []int) *knapsack {
	c := &k.p.space.configs[config]
	most, items := make([]int, len(k.items)), make([]int, 0, len(k.items))
	s := &knapsack{config: config, room: c.room, most: most, items: items, prices: append([]float64(nil), k.scale.prices...)}
	for i, it := range k.items {
		if counts[i] == 0 || !it.configs.has(config) {
			continue
		}
		if s.most[i] = it.class.request.times(c.room, min(counts[i], it.perNode)); s.most[i] > 0 {
			s.items = append(s.items, i)
		}
	}
	backing := make(vector, len(s.items)*len(c.room))
	s.rests = make([]vector, len(s.items))
	for at := range s.items {
		s.rests[at], backing = backing[:len(c.room)], backing[len(c.room):]
	}
	pods := make([]int, 2*len(s.items))
	s.taken, s.trial, s.density = pods[:len(s.items)], pods[len(s.items):], make([]float64, len(s.items))
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
func (s *knapsack) above(items []*item, values []float64, floor float64, limit int) (worth, most float64) {
	s.sortByDensity(items, values)
	most = s.seeBeyond(items, values)
	clear(s.taken)
	if worth = s.balance(items, values); worth <= floor {
		worth = floor
		clear(s.taken)
	}
	d := descent{s: s, items: items, values: values, limit: limit, best: worth}
	worth = d.search()
	if d.limit <= 0 {
		return worth, max(most, worth)
	}
	return worth, worth
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

// seeBeyond fills beyond and returns what the pods could be worth in all.
func (s *knapsack) seeBeyond(items []*item, values []float64) float64 {
	if s.beyond == nil {
		s.beyond = make([]float64, len(s.items)+1)
	}
	for at := len(s.items) - 1; at >= 0; at-- {
		i := s.items[at]
		more := max(values[i]-worthAt(s.prices, items[i].class.request), 0)
		s.beyond[at] = s.beyond[at+1] + float64(more*float64(s.most[i]))
	}
	return worthAt(s.prices, s.room) + s.beyond[0]
}

// holds is what the pods in taken are worth; 0, and they are dropped, when the node
// does not hold them.
func (s *knapsack) holds(items []*item, values []float64) float64 {
	worth, room := 0.0, s.room.clone()
	for at, count := range s.taken {
		worth += float64(values[s.items[at]] * float64(count))
		room.add(items[s.items[at]].class.request, -count)
	}
	for _, left := range room {
		if left < 0 {
			clear(s.taken)
			return 0
		}
	}
	return worth
}

// settlePrices moves the price of one resource after another to where the pods
// worth more than their resources just use it up.
func (s *knapsack) settlePrices(items []*item, values []float64) {
	order := make([]breakpoint, 0, len(s.items))
	for r, room := range s.room {
		order = order[:0]
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
				order = append(order, breakpoint{left / float64(request[r]), float64(request[r]) * float64(s.most[i])})
			}
		}
		s.prices[r] = clearingPrice(order, float64(room))
		s.steps += 4 * len(order)
	}
}

// breakpoint is a price up to which an amount is asked for.
type breakpoint struct{ price, amount float64 }

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

// descent is one search.
type descent struct {
	s      *knapsack
	items  []*item
	values []float64
	best   float64
	limit  int // steps left
}

// search returns what the pods in taken are worth, or the best known before.
func (d *descent) search() float64 {
	clear(d.s.trial)
	d.from(0, d.s.room.clone(), 0)
	return d.best
}

// from takes as many as fit of one item after another, then comes back for
// fewer, as long as the rest could still be worth more than the best.
func (d *descent) from(at int, room vector, worth float64) {
	s := d.s
	if worth > d.best {
		d.best = worth
		copy(s.taken, s.trial)
	}
	for ; at < len(s.items) && d.limit > 0; at++ {
		left := worthAt(s.prices, room)
		if worth+float64(left*s.density[at]) <= d.best || worth+left+s.beyond[at] <= d.best {
			return
		}
		i := s.items[at]
		request := d.items[i].class.request
		s.steps += 2
		d.limit--
		for take := request.times(room, s.most[i]); take > 0 && d.limit > 0; take-- {
			d.limit--
			s.trial[at] = take
			rest := s.rests[at]
			copy(rest, room)
			rest.add(request, -take)
			d.from(at+1, rest, worth+float64(d.values[i]*float64(take)))
		}
		s.trial[at] = 0
	}
}
