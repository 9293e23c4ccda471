package bound

import "math"

// maxGrid bounds the amounts that a grid goes through, times the classes;
// maxLargeGrid does where nothing else proves enough, as far as the steps go.
const (
	maxGrid      = 400_000
	maxLargeGrid = 16_000_000
)

// gridResources is how many resources a grid goes through at most.
const gridResources = 3

// grid finds the most that pods on a small node are worth, exactly for its scarcest
// resources: it goes through all amounts of them. The other resources are paid for
// at the node's multipliers.
type grid struct {
	n     *node
	by    []int // resources
	units [gridResources]int64
	sizes [gridResources]int64 // amounts of each, none included
	worth []int64              // by amounts used at most
}

// byGrid returns what no pods on the node are worth more than.
func (n *node) byGrid(limit int) int64 {
	g := grid{n: n, units: [gridResources]int64{1, 1, 1}, sizes: [gridResources]int64{1, 1, 1}}
	cells := int64(1)
	for _, r := range n.scarcestFirst() {
		unit := n.unit(r)
		size := n.room[r]/unit + 1
		if size < 1 || size > int64(limit) || cells*size*int64(len(n.classes)) > int64(limit) {
			continue
		}
		g.units[len(g.by)], g.sizes[len(g.by)] = unit, size
		g.by = append(g.by, r)
		if cells *= size; len(g.by) == gridResources {
			break
		}
	}
	if len(g.by) < min(2, n.c.resources) {
		return math.MaxInt64
	}
	g.worth = make([]int64, cells)
	for _, k := range n.classes {
		each := k.worth - g.others(k.request)
		for left, size := k.most(n.room), int64(1); each > 0 && left > 0; size *= 2 {
			count := min(left, size)
			left -= count
			g.add(g.amounts(k, count), each*count)
		}
	}
	return g.others(n.room) + g.worth[cells-1]
}

// amounts are what so many pods use.
func (g *grid) amounts(k *class, count int64) (used [gridResources]int64) {
	for d, r := range g.by {
		used[d] = k.request[r] / g.units[d] * count
	}
	return used
}

// others is what an amount of the other resources costs.
func (g *grid) others(amounts []int64) int64 {
	cost := g.n.cost(amounts)
	for _, r := range g.by {
		cost -= g.n.multipliers[r] * amounts[r]
	}
	return cost
}

// add lets some pods be taken together once.
func (g *grid) add(used [gridResources]int64, worth int64) {
	rows, columns := g.sizes[1], g.sizes[2]
	if columns == 1 {
		rows, columns = 1, rows // the innermost loop is the fast one
		used[1], used[2] = 0, used[1]
	}
	back := (used[0]*rows+used[1])*columns + used[2]
	for layer := g.sizes[0] - 1; layer >= used[0]; layer-- {
		for row := rows - 1; row >= used[1]; row-- {
			from := (layer*rows + row) * columns
			to := g.worth[from+used[2] : from+columns]
			without := g.worth[from+used[2]-back:][:len(to)]
			for at := len(to) - 1; at >= 0; at-- {
				to[at] = max(to[at], without[at]+worth)
			}
		}
	}
	g.n.c.steps -= len(g.worth) / 8
}

// unit is the largest amount of which all requests are multiples.
func (n *node) unit(r int) int64 {
	unit := int64(0)
	for _, k := range n.classes {
		for amount := k.request[r]; amount != 0; {
			unit, amount = amount, unit%amount
		}
	}
	return max(unit, 1)
}
