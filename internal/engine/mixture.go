package engine

import (
	"sort"
)

// pattern is one node of a config with pods of some items.
type pattern struct {
	config int
	parts  []part
}

type part struct{ item, count int }

// mixture is the linear program over what whole nodes hold: the cheapest mixture of
// patterns that covers the demand.
type mixture struct {
	k        *packer // its items and configs
	counts   []int   // by item
	asked    []int   // items with pods
	rows     rows
	lp       *covering
	patterns []pattern // all that were in the program once
	sacks    []*knapsack
	work     *workspace
	stuck    int     // rounds in which next to nothing more was proven
	column   []entry // buffer
	labels   []int   // likewise
	gains    []float64
	steps    int
	left     int // steps, when a round begins
	limit    int // steps for one node
	// packed brings the nodes of a packing of everything by such worths; nil for none.
	packed func(worths []float64)
	// thorough mixtures look twice at what keeps worths from being proven; over is what
	// they find then that is worth more than its price.
	thorough bool
	over     []pattern
	// best are the worths, by item, that prove most of what any mixture costs,
	// as far as the knapsacks see: proven. Tried are those of the present round, which
	// are not lowered below those in floor.
	best, tried, floor []float64
	proven             float64
	// center are the worths that would prove most if the knapsacks always found
	// what is worth most: hoped.
	center []float64
	hoped  float64
	rates  []float64 // by sack, what it could hold at most for its price
	order  []int     // of the sacks, by that
}

// workspace is what the mixtures of one search use one after the other.
type workspace struct {
	sweep sweep
	grid  grid
	asks  asks
}

func newMixture(k *packer, counts []int, rows rows, work *workspace) mixture {
	m := mixture{k: k, counts: counts, rows: rows, work: work, limit: quickSteps}
	pods, dearest := 0, int64(1)
	for i, count := range counts {
		if count > 0 {
			m.asked = append(m.asked, i)
			pods = max(pods, count)
		}
	}
	for _, i := range k.configs {
		dearest = max(dearest, k.p.space.configs[i].price)
		if sack := newKnapsack(k, i, counts, &work.asks); len(sack.items) > 0 {
			m.sacks = append(m.sacks, sack)
		}
	}
	m.lp = newCovering(rows.count, float64(dearest)*float64(pods)*4)
	m.best, m.tried, m.center, m.floor = make([]float64, len(counts)), make([]float64, len(counts)), make([]float64, len(counts)), make([]float64, len(counts))
	m.rates, m.order = make([]float64, len(m.sacks)), make([]int, len(m.sacks))
	for n := range m.order {
		m.order[n] = n
	}
	return m
}

// price is what a node costs, never nothing.
func (m *mixture) price(s *knapsack) float64 {
	return float64(max(m.k.p.space.configs[s.config].price, 1))
}

// worthOf is what a pod of an item is worth to the program.
func (m *mixture) worthOf(item int) float64 {
	return max(0, m.lp.prices[m.rows.of[item]]/m.rows.pods[item])
}

// bring offers a pattern to the program and reports whether it was taken.
func (m *mixture) bring(p pattern) bool {
	if !m.enter(p, len(m.patterns)) {
		return false
	}
	m.patterns = append(m.patterns, p)
	return true
}

func (m *mixture) enter(p pattern, label int) bool {
	m.column = m.column[:0]
	for _, x := range p.parts {
		m.column = append(m.column, entry{m.rows.of[x.item], float64(x.count) / m.rows.pods[x.item]})
	}
	m.steps += len(p.parts)
	if !m.lp.bring(m.column, float64(m.k.p.space.configs[p.config].price), label) {
		return false
	}
	m.steps += m.rows.count * m.rows.count / 8
	return true
}

// settlePasses bounds settle: exchanges that gain nothing could go on for ever. In
// each, no more than settleAtOnce patterns come back, those that gain most first.
const (
	settlePasses = 48
	settleAtOnce = 16
)

// settle brings back what left the program and has become worth its price again.
func (m *mixture) settle() {
	for again, pass := true, 0; again && pass < settlePasses; pass++ {
		again = false
		for _, label := range m.wanted() {
			again = m.enter(m.patterns[label], label) || again
		}
	}
}

