package engine

// shutDomains returns what to know for a plan in which nobody opens a domain
// that has none of the pods of a spread which stopped some: others may open it
// only as one choice of many, and its emptiness keeps the pods of the spread
// waiting. It is nil when there is no such domain.
func (s *solution) shutDomains() *learned {
	known := newLearned()
	shut := newBitset(len(s.p.space.configs))
	for _, c := range s.p.classes {
		if s.unplaced[c.id] == 0 || c.fits.empty() {
			continue
		}
		for i := range c.touches {
			r := c.touches[i].rule
			if r.kind != spreadRule || !c.touches[i].owns || known.domains[r] != nil {
				continue
			}
			if marks := s.needed(r); !equalMarks(marks, s.known.universe(r)) {
				known.domains[r] = marks
				r.shut(marks, shut)
			}
		}
	}
	if shut.empty() {
		return nil
	}
	known.shut = shut
	return known
}

// keptDomains returns what to know for a plan in which nobody opens a domain that
// this one does not: a spread that stopped pods may count those that an earlier pass
// would have opened for them. It is nil when no pods were stopped like that.
func (s *solution) keptDomains() *learned {
	known := s.narrowerDomains()
	if known == nil {
		return nil
	}
	known.shut = newBitset(len(s.p.space.configs))
	for r, marks := range known.domains {
		r.shut(marks, known.shut)
		for _, pool := range s.p.pools {
			if len(pool.doubts[r.axis.key]) > 0 {
				for _, i := range pool.configs {
					known.shut.set(i)
				}
			}
		}
	}
	openable := s.openable()
	for w := range known.shut {
		known.shut[w] &^= openable[w]
	}
	return known
}

// needed marks the domains that exist, and those that pods with the rule open.
func (s *solution) needed(r *rule) []bool {
	marks := make([]bool, r.axis.size)
	for n := range s.p.nodes {
		if d := r.domainOfNode(n); d >= 0 {
			marks[d] = true
		}
	}
	for _, g := range s.groups() {
		for i := range g.class.touches {
			if t := &g.class.touches[i]; t.rule == r && t.owns && g.domain(i) >= 0 {
				marks[g.domain(i)] = true
			}
		}
	}
	return marks
}

// shut adds the configs that would open a domain which is not marked.
func (r *rule) shut(marks []bool, configs bitset) {
	for d, set := range r.axis.configs {
		if !marks[d] {
			opening := set.clone()
			opening.and(r.configs)
			configs.or(opening)
		}
	}
}
