package bound

import (
	"cmp"
	"slices"
)

// node is one place under examination: the classes that may be on it, with the
// multipliers that explain their worth best.
type node struct {
	c           *checker
	room        []int64
	classes     []int // those worth more than their resources first
	beyond      []int64
	most        []int64
	multipliers []int64
	// rest is for each position what the classes from there on are worth beyond
	// their resources at most.
	rest  []int64
	rooms [][]int64 // buffers by position
	limit int       // steps left
}

// refine lowers the upper bound on the worth of one kind's node, as far as that
// keeps the node from scaling the duals down more than others do.
func (c *checker) refine(k *kind) int64 {
	least, price := k.seems, k.price
	if price == 0 || c.exclusive > 0 || c.steps <= 0 || least <= c.goal(price, 0) {
		return least
	}
	n := c.examine(k.room, c.views[k.view])
	explained := c.explain(n.multipliers, c.views[k.view])
	if most, ok := c.lagrange(&explained, k.room); ok {
		least = min(least, most)
	}
	if !n.countable() {
		return least
	}
	n.prepare()
	for low, high := 0, goals; low < high; {
		middle := (low + high) / 2
		goal := c.goal(price, middle)
		if goal >= least || n.proves(goal) {
			least, high = min(least, goal), middle
		} else {
			low = middle + 1
		}
	}
	c.reached = max(c.reached, least/price+1)
	return least
}

// maxProofSteps bounds one attempt to prove that a node is worth at most a
// goal; goals are that many, ever further from what has been reached.
const (
	maxProofSteps = 20_000
	goals         = 16
)

// goal is a worth for a node of this price: the first is that of the worst node
// so far, each next one a half of a hundredth of itself more.
func (c *checker) goal(price int64, number int) int64 {
	goal, fits := mulAdd(0, max(c.reached, 1<<fraction), price)
	if !fits || goal > 1<<61 {
		return 1 << 61
	}
	return goal + goal/200*int64(number*number)/2
}

// countable reports whether no sum of the search can be too large for 63 bits.
func (n *node) countable() bool {
	worth, fits := int64(0), true
	for _, i := range n.classes {
		k := &n.c.classes[i]
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

// examine finds the multipliers: the price of one resource after another at
// which the classes worth more than their resources just use it up.
func (c *checker) examine(room []int64, admits []bool) *node {
	n := &node{c: c, room: room, multipliers: make([]int64, c.resources)}
	for i := range c.classes {
		if k := &c.classes[i]; admits[k.family] && k.worth > 0 && k.most(room) > 0 {
			n.classes = append(n.classes, i)
		}
	}
	for range 6 {
		changed := false
		for r := range room {
			changed = n.clear(r) || changed
		}
		c.steps -= len(n.classes) * c.resources * 4
		if !changed {
			break
		}
	}
	return n
}

// want is an amount of a resource that is asked for up to a price.
type want struct{ price, amount int64 }

// clear sets the price of a resource at which no more than the room is asked for,
// and reports whether that is news.
func (n *node) clear(r int) bool {
	wants, before := n.c.wants[:0], n.multipliers[r]
	n.multipliers[r] = 0
	for _, i := range n.classes {
		k := &n.c.classes[i]
		if k.request[r] > 0 {
			if left := k.beyond(n.multipliers); left > 0 {
				wants = append(wants, want{left / k.request[r], k.request[r] * k.most(n.room)})
			}
		}
	}
	slices.SortFunc(wants, func(a, b want) int { return cmp.Compare(b.price, a.price) })
	n.c.wants = wants
	left := n.room[r]
	for _, w := range wants {
		if left -= w.amount; left < 0 {
			n.multipliers[r] = w.price
			break
		}
	}
	return n.multipliers[r] != before
}

// prepare orders the classes for the search: those that gain most first, then
// those that lose least.
func (n *node) prepare() {
	gain := func(i int) int64 {
		k := &n.c.classes[i]
		cost := int64(0)
		for r, amount := range k.request {
			product, fits := mulAdd(cost, n.multipliers[r], amount)
			if !fits {
				return -1 << 62
			}
			cost = product
		}
		return k.worth - cost
	}
	slices.SortStableFunc(n.classes, func(a, b int) int { return cmp.Compare(gain(b), gain(a)) })
	n.beyond, n.most = make([]int64, len(n.classes)), make([]int64, len(n.classes))
	n.rest, n.rooms = make([]int64, len(n.classes)+1), make([][]int64, len(n.classes))
	rooms := make([]int64, len(n.classes)*len(n.room))
	for at := len(n.classes) - 1; at >= 0; at-- {
		k := &n.c.classes[n.classes[at]]
		n.beyond[at], n.most[at] = k.beyond(n.multipliers), k.most(n.room)
		n.rooms[at] = rooms[at*len(n.room) : (at+1)*len(n.room)]
		n.rest[at] = n.rest[at+1] + n.beyond[at]*n.most[at]
	}
}

// search proves that no pods on the node are worth more than goal; false when
// some are, or when the steps ran out. It looks at every number of every class
// from at on, as long as what they could be worth exceeds the goal.
func (n *node) search(at int, room []int64, worth, goal int64) bool {
	if n.limit--; n.limit < 0 {
		return false
	}
	most := worth + n.rest[at]
	for r, amount := range room {
		most += n.multipliers[r] * amount
	}
	if most <= goal {
		return true
	}
	if at == len(n.classes) {
		return worth <= goal
	}
	k := &n.c.classes[n.classes[at]]
	count := n.most[at]
	for r, amount := range k.request {
		if amount > 0 {
			count = min(count, room[r]/amount)
		}
	}
	rest := n.rooms[at]
	for take := count; take >= 0; take-- {
		for r, amount := range k.request {
			rest[r] = room[r] - amount*take
		}
		if !n.search(at+1, rest, worth+k.worth*take, goal) {
			return false
		}
	}
	return true
}
