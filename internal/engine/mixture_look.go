package engine

import (
	"math"
	"slices"
)

// How many nodes are looked at again in a round, and how many times the steps that takes. A
// node is gone through by a grid of so many steps at most once nothing more was proven for
// some rounds.
const (
	looksAgain    = 3
	longLook      = 8
	stuckFor      = 2
	mostGridSteps = 10_000_000
)

// lookAgain fills the nodes that may hold most for their price once more and longer, as
// long as that is more than was seen: they keep worths from being proven.
func (m *mixture) lookAgain(seen float64) (found bool, most float64) {
	for range looksAgain {
		n := slices.Index(m.rates, slices.Max(m.rates))
		if m.rates[n] <= max(seen, most)*settledAt {
			break
		}
		taken, worth, closer := m.above(m.sacks[n], max(seen, most, 1), m.limit*longLook)
		found, most = taken || found, max(most, worth)
		if closer > max(seen, most)*settledAt && m.stuck >= stuckFor {
			taken, worth, closest := m.byGrid(m.sacks[n], max(seen, most, 1))
			found, most, closer = taken || found, max(most, worth), min(closer, closest)
		}
		if closer >= m.rates[n] {
			break
		}
		m.rates[n] = closer
	}
	return found, most
}

// byGrid is above by a grid; no pods are worth more than infinity where that is too large.
func (m *mixture) byGrid(sack *knapsack, floor float64) (taken bool, worth, most float64) {
	price := m.price(sack)
	most = m.grid.most(sack, m.k.items, m.tried, mostGridSteps)
	if math.IsInf(most, 1) {
		return false, 0, most
	}
	m.stuck = 0
	for _, p := range m.grid.patterns(floor * price) {
		sum := 0.0
		for _, x := range p.parts {
			sum += float64(m.tried[x.item] * float64(x.count))
		}
		worth, taken = max(worth, sum), m.bring(p) || taken
	}
	return taken, worth / price, most / price
}
