package engine

import (
	"math"

	"github.com/drover-project/drover/internal/engine/bound"
)

// Proofs that leave a larger gap than patternsAbove are tried once more with what
// mixtures of whole nodes say that pods are worth, which costs more steps: so many
// at a time, and again as long as that proves more.
const (
	patternsAbove     = 0.05
	patternBoundSteps = 2_000_000
	mostPatternBounds = 4
	maxPatternPairs   = 12_000 // of items and configs: what one round costs
)

// patternBound looks for the worths that prove most: those of the linear program
// over all contents of nodes, which no topology rule limits. Its prices swing, so
// that contents are looked for between them and the best found so far.
type patternBound struct {
	b      *bounding
	k      *packer  // of one item for each class, or set of wholes, that is bought
	firsts []*class // of each item
	counts []int
	lp     *covering
	sacks  []*knapsack
	best   []float64 // worths that prove most, by item
	proven float64   // what they prove, as far as the knapsacks see
	priced []float64 // worths by the program
	tried  []float64
	rates  []float64 // worth for the price of each config's contents, when last looked for
	column []entry   // buffer
	steps  int
}

// provePatterns returns a bound at least as high as the given one.
func (b *bounding) provePatterns(s *solution, proven int64) int64 {
	prices := b.priced
	x := b.newPatternBound(s, prices, proven)
	if x == nil {
		return proven
	}
	worths := append([]float64(nil), x.best...)
	for range mostPatternBounds {
		settled, before := x.generate(patternBoundSteps), proven
		for _, part := range []float64{1, 0.5} {
			tried := make([]float64, len(worths))
			for i := range tried {
				tried[i] = float64(part*x.best[i]) + float64((1-part)*worths[i])
			}
			if better := x.check(tried, prices); better > proven {
				proven, worths = better, tried
			}
		}
		if settled || proven <= before+before/1000 || float64(s.cost) <= float64(float64(proven)*(1+finerAbove)) {
			break
		}
	}
	return proven
}

// check has worths by item checked.
func (x *patternBound) check(worths []float64, prices [][]float64) int64 {
	byClass := make([]float64, len(x.b.p.classes))
	for i, c := range x.firsts {
		if byClass[c.id] = worths[i]; x.b.wholes[c.id] > 0 {
			byClass[c.id] /= float64(x.b.placed[c.id]) // of all the pods of one node
		}
	}
	return x.b.check(bound.Duals{Worth: x.b.worths(func(c *class) float64 { return byClass[c.id] }), Prices: prices})
}

// newPatternBound starts from the plan's own nodes; nil where there are too many
// different pods and configs.
func (b *bounding) newPatternBound(s *solution, prices [][]float64, proven int64) *patternBound {
	x := &patternBound{b: b, k: &packer{p: b.p}}
	itemOf := x.addItems()
	if len(x.k.items)*len(b.candidates) > maxPatternPairs {
		return nil
	}
	x.center(prices, proven)
	dearest := int64(1)
	for _, i := range b.candidates {
		dearest = max(dearest, b.p.space.configs[i].price)
		if sack := newKnapsack(x.k, i, x.counts); len(sack.items) > 0 {
			x.sacks = append(x.sacks, sack)
		}
	}
	x.lp = newCovering(len(x.k.items), float64(dearest)*10)
	for again, pass := true, 0; again && pass < 4; pass++ {
		again = false
		for i := range s.bins {
			again = x.bringBin(&s.bins[i], itemOf) || again
		}
	}
	x.rates = make([]float64, len(x.sacks))
	return x
}

// addItems makes the items and returns their numbers by class.
func (x *patternBound) addItems() []int {
	b := x.b
	itemOf, ofWhole := make([]int, len(b.p.classes)), map[int]int{}
	for _, c := range b.p.classes {
		if b.bought[c.id] == 0 {
			continue
		}
		it, count := &item{class: c, configs: c.fits, perNode: math.MaxInt32}, b.bought[c.id]
		if most := b.mostPerNode(c); most > 0 {
			it.perNode = int(most)
		}
		if whole := b.wholes[c.id]; whole > 0 {
			if i, found := ofWhole[whole]; found {
				x.k.items[i].class.request.add(c.request, b.placed[c.id])
				x.k.items[i].configs.and(c.fits)
				itemOf[c.id] = i
				continue
			}
			ofWhole[whole] = len(x.k.items)
			it.class, it.configs = &class{request: make(vector, len(c.request))}, c.fits.clone()
			it.class.request.add(c.request, b.placed[c.id])
			it.perNode, count = 1, 1
		}
		itemOf[c.id] = len(x.k.items)
		x.k.items, x.counts, x.firsts = append(x.k.items, it), append(x.counts, count), append(x.firsts, c)
	}
	return itemOf
}

