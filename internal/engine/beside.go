package engine

import "slices"

// beside plans the pods that have no place next to those that have, whose places
// stay as they are. It changes nothing where that would take a place from someone.
func (s *solution) beside(budget int) {
	before, known := s.copied(), s.known
	a := s.resume(s.known)
	u := &purchase{p: s.p, left: map[*demand]int{}, used: s.used.clone(), seated: map[int]bool{}, budget: budget}
	for i := range s.bins {
		for _, sh := range s.bins[i].shares {
			sh.demand.class.eachAffinity(func(t *touch) {
				if t.matched {
					a.bought[t.rule], u.seated[t.rule.id] = true, true
				}
			})
		}
	}
	a.place(slices.Clone(s.unplaced), s.known)
	u.demands = a.demands
	for _, d := range a.demands {
		u.left[d] = d.count
	}
	s.onNodes, s.unplaced = a.onNodes, a.missing
	for tier := range s.p.tiers {
		s.bins = append(s.bins, u.packTier(s.p.tierSets[tier])...)
	}
	for _, d := range a.demands {
		s.unplaced[d.class.id] += u.left[d]
	}
	s.used, s.known = u.used, known.clone()
	s.known.opened(s)
	s.enforce(s.known)
	for i := range s.unplaced {
		if s.unplaced[i] > before.unplaced[i] {
			s.restore(before)
			s.known = known
			return
		}
	}
}

// copied is a mark that stays as it is when pods are taken out of the plan.
func (s *solution) copied() mark {
	m := s.mark()
	m.onNodes, m.bins = slices.Clone(m.onNodes), slices.Clone(m.bins)
	for i := range m.bins {
		m.bins[i].shares = slices.Clone(m.bins[i].shares)
	}
	return m
}
