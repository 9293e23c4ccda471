package engine

import "math"

// grid finds the pods that are worth most on a small node: it goes through all amounts of
// the two dearest resources that pods may use. The other resources are paid for at the
// knapsack's prices, so that no pods are worth more than it says.
type grid struct {
	s       *knapsack
	items   []*item
	values  []float64
	by      [2]int // resources
	units   [2]int64
	columns int       // units of the second, none included
	worth   []float64 // by units used at most
	passes  []pass
	taken   []uint64 // by pass and units: whether its pods were taken
	words   int      // of taken, for one pass
	room    vector   // buffer
}

// pass offers some pods of an item, all or none.
type pass struct {
	at, count int // position in the knapsack's items
	used      [2]int
	worth     float64 // beyond what the other resources cost
	best      float64 // of all pods of which these came last
	cell      int     // the units that they use
}

// A grid has mostCells amounts at most and goes through cellsPerStep of them in the time of
// a step of other searches.
const (
	mostCells    = 100_000
	cellsPerStep = 8
)

// most returns what no pods are worth more than; infinity where that takes more than so
// many steps or too many amounts.
func (g *grid) most(s *knapsack, items []*item, values []float64, steps int) float64 {
	g.s, g.items, g.values = s, items, values
	g.by[0], g.by[1] = s.dearest(-1)
	if g.by[1] < 0 || !g.measure() {
		return math.Inf(1)
	}
	g.offer()
	if len(g.passes)*len(g.worth)/cellsPerStep > steps {
		return math.Inf(1)
	}
	s.steps += len(g.passes) * len(g.worth) / cellsPerStep
	for n := range g.passes {
		g.add(&g.passes[n], g.taken[n*g.words:(n+1)*g.words])
	}
	return g.worth[len(g.worth)-1] + g.others(s.room)
}

// measure chooses the units.
func (g *grid) measure() bool {
	cells := 1
	for d, r := range g.by {
		g.units[d] = g.unit(r)
		size := g.s.room[r]/g.units[d] + 1
		if size > mostCells {
			return false
		}
		cells *= int(size)
		g.columns = int(size)
	}
	if cells > mostCells {
		return false
	}
	g.worth = sized(g.worth, cells)
	g.words = (cells + 63) / 64
	return true
}

// unit is the largest amount of which all requests are multiples.
func (g *grid) unit(r int) int64 {
	unit := int64(0)
	for _, i := range g.s.items {
		for amount := g.items[i].class.request[r]; amount != 0; {
			unit, amount = amount, unit%amount
		}
	}
	return max(unit, 1)
}

// offer fills passes.
func (g *grid) offer() {
	g.passes = g.passes[:0]
	for at, i := range g.s.items {
		request := g.items[i].class.request
		each := g.values[i] - g.others(request)
		for left, size := g.s.most[i], 1; left > 0 && each > 0; size *= 2 {
			p := pass{at: at, count: min(left, size)}
			left -= p.count
			p.worth = float64(each * float64(p.count))
			for d, r := range g.by {
				p.used[d] = int(request[r]/g.units[d]) * p.count
			}
			g.passes = append(g.passes, p)
		}
	}
	g.taken = sized(g.taken, len(g.passes)*g.words)
}

// others is what amounts of the other resources cost.
func (g *grid) others(amounts vector) float64 {
	cost := worthAt(g.s.prices, amounts)
	for _, r := range g.by {
		cost -= float64(g.s.prices[r] * float64(amounts[r]))
	}
	return cost
}

// add lets the pods of a pass join whatever leaves room for them.
func (g *grid) add(p *pass, taken []uint64) {
	back := p.used[0]*g.columns + p.used[1]
	for row := len(g.worth)/g.columns - 1; row >= p.used[0]; row-- {
		from := row*g.columns + p.used[1]
		to := g.worth[from : (row+1)*g.columns]
		without := g.worth[from-back:][:len(to)]
		for at := len(to) - 1; at >= 0; at-- {
			if with := without[at] + p.worth; with > to[at] {
				to[at] = with
				taken[(from+at)>>6] |= 1 << ((from + at) & 63)
				if with > p.best {
					p.best, p.cell = with, from+at
				}
			}
		}
	}
}

// patterns are the pods that are worth most of which those of one pass come last, where
// that is more than so much and the node holds them.
func (g *grid) patterns(least float64) []pattern {
	others := g.others(g.s.room)
	var list []pattern
	for n := range g.passes {
		if g.passes[n].best+others > least {
			if p, holds := g.pattern(n); holds {
				list = append(list, p)
			}
		}
	}
	return list
}

// pattern are the best pods of which those of one pass come last, and whether the node holds
// them.
func (g *grid) pattern(last int) (p pattern, holds bool) {
	p = pattern{config: g.s.config}
	g.room = append(g.room[:0], g.s.room...)
	cell := g.passes[last].cell
	for n := last; n >= 0; n-- {
		x := &g.passes[n]
		if g.taken[n*g.words+cell>>6]&(1<<(cell&63)) == 0 {
			continue
		}
		cell -= x.used[0]*g.columns + x.used[1]
		i := g.s.items[x.at]
		g.room.add(g.items[i].class.request, -x.count)
		if end := len(p.parts) - 1; end >= 0 && p.parts[end].item == i {
			p.parts[end].count += x.count
		} else {
			p.parts = append(p.parts, part{i, x.count})
		}
	}
	for _, left := range g.room {
		if left < 0 {
			return p, false
		}
	}
	return p, true
}
