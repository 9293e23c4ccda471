package engine

import "math"

// linearPrices finds what one unit of each resource is worth to each family of
// pods, in nanoDollars per hour: the dual prices of the linear program that
// covers the families' demand with fractions of nodes at the least cost. A node
// gives each resource to the family that pays most of those it admits. No
// config sells its room below these prices.
type linearPrices struct {
	byFamily [][]float64
}

// demandFamily is pods that the same configs admit.
type demandFamily struct {
	configs bitset
	demand  vector
}

// maxLinearPivots is far above what programs of some dozens of rows take.
const maxLinearPivots = 2000

// priceFamilies solves the program over configs, of which those that others
// replace may be left out, and sets the prices of slots.
func priceFamilies(configs []config, candidates []int, families []demandFamily, slots []slot) linearPrices {
	g := &familyGame{configs: configs, candidates: candidates, families: families, slots: slots}
	dearest := 1.0
	for f := range families {
		g.prices.byFamily = append(g.prices.byFamily, make([]float64, len(families[f].demand)))
		g.rowOf = append(g.rowOf, make([]int, len(families[f].demand)))
		for r, amount := range families[f].demand {
			g.rowOf[f][r] = -1
			if amount > 0 {
				g.rowOf[f][r] = g.rows
				g.rows++
			}
		}
	}
	g.firstSlot = g.rows
	g.rows += len(slots)
	for _, i := range candidates {
		dearest = max(dearest, float64(configs[i].price))
	}
	if g.rows > 0 {
		g.solve(newCovering(g.rows, dearest*1e9))
	}
	return g.prices
}

// familyGame is the program while it is being solved.
type familyGame struct {
	configs    []config
	candidates []int
	families   []demandFamily
	slots      []slot
	rowOf      [][]int // by family and resource
	firstSlot  int
	rows       int
	prices     linearPrices
}

func (g *familyGame) solve(lp *covering) {
	var best, column []entry
	for lp.pivots < maxLinearPivots {
		g.read(lp)
		gain, chosen := 1e-9, -1
		for _, i := range g.candidates {
			column = g.column(column[:0], i)
			price := float64(max(g.configs[i].price, 1))
			if d := lp.worth(column)/price - 1; d > gain {
				gain, chosen = d, i
				best = append(best[:0], column...)
			}
		}
		if chosen < 0 || !lp.bring(best, float64(g.configs[chosen].price), chosen) {
			break
		}
	}
	g.read(lp)
}

// read takes prices per unit from the program's prices per row.
func (g *familyGame) read(lp *covering) {
	for f := range g.families {
		for r, row := range g.rowOf[f] {
			if row >= 0 {
				g.prices.byFamily[f][r] = max(0, lp.prices[row]/float64(g.families[f].demand[r]))
			}
		}
	}
	for n := range g.slots {
		g.slots[n].price = max(0, lp.prices[g.firstSlot+n]/float64(g.slots[n].count))
	}
}

// column gives each resource of the config to the family that pays most.
func (g *familyGame) column(into []entry, config int) []entry {
	for r, room := range g.configs[config].room {
		if room <= 0 {
			continue
		}
		best, family := 0.0, -1
		for f := range g.families {
			if g.rowOf[f][r] >= 0 && g.families[f].configs.has(config) {
				if price := g.prices.byFamily[f][r]; price > best || family < 0 {
					best, family = price, f
				}
			}
		}
		if family >= 0 {
			into = append(into, entry{g.rowOf[family][r], float64(room) / float64(g.families[family].demand[r])})
		}
	}
	for n := range g.slots {
		if s := &g.slots[n]; s.configs.has(config) {
			into = append(into, entry{g.firstSlot + n, float64(s.room) / float64(s.count)})
		}
	}
	return into
}

// worth is what the resources of v cost at least.
func worthAt(prices []float64, v vector) float64 {
	worth := 0.0
	for r, amount := range v {
		worth += float64(prices[r] * float64(amount))
	}
	return worth
}

// wholePrice rounds a price down to what the proof can use.
func wholePrice(x float64) int64 {
	if x <= 0 || math.IsNaN(x) || x > math.MaxInt64/4 {
		return 0
	}
	return int64(x)
}
