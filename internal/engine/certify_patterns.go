package engine

import (
	"math"

	"github.com/drover-project/drover/internal/engine/bound"
)

// Proofs that leave a larger gap than patternsAbove are tried once more with what
// mixtures of whole nodes say that pods are worth, which costs more steps. Where no
// rule limits what nodes may hold, that can close smaller gaps, too, unless there
// are so few nodes that those are what parts of nodes make.
const (
	patternsAbove     = 0.05
	plainAbove        = 0.02
	plainNodes        = 50
	patternBoundSteps = 2_000_000
	patternPodSteps   = 5_000 // more for each pod
	mostBoundSteps    = 12_000_000
	maxPatternPairs   = 100_000 // of items and configs: what one round costs
)

// patternsAbove is the gap from where on mixtures of nodes are looked at.
func (c *chooser) patternsAbove() float64 {
	if len(c.plain.rules) == 0 && c.best.nodes >= plainNodes {
		return plainAbove
	}
	return patternsAbove
}

// patternBound looks for the worths that prove most: those of the linear program
// over all contents of nodes, which no topology rule limits. Its prices swing, so
// that contents are looked for between them and the best found so far.
type patternBound struct {
	mixture
	b      *bounding
	itemOf []int // by class
}

// provePatterns returns a bound at least as high as the given one.
func (b *bounding) provePatterns(s *solution, proven int64) int64 {
	prices, _ := b.prices(func(c *class) bool { return b.bought[c.id] > 0 })
	x := b.newPatternBound(s, prices, proven)
	if x == nil {
		return proven
	}
	pods := 0
	for _, count := range x.counts {
		pods += count
	}
	x.generate(min(patternBoundSteps+patternPodSteps*pods, mostBoundSteps), 0)
	for _, worths := range [][]float64{x.best, x.center} {
		proven = max(proven, x.check(worths, prices))
	}
	return proven
}

// check has worths by item checked.
func (x *patternBound) check(worths []float64, prices [][]float64) int64 {
	byClass := make([]float64, len(x.b.p.classes))
	for _, c := range x.b.p.classes {
		if x.b.bought[c.id] > 0 {
			byClass[c.id] = worths[x.itemOf[c.id]]
		}
	}
	return x.b.check(bound.Duals{Worth: x.b.worths(func(c *class) float64 { return byClass[c.id] }), Prices: prices})
}

// newPatternBound starts from the plan's own nodes; nil where there are too many
// different pods and configs.
func (b *bounding) newPatternBound(s *solution, prices [][]float64, proven int64) *patternBound {
	x := &patternBound{b: b}
	items, counts := x.items()
	if len(items)*len(b.candidates) > maxPatternPairs {
		return nil
	}
	x.mixture = newMixture(&packer{p: b.p, items: items, configs: b.candidates, scale: scale{prices: prices[0]}}, counts)
	x.startAt(prices, proven)
	if s.worth != nil {
		x.centerAt(s.worth)
	}
	x.bringSingles()
	for i := range s.bins {
		x.bring(x.contentOf(&s.bins[i]))
	}
	x.settle()
	return x
}

// items makes one item of the classes that are one in the proof.
func (x *patternBound) items() (items []*item, counts []int) {
	x.itemOf = make([]int, len(x.b.p.classes))
	known := map[int]int{} // item by number in the proof
	for _, c := range x.b.p.classes {
		if x.b.bought[c.id] == 0 {
			continue
		}
		at, found := known[x.b.numberOf[c.id]]
		if !found {
			at = len(items)
			known[x.b.numberOf[c.id]] = at
			it := &item{class: c, configs: c.fits, perNode: math.MaxInt32}
			if most := c.mostPerNode(); most > 0 {
				it.perNode = int(most)
			}
			items, counts = append(items, it), append(counts, 0)
		}
		x.itemOf[c.id] = at
		counts[at] += x.b.bought[c.id]
	}
	return items, counts
}

// startAt sets the worths to start from: the linear prices, as far as they prove
// anything.
func (x *patternBound) startAt(prices [][]float64, proven int64) {
	worths, sum := make([]float64, len(x.counts)), 0.0
	for i, it := range x.k.items {
		worths[i] = worthAt(prices[x.b.familyOf[it.class.id]], it.class.request)
		sum += float64(worths[i] * float64(x.counts[i]))
	}
	for i := range worths {
		worths[i] *= float64(proven) / max(sum, 1)
	}
	x.begin(worths, float64(proven))
}

// centerAt begins near the worths of pods by class that the plan was made with.
func (x *patternBound) centerAt(worth []int64) {
	x.hoped = 0
	for i, it := range x.k.items {
		x.center[i] = float64(worth[it.class.id])
		x.hoped += float64(x.center[i] * float64(x.counts[i]))
	}
}

// contentOf is a node of the plan.
func (x *patternBound) contentOf(b *bin) pattern {
	pods := make([]int, len(x.counts))
	for _, s := range b.shares {
		pods[x.itemOf[s.demand.class.id]] += s.count
	}
	p := pattern{config: b.config}
	for i, count := range pods {
		if count > 0 {
			p.parts = append(p.parts, part{i, count})
		}
	}
	return p
}
