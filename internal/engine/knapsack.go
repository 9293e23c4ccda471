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
	steps   int
}

// maxKnapsackSteps bounds one search; its first descent is the greedy choice.
const maxKnapsackSteps = 160

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

// solve returns the worth of the best pods it finds; they are in taken.
func (s *knapsack) solve(items []*item, values []float64) float64 {
	s.steps = 0
	s.settlePrices(items, values)
	s.sortByDensity(items, values)
	clear(s.taken)
	clear(s.trial)
	d := descent{s: s, items: items, values: values, limit: maxKnapsackSteps}
	d.from(0, s.room.clone(), 0)
	return d.best
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

// from takes as many as fit of one item after another, then comes back for
// fewer, as long as the rest could still be worth more than the best.
func (d *descent) from(at int, room vector, worth float64) {
	s := d.s
	if worth > d.best {
		d.best = worth
		copy(s.taken, s.trial)
	}
	for ; at < len(s.items) && d.limit > 0; at++ {
		if worth+float64(worthAt(s.prices, room)*s.density[at]) <= d.best {
			return
		}
		i := s.items[at]
		request := d.items[i].class.request
		s.steps += 2
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
