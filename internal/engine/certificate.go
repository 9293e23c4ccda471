package engine

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/drover-project/drover/internal/engine/bound"
	"github.com/drover-project/drover/internal/model"
)

// Limits of the work of one proof: so much and some for each pod, but never more than
// the most; mixtureSteps for one that nodes were mixed for, and hopedSteps for what that
// has not found yet to prove as much as it may.
const (
	leastBoundSteps = 300_000
	podBoundSteps   = 2_000
	mostBoundSteps  = 2_000_000
	mixtureSteps    = 16_000_000
	hopedSteps      = 4_000_000
)

func (b *bounding) steps() int {
	pods := 0
	for _, count := range b.placed {
		pods += count
	}
	return min(leastBoundSteps+podBoundSteps*pods, mostBoundSteps)
}

// mostEffort bounds how many times its usual steps a proof may take.
const mostEffort = 64

// maxFreeChecks limits how many pairs of family and node are compared; beyond
// it a node counts as if all its room were open to every pod, which proves a
// little less.
const maxFreeChecks = 4_000_000

// Proofs that leave a larger gap than finerAbove are tried again with classes
// told apart by size, in about finerFamilies groups: what fits no small node need
// not be worth what its parts cost there.
const (
	finerAbove    = 0.03
	finerFamilies = maxFamilies
)

// certify adds to the report what every plan costs at least that places as many
// pods of each class as the chosen one does, and compares it with what that one
// costs in the end.
func (c *chooser) certify(report *model.Report, cost int64) {
	b := newBounding(c.plain, c.best, 0)
	report.Shares = b.shares()
	proven := b.lowerBound(c.best)
	gapAbove := func(gap float64) bool { return float64(c.best.cost) > float64(float64(proven)*(1+gap)) }
	mixed := int64(0) // what the cheapest mixture of nodes costs
	above := c.patternsAbove()
	if c.effort > 1 {
		above = c.toldAbove()
	}
	if gapAbove(min(finerAbove, above)) {
		finer := newBounding(c.plain, c.best, finerFamilies)
		proven = max(proven, finer.lowerBound(c.best))
		if gapAbove(above) {
			enough := int64(float64(c.best.cost) / (1 + above))
			proven, mixed = finer.provePatterns(c.best, proven, enough, max(c.effort, 1))
		}
	}
	if !gapAbove(above) {
		mixed = proven // of so few nodes, parts are what the bound leaves out
	}
	if proven > 0 {
		report.Bound = dollars(proven)
		report.Gap = float64(cost-proven) / float64(proven)
		if report.Gap > c.toldAbove() {
			report.GapShares = append(b.gapShares(c.best, proven), c.looseShares(proven)...)
			report.GapShares = append(report.GapShares, b.openShares(c.best, proven, mixed, report.GapShares)...)
		}
	}
}

// lowerBound is the best of several proofs, in nanoDollars per hour. The problem
// is the one without preferred rules: what those rule out, another plan may do.
func (b *bounding) lowerBound(s *solution) int64 {
	best := b.prove(b.isBought)
	if len(s.onNodes) > 0 {
		best = max(best, b.prove(func(*class) bool { return true }))
	}
	if set := b.largestSet(); set > 0 {
		best = max(best, b.proveAlone(set))
	}
	if s.worth != nil {
		best = max(best, b.check(b.steps(), bound.Duals{Worth: b.worths(func(c *class) float64 { return float64(s.worth[c.id]) })}))
	}
	return best
}

func (b *bounding) isBought(c *class) bool { return b.bought[c.id] > 0 }

// bounding translates a problem for the proof.
type bounding struct {
	p        *problem
	families []demandFamily
	familyOf []int // by class
	first    []*class
	sizes    []int // by class: how many configs hold it
	spread   bool  // spreads over nodes count as if each node were the first
	bought   []int // pods on nodes to buy, by class
	numberOf []int // in problem, by class
	placed   []int // pods, by class
	wholes   []int // findWholes, of classes with pods
	problem  bound.Problem
	prepared *bound.Prepared
	// priced are prices, once they are known.
	priced      [][]float64
	pricedRules []slot
	// candidates are the configs that no other replaces.
	candidates []int
}

