package engine

import (
	"github.com/drover-project/drover/internal/engine/bound"
	"github.com/drover-project/drover/internal/model"
)

// boundSteps limits the work of one proof.
const boundSteps = 2_000_000

// maxFreeChecks limits how many pairs of family and node are compared; beyond
// it a node counts as if all its room were open to every pod, which proves a
// little less.
const maxFreeChecks = 4_000_000

// certify adds to the report what every plan costs at least that places as many
// pods of each class as the chosen one does.
func (c *chooser) certify(report *model.Report) {
	b := newBounding(c.plain, c.best)
	report.Shares = b.shares()
	if proven := b.lowerBound(c.best); proven > 0 {
		report.Bound = dollars(proven)
		report.Gap = float64(c.best.cost-proven) / float64(proven)
	}
}

// lowerBound is the best of several proofs, in nanoDollars per hour. The problem
// is the one without preferred rules: what those rule out, another plan may do.
func (b *bounding) lowerBound(s *solution) int64 {
	best := b.prove(func(c *class) bool { return b.bought[c.id] > 0 })
	if len(s.onNodes) > 0 {
		best = max(best, b.prove(func(*class) bool { return true }))
	}
	if s.worth != nil {
		best = max(best, b.check(bound.Duals{Worth: s.worth}))
	}
	return best
}

// bounding translates a problem for the proof.
type bounding struct {
	p        *problem
	families []demandFamily
	familyOf []int // by class
	first    []*class
	bought   []int // pods on nodes to buy, by class
	problem  bound.Problem
	// candidates are the configs that no other replaces.
	candidates []int
}

func newBounding(p *problem, s *solution) *bounding {
	b := &bounding{p: p, familyOf: make([]int, len(p.classes)), bought: make([]int, len(p.classes))}
	for _, c := range p.classes {
		b.bought[c.id] = c.count() - s.unplaced[c.id]
	}
	for _, n := range s.onNodes {
		b.bought[n.class.id] -= n.count
	}
	b.findFamilies()
	exclusive := map[*rule]int{}
	for _, c := range p.classes {
		b.problem.Classes = append(b.problem.Classes, bound.Class{Request: c.request, Family: b.familyOf[c.id],
			Count: int64(c.count() - s.unplaced[c.id]), PerNode: c.mostPerNode(), Exclusive: c.exclusiveSet(exclusive)})
	}
	b.addKinds()
	b.addFree()
	sets := []bitset{p.buyable}
	for f := range b.families {
		sets = append(sets, b.families[f].configs)
	}
	b.candidates = p.space.undominated(p.buyable, sets)
	return b
}

// slots are the rules per node that every plan keeps.
func (b *bounding) slots(counts func(*class) bool) []slot {
	perNode := &slots{p: b.p, byRule: map[*rule]*slot{}, strict: true}
	for _, c := range b.p.classes {
		if counts(c) {
			perNode.add(c, b.bought[c.id], b.families[b.familyOf[c.id]].configs)
		}
	}
	return perNode.list()
}

// findFamilies groups the classes that the same places admit.
func (b *bounding) findFamilies() {
	index := map[string]int{}
	for _, c := range b.p.classes {
		text := &signer{}
		text.number(int64(c.family))
		if len(b.p.nodes) > 0 {
			text.places(c.pod)
		}
		f, known := index[string(text.buf)]
		if !known {
			f = len(b.families)
			index[string(text.buf)] = f
			set := c.labelled.clone()
			set.and(b.p.buyable)
			b.families = append(b.families, demandFamily{configs: set, demand: make(vector, len(b.p.resources.names))})
			b.first = append(b.first, c)
		}
		b.familyOf[c.id] = f
		b.families[f].demand.add(c.request, b.bought[c.id])
	}
}

// mostPerNode is how many pods of the class any node takes in any plan; 0 is no
// limit.
func (c *class) mostPerNode() int64 {
	if len(c.pod.HostPorts) > 0 || c.exclusiveRule() != nil {
		return 1
	}
	return 0
}

// exclusiveRule is a rule by which the class's pods keep off each other's nodes.
func (c *class) exclusiveRule() *rule {
	for i := range c.hosts {
		if t := &c.hosts[i]; t.rule.kind == antiRule && t.owns && t.matched {
			return t.rule
		}
	}
	return nil
}

// exclusiveSet numbers the classes of one such rule: all of them carry it and
// are selected by it, so that one node holds one pod of the set.
func (c *class) exclusiveSet(numbers map[*rule]int) int {
	r := c.exclusiveRule()
	if r == nil {
		return 0
	}
	if numbers[r] == 0 {
		numbers[r] = len(numbers) + 1
	}
	return numbers[r]
}

func (b *bounding) addKinds() {
	b.p.buyable.each(func(i int) {
		c := &b.p.space.configs[i]
		admits := make([]bool, len(b.families))
		for f := range b.families {
			admits[f] = b.families[f].configs.has(i)
		}
		b.problem.Kinds = append(b.problem.Kinds, bound.Kind{Price: c.price, Place: bound.Place{Room: c.room, Admits: admits}})
	})
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
	prices, rules := b.prices(counts)
	duals := bound.Duals{Worth: make([]int64, len(b.p.classes)), Prices: prices}
	for _, c := range b.p.classes {
		if counts(c) && !b.families[b.familyOf[c.id]].configs.empty() {
			duals.Worth[c.id] = wholePrice(worthAt(prices[b.familyOf[c.id]], c.request) + slotWorth(rules, c))
		}
	}
	return b.check(duals)
}

// check has the duals checked; what is refused proves nothing.
func (b *bounding) check(duals bound.Duals) int64 {
	certificate, err := bound.Certify(&b.problem, duals, boundSteps)
	if err != nil {
		return 0 // nothing is proven, so nothing is claimed
	}
	return certificate.Cost
}

// prices solves the linear program; families beyond its bound are worth
// nothing to it.
func (b *bounding) prices(counts func(*class) bool) ([][]float64, []slot) {
	families := b.families[:min(len(b.families), maxFamilies)]
	rules := b.slots(counts)
	prices := priceFamilies(b.p.space.configs, b.candidates, families, rules).byFamily
	for f := len(prices); f < len(b.families); f++ {
		prices = append(prices, make([]float64, len(b.p.resources.names)))
	}
	return prices, rules
}
