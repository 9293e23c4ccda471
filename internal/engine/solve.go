package engine

import (
	"maps"

	"github.com/drover-project/drover/internal/model"
)

// solution is a whole plan in terms of classes.
type solution struct {
	p        *problem
	onNodes  []nodeShare
	bins     []bin
	unplaced []int   // by class
	stuck    []*rule // by class: the topology rule that stopped it, if one did
	used     usage   // by the launches' first offerings
	reserved usage   // by the largest offering each launch lists
	cost     int64
	nodes    int
	placed   int
	steps    int
	worth    []int64  // purchase.worth
	mixed    []bin    // purchase.mixed
	buying   *buying  // once launches are made
	known    *learned // what the last pass went by
	remedies *remedies
	// what launches have in common, by the configs they list
	offers map[string][]model.Offering
	labels map[string][]model.Requirement
	key    []byte // buffer
	// texts of what pods require
	required map[*model.Requirement]string
}

// maxPasses bounds how often a plan is begun again with what was learned about
// domains that could not buy what topology rules wanted there, or that other
// pods opened.
const maxPasses = 5

// solve decides. Pods are spread over every domain that could be bought; when
// that leaves pods without a place, a second plan spreads them, as the
// scheduler itself would, over the domains that there will be, a third lets
// nobody open the domains whose emptiness stops them, if nobody loses by that,
// another one has pods go where those can be that must be beside them, and the
// last uses little of the limits that stop them.
func solve(p *problem, budget int) *solution {
	s := solveByDomains(p, budget).orUneven(budget)
	if known := s.shutDomains(); known != nil {
		s = s.or(converge(p, known, budget), (*solution).keepsPlaces)
	}
	if known := s.keptDomains(); known != nil {
		s = s.or(converge(p, known, budget), (*solution).keepsPlaces)
	}
	if known := s.lead(); known != nil {
		s = s.or(converge(p, known, budget), (*solution).keepsPlaces)
	}
	if p.limits() && s.limited() {
		known := s.known.clone()
		known.most, known.thrifty = map[*class]map[string]int{}, true
		s = s.or(converge(p, known, budget), (*solution).keepsImportant)
	}
	return s
}

// or returns next when it has more pods and keeps what it must of s.
func (s *solution) or(next *solution, keeps func(next, s *solution) bool) *solution {
	steps := s.steps + next.steps
	if next.placed > s.placed && keeps(next, s) {
		s = next
	}
	s.steps = steps
	return s
}

// orUneven returns the plan in which loose spreads fill one domain after the
// other, which takes fewer nodes, when it is the better one.
func (s *solution) orUneven(budget int) *solution {
	loose := false
	for _, c := range s.p.classes {
		loose = loose || c.count() > 1 && c.spreadsLoosely()
	}
	if !loose {
		return s
	}
	known := s.known.clone()
	known.most, known.uneven = map[*class]map[string]int{}, true
	next := converge(s.p, known, budget)
	steps := s.steps + next.steps
	if next.replaces(s) && !s.replaces(next) {
		s = next
	}
	s.steps = steps
	return s
}

func solveByDomains(p *problem, budget int) *solution {
	s := converge(p, newLearned(), budget)
	if known := s.narrowerDomains(); known != nil {
		next := converge(p, known, budget)
		next.steps += s.steps
		if next.placed > s.placed {
			return next
		}
		s.steps = next.steps
		s.topUp(s.narrowerDomains())
		s.finish()
	}
	return s
}

// narrowerDomains returns domains without those that nobody opened, for the spreads
// that stopped pods; nil when there is nothing to gain.
func (s *solution) narrowerDomains() *learned {
	known := newLearned()
	narrower := false
	for _, c := range s.p.classes {
		if s.unplaced[c.id] == 0 || c.fits.empty() {
			continue
		}
		for i := range c.touches {
			if t := &c.touches[i]; t.rule.kind == spreadRule {
				narrower = s.narrow(t.rule, known) || narrower
			}
		}
	}
	if !narrower {
		return nil
	}
	for r, marks := range s.known.domains {
		if known.domains[r] == nil {
			known.domains[r] = append([]bool(nil), marks...)
		}
	}
	return known
}

func (s *solution) narrow(r *rule, known *learned) bool {
	marks := make([]bool, r.axis.size)
	for n := range s.p.nodes {
		if d := r.domainOfNode(n); d >= 0 {
			marks[d] = true
		}
	}
	s.p.markOpened(r, marks, s.openable())
	if equalMarks(marks, s.known.universe(r)) {
		return false
	}
	known.domains[r] = marks
	return true
}