// newBounding groups the classes by where they may be, and with families above 0
// into about so many groups by size, too.
func newBounding(p *problem, s *solution, families int) *bounding {
	return makeBounding(p, s, families, false)
}

func makeBounding(p *problem, s *solution, families int, spread bool) *bounding {
	b := &bounding{p: p, spread: spread, familyOf: make([]int, len(p.classes)), bought: make([]int, len(p.classes)), placed: make([]int, len(p.classes))}
	for _, c := range p.classes {
		b.placed[c.id] = c.count() - s.unplaced[c.id]
		b.bought[c.id] = b.placed[c.id]
	}
	for _, n := range s.onNodes {
		b.bought[n.class.id] -= n.count
	}
	b.findFamilies(families)
	b.addClasses()
	b.addKinds()
	b.addFree()
	b.prepared = bound.Prepare(&b.problem)
	sets := []bitset{p.buyable}
	for f := range b.families {
		sets = append(sets, b.families[f].configs)
	}
	b.candidates = p.undominated(p.buyable, sets)
	return b
}

// addClasses makes one of classes that differ in nothing the proof uses: it says
// more the more pods it knows to be equal.
func (b *bounding) addClasses() {
	exclusive, known := map[*rule]int{}, map[string]int{}
	b.numberOf, b.wholes = make([]int, len(b.p.classes)), findWholes(b.p)
	b.problem.Classes = make([]bound.Class, 0, len(b.p.classes))
	wholes := map[int]int{}
	var key []byte
	for _, c := range b.p.classes {
		made := bound.Class{Request: c.request, Family: b.familyOf[c.id], Count: int64(b.placed[c.id]),
			PerNode: b.mostPerNode(c), Exclusive: b.exclusiveSet(c, exclusive)}
		if made.Count == 0 {
			b.wholes[c.id] = 0
		}
		if b.wholes[c.id] > 0 {
			b.addWhole(c, made, wholes)
			continue
		}
		key = strconv.AppendBool(key[:0], b.bought[c.id] > 0)
		for _, n := range append([]int64{int64(made.Family), int64(made.Exclusive)}, c.request...) {
			key = binary.AppendVarint(key, n)
		}
		if made.PerNode > 0 && made.Exclusive == 0 {
			key = binary.AppendVarint(key, int64(c.id)) // a limit of its own
		}
		number, found := known[string(key)]
		if !found {
			number = len(b.problem.Classes)
			known[string(key)] = number
			b.problem.Classes = append(b.problem.Classes, made)
		} else {
			b.problem.Classes[number].Count += made.Count
		}
		b.numberOf[c.id] = number
	}
}

// worths brings the worths of pods by class into the classes of the proof: their
// mean, where one is made of several, and their sum, where one pod is.
func (b *bounding) worths(ofClass func(c *class) float64) []int64 {
	sums, counts := make([]float64, len(b.problem.Classes)), make([]float64, len(b.problem.Classes))
	for _, c := range b.p.classes {
		number, pods := b.numberOf[c.id], float64(c.count())
		switch {
		case b.wholes[c.id] > 0:
			sums[number] += float64(ofClass(c) * float64(b.placed[c.id]))
			counts[number] = 1
		case pods > 0:
			sums[number] += float64(ofClass(c) * pods)
			counts[number] += pods
		}
	}
	whole := make([]int64, len(sums))
	for i, sum := range sums {
		whole[i] = wholePrice(sum / max(counts[i], 1))
	}
	return whole
}

// slots are the rules per node of pods to buy for, strictly those that every plan
// keeps.
func (b *bounding) slots(strict bool) []slot {
	perNode := &slots{p: b.p, byRule: map[*rule]*slot{}, strict: strict}
	for _, c := range b.p.classes {
		perNode.add(c, b.bought[c.id], b.families[b.familyOf[c.id]].configs)
	}
	return perNode.list()
}

