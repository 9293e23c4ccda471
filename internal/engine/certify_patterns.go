package engine

import (
	"math"
	"slices"
	"strconv"

	"github.com/drover-project/drover/internal/engine/bound"
)

// Proofs that leave a larger gap than patternsAbove are tried once more with what
// mixtures of whole nodes say that pods are worth, which costs more steps. Where no
// rule limits what nodes may hold, that can close smaller gaps, too, unless there
// are so few nodes that those are what whole ones cost more than parts.
const (
	patternsAbove     = 0.05
	plainAbove        = 0.02
	plainNodes        = 20
	patternBoundSteps = 4_000_000
	patternPodSteps   = 5_000 // more for each pod
	mostMixSteps      = 24_000_000
	// What may prove more than is proven by that part is checked, too.
	worthChecking = 1.004
	// Of items and configs: what one round costs.
	maxPatternPairs = 400_000
)

// patternsAbove is the gap from where on mixtures of nodes are looked at.
func (c *chooser) patternsAbove() float64 {
	if c.best.nodes < plainNodes {
		return patternsAbove
	}
	return c.toldAbove()
}

// toldAbove is the gap from where on the Report tells what makes it.
func (c *chooser) toldAbove() float64 {
	if len(c.plain.rules) == 0 {
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
	alike  *alike
	itemOf []int     // by class
	start  float64   // proven when it began
	begun  int       // steps it had taken then
	linear []float64 // what a pod of each item is worth to the linear program over resources
	firsts []*class  // of each item
}

// provePatterns returns a bound at least as high as the given one, and what the
// cheapest mixture costs that was found; 0 where none is known. Where that proves less than
// enough in the usual steps, it goes on for effort times as many.
func (b *bounding) provePatterns(s *solution, proven, enough int64, effort int) (better, mixed int64) {
	if effort == 1 && b.pinned(s) {
		return proven, 0
	}
	x := b.newPatternBound(s, proven, effort)
	if x == nil {
		return proven, 0
	}
	better = max(proven, x.prove(1))
	if effort > 1 && better < enough {
		better = max(better, x.prove(effort))
	}
	if x.rows.count < len(x.k.items) {
		return better, 0 // the mixture covers what is alike together, not each of it
	}
	return better, wholePrice(x.lp.objective())
}

// prove goes on up to so many times the usual steps and has what was found checked.
func (x *patternBound) prove(times int) int64 {
	pods, proven := 0, int64(0)
	for _, count := range x.counts {
		pods += count
	}
	most := x.begun + min(patternBoundSteps+patternPodSteps*pods, mostMixSteps)*times
	for x.generate(most-x.steps, 0); x.steps < most && x.refine(); {
		x.generate(most-x.steps, 0)
	}
	if x.proven > x.start {
		proven = x.check(x.best, mixtureSteps*times)
	}
	if x.hoped > x.start && x.hoped > x.proven*worthChecking {
		proven = max(proven, x.check(x.center, hopedSteps*times))
	}
	return proven
}

// check has worths by item checked, in about so many steps.
func (x *patternBound) check(worths []float64, steps int) int64 {
	byClass := make([]float64, len(x.b.p.classes))
	for _, c := range x.b.p.classes {
		i := x.itemOf[c.id]
		switch {
		case x.b.bought[c.id] == 0:
		case x.b.wholes[c.id] == 0:
			byClass[c.id] = worths[i]
		case x.firsts[i] == c:
			byClass[c.id] = worths[i] / float64(x.b.placed[c.id]) // of all the pods of one node
		}
	}
	return x.b.check(steps, bound.Duals{Worth: x.b.worths(func(c *class) float64 { return byClass[c.id] }), Prices: x.b.priced})
}

// newPatternBound starts from the plan's own nodes; nil where there are too many
// different pods and configs.
func (b *bounding) newPatternBound(s *solution, proven int64, effort int) *patternBound {
	x := &patternBound{b: b, alike: newAlike(b.p, b.candidates)}
	configs := x.alike.configs(b.candidates)
	items, counts := x.items()
	if len(items)*len(configs) > maxPatternPairs*effort {
		return nil
	}
	prices := b.priced
	x.k, x.counts = &packer{p: b.p, items: items, configs: configs, scale: scale{prices: prices[0]}}, counts
	x.linear = x.linearWorths(prices)
	x.mixture = newMixture(x.k, counts, x.rowsFor(firstRows), &b.p.work)
	x.thorough = true
	x.startAt(x.linear, proven)
	x.bringSingles()
	for i := range s.bins {
		x.bring(x.contentOf(&s.bins[i]))
	}
	for i := range s.mixed {
		x.patterns = append(x.patterns, x.contentOf(&s.mixed[i]))
	}
	x.settle()
	if s.worth != nil {
		x.centerAt(s.worth)
	}
	if x.wantsDevices() {
		x.weighPrices() // they say more there than what resources cost
	}
	x.begun = x.steps
	return x
}

// items makes one item of the classes that are one in the proof, or would be if
// they asked for the same zones.
func (x *patternBound) items() (items []*item, counts []int) {
	b := x.b
	x.itemOf = make([]int, len(b.p.classes))
	known := map[string]int{}
	for _, c := range b.p.classes {
		if b.bought[c.id] == 0 {
			continue
		}
		key := x.keyOf(c)
		at, found := known[key]
		if !found {
			at = len(items)
			known[key] = at
			items, counts, x.firsts = append(items, x.itemOfClass(c)), append(counts, 0), append(x.firsts, c)
		}
		x.itemOf[c.id] = at
		if b.wholes[c.id] == 0 {
			counts[at] += b.bought[c.id]
			items[at].admit(b.mostPerNode(c))
			continue
		}
		counts[at] = 1
		items[at].class.request.add(c.request, b.placed[c.id])
		items[at].configs.and(x.alike.admitting(c.fits))
	}
	return items, counts
}

// keyOf is equal for classes that are one item.
func (x *patternBound) keyOf(c *class) string {
	if x.b.wholes[c.id] > 0 {
		return strconv.Itoa(x.b.numberOf[c.id])
	}
	key := wantKey(c.request, x.alike.admitting(c.fits))
	if slotWorth(x.b.pricedRules, c) > 0 {
		key += strconv.Itoa(c.id)
	}
	return key
}

// itemOfClass is the item of the first of some classes that are one; the pods of a
// whole are added to it.
func (x *patternBound) itemOfClass(c *class) *item {
	it := &item{class: c, configs: x.alike.admitting(c.fits)}
	if x.b.wholes[c.id] > 0 {
		it.class, it.perNode = &class{request: make(vector, len(c.request))}, 1
	}
	return it
}

// admit lets as many more pods of the item be on a node as may be of the class.
func (it *item) admit(most int64) {
	if most <= 0 || it.perNode == math.MaxInt32 {
		it.perNode = math.MaxInt32
		return
	}
	it.perNode += int(most)
}

// firstRows is how many rows the linear program of a proof has at first: more would prove
// more in the end, but take far longer to get there. When that has come to its end, it has
// moreRows times as many.
const (
	firstRows = 96
	moreRows  = 3
)

// rowsFor has one row for each item, or for those that are much alike where they are too
// many. Pods that share a node by its devices are worth about the same whatever else they
// ask for: such items are not alike.
func (x *patternBound) rowsFor(most int) rows {
	if len(x.k.items) <= most || len(x.k.items) <= maxPatternItems && x.wantsDevices() {
		return rowEach(x.counts)
	}
	families := make([]int, len(x.k.items))
	for i := range families {
		families[i] = x.b.familyOf[x.firsts[i].id]
	}
	return rowsAlike(x.k.items, x.counts, families, x.linear, most)
}

func (x *patternBound) wantsDevices() bool {
	return slices.ContainsFunc(x.k.items, func(it *item) bool { return it.wantsDevices(x.b.p.resources) })
}

func (it *item) wantsDevices(resources resourceIndex) bool {
	for r, amount := range it.class.request {
		if amount > 0 && resources.isDevice(r) {
			return true
		}
	}
	return false
}

// refine goes on with more rows from what is known; false where there are none.
func (x *patternBound) refine() bool {
	last := x.mixture
	rows := x.rowsFor(last.rows.count * moreRows)
	if rows.count <= last.rows.count {
		return false
	}
	x.mixture = newMixture(last.k, last.counts, rows, last.work)
	x.thorough = true
	x.goOnFrom(&last)
	x.bringSingles()
	for _, label := range last.lp.labels {
		if label >= 0 {
			x.bring(last.patterns[label])
		}
	}
	x.patterns = append(x.patterns, last.patterns...)
	x.settle()
	return true
}

// linearWorths are what a pod of each item is worth to the linear program.
func (x *patternBound) linearWorths(prices [][]float64) []float64 {
	worths := make([]float64, len(x.k.items))
	for i, it := range x.k.items {
		c := x.firsts[i]
		worths[i] = worthAt(prices[x.b.familyOf[c.id]], it.class.request)
		if x.b.wholes[c.id] == 0 {
			worths[i] += slotWorth(x.b.pricedRules, c)
		}
		worths[i] = max(worths[i], 1)
	}
	return worths
}

// startAt sets the worths to start from: the linear ones, which prove their sum, if not
// more than is known.
func (x *patternBound) startAt(worths []float64, proven int64) {
	sum := 0.0
	for i, worth := range worths {
		sum += float64(worth * float64(x.counts[i]))
	}
	if sum > float64(proven) {
		for i := range worths {
			worths[i] *= float64(proven) / sum
		}
		sum = float64(proven)
	}
	x.start = float64(proven)
	x.begin(worths, sum)
}

// centerAt begins near the worths of pods by class that the plan was made with.
func (x *patternBound) centerAt(worth []int64) {
	sums, pods := make([]float64, len(x.counts)), make([]float64, len(x.counts))
	for _, c := range x.b.p.classes {
		i, count := x.itemOf[c.id], float64(x.b.bought[c.id])
		switch {
		case count == 0:
		case x.b.wholes[c.id] > 0:
			sums[i] += float64(float64(worth[c.id]) * float64(x.b.placed[c.id]))
			pods[i] = 1
		default:
			sums[i] += float64(float64(worth[c.id]) * count)
			pods[i] += count
		}
	}
	for i := range sums {
		x.center[i] = sums[i] / max(pods[i], 1)
	}
	x.weigh()
}

// contentOf is a node of the plan.
func (x *patternBound) contentOf(b *bin) pattern {
	p := pattern{config: x.alike.of(b.config), parts: make([]part, 0, len(b.shares))}
	for _, s := range b.shares {
		i := x.itemOf[s.demand.class.id]
		at := slices.IndexFunc(p.parts, func(y part) bool { return y.item == i })
		if at < 0 {
			at = len(p.parts)
			p.parts = append(p.parts, part{item: i})
		}
		if p.parts[at].count += s.count; x.b.wholes[s.demand.class.id] > 0 {
			p.parts[at].count = 1
		}
	}
	slices.SortFunc(p.parts, func(a, b part) int { return a.item - b.item })
	return p
}