// markOpened marks the domains that the plan's launches may bring, given their
// configs, and returns whether that is news.
func (p *problem) markOpened(r *rule, marks []bool, configs bitset) bool {
	before := append([]bool(nil), marks...)
	r.markDomains(marks, configs)
	p.markDoubts(r, marks, configs)
	return !equalMarks(before, marks)
}

// openable are the configs that the plan's launches may become.
func (s *solution) openable() bitset {
	set := newBitset(len(s.p.space.configs))
	for i := range s.bins {
		for _, config := range s.p.acceptable(&s.bins[i]) {
			set.set(config)
		}
	}
	return set
}

// converge makes a plan: existing nodes and domains first, then nodes to buy,
// heaviest pools first. When a domain cannot buy its part, the others' parts
// are no longer right, and all begins again with that knowledge.
func converge(p *problem, known *learned, budget int) *solution {
	for pass := 1; ; pass++ {
		s, short := attempt(p, known, budget)
		again := known.caps(short)
		again = known.opened(s) || again
		again = known.waiting(s) || again
		if again && pass < maxPasses {
			continue
		}
		for _, d := range short {
			s.unplaced[d.class.id] += d.left
		}
		s.enforce(known)
		s.topUp(known)
		return s.finish()
	}
}

func attempt(p *problem, known *learned, budget int) (*solution, []demandLeft) {
	a := assign(p, known)
	s := &solution{p: p, known: known, onNodes: a.onNodes, unplaced: a.missing, stuck: a.stuck, used: usage{}}
	for _, pool := range p.pools {
		s.used[pool] = append([]int64(nil), pool.usage...)
	}
	u := &purchase{p: p, demands: a.demands, left: make(map[*demand]int, len(a.demands)), used: s.used, seated: map[int]bool{}, budget: budget, thrifty: known.thrifty}
	for _, d := range a.demands {
		u.left[d] = d.count
	}
	for tier := range p.tiers {
		s.bins = append(s.bins, u.packTier(p.tierSets[tier])...)
	}
	s.used, s.worth, s.mixed = u.used, u.worth, u.mixed
	s.steps = budget - u.budget + a.steps
	var short []demandLeft
	for _, d := range a.demands {
		if u.left[d] > 0 {
			short = append(short, demandLeft{d, u.left[d]})
		}
	}
	return s, short
}

// demandLeft is the part of a demand that could not be bought.
type demandLeft struct {
	*demand
	left int
}

// caps notes what places could buy; it returns whether that can change the
// choice of domains.
func (k *learned) caps(short []demandLeft) bool {
	matters := false
	for _, d := range short {
		if len(d.class.touches) == 0 {
			continue
		}
		matters = true
		if k.most[d.class] == nil {
			k.most[d.class] = map[string]int{}
		}
		k.most[d.class][d.place] = d.count - d.left
	}
	return matters
}

// opened notes domains that launches bring although no pod that is spread over
// them could buy there: from then on they count as empty domains.
func (k *learned) opened(s *solution) bool {
	changed := false
	var configs bitset
	for _, r := range s.p.rules {
		if r.kind != spreadRule || r.axis.host || k.domains[r] == nil && equalMarks(r.universe, r.reach) {
			continue
		}
		marks := append([]bool(nil), k.universe(r)...)
		if configs == nil {
			configs = s.openable()
		}
		changed = s.p.markOpened(r, marks, configs) || changed
		k.domains[r] = marks
	}
	return changed
}

// universe is the rule's domains as far as is known.
func (k *learned) universe(r *rule) []bool {
	if k.domains[r] != nil {
		return k.domains[r]
	}
	return r.universe
}

func newLearned() *learned {
	return &learned{most: map[*class]map[string]int{}, domains: map[*rule][]bool{}, waits: map[*rule]bool{}}
}

func (k *learned) clone() *learned {
	c := &learned{most: k.most, shut: k.shut, thrifty: k.thrifty, uneven: k.uneven, followed: k.followed, domains: make(map[*rule][]bool, len(k.domains)), waits: maps.Clone(k.waits)}
	for r, marks := range k.domains {
		c.domains[r] = marks
	}
	return c
}

// withoutNews leaves out the configs that would open a domain to some spread.
func (k *learned) withoutNews(p *problem, configs bitset) bitset {
	known := newBitset(len(p.space.configs))
	configs.each(func(i int) {
		for _, r := range p.rules {
			if r.kind != spreadRule || r.axis.host {
				continue
			}
			if d := r.domainOfConfig(i); d >= 0 && !k.universe(r)[d] {
				return
			}
		}
		known.set(i)
	})
	return known
}

func equalMarks(a, b []bool) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (s *solution) finish() *solution {
	s.cost, s.nodes = s.p.cost(s.bins)
	s.placed = 0
	for _, c := range s.p.classes {
		s.placed += c.count() - s.unplaced[c.id]
	}
	return s
}
