package bound

import (
	"cmp"
	"math"
	"slices"
)

// node is one place under examination: the classes that may be on it, with the
// multipliers that explain their worth best.
type node struct {
	c           *checker
	room        []int64
	classes     []*class // those worth more than their resources first
	beyond      []int64
	most        []int64 // by position: how many of the class there may be
	multipliers []int64
	// rest is for each position what the classes from there on are worth beyond
	// their resources at most.
	rest  []int64
	rooms [][]int64 // buffers by position
	price []ratio   // by position: a class's worth for what its resources cost
	used  float64   // of clear
	limit int       // steps left
}

// refine lowers the upper bound on what the kind's node holds by the next of several
// means, each dearer than the one before. It returns false when there is none left.
func (c *checker) refine(k *kind) bool {
	if c.steps <= 0 {
		return false
	}
	k.looked++
	switch k.looked {
	case 1:
		k.most = min(k.most, c.remembered(k))
	case 2:
		k.node = c.examine(k.room, c.seenAs(k.view))
		c.price(k)
	case 3:
		if !k.node.countable() {
			return false
		}
		k.most = min(k.most, k.node.byGrid(maxGrid))
	case 4:
		k.node.prepare()
		k.most = k.node.bySearch(k.price, k.most)
	case 5:
		if c.allSteps >= leastSweepSteps {
			k.most = min(k.most, k.node.bySweep(sensible(k.price, k.most), c.allSteps/sweepShare))
		}
	case 6:
		k.most = min(k.most, k.node.byGrid(min(maxLargeGrid, c.steps)))
	case 7:
		if c.allSteps >= leastSweepSteps {
			k.most = min(k.most, k.node.bySweep(sensible(k.price, k.most), c.steps/lastSweepShare))
		}
	default:
		return false
	}
	return true
}

// price lowers the bound of a kind to what prices of its resources prove.
func (c *checker) price(k *kind) {
	n := k.node
	proven := c.explained(k, n)
	if c.resources > 1 {
		before := slices.Clone(n.multipliers)
		n.settleBoth()
		if better := c.explained(k, n); better < proven {
			proven = better
		} else {
			n.multipliers = before
		}
	}
	k.most = min(k.most, proven)
	if len(c.learned) < mostLearned {
		c.learned = append(c.learned, slices.Clone(n.multipliers))
	}
}

// bySearch lowers what a node of that price holds at most to the lowest of some goals
// that a search proves. The lowest is what it costs: sensible duals say no more.
func (n *node) bySearch(price, most int64) int64 {
	base := sensible(price, most)
	if base >= most {
		return most
	}
	step := (most - base) / (goals * goals)
	for low, high := int64(0), int64(goals); low < high; {
		middle := (low + high) / 2
		if goal := base + step*middle*middle; n.proves(goal) {
			most, high = goal, middle
		} else {
			low = middle + 1
		}
	}
	return most
}

// sensible is how low it makes sense to go with what a node of that price holds at
// most: to what it costs, but at once no lower than to half of what is known.
func sensible(price, most int64) int64 {
	base, fits := mulAdd(0, 1<<fraction, price)
	if !fits {
		return most / 2
	}
	return max(base, most/2)
}

// mostLearned is how many multipliers of nodes are kept for the others: those of
// the worst nodes, which are examined first.
const mostLearned = 16

// remembered is what the multipliers of nodes examined before prove.
func (c *checker) remembered(k *kind) int64 {
	v, least := c.seenAs(k.view), int64(math.MaxInt64)
	for n, m := range c.learned {
		if n == len(v.learned) {
			v.learned = append(v.learned, explain(m, v.classes))
			c.steps -= len(v.classes)
		}
		if most, ok := c.lagrange(&v.learned[n], k.room); ok {
			least = min(least, most)
		}
		c.steps -= len(v.learned[n].beyond)
	}
	return least
}

// explained is what the node's multipliers prove.
func (c *checker) explained(k *kind, n *node) int64 {
	e := explain(n.multipliers, c.seenAs(k.view).classes)
	if most, ok := c.lagrange(&e, k.room); ok {
		return most
	}
	return math.MaxInt64
}

