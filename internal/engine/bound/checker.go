package bound

import (
	"cmp"
	"math"
	"slices"
)

// checker is a Problem in numbers small enough to multiply: requests rounded
// down and room rounded up, which can only let more fit.
type checker struct {
	classes   []class
	kinds     []kind
	free      []freePlace
	hints     [][]int64 // multipliers by family
	views     map[string]*view
	exclusive int // highest number of an exclusive set
	resources int
	steps     int
	reached   int64 // highest worth for its price of the nodes looked at, rounded up
	err       error
	// buffers of one upper bound
	setMost, setSum []int64
	key             []byte
}

type class struct {
	request   []int64
	worth     int64 // with fraction
	count     int64
	perNode   int64
	family    int
	exclusive int
}

type kind struct {
	room   []int64
	admits []bool
	price  int64
	view   *view
	seems  int64 // seemingWorth
}

type freePlace struct {
	room   []int64
	admits []bool
	times  int64
	view   *view
}

// amountBits bounds scaled amounts.
const amountBits = 31

func newChecker(p *Problem, d Duals, steps int) *checker {
	c := &checker{resources: len(p.Classes[0].Request), steps: steps, views: map[string]*view{}}
	shifts := c.shifts(p)
	for i := range p.Classes {
		c.addClass(&p.Classes[i], d.worth(i), shifts)
	}
	c.setMost, c.setSum = make([]int64, c.exclusive+1), make([]int64, c.exclusive+1)
	for i := range p.Kinds {
		k := &p.Kinds[i]
		c.kinds = append(c.kinds, kind{room: scaleUp(k.Room, shifts), admits: k.Admits, price: max(k.Price, 0)})
	}
	c.dropReplaced()
	for i := range p.Free {
		c.free = append(c.free, freePlace{room: scaleUp(p.Free[i].Room, shifts), admits: p.Free[i].Admits, times: 1})
	}
	c.mergeFree()
	for _, prices := range d.Prices {
		c.hints = append(c.hints, multipliers(prices, shifts))
	}
	for i := range c.kinds {
		c.kinds[i].view = c.seenBy(c.kinds[i].admits)
	}
	for i := range c.free {
		c.free[i].view = c.seenBy(c.free[i].admits)
	}
	return c
}

// worth repairs what cannot be: a missing or negative worth counts as none.
func (d Duals) worth(i int) int64 {
	if i >= len(d.Worth) {
		return 0
	}
	return max(d.Worth[i], 0)
}

func (c *checker) addClass(in *Class, worth int64, shifts []uint) {
	if worth > math.MaxInt64>>fraction {
		c.err = errTooLarge
		return
	}
	out := class{worth: worth << fraction, count: max(in.Count, 0), perNode: in.PerNode, family: in.Family, exclusive: in.Exclusive,
		request: make([]int64, c.resources)}
	for r, amount := range in.Request {
		out.request[r] = max(amount, 0) >> shifts[r]
	}
	if out.perNode <= 0 {
		out.perNode = math.MaxInt64
	}
	c.exclusive = max(c.exclusive, in.Exclusive)
	c.classes = append(c.classes, out)
}

// shifts finds by how many binary digits each resource is cut.
func (c *checker) shifts(p *Problem) []uint {
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
	shifts := make([]uint, c.resources)
	for r := range shifts {
		for largest[r]>>shifts[r] >= 1<<amountBits {
			shifts[r]++
		}
	}
	return shifts
}

func scaleUp(room []int64, shifts []uint) []int64 {
	scaled := make([]int64, len(room))
	for r, amount := range room {
		if amount > 0 {
			scaled[r] = (amount-1)>>shifts[r] + 1
		}
	}
	return scaled
}

// multipliers turns prices into whole numbers; any would do.
func multipliers(prices []float64, shifts []uint) []int64 {
	whole := make([]int64, len(shifts))
	for r := range whole {
		if r < len(prices) && prices[r] > 0 {
			scaled := math.Ceil(math.Ldexp(prices[r], fraction+int(shifts[r])))
			if scaled < math.MaxInt64/2 {
				whole[r] = int64(scaled)
			}
		}
	}
	return whole
}

// dropReplaced leaves out kinds that another one replaces: it admits the same
// pods, has at least the room and costs at most as much.
func (c *checker) dropReplaced() {
	slices.SortStableFunc(c.kinds, func(a, b kind) int {
		if a.price != b.price {
			return cmp.Compare(a.price, b.price)
		}
		return slices.Compare(b.room, a.room)
	})
	kept := c.kinds[:0]
	for _, k := range c.kinds {
		replaced := false
		for i := range kept {
			if kept[i].replaces(&k) {
				replaced = true
				break
			}
		}
		if !replaced {
			kept = append(kept, k)
		}
	}
	c.kinds = kept
}

func (k *kind) replaces(other *kind) bool {
	for r, amount := range other.room {
		if k.room[r] < amount {
			return false
		}
	}
	for f, admitted := range other.admits {
		if admitted && !k.admits[f] {
			return false
		}
	}
	return true
}

// mergeFree counts equal places together and drops those too small for any pod.
func (c *checker) mergeFree() {
	least := slices.Repeat([]int64{math.MaxInt64}, c.resources)
	for i := range c.classes {
		if c.classes[i].worth == 0 || c.classes[i].count == 0 {
			continue
		}
		for r, amount := range c.classes[i].request {
			least[r] = min(least[r], amount)
		}
	}
	var useful []freePlace
	for _, place := range c.free {
		if covers(place.room, least) && slices.Contains(place.admits, true) {
			useful = append(useful, place)
		}
	}
	slices.SortFunc(useful, func(a, b freePlace) int {
		return cmp.Or(slices.Compare(a.room, b.room), slices.CompareFunc(a.admits, b.admits, compareBools))
	})
	c.free = c.free[:0]
	for _, place := range useful {
		last := len(c.free) - 1
		if last >= 0 && slices.Equal(c.free[last].room, place.room) && slices.Equal(c.free[last].admits, place.admits) {
			c.free[last].times++
		} else {
			c.free = append(c.free, place)
		}
	}
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func covers(room, request []int64) bool {
	for r, amount := range request {
		if amount > room[r] {
			return false
		}
	}
	return true
}
