package engine

import "math"

// resourcePrices returns what one unit of each resource is worth, in
// nanoDollars per hour: the dual prices of the linear program that covers the
// demand with fractions of nodes at the least cost. No config sells its
// resources below these prices, and the best ones sell exactly at them.
func resourcePrices(configs []*config, demand vector) []float64 {
	var rows []int
	for r, amount := range demand {
		if amount > 0 {
			rows = append(rows, r)
		}
	}
	prices := make([]float64, len(demand))
	lp := newCoverProgram(configs, demand, rows)
	for i, dual := range lp.solve() {
		prices[rows[i]] = dual / float64(demand[rows[i]])
	}
	return prices
}

// coverProgram is a linear program of few rows and many columns: least cost so
// that every row is covered once. It is solved by the revised simplex method
// with the inverse of the basis kept explicitly.
type coverProgram struct {
	columns [][]float64 // share of each row's demand that a node covers
	costs   []float64
	inverse [][]float64
	basis   []int // column in each position; rows+ are artificial
	values  []float64
	bigCost float64
}

func newCoverProgram(configs []*config, demand vector, rows []int) *coverProgram {
	m := len(rows)
	lp := &coverProgram{inverse: make([][]float64, m), basis: make([]int, m), values: make([]float64, m)}
	for _, c := range configs {
		column := make([]float64, m)
		for i, r := range rows {
			column[i] = float64(max(c.room[r], 0)) / float64(demand[r])
		}
		lp.columns = append(lp.columns, column)
		lp.costs = append(lp.costs, float64(c.price))
		lp.bigCost = max(lp.bigCost, float64(c.price))
	}
	for i := range rows { // covering more than needed costs nothing
		column := make([]float64, m)
		column[i] = -1
		lp.columns = append(lp.columns, column)
		lp.costs = append(lp.costs, 0)
	}
	lp.bigCost *= 1e9
	for i := range rows {
		lp.inverse[i] = make([]float64, m)
		lp.inverse[i][i] = 1
		lp.basis[i] = -1
		lp.values[i] = 1
	}
	return lp
}

func (lp *coverProgram) cost(position int) float64 {
	if column := lp.basis[position]; column >= 0 {
		return lp.costs[column]
	}
	return lp.bigCost
}

func (lp *coverProgram) duals() []float64 {
	m := len(lp.basis)
	duals := make([]float64, m)
	for i := 0; i < m; i++ {
		for p := 0; p < m; p++ {
			// Conversions keep compilers from fusing: same bits everywhere.
			duals[i] += float64(lp.cost(p) * lp.inverse[p][i])
		}
	}
	return duals
}

// maxPivots is far above what programs of a handful of rows take.
const maxPivots = 500

func (lp *coverProgram) solve() []float64 {
	for pivot := 0; pivot < maxPivots; pivot++ {
		duals := lp.duals()
		enter := lp.entering(duals)
		if enter < 0 || !lp.exchange(enter) {
			break
		}
	}
	duals := lp.duals()
	for i := range duals {
		duals[i] = max(duals[i], 0)
	}
	return duals
}

func (lp *coverProgram) entering(duals []float64) int {
	best, enter := -1e-9, -1
	for j, column := range lp.columns {
		worth := 0.0
		for i, share := range column {
			worth += float64(share * duals[i])
		}
		scale := max(lp.costs[j], 1)
		if reduced := (lp.costs[j] - worth) / scale; reduced < best {
			best, enter = reduced, j
		}
	}
	return enter
}

func (lp *coverProgram) exchange(enter int) bool {
	m := len(lp.basis)
	direction := make([]float64, m)
	leave, ratio := -1, math.Inf(1)
	for p := 0; p < m; p++ {
		for i, share := range lp.columns[enter] {
			direction[p] += float64(lp.inverse[p][i] * share)
		}
		if direction[p] > 1e-12 {
			if r := lp.values[p] / direction[p]; r < ratio {
				leave, ratio = p, r
			}
		}
	}
	if leave < 0 {
		return false
	}
	scale := direction[leave]
	for i := range lp.inverse[leave] {
		lp.inverse[leave][i] /= scale
	}
	lp.values[leave] /= scale
	for p := 0; p < m; p++ {
		if p == leave {
			continue
		}
		for i := range lp.inverse[p] {
			lp.inverse[p][i] -= float64(direction[p] * lp.inverse[leave][i])
		}
		lp.values[p] -= float64(direction[p] * lp.values[leave])
	}
	lp.basis[leave] = enter
	return true
}
