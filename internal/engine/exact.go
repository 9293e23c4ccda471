package engine

import (
	"math"
	"slices"
)

// Bounds of the exact search: how many multisets of pods there may be, and how
// many ways to split one into a node and a rest.
const (
	maxStates = 1 << 12
	maxSplits = 60_000
)

// exact finds the cheapest nodes for few pods by looking at every multiset of
// them: a node of some of the first kind, and the best for the rest. Multisets
// are numbers with one digit per item.
type exact struct {
	k      *packer
	used   usage
	items  []int // with pods left
	counts []int // by position in items
	weight []int // value of one pod in the number
	node   []nodeChoice
	best   []splitChoice
	rooms  *occupancy
	// buffers
	sum    vector
	shares []share
}

// nodeChoice is the cheapest config for all pods of a multiset on one node.
type nodeChoice struct {
	config int // -1: none
	price  int64
	at     int // of the config among those tried, cheapest first
}

// splitChoice is the cheapest way to buy for a multiset.
type splitChoice struct {
	cost  int64
	nodes int
	first int // the multiset on its first node
}

// solveExactly returns the cheapest packing of left, or nil when there are too
// many pods for that, or when limits need more than a price.
func (k *packer) solveExactly(left []int, used usage) *packing {
	if k.exact == nil {
		k.exact = &exact{k: k, rooms: newOccupancy(len(k.p.rules)), sum: make(vector, len(k.p.resources.names))}
	}
	e := k.exact // its buffers serve one call after the other
	e.used, e.items, e.counts, e.weight = used, e.items[:0], e.counts[:0], e.weight[:0]
	states, splits := 1, 1
	for i, n := range left {
		if n == 0 {
			continue
		}
		e.items, e.counts, e.weight = append(e.items, i), append(e.counts, n), append(e.weight, states)
		states *= n + 1
		splits *= (n + 1) * (n + 2) / 2
		if states > maxStates || splits > maxSplits {
			return nil
		}
	}
	k.steps += splits
	e.priceNodes(states)
	e.split(states)
	if e.best[states-1].cost == math.MaxInt64 {
		return nil
	}
	return e.packing(left, states)
}

func (e *exact) digits(state int, into []int) {
	for i := len(e.items) - 1; i >= 0; i-- {
		into[i] = state / e.weight[i]
		state %= e.weight[i]
	}
}

// priceNodes finds the cheapest config for every multiset.
func (e *exact) priceNodes(states int) {
	configs := e.k.cheapestFirst()
	joins := slices.ContainsFunc(e.items, func(i int) bool { return e.k.items[i].rank == rankJoining })
	e.node = slices.Grow(e.node[:0], states)[:states]
	e.node[0] = nodeChoice{}
	digits := make([]int, len(e.items))
	for state := 1; state < states; state++ {
		e.digits(state, digits)
		// What holds the pods holds them without one of them, unless that must be
		// beside another.
		from := 0
		for n, count := range digits {
			if fewer := &e.node[state-min(count, 1)*e.weight[n]]; count > 0 && (fewer.config >= 0 || !joins) {
				from = max(from, fewer.at)
			}
		}
		e.node[state] = e.cheapest(configs, from, digits)
	}
}

func (e *exact) cheapest(configs []int, from int, digits []int) nodeChoice {
	p := e.k.p
	sum := e.sum
	clear(sum)
	b := bin{times: 1, shares: e.shares[:0]}
	for n, count := range digits {
		if count > 0 {
			d := e.k.items[e.items[n]].demand
			sum.add(d.class.request, count)
			b.shares = append(b.shares, share{demand: d, count: count})
		}
	}
	e.shares = b.shares
	for at := from; at < len(configs); at++ {
		i := configs[at]
		c := &p.space.configs[i]
		e.k.steps++
		if !sum.fits(c.room) || !e.allowed(digits, i) || e.used.times(c.pool, c.capacity, 1) == 0 {
			continue
		}
		if b.config = i; p.rulesAdmit(e.rooms, &b, c, false) && p.flexible(&b, e.used) {
			return nodeChoice{config: i, price: c.price, at: at}
		}
	}
	return nodeChoice{config: -1, at: len(configs)}
}

func (e *exact) allowed(digits []int, config int) bool {
	for n, count := range digits {
		if count > 0 && !e.k.items[e.items[n]].configs.has(config) {
			return false
		}
	}
	return true
}

// split fills best in ascending order, so that every rest is known before.
func (e *exact) split(states int) {
	e.best = slices.Grow(e.best[:0], states)[:states]
	e.best[0] = splitChoice{}
	whole, part := make([]int, len(e.items)), make([]int, len(e.items))
	for state := 1; state < states; state++ {
		e.digits(state, whole)
		e.best[state] = splitChoice{cost: math.MaxInt64}
		e.parts(state, whole, part)
	}
}

// parts tries every part of state that has at least one pod of its first kind.
func (e *exact) parts(state int, whole, part []int) {
	first := 0
	for whole[first] == 0 {
		first++
	}
	clear(part)
	part[first] = 1
	number := e.weight[first]
	for {
		e.consider(state, number)
		n := first
		for ; n < len(whole); n++ {
			if part[n] < whole[n] {
				part[n]++
				number += e.weight[n]
				break
			}
			least := 0
			if n == first {
				least = 1
			}
			number -= (part[n] - least) * e.weight[n]
			part[n] = least
		}
		if n == len(whole) {
			return
		}
	}
}

func (e *exact) consider(state, part int) {
	node, rest := e.node[part], e.best[state-part]
	if node.config < 0 || rest.cost == math.MaxInt64 {
		return
	}
	best := &e.best[state]
	cost, nodes := node.price+rest.cost, 1+rest.nodes
	if cost < best.cost || cost == best.cost && nodes < best.nodes {
		*best = splitChoice{cost: cost, nodes: nodes, first: part}
	}
}

// cheapestFirst are the configs worth trying by price.
func (k *packer) cheapestFirst() []int {
	if k.byPrice == nil {
		tried := newBitset(len(k.p.space.configs))
		for _, i := range k.configs {
			tried.set(i)
		}
		for _, i := range k.p.byPrice {
			if tried.has(i) {
				k.byPrice = append(k.byPrice, i)
			}
		}
	}
	return k.byPrice
}

// packing writes the best split down; nil when the nodes together exceed a limit.
func (e *exact) packing(left []int, states int) *packing {
	out := &packing{left: make([]int, len(left)), usage: e.used.clone()}
	digits := make([]int, len(e.items))
	for state := states - 1; state > 0; state -= e.best[state].first {
		part := e.best[state].first
		b := bin{config: e.node[part].config, times: 1}
		e.digits(part, digits)
		for n, count := range digits {
			if count > 0 {
				b.shares = append(b.shares, share{demand: e.k.items[e.items[n]].demand, count: count})
				out.pods += count
			}
		}
		c := &e.k.p.space.configs[b.config]
		if !e.k.p.flexible(&b, out.usage) || out.usage.times(c.pool, b.charge, 1) == 0 {
			return nil
		}
		out.usage.add(c.pool, b.charge, 1)
		out.bins = append(out.bins, b)
		out.cost += c.price
		out.nodes++
	}
	return out
}