// wanted are the patterns that are worth most for their price, and more than that.
func (m *mixture) wanted() []int {
	m.labels = m.labels[:0]
	m.gains = sized(m.gains, len(m.patterns))
	for label := range m.patterns {
		p := &m.patterns[label]
		worth := 0.0
		for _, x := range p.parts {
			worth += float64(m.lp.prices[m.rows.of[x.item]] * float64(x.count) / m.rows.pods[x.item])
		}
		m.steps += len(p.parts)
		price := float64(max(m.k.p.space.configs[p.config].price, 1))
		if m.gains[label] = worth / price; m.gains[label] > 1+1e-9 {
			m.labels = append(m.labels, label)
		}
	}
	sort.SliceStable(m.labels, func(a, b int) bool { return m.gains[m.labels[a]] > m.gains[m.labels[b]] })
	return m.labels[:min(len(m.labels), settleAtOnce)]
}

// bringSingles offers for each item the node that holds it alone the cheapest,
// so that no price is out of all proportion.
func (m *mixture) bringSingles() {
	best, cheapest := make([]*knapsack, len(m.counts)), make([]float64, len(m.counts))
	for _, sack := range m.sacks {
		for _, i := range sack.items {
			if each := m.price(sack) / float64(sack.most[i]); best[i] == nil || each < cheapest[i] {
				best[i], cheapest[i] = sack, each
			}
		}
	}
	for i, sack := range best {
		if sack != nil {
			m.bring(pattern{config: sack.config, parts: []part{{i, sack.most[i]}}})
		}
	}
}

// Most of what is tried is the best so far, since the program's own prices swing;
// where that gains nothing it is those.
const (
	centred   = 0.8
	packEvery = 4
	settledAt = 1.005
	// What nearly is worth as much for its price as the dearest will be wanted soon.
	nearly = 0.97
	// Packings of everything go on as long as they save that part of the cost.
	leastPacked = 0.0005
	// A round that proves more by that part has got somewhere.
	leastProven = 0.0005
)

// effort is what nodes are asked for in one round.
type effort int

const (
	proving  effort = iota // what the worths near the best ones prove
	scouring               // whatever is worth its price to the program
)

// generate brings patterns into the program for so many steps, until it is no
// dearer than enough or there is no more to gain.
func (m *mixture) generate(steps int, enough float64) {
	idle := m.packed == nil
	now := proving
	for most, round := m.steps+steps, 0; m.steps < most && m.lp.objective() > enough; round++ {
		pivots := m.lp.pivots
		m.left = most - m.steps
		m.try(now)
		_, seen, dearest := m.ask(now, mostAskSteps)
		before := m.proven
		m.keep(seen, dearest)
		if m.stuck++; m.proven > before*(1+leastProven) {
			m.stuck = 0
		}
		m.settle()
		if round%packEvery == 1 && !idle {
			before := m.lp.objective()
			m.packed(m.center)
			m.settle()
			idle = m.lp.objective() > before*(1-leastPacked)
		}
		if m.lp.objective() <= m.hoped*settledAt && m.proven*settledAt*settledAt >= m.hoped {
			return
		}
		switch {
		case m.lp.pivots > pivots:
			now = proving
		case now == proving:
			now = scouring
		case m.limit < proofSteps:
			now, m.limit = proving, m.limit*4
			m.weigh()
		default:
			return
		}
	}
}

// try sets the worths of a round.
func (m *mixture) try(now effort) {
	part := 0.0
	if now == proving {
		part = centred
	}
	for _, i := range m.asked {
		m.tried[i] = float64(part*m.center[i]) + float64((1-part)*m.worthOf(i))
	}
}

// begin sets the worths to start from and what they prove.
func (m *mixture) begin(worths []float64, proven float64) {
	copy(m.best, worths)
	copy(m.center, worths)
	copy(m.floor, worths)
	m.proven, m.hoped = proven, proven
}

// goOnFrom begins where another mixture of the same items ended.
func (m *mixture) goOnFrom(last *mixture) {
	m.begin(last.best, last.proven)
	copy(m.center, last.center)
	m.hoped, m.steps = last.hoped, last.steps
}

