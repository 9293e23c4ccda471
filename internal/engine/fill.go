package engine

// share is count pods of a demand on one node.
type share struct {
	demand *demand
	count  int
}

// bin is a node to buy with its pods, times times over.
type bin struct {
	config int
	shares []share
	times  int
	// charge is what one node counts against the pool's limits, by pool.limited:
	// with minValues, whichever of the required choices is bought.
	charge []int64
}

// filler fills one node after another with what is left of the items. Its
// buffers are reused; the result of a fill is valid until the next.
type filler struct {
	p       *problem
	items   []*item
	left    []int   // by item
	values  []int64 // what a pod is worth, by item
	scale   scale
	plain   bool // fill by size alone, without balancing two resources
	ranked  bool // variant.ranked
	thrifty bool // variant.thrifty
	room    vector
	taken   []int // by item
	touched []int
	others  []int // resources that are not main
	rooms   *occupancy
	ruled   bool
	steps   int
	gone    int // queued items without pods
	byRank  [ranks]queue
}

// queue is items in the order they are tried, with what decides about them side
// by side in memory.
type queue struct {
	items    []int
	entries  []queued
	requests []int64 // of the entries, one vector after another
	// least has for each position the smallest request of each resource from
	// there on: where a node has less left, nothing more fits.
	least []int64
}

// queued is an item with what it asks for of the two main resources.
type queued struct {
	tilt          float64
	first, second int64
	request       vector
	index         int
	item          *item
}

// fits reports whether the item at a position fits into the room.
func (q *queue) fits(at int, room vector) bool { return within(q.entries[at].request, room) }

// ends reports whether nothing from the position on fits into the room.
func (q *queue) ends(at int, room vector) bool { return !within(q.least[at*len(room):], room) }

// within reports whether the first amounts are at most the room, which is not
// negative.
func within(amounts []int64, room vector) bool {
	amounts = amounts[:len(room)]
	for r, left := range room {
		if amounts[r] > left {
			return false
		}
	}
	return true
}

func newFiller(p *problem, items []*item, s scale, left []int) *filler {
	f := &filler{p: p, scale: s,
		room: make(vector, len(p.resources.names)), rooms: newOccupancy(len(p.rules))}
	for r := range f.room {
		if r != s.first && r != s.second {
			f.others = append(f.others, r)
		}
	}
	f.begin(items, left)
	return f
}

// begin makes the filler ready for another packing.
func (f *filler) begin(items []*item, left []int) {
	if cap(f.taken) < len(items) {
		f.taken, f.values = make([]int, len(items)), make([]int64, len(items))
	}
	f.taken, f.values = f.taken[:len(items)], f.values[:len(items)]
	f.items, f.left, f.steps, f.ruled = items, left, 0, false
	clear(f.taken)
	f.touched = f.touched[:0]
	for i, it := range items {
		f.ruled = f.ruled || left[i] > 0 && it.ruled
		f.values[i] = it.value
	}
	f.order(nil)
}

// order queues the items that have pods left, by rank and in the order given;
// nil is that of the items.
func (f *filler) order(order []int) {
	f.steps += len(f.items)
	f.gone = 0
	for rank := range f.byRank {
		f.byRank[rank].items = f.byRank[rank].items[:0]
	}
	for n := range f.items {
		i := n
		if order != nil {
			i = order[n]
		}
		if f.left[i] > 0 {
			q := &f.byRank[f.items[i].rank]
			q.items = append(q.items, i)
		}
	}
	for rank := range f.byRank {
		f.byRank[rank].measure(f.items, f.scale)
	}
}

// compactShare is the part of the queued items that may be without pods.
const compactShare = 16

// compact drops items without pods left, once they are many.
func (f *filler) compact() {
	for _, i := range f.touched {
		if f.left[i] == 0 {
			f.gone++
		}
	}
	queued := 0
	for rank := range f.byRank {
		queued += len(f.byRank[rank].items)
	}
	if f.gone*compactShare < queued {
		return
	}
	f.gone = 0
	for rank := range f.byRank {
		q := &f.byRank[rank]
		kept := q.items[:0]
		for _, i := range q.items {
			if f.left[i] > 0 {
				kept = append(kept, i)
			}
		}
		if len(kept) < len(q.items) {
			q.items = kept
			q.measure(f.items, f.scale)
		}
	}
}