// center sets the worths to start from: the linear prices, as far as they prove
// anything.
func (x *patternBound) center(prices [][]float64, proven int64) {
	x.best, x.priced, x.tried = make([]float64, len(x.counts)), make([]float64, len(x.counts)), make([]float64, len(x.counts))
	sum := 0.0
	for i, it := range x.k.items {
		x.best[i] = worthAt(prices[x.b.familyOf[x.firsts[i].id]], it.class.request)
		sum += float64(x.best[i] * float64(x.counts[i]))
	}
	for i := range x.best {
		x.best[i] *= float64(proven) / max(sum, 1)
	}
	x.proven = float64(proven)
	x.k.scale.prices = append([]float64(nil), prices[0]...)
}

// bringBin offers a node of the plan to the program.
func (x *patternBound) bringBin(b *bin, itemOf []int) bool {
	pods := map[int]int{}
	for _, s := range b.shares {
		i := itemOf[s.demand.class.id]
		if pods[i] += s.count; x.b.wholes[s.demand.class.id] > 0 {
			pods[i] = 1
		}
	}
	var column []entry
	for i := range x.counts {
		if pods[i] > 0 {
			column = append(column, entry{i, float64(pods[i]) / float64(x.counts[i])})
		}
	}
	return x.bring(column, b.config)
}

func (x *patternBound) bring(column []entry, config int) bool {
	if !x.lp.bring(column, float64(x.b.p.space.configs[config].price), 0) {
		return false
	}
	x.steps += len(x.counts) * len(x.counts) / 8
	return true
}

// Most of what is tried is the best so far; every so many rounds it is the
// program's own prices, and every so many rounds all configs are asked, in
// between those that came that close to what the best was worth for its price.
const (
	centred   = 0.9
	uncentred = 8
	askAll    = 4
	closeRate = 0.95
	settledAt = 1.003
)

// generate brings contents into the program for so many steps; true when there is
// no more to gain.
func (x *patternBound) generate(steps int) bool {
	for most, round := x.steps+steps, 0; x.steps < most; round++ {
		for i := range x.priced {
			x.priced[i] = max(0, x.lp.prices[i]/float64(x.counts[i]))
		}
		part := centred
		if round%uncentred == uncentred-1 {
			part = 0
		}
		found := round%askAll > 0 && x.round(part, false) || x.round(part, true) || part > 0 && x.round(0, true)
		if !found || x.lp.objective() <= x.proven*settledAt {
			return true
		}
	}
	return false
}

// round looks for contents worth most at prices of which a part is the best so far,
// and reports whether the program took some.
func (x *patternBound) round(part float64, all bool) bool {
	for i := range x.tried {
		x.tried[i] = float64(part*x.best[i]) + float64((1-part)*x.priced[i])
	}
	found, dearest := false, 0.0
	for n, sack := range x.sacks {
		if !all && x.rates[n] < closeRate {
			continue
		}
		worth := sack.solve(x.k.items, x.tried)
		x.steps += sack.steps
		x.rates[n] = worth / float64(x.b.p.space.configs[sack.config].price)
		dearest = max(dearest, x.rates[n])
		found = x.bring(x.contents(sack), sack.config) || found
	}
	for n := range x.rates {
		if all {
			x.rates[n] /= max(dearest, 1e-9)
		}
	}
	if all {
		x.keepBest(dearest)
	}
	return found
}

// contents are a column of what the knapsack found.
func (x *patternBound) contents(sack *knapsack) []entry {
	x.column = x.column[:0]
	for at, count := range sack.taken {
		if count > 0 {
			i := sack.items[at]
			x.column = append(x.column, entry{i, float64(count) / float64(x.counts[i])})
		}
	}
	return x.column
}

// keepBest keeps the prices tried when they prove more than the best, given what
// most a node holds of them for its price.
func (x *patternBound) keepBest(dearest float64) {
	sum := 0.0
	for i, worth := range x.tried {
		sum += float64(worth * float64(x.counts[i]))
	}
	if proven := sum / max(dearest, 1e-9); proven > x.proven {
		x.proven = proven
		for i, worth := range x.tried {
			x.best[i] = worth / dearest
		}
	}
}
