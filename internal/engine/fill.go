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
	sticky bool // other pods depend on these being together
}

// filler fills one node after another with what is left of the items. Its
// buffers are reused; the result of a fill is valid until the next.
type filler struct {
	p       *problem
	items   []*item
	left    []int // by item
	scale   scale
	plain   bool // fill by size alone, without balancing two resources
	apart   bool // variant.apart
	seated  map[int]bool
	room    vector
	taken   []int // by item
	touched []int
	rooms   *occupancy
	ruled   bool
	steps   int
	byRank  [ranks][]int
}

func newFiller(p *problem, items []*item, s scale, left []int) *filler {
	f := &filler{p: p, items: items, scale: s, left: left, taken: make([]int, len(items)),
		room: make(vector, len(p.resources.names)), rooms: newOccupancy(len(p.rules)), seated: map[int]bool{}}
	for i, it := range items {
		if left[i] == 0 {
			continue
		}
		f.byRank[it.rank] = append(f.byRank[it.rank], i)
		f.ruled = f.ruled || ruled(it.class)
	}
	return f
}

// fill fills a node of the config and returns what the pods are worth. The
// counts are in f.taken for the items in f.touched.
func (f *filler) fill(config int) int64 {
	for _, i := range f.touched {
		f.taken[i] = 0
	}
	f.touched = f.touched[:0]
	c := &f.p.space.configs[config]
	copy(f.room, c.room)
	if f.ruled {
		f.rooms.reset(f.p, c.daemons)
	}
	worth := int64(0)
	for rank := range f.byRank {
		if rank == rankPerNode || rank == rankFollower || f.plain {
			worth += f.fillInOrder(config, f.byRank[rank])
		} else {
			worth += f.fillBalanced(config, f.byRank[rank])
		}
	}
	return worth
}

func (f *filler) fillInOrder(config int, order []int) int64 {
	worth := int64(0)
	for _, i := range order {
		if n := f.fits(config, i); n > 0 {
			worth += f.take(i, n)
		}
	}
	return worth
}

// fillBalanced takes large pods first, but always from the side (heavy on the
// first or on the second main resource) that keeps the rest of the node in the
// proportion it started with, so that both run out together.
func (f *filler) fillBalanced(config int, order []int) int64 {
	worth := int64(0)
	target := f.scale.tilt(f.room)
	heavy, light := 0, 0
	for {
		for heavy < len(order) && !(f.items[order[heavy]].tilt >= target && f.fits(config, order[heavy]) > 0) {
			heavy++
		}
		for light < len(order) && !(f.items[order[light]].tilt < target && f.fits(config, order[light]) > 0) {
			light++
		}
		at := heavy
		if heavy >= len(order) || light < len(order) && f.scale.tilt(f.room) < target {
			at = light
		}
		if at >= len(order) {
			return worth
		}
		n := f.fits(config, order[at])
		if heavy < len(order) && light < len(order) {
			n = max(1, n/4) // come back for more when the other side has had its turn
		}
		worth += f.take(order[at], n)
	}
}

// fits returns how many more pods of the item the node takes.
func (f *filler) fits(config, i int) int {
	f.steps++
	it := f.items[i]
	want := f.left[i] - f.taken[i]
	if want <= 0 || !it.configs.has(config) {
		return 0
	}
	want = it.class.request.times(f.room, want)
	if want > 0 && f.ruled && ruled(it.class) {
		want = f.ruledFits(i, want)
	}
	return want
}

func (f *filler) ruledFits(i, want int) int {
	it := f.items[i]
	first := it.rank != rankFollower
	for _, r := range it.follows {
		first = first && !f.seated[r]
	}
	want = f.rooms.room(it.class, want, first)
	if want <= 0 || !it.sticky() {
		return want
	}
	if len(it.anchors) > 0 && !f.apart {
		return f.anchorFits(i, want)
	}
	if len(it.follows) > 0 && want < f.together(i) && f.taken[i] == 0 {
		return 0
	}
	return want
}

// together is how many pods of a follower must share one node so that all find
// a place.
func (f *filler) together(i int) int {
	if f.apart {
		return 1
	}
	it := f.items[i]
	left := f.left[i]
	if it.rank == rankFollower {
		anchors := 0
		for j, other := range f.items {
			for _, r := range other.anchors {
				if r == it.follows[0] {
					anchors += f.left[j]
				}
			}
		}
		left = (left + max(anchors, 1) - 1) / max(anchors, 1)
	}
	return min(left, it.solo, it.perNode)
}

// anchorFits lets one anchor in while pods wait to join it, and only where
// there is room for its share of them.
func (f *filler) anchorFits(i, want int) int {
	it := f.items[i]
	for j, other := range f.items {
		if other.rank != rankFollower || f.left[j] == 0 || !shareRule(it.anchors, other.follows) {
			continue
		}
		if f.taken[i] > 0 {
			return 0
		}
		rest := f.room.clone()
		rest.add(it.class.request, -1)
		if need := f.together(j); other.class.request.times(rest, need) < need {
			return 0
		}
		want = 1
	}
	return want
}

func shareRule(a, b []int) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

func (f *filler) take(i, n int) int64 {
	it := f.items[i]
	if f.taken[i] == 0 {
		f.touched = append(f.touched, i)
	}
	f.taken[i] += n
	f.room.add(it.class.request, -n)
	if f.ruled && ruled(it.class) {
		f.rooms.add(it.class, n)
	}
	return it.value * int64(n)
}