func (q *queue) measure(items []*item, s scale) {
	n, resources := len(q.items), len(s.prices)
	if cap(q.entries) < n {
		q.entries = make([]queued, n)
		backing := make([]int64, 2*n*resources)
		q.requests, q.least = backing[:n*resources], backing[n*resources:]
	}
	q.entries, q.requests, q.least = q.entries[:n], q.requests[:n*resources], q.least[:n*resources]
	for at := n - 1; at >= 0; at-- {
		it := items[q.items[at]]
		own, least := q.requests[at*resources:(at+1)*resources], q.least[at*resources:(at+1)*resources]
		for r, amount := range it.class.request {
			own[r], least[r] = amount, amount
		}
		q.entries[at] = queued{it.tilt, own[s.first], own[s.second], own, q.items[at], it}
		if at+1 < n {
			for r, amount := range q.least[(at+1)*resources : (at+2)*resources] {
				least[r] = min(least[r], amount)
			}
		}
	}
}

// fill fills a node of the config and returns what the pods are worth. The
// counts are in f.taken for the items in f.touched.
func (f *filler) fill(config int) int64 {
	for _, i := range f.touched {
		f.taken[i] = 0
	}
	f.touched = f.touched[:0]
	c := &f.p.space.configs[config]
	for r, amount := range c.room {
		f.room[r] = max(amount, 0)
	}
	if f.ruled {
		f.rooms.reset(f.p, c.daemons)
	}
	worth := int64(0)
	for rank := range f.byRank {
		if rank == rankJoining || f.plain || f.ranked && rank == rankPerNode {
			worth += f.fillInOrder(config, &f.byRank[rank])
		} else {
			worth += f.fillBalanced(config, &f.byRank[rank])
		}
	}
	return worth
}

func (f *filler) fillInOrder(config int, q *queue) int64 {
	worth := int64(0)
	for at := range q.items {
		f.steps++
		if !q.fits(at, f.room) {
			if q.ends(at, f.room) {
				break
			}
			continue
		}
		if e := &q.entries[at]; f.left[e.index] > f.taken[e.index] && f.admits(config, e) {
			worth += f.take(e, f.most(e))
		}
	}
	return worth
}

// fillBalanced takes large pods first, but always from the side (heavy on the
// first or on the second main resource) that keeps the rest of the node in the
// proportion it started with, so that both run out together.
func (f *filler) fillBalanced(config int, q *queue) int64 {
	worth := int64(0)
	b := balance{f: f, q: q, config: config, target: f.scale.tilt(f.room), first: &f.room[f.scale.first], second: &f.room[f.scale.second]}
	heavy, light := b.next(0, true), b.next(0, false)
	for {
		at := heavy
		if heavy >= len(q.items) || light < len(q.items) && f.scale.tilt(f.room) < b.target {
			at = light
		}
		if at >= len(q.items) {
			return worth
		}
		e := &q.entries[at]
		count := f.most(e)
		if heavy < len(q.items) && light < len(q.items) {
			count = max(1, count/4) // come back for more when the other side has had its turn
		}
		worth += f.take(e, count)
		heavy, light = b.next(heavy, true), b.next(light, false)
	}
}

// balance walks a queue on both sides of a target.
type balance struct {
	f      *filler
	q      *queue
	config int
	target float64
	// what is left of the main resources
	first, second *int64
}

// next finds the first item of a side, from a position on, of which the node takes
// another pod.
func (b *balance) next(from int, heavy bool) int {
	f, q := b.f, b.q
	entries, left, taken := q.entries, f.left, f.taken
	first, second, target := *b.first, *b.second, b.target
	for at := from; at < len(entries); at++ {
		e := &entries[at]
		if (e.tilt < target) != heavy && e.first <= first && e.second <= second && left[e.index] > taken[e.index] && f.admits(b.config, e) {
			f.steps += at + 1 - from
			return at
		}
		if at&3 == 0 && q.ends(at, f.room) {
			f.steps += at + 1 - from
			return len(q.items)
		}
	}
	f.steps += len(q.items) - from
	return len(q.items)
}

// admits reports whether the node takes a pod that is left of the item, of whose main
// resources it has enough.
func (f *filler) admits(config int, e *queued) bool {
	for _, r := range f.others {
		if e.request[r] > f.room[r] {
			return false
		}
	}
	return e.item.configs.has(config) && (!e.item.ruled || f.rooms.room(e.item.class, 1, false) > 0)
}

// most returns how many more pods of the item, of which the node takes one, it takes.
func (f *filler) most(e *queued) int {
	want := f.left[e.index] - f.taken[e.index]
	if want > 1 {
		want = e.request.times(f.room, want)
	}
	if e.item.ruled {
		want = f.rooms.room(e.item.class, want, false)
	}
	return want
}

// take puts so many pods of the item on the node and returns what they are worth.
func (f *filler) take(e *queued, n int) int64 {
	if f.taken[e.index] == 0 {
		f.touched = append(f.touched, e.index)
	}
	f.taken[e.index] += n
	f.room.add(e.request, -n)
	if e.item.ruled {
		f.rooms.add(e.item.class, n)
	}
	return f.values[e.index] * int64(n)
}