// weigh finds what the worths in center prove, whatever was hoped of them, and takes the
// best instead where that is less.
func (m *mixture) weigh() {
	copy(m.tried, m.center)
	m.hoped = 0
	_, seen, dearest := m.ask(proving, weighSteps)
	if m.keep(seen, dearest); m.hoped < m.proven {
		m.hoped = m.proven
		copy(m.center, m.best)
	}
}

// weighPrices takes the program's own prices for the center if those seem to prove more.
func (m *mixture) weighPrices() {
	for _, i := range m.asked {
		m.tried[i] = m.worthOf(i)
	}
	_, seen, dearest := m.ask(proving, weighSteps)
	m.keep(seen, dearest)
}

// keep keeps the worths tried if they prove more than the best do, or seem to.
func (m *mixture) keep(seen, dearest float64) {
	sum := 0.0
	for _, i := range m.asked {
		sum += float64(m.tried[i] * float64(m.counts[i]))
	}
	if seen <= 0 || dearest <= 0 {
		return // nothing is worth anything
	}
	if proven := sum / dearest; proven > m.proven {
		m.proven = proven
		for _, i := range m.asked {
			m.best[i] = m.tried[i] / dearest
		}
	}
	if hoped := sum / seen; hoped > m.hoped {
		m.hoped = hoped
		for _, i := range m.asked {
			m.center[i] = m.tried[i] / seen
		}
	}
}

// mostAskSteps bounds what nodes are asked in one round, unless whatever is worth its price
// is wanted and nothing was found, and weighSteps where worths are weighed: then those that
// are left count as what they could hold at most.
const (
	mostAskSteps = 1_000_000
	weighSteps   = 2_000_000
)

// ask has nodes filled in the order of what they could hold for their price, until
// the next could hold no more than one that was filled does, or no more than it
// costs where everything worth its price is wanted.
func (m *mixture) ask(now effort, steps int) (found bool, seen, dearest float64) {
	used := 0
	for n, sack := range m.sacks {
		sack.steps = 0
		m.rates[n] = sack.atMost(m.k.items, m.tried) / m.price(sack)
	}
	sort.SliceStable(m.order, func(a, b int) bool { return m.rates[m.order[a]] > m.rates[m.order[b]] })
	for _, n := range m.order {
		least := seen
		if seen > 0 && now != proving {
			least = min(seen, 1+1e-6)
		}
		if m.rates[n] <= least {
			break
		}
		if m.rate(n); m.rates[n] <= least {
			continue
		}
		if used > steps && (found || now == proving || used > m.left) {
			dearest, seen = max(dearest, m.rates[n]), max(seen, m.rates[n])
			continue
		}
		taken, worth, most := m.examine(n, least, now)
		dearest, seen = max(dearest, most), max(seen, worth)
		m.rates[n] = most
		used += m.sacks[n].steps
		found = taken || found
	}
	if m.thorough && now == proving {
		taken := false
		taken, seen, dearest = m.lookCloser(seen)
		found = taken || found
	}
	for _, sack := range m.sacks {
		m.steps += sack.steps
	}
	return found, seen, dearest
}

// rate finds what a node could hold at most for its price.
func (m *mixture) rate(n int) {
	sack := m.sacks[n]
	sack.settleBoth(m.k.items, m.tried)
	m.rates[n] = sack.atMost(m.k.items, m.tried) / m.price(sack)
}

// fill brings pods that are worth more than so much for the node's price, or nearly so.
// It returns whether the program took the best, what they are worth for its price, and
// what none are worth more than.
func (m *mixture) fill(sack *knapsack, least float64) (taken bool, worth, most float64) {
	return m.above(sack, nearly*max(least, 1), m.limit)
}

// above is fill for a floor, in about so many steps.
func (m *mixture) above(sack *knapsack, floor float64, limit int) (taken bool, worth, most float64) {
	price := m.price(sack)
	worth, most = sack.above(&m.work.sweep, m.k.items, m.tried, float64(floor*price), limit)
	taken = m.bring(sack.pattern())
	for _, p := range m.work.sweep.ends() {
		m.bring(p)
	}
	return taken, worth / price, most / price
}

// sized is a slice of so many zeros, the given one where that is large enough.
func sized[T any](s []T, length int) []T {
	if cap(s) < length {
		return make([]T, length)
	}
	s = s[:length]
	clear(s)
	return s
}
