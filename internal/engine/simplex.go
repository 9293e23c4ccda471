package engine

import "math"

// covering is a linear program of few rows and any number of columns: least
// cost so that every row is covered once. The caller brings columns in as its
// prices (duals) call for them; only those of the basis are kept. It is solved
// by the revised simplex method with an explicit inverse. Products are
// converted so that no compiler fuses them: the same bits on every machine.
type covering struct {
	inverse [][]float64
	values  []float64 // of the basis, by position
	costs   []float64
	labels  []int // who brought the column in each position; -1: nobody yet
	prices  []float64
	enters  []float64 // buffer
	pivots  int
	places  []int // buffer
}

// repriceEvery is after how many pivots the prices are computed afresh, so that
// rounding does not add up.
const repriceEvery = 32

// surplus labels columns that let a row be covered more than once.
const surplus = -2

// newCovering starts with rows that nothing covers, at a cost above that of any
// column times the scale of the program.
func newCovering(rows int, dearest float64) *covering {
	lp := &covering{values: make([]float64, rows), costs: make([]float64, rows), labels: make([]int, rows),
		prices: make([]float64, rows), enters: make([]float64, rows)}
	backing := make([]float64, rows*rows)
	for i := range rows {
		lp.inverse = append(lp.inverse, backing[i*rows:(i+1)*rows])
		lp.inverse[i][i] = 1
		lp.values[i], lp.costs[i], lp.labels[i] = 1, dearest, -1
	}
	lp.reprice()
	return lp
}

func (lp *covering) reprice() {
	clear(lp.prices)
	for p, row := range lp.inverse {
		cost := lp.costs[p]
		if cost == 0 {
			continue
		}
		for i, x := range row {
			lp.prices[i] += float64(cost * x)
		}
	}
}

// entry is one part of a column that is not zero.
type entry struct {
	row   int
	share float64 // of the row's demand
}

// worth is what a column is worth at the present prices.
func (lp *covering) worth(column []entry) float64 {
	sum := 0.0
	for _, e := range column {
		sum += float64(lp.prices[e.row] * e.share)
	}
	return sum
}

// bring puts a column worth more than its cost into the basis; false when it
// would not make the program cheaper.
func (lp *covering) bring(column []entry, cost float64, label int) bool {
	if lp.worth(column)-cost <= 1e-9*max(cost, 1) {
		return false
	}
	for p, row := range lp.inverse {
		sum := 0.0
		for _, e := range column {
			sum += float64(row[e.row] * e.share)
		}
		lp.enters[p] = sum
	}
	leave := lp.leaving()
	if leave < 0 {
		return false
	}
	lp.exchange(leave, cost, label, lp.worth(column))
	lp.dropSurplus()
	return true
}

// Parts of a column below tiny are rounding; values may be that much below zero for a
// moment, so that the column leaves whose part is largest.
const (
	tiny  = 1e-9
	slack = 1e-9
)

// leaving is the position whose column makes room for the one in enters: of those
// that get to zero first, the one with the largest part, since small ones make
// rounding grow.
func (lp *covering) leaving() int {
	first := math.Inf(1)
	for p, part := range lp.enters {
		if part > tiny {
			first = min(first, (lp.values[p]+slack)/part)
		}
	}
	leave, largest := -1, 0.0
	for p, part := range lp.enters {
		if part > max(tiny, largest) && lp.values[p]/part <= first {
			leave, largest = p, part
		}
	}
	return leave
}

// exchange puts a column of that cost and worth into the basis.
func (lp *covering) exchange(leave int, cost float64, label int, worth float64) {
	pivot := lp.inverse[leave]
	scale := lp.enters[leave]
	for i := range pivot {
		pivot[i] /= scale
	}
	lp.values[leave] /= scale
	filled := lp.filled(pivot)
	for p, row := range lp.inverse {
		factor := lp.enters[p]
		if p == leave || factor == 0 {
			continue
		}
		row = row[:len(pivot)]
		if len(filled) < len(pivot)/sparse {
			for _, i := range filled {
				row[i] -= float64(factor * pivot[i])
			}
		} else {
			for i, x := range pivot {
				row[i] -= float64(factor * x)
			}
		}
		lp.values[p] = max(0, lp.values[p]-float64(factor*lp.values[leave]))
	}
	lp.costs[leave], lp.labels[leave] = cost, label
	if lp.pivots++; lp.pivots%repriceEvery == 0 {
		lp.reprice()
		return
	}
	for i, x := range pivot {
		lp.prices[i] += float64((cost - worth) * x)
	}
}

// sparse is how many times fewer numbers of a row must differ from zero for it to be
// faster to go through those alone.
const sparse = 3

// filled are the positions of the numbers of a row that are not zero.
func (lp *covering) filled(row []float64) []int {
	lp.places = lp.places[:0]
	for i, x := range row {
		if x != 0 {
			lp.places = append(lp.places, i)
		}
	}
	return lp.places
}

// dropSurplus lets rows be covered more than once whose price fell below zero.
func (lp *covering) dropSurplus() {
	for range 2 * len(lp.prices) {
		worst, at := -1e-7, -1
		for i, price := range lp.prices {
			if price < worst {
				worst, at = price, i
			}
		}
		if at < 0 {
			return
		}
		for p, row := range lp.inverse {
			lp.enters[p] = -row[at]
		}
		leave := lp.leaving()
		if leave < 0 {
			return
		}
		lp.exchange(leave, 0, surplus, -lp.prices[at])
	}
}

// objective is the cost of the basis.
func (lp *covering) objective() float64 {
	sum := 0.0
	for p, value := range lp.values {
		sum += float64(value * lp.costs[p])
	}
	return sum
}