// maxProofSteps bounds one attempt to prove that a node is worth at most a goal;
// goals are so many, the closer to each other the lower.
const (
	maxProofSteps = 20_000
	goals         = 16
)

// countable reports whether no sum of the search can be too large for 63 bits.
func (n *node) countable() bool {
	worth, fits := int64(0), true
	for _, k := range n.classes {
		if worth, fits = mulAdd(worth, k.worth, k.most(n.room)); !fits {
			return false
		}
	}
	for r, amount := range n.room {
		if worth, fits = mulAdd(worth, n.multipliers[r], amount); !fits {
			return false
		}
	}
	return true
}

func (n *node) proves(goal int64) bool {
	n.limit = min(maxProofSteps, n.c.steps)
	before := n.limit
	proven := n.search(0, n.room, 0, goal)
	n.c.steps -= before - n.limit
	return proven
}

// examine finds multipliers: the price of one resource after another at which
// the classes worth more than their resources just use it up.
func (c *checker) examine(room []int64, v *view) *node {
	n := &node{c: c, room: room, multipliers: make([]int64, c.resources)}
	for i := range v.classes {
		if k := &v.classes[i]; k.most(room) > 0 {
			n.classes, n.most = append(n.classes, k), append(n.most, k.most(room))
		}
	}
	for range 6 {
		changed := false
		for r := range room {
			changed = n.clear(r, r) || changed
		}
		c.steps -= len(n.classes) * c.resources * 4
		if !changed {
			break
		}
	}
	return n
}

// settleBoth looks for the prices of two resources at which the classes worth
// more than their resources use both up: one price after the other ends too
// early where paying less for the one needs more of the other.
func (n *node) settleBoth() {
	scarcest := n.scarcestFirst()
	first, second := scarcest[0], scarcest[1]
	low, high := int64(0), int64(0)
	for _, k := range n.classes {
		if k.request[second] > 0 {
			high = max(high, k.worth/k.request[second]+1)
		}
	}
	for low < high {
		n.multipliers[second] = low + (high-low)/2
		n.clear(first, second)
		if n.used > float64(n.room[second]) {
			low = n.multipliers[second] + 1
		} else {
			high = n.multipliers[second]
		}
		n.c.steps -= len(n.classes) * 4
		if high-low < high>>pricesBits {
			low = high
		}
	}
	n.multipliers[second] = high
	n.clear(first, second)
}

// pricesBits is how many binary digits of a price are looked for.
const pricesBits = 16

// scarcestFirst orders the resources by what the classes ask for of a node's room.
func (n *node) scarcestFirst() []int {
	wanted, order := make([]float64, len(n.room)), make([]int, len(n.room))
	for at, k := range n.classes {
		for r, amount := range k.request {
			wanted[r] += float64(float64(amount) * float64(n.most[at]) / float64(max(n.room[r], 1)))
		}
	}
	for r := range order {
		order[r] = r
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(wanted[b], wanted[a]) })
	return order
}

// want is an amount of a resource that is asked for up to a price, with so much
// of another one.
type want struct{ price, amount, other int64 }

// clear sets the price of a resource at which no more than the room is asked for,
// and reports whether that is news. How much that uses of the other resource is
// in n.used.
func (n *node) clear(r, other int) bool {
	wants, before := n.c.wants[:0], n.multipliers[r]
	n.multipliers[r], n.used = 0, 0
	for at, k := range n.classes {
		left := k.beyond(n.multipliers)
		switch {
		case left <= 0:
		case k.request[r] == 0:
			n.used += float64(float64(k.request[other]) * float64(n.most[at]))
		default:
			wants = append(wants, want{left / k.request[r], k.request[r] * n.most[at], k.request[other] * n.most[at]})
		}
	}
	n.c.wants = wants
	price, used := clearing(wants, n.room[r])
	n.multipliers[r], n.used = price, n.used+used
	return n.multipliers[r] != before
}

