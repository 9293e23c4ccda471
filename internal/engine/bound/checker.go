package bound

import (
	"cmp"
	"math"
	"slices"
)

// checker is a prepared Problem with the duals to check.
type checker struct {
	*Prepared
	classes  []class
	kinds    []kind
	free     []freePlace
	hints    [][]int64 // multipliers by family
	seen     []*view   // by number, once asked for
	numbers  []int     // numbered, once asked for
	learned  [][]int64 // multipliers of nodes examined
	steps    int       // left
	allSteps int
	err      error
	// buffers
	setMost, setSum []int64
	wants           []want
	kept, next      []used
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
	room  []int64
	view  int
	price int64
	// most is what its node holds at most, as far as is known, looked by how many
	// means.
	most   int64
	looked int
	node   *node
}

type freePlace struct {
	room  []int64
	view  int
	times int64
}

// amountBits bounds scaled amounts.
const amountBits = 31

func newChecker(p *Prepared, d Duals, steps int) *checker {
	c := &checker{Prepared: p, steps: steps, allSteps: steps, classes: slices.Clone(p.classes), kinds: slices.Clone(p.kinds),
		seen: make([]*view, len(p.views)), setMost: make([]int64, p.exclusive+1), setSum: make([]int64, p.exclusive+1)}
	for i := range c.classes {
		worth := d.worth(i)
		if worth > math.MaxInt64>>fraction {
			c.err = errTooLarge
			return c
		}
		c.classes[i].worth = worth << fraction
	}
	c.mergeFree()
	for _, prices := range d.Prices {
		c.hints = append(c.hints, multipliers(prices, p.shifts))
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
	for _, place := range c.Prepared.free {
		if covers(place.room, least) && slices.Contains(c.views[place.view], true) {
			useful = append(useful, place)
		}
	}
	slices.SortFunc(useful, func(a, b freePlace) int {
		return cmp.Or(slices.Compare(a.room, b.room), a.view-b.view)
	})
	for _, place := range useful {
		last := len(c.free) - 1
		if last >= 0 && slices.Equal(c.free[last].room, place.room) && c.free[last].view == place.view {
			c.free[last].times++
		} else {
			c.free = append(c.free, place)
		}
	}
}

func covers(room, request []int64) bool {
	for r, amount := range request {
		if amount > room[r] {
			return false
		}
	}
	return true
}
