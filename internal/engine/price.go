package engine

import (
	"cmp"
	"math"
	"slices"
)

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
	// groups are candidates that the same families and slots admit: to them a
	// resource has one price.
	groups  []candidateGroup
	groupOf []int     // by position in candidates
	rooms   []float64 // by position and resource
	order   []int     // buffer
}

// candidateGroup is what the configs of a group sell to.
type candidateGroup struct {
	admits uint64 // families, then slots
	payer  []int  // by resource: the family that pays most, or -1
	price  []float64
	slots  float64 // what the places on a node are worth
	best   int     // candidate, by position
	gain   float64
	payers []int // families
}

// group sorts the candidates by who may use them.
func (g *familyGame) group() {
	resources := len(g.prices.byFamily[0])
	numbers := map[uint64]int{}
	g.groupOf = make([]int, len(g.candidates))
	g.rooms = make([]float64, len(g.candidates)*resources)
	for n, i := range g.candidates {
		admits := uint64(0)
		for f := range g.families {
			if g.families[f].configs.has(i) {
				admits |= 1 << f
			}
		}
		for s := range g.slots {
			if g.slots[s].configs.has(i) {
				admits |= 1 << (maxFamilies + s)
			}
		}
		number, known := numbers[admits]
		if !known {
			number = len(g.groups)
			numbers[admits] = number
			g.groups = append(g.groups, candidateGroup{admits: admits, payer: make([]int, resources), price: make([]float64, resources)})
			for f := range g.families {
				if admits&(1<<f) != 0 {
					g.groups[number].payers = append(g.groups[number].payers, f)
				}
			}
		}
		g.groupOf[n] = number
		for r, room := range g.configs[i].room {
			g.rooms[n*resources+r] = float64(max(room, 0))
		}
	}
}

// maxBids bounds how many columns enter the program between two looks at the
// prices: the best of different groups.
const maxBids = 8

// pricesTight is the part of its price by which a node may be worth more in the
// end.
const pricesTight = 1e-6

func (g *familyGame) solve(lp *covering) {
	g.group()
	var column []entry
	for lp.pivots < maxLinearPivots {
		g.read(lp)
		g.auction()
		brought := false
		for _, n := range g.bids() {
			column = g.column(column[:0], n)
			brought = lp.bring(column, float64(g.configs[g.candidates[n]].price), g.candidates[n]) || brought
		}
		if !brought {
			break
		}
	}
	g.read(lp)
}

// bids are the candidates worth most for their price, one of each group, as far
// as they are worth more than it.
func (g *familyGame) bids() []int {
	resources := len(g.prices.byFamily[0])
	for n := range g.groups {
		g.groups[n].gain, g.groups[n].best = pricesTight, -1
	}
	for n, i := range g.candidates {
		group := &g.groups[g.groupOf[n]]
		worth := group.slots
		for r, room := range g.rooms[n*resources : (n+1)*resources] {
			worth += float64(group.price[r] * room)
		}
		if gain := worth/float64(max(g.configs[i].price, 1)) - 1; gain > group.gain {
			group.gain, group.best = gain, n
		}
	}
	bids := g.order[:0]
	for n := range g.groups {
		if g.groups[n].best >= 0 {
			bids = append(bids, n)
		}
	}
	slices.SortFunc(bids, func(a, b int) int { return cmp.Or(cmp.Compare(g.groups[b].gain, g.groups[a].gain), a-b) })
	g.order = bids
	bids = bids[:min(len(bids), maxBids)]
	for at, n := range bids {
		bids[at] = g.groups[n].best
	}
	return bids
}

// auction finds for each group which family pays most for each resource.
func (g *familyGame) auction() {
	for n := range g.groups {
		group := &g.groups[n]
		for r := range group.price {
			group.price[r], group.payer[r] = 0, -1
			for _, f := range group.payers {
				if g.rowOf[f][r] < 0 {
					continue
				}
				if price := g.prices.byFamily[f][r]; price > group.price[r] || group.payer[r] < 0 {
					group.price[r], group.payer[r] = price, f
				}
			}
		}
		group.slots = 0
		for s := range g.slots {
			if group.admits&(1<<(maxFamilies+s)) != 0 {
				group.slots += float64(g.slots[s].price * float64(g.slots[s].room))
			}
		}
	}
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

// column gives each resource of the candidate to the family that pays most.
func (g *familyGame) column(into []entry, n int) []entry {
	group := &g.groups[g.groupOf[n]]
	for r, f := range group.payer {
		if room := g.rooms[n*len(group.payer)+r]; f >= 0 && room > 0 {
			into = append(into, entry{g.rowOf[f][r], room / float64(g.families[f].demand[r])})
		}
	}
	for s := range g.slots {
		if group.admits&(1<<(maxFamilies+s)) != 0 {
			into = append(into, entry{g.firstSlot + s, float64(g.slots[s].room) / float64(g.slots[s].count)})
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