// clearing is the price at which no more than the room is asked for, 0 where that is so
// anyway, and how much of the other resource is used then. It leaves wants in another
// order.
func clearing(wants []want, room int64) (price int64, used float64) {
	for len(wants) > 0 {
		// Split around a middle price, as in quickselect.
		pivot := wants[len(wants)/2].price
		var above, at want
		for _, w := range wants {
			switch {
			case w.price > pivot:
				above.amount, above.other = above.amount+w.amount, above.other+w.other
			case w.price == pivot:
				at.amount, at.other = at.amount+w.amount, at.other+w.other
			}
		}
		keep, over := wants[:0], above.amount > room
		if !over {
			if used += float64(above.other); above.amount+at.amount > room {
				return pivot, used + float64(float64(at.other)*float64(float64(room-above.amount)/float64(at.amount)))
			}
			room -= above.amount + at.amount
			used += float64(at.other)
		}
		for _, w := range wants {
			if over && w.price > pivot || !over && w.price < pivot {
				keep = append(keep, w)
			}
		}
		wants = keep
	}
	return 0, used
}

// prepare orders the classes for the search: those worth most for what their
// resources cost first.
func (n *node) prepare() {
	type priced struct {
		class *class
		price ratio
	}
	order := make([]priced, len(n.classes))
	for at, k := range n.classes {
		order[at] = priced{k, ratio{worth: k.worth, price: n.cost(k.request)}}
	}
	slices.SortStableFunc(order, func(a, b priced) int {
		switch {
		case b.price.less(a.price):
			return -1
		case a.price.less(b.price):
			return 1
		}
		return 0
	})
	n.price = make([]ratio, len(n.classes))
	for at := range order {
		n.classes[at], n.price[at] = order[at].class, order[at].price
	}
	n.beyond, n.most = make([]int64, len(n.classes)), n.most[:len(n.classes)]
	n.rest, n.rooms = make([]int64, len(n.classes)+1), make([][]int64, len(n.classes))
	rooms := make([]int64, len(n.classes)*len(n.room))
	for at := len(n.classes) - 1; at >= 0; at-- {
		k := n.classes[at]
		n.beyond[at], n.most[at] = k.beyond(n.multipliers), k.most(n.room)
		n.rooms[at] = rooms[at*len(n.room) : (at+1)*len(n.room)]
		n.rest[at] = n.rest[at+1] + n.beyond[at]*n.most[at]
	}
}

// cost is what an amount of resources costs at the multipliers; countable nodes
// have no sum that is too large.
func (n *node) cost(amounts []int64) int64 {
	cost := int64(0)
	for r, amount := range amounts {
		cost += n.multipliers[r] * amount
	}
	return cost
}

// search proves that no pods on the node are worth more than goal; false when
// some are, or when the steps ran out. It looks at every number of every class
// from at on, as long as what they could be worth exceeds the goal.
func (n *node) search(at int, room []int64, worth, goal int64) bool {
	if worth > goal {
		return false
	}
	sold := n.cost(room)
	for ; at < len(n.classes); at++ {
		if n.limit--; n.limit < 0 {
			return false
		}
		if worth+sold+n.rest[at] <= goal || n.atMost(at, sold, goal-worth) {
			return true
		}
		k := n.classes[at]
		count := n.most[at]
		for r, amount := range k.request {
			if amount > room[r] {
				count = 0
				break
			}
			if amount > 0 {
				count = min(count, room[r]/amount)
			}
		}
		rest := n.rooms[at]
		for take := count; take > 0; take-- {
			for r, amount := range k.request {
				rest[r] = room[r] - amount*take
			}
			if !n.search(at+1, rest, worth+k.worth*take, goal) {
				return false
			}
		}
	}
	return true
}

// atMost reports whether resources that cost so much are worth no more than that
// to the classes from at on, which pay at most what the first of them does.
func (n *node) atMost(at int, cost, worth int64) bool {
	best := n.price[at]
	return best.price > 0 && !(ratio{worth: worth, price: cost}).less(best)
}
