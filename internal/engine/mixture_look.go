package engine

import (
	"math"
	"slices"
)

// How many nodes are looked at again in a round, and how many times the steps that takes:
// where it brought nothing, four times as many the next time, up to mostLonger doublings. A
// node is gone through by a grid of so many steps at most once nothing more was proven for
// some rounds.
const (
	looksAgain    = 5
	longLook      = 8
	stuckFor      = 2
	mostLonger    = 4
	mostGridSteps = 10_000_000
)

// lookCloser looks again at nodes, and then lowers the worths of what it found on them to
// their prices: what that leaves is hoped to be worth no more than was seen before. It
// returns what ask does.
func (m *mixture) lookCloser(seen float64) (found bool, hoped, dearest float64) {
	m.over = m.over[:0]
	found, most := m.lookAgain(seen)
	dearest = slices.Max(m.rates)
	if len(m.over) == 0 {
		return found, max(seen, most), dearest
	}
	m.keep(max(seen, most), dearest)
	for _, p := range m.over {
		m.repair(p)
	}
	return found, max(seen, 1), dearest
}

// lookAgain fills the nodes that may hold most for their price once more and longer, as
// long as that is more than was seen: they keep worths from being proven.
func (m *mixture) lookAgain(seen float64) (found bool, most float64) {
	for range looksAgain {
		n := slices.Index(m.rates, slices.Max(m.rates))
		if m.rates[n] <= max(seen, most)*settledAt {
			break
		}
		taken, worth, closer := m.above(m.sacks[n], max(seen, most, 1), m.limit*longLook<<m.sacks[n].longer)
		if worth > max(seen, 1)*worthRepair {
			m.over = append(append(m.over, m.sacks[n].pattern()), m.work.sweep.patterns...)
		}
		found, most = taken || found, max(most, worth)
		if closer > max(seen, most)*settledAt && m.stuck >= stuckFor {
			taken, worth, closest := m.byGrid(m.sacks[n], max(seen, most, 1))
			found, most, closer = taken || found, max(most, worth), min(closer, closest)
		}
		if closer >= m.rates[n] {
			m.sacks[n].longer = min(m.sacks[n].longer+2, mostLonger)
			break
		}
		m.rates[n] = closer
	}
	return found, most
}

// byGrid is above by a grid; no pods are worth more than infinity where that is too large.
func (m *mixture) byGrid(sack *knapsack, floor float64) (taken bool, worth, most float64) {
	price := m.price(sack)
	most = m.work.grid.most(sack, m.k.items, m.tried, mostGridSteps)
	if math.IsInf(most, 1) {
		return false, 0, most
	}
	m.stuck = 0
	for _, p := range m.work.grid.patterns(floor * price) {
		sum := m.worthIn(p)
		worth, taken = max(worth, sum), m.bring(p) || taken
		if sum > price*worthRepair {
			m.over = append(m.over, p)
		}
	}
	return taken, worth / price, most / price
}