func (b *bounding) addKinds() {
	if len(b.families) == 0 {
		return // nobody asks for a node
	}
	admitted, key := map[string][]bool{}, make([]byte, len(b.families))
	b.problem.Kinds = make([]bound.Kind, 0, b.p.buyable.count())
	var last *model.InstanceType
	from := 0                       // kinds of the last type
	for _, i := range b.p.byPrice { // an order in which the proof finds little to sort
		c := &b.p.space.configs[i]
		if !c.available() {
			continue
		}
		if c.kind != last {
			last, from = c.kind, len(b.problem.Kinds)
		}
		for f := range b.families {
			if key[f] = 0; b.families[f].configs.has(i) {
				key[f] = 1
			}
		}
		admits := admitted[string(key)]
		if admits == nil {
			admits = make([]bool, len(b.families))
			for f := range admits {
				admits[f] = key[f] == 1
			}
			admitted[string(key)] = admits
		}
		made := bound.Kind{Price: c.price, Place: bound.Place{Room: c.room, Admits: admits}}
		if !slices.ContainsFunc(b.problem.Kinds[from:], func(k bound.Kind) bool { return sameKind(k, made) }) {
			b.problem.Kinds = append(b.problem.Kinds, made)
		}
	}
}

// sameKind reports whether two kinds are one: the type in another zone, mostly.
func sameKind(x, y bound.Kind) bool {
	return x.Price == y.Price && &x.Room[0] == &y.Room[0] && &x.Admits[0] == &y.Admits[0]
}

func (b *bounding) addFree() {
	open := make([]bool, len(b.families))
	for f := range open {
		open[f] = true
	}
	for _, n := range b.p.nodes {
		if n.spec.Unschedulable || !b.smallEnough(n.room) {
			continue
		}
		admits := open
		if len(b.families)*len(b.p.nodes) <= maxFreeChecks {
			admits = make([]bool, len(b.families))
			for f, c := range b.first {
				admits[f] = n.admitsClass(c)
			}
		}
		b.problem.Free = append(b.problem.Free, bound.Place{Room: n.room, Admits: admits})
	}
}

// smallEnough reports whether some pod might fit into the room.
func (b *bounding) smallEnough(room vector) bool {
	for _, c := range b.p.classes {
		if c.request.fits(room) {
			return true
		}
	}
	return false
}

// prove takes prices from the linear program over families of the classes
// that count, and has them checked.
func (b *bounding) prove(counts func(*class) bool) int64 {
	prices, rules := b.prices()
	return b.check(b.steps(), bound.Duals{Prices: prices, Worth: b.worths(func(c *class) float64 {
		if !counts(c) || b.families[b.familyOf[c.id]].configs.empty() {
			return 0
		}
		return worthAt(prices[b.familyOf[c.id]], c.request) + slotWorth(rules, c)
	})})
}

// check has the duals checked in so many steps; what is refused proves nothing.
func (b *bounding) check(steps int, duals bound.Duals) int64 {
	certificate, err := b.prepared.Certify(duals, steps)
	if err != nil {
		return 0 // nothing is proven, so nothing is claimed
	}
	return certificate.Cost
}

// prices solves the linear program for the pods to buy for, once; families beyond
// its bound are worth nothing to it.
func (b *bounding) prices() ([][]float64, []slot) {
	if b.priced != nil {
		return b.priced, b.pricedRules
	}
	families := b.families[:min(len(b.families), maxFamilies)]
	b.pricedRules = b.slots(true)
	b.priced = priceFamilies(b.p.space.configs, b.candidates, families, b.pricedRules).byFamily
	for f := len(b.priced); f < len(b.families); f++ {
		b.priced = append(b.priced, make([]float64, len(b.p.resources.names)))
	}
	return b.priced, b.pricedRules
}
