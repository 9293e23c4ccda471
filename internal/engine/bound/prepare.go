package bound

import (
	"cmp"
	"math"
	"slices"
)

// Prepared is a Problem in numbers small enough to multiply: requests rounded
// down and room rounded up, which can only let more fit. It serves any number of
// duals.
type Prepared struct {
	resources int
	shifts    []uint // by how many binary digits each resource is cut
	classes   []class
	kinds     []kind // that no other replaces, cheapest first
	free      []freePlace
	views     [][]bool // families by what places admit, each once
	exclusive int      // highest number of an exclusive set
	cheapest  int64    // the least that a node costs which holds any pod; 0 when none does
	scaled    []int64  // memory for rooms
}

// Prepare looks at everything in a Problem that no duals change.
func Prepare(p *Problem) *Prepared {
	c := &Prepared{cheapest: p.cheapestNode()}
	if len(p.Classes) == 0 {
		return c
	}
	c.resources = len(p.Classes[0].Request)
	c.findShifts(p)
	c.classes = make([]class, 0, len(p.Classes))
	requests := make([]int64, len(p.Classes)*c.resources)
	sets := exclusiveSets(p.Classes)
	for i := range p.Classes {
		c.addClass(&p.Classes[i], requests[i*c.resources:(i+1)*c.resources], sets)
	}
	numbers := map[string]int{}
	c.addKinds(p, numbers)
	for i := range p.Free {
		c.free = append(c.free, freePlace{room: c.scaleUp(p.Free[i].Room), view: c.viewOf(p.Free[i].Admits, numbers), times: 1})
	}
	return c
}

// exclusiveSets numbers the exclusive sets of more than one class. A set of one class only
// says that a node holds one of its pods, so that it can be counted with equal ones.
func exclusiveSets(classes []Class) map[int]int {
	sizes, numbers := map[int]int{}, map[int]int{}
	for i := range classes {
		set := classes[i].Exclusive
		if sizes[set]++; set > 0 && sizes[set] == 2 {
			numbers[set] = len(numbers) + 1
		}
	}
	return numbers
}

func (c *Prepared) addClass(in *Class, request []int64, sets map[int]int) {
	out := class{count: max(in.Count, 0), perNode: in.PerNode, family: in.Family, exclusive: sets[in.Exclusive], request: request}
	if in.Exclusive > 0 {
		out.perNode = 1
	}
	for r, amount := range in.Request {
		out.request[r] = max(amount, 0) >> c.shifts[r]
	}
	if out.perNode <= 0 {
		out.perNode = math.MaxInt64
	}
	c.exclusive = max(c.exclusive, out.exclusive)
	c.classes = append(c.classes, out)
}

// findShifts makes amounts fit into amountBits.
func (c *Prepared) findShifts(p *Problem) {
	largest := make([]int64, c.resources)
	see := func(amounts []int64) {
		for r, amount := range amounts {
			largest[r] = max(largest[r], amount)
		}
	}
	for i := range p.Kinds {
		see(p.Kinds[i].Room)
	}
	for i := range p.Free {
		see(p.Free[i].Room)
	}
	c.shifts = make([]uint, c.resources)
	for r := range c.shifts {
		for largest[r]>>c.shifts[r] >= 1<<amountBits {
			c.shifts[r]++
		}
	}
}

// scaledAtOnce is how many rooms share a piece of memory.
const scaledAtOnce = 64

func (c *Prepared) scaleUp(room []int64) []int64 {
	if len(c.scaled) < len(room) {
		c.scaled = make([]int64, len(room)*scaledAtOnce)
	}
	scaled := c.scaled[:len(room):len(room)]
	c.scaled = c.scaled[len(room):]
	for r, amount := range room {
		if amount > 0 {
			scaled[r] = (amount-1)>>c.shifts[r] + 1
		}
	}
	return scaled
}

// viewOf numbers what places admit.
func (c *Prepared) viewOf(admits []bool, numbers map[string]int) int {
	key := make([]byte, 0, 64)
	for _, admitted := range admits {
		if admitted {
			key = append(key, 1)
		} else {
			key = append(key, 0)
		}
	}
	number, known := numbers[string(key)]
	if !known {
		number = len(c.views)
		numbers[string(key)] = number
		c.views = append(c.views, admits)
	}
	return number
}

// addKinds leaves out kinds that another one replaces: it admits the same pods,
// has at least the room and costs at most as much.
func (c *Prepared) addKinds(p *Problem, numbers map[string]int) {
	order := make([]int, len(p.Kinds))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := &p.Kinds[a], &p.Kinds[b]
		if priceX, priceY := max(x.Price, 0), max(y.Price, 0); priceX != priceY {
			return cmp.Compare(priceX, priceY)
		}
		return cmp.Or(slices.Compare(y.Room, x.Room), a-b)
	})
	view, room := 0, []int64(nil)
	var kept []keptKinds // by view
	for n, i := range order {
		in := &p.Kinds[i]
		k := kind{price: max(in.Price, 0)}
		last := &p.Kinds[order[max(n-1, 0)]]
		if n > 0 && sameSlice(in.Room, last.Room) {
			k.room = room // mostly: the same in another zone
		} else {
			k.room = c.scaleUp(in.Room)
		}
		if n > 0 && sameSlice(in.Admits, last.Admits) {
			k.view = view
		} else {
			k.view = c.viewOf(in.Admits, numbers)
		}
		view, room = k.view, k.room
		for len(kept) < len(c.views) {
			kept = append(kept, keptKinds{})
		}
		if !c.replaced(&k, kept) {
			c.kinds = append(c.kinds, k)
			kept[view].rooms = append(kept[view].rooms, room)
		}
	}
}

// sameSlice reports whether both are the very same.
func sameSlice[E any](a, b []E) bool { return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0] }

// keptKinds are kinds of one view that no other replaces.
type keptKinds struct {
	rooms [][]int64
	wider []int // views that admit all that this one does, of the first so many
	known int
}

// replaced reports whether one that is kept takes all that the kind does.
func (c *Prepared) replaced(k *kind, kept []keptKinds) bool {
	own := &kept[k.view]
	for ; own.known < len(c.views); own.known++ {
		if includes(c.views[own.known], c.views[k.view]) {
			own.wider = append(own.wider, own.known)
		}
	}
	for _, view := range own.wider {
		for _, room := range kept[view].rooms {
			if covers(room, k.room) {
				return true
			}
		}
	}
	return false
}

// includes reports whether all that is set in b is set in a.
func includes(a, b []bool) bool {
	for f, admitted := range b {
		if admitted && !a[f] {
			return false
		}
	}
	return true
}
