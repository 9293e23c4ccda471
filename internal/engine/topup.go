package engine

// maxTopUps bounds how many pods are placed one by one at the end.
const maxTopUps = 64

// topUp tries once more, pod by pod beside the finished plan, for pods that
// scarce limits and topology rules together left out.
func (s *solution) topUp(known *learned) {
	for tries, progress := 0, true; progress; {
		progress = false
		for _, c := range s.p.classes {
			if s.unplaced[c.id] == 0 || c.fault != nil {
				continue
			}
			if tries++; tries > maxTopUps {
				return
			}
			before := s.mark()
			if !s.placeOne(c, known) {
				continue
			}
			if s.p.draws() && len(s.stranded()) > 0 {
				s.restore(before) // bound before others, the pod could keep them waiting
				continue
			}
			progress = true
		}
	}
}

// mark is what topUp changes of a solution, to go back to.
type mark struct {
	onNodes  []nodeShare
	bins     []bin
	unplaced []int
	used     usage
}

func (s *solution) mark() mark {
	return mark{s.onNodes, s.bins, append([]int(nil), s.unplaced...), s.used.clone()}
}

func (s *solution) restore(m mark) {
	s.onNodes, s.bins, s.unplaced, s.used = m.onNodes, m.bins, m.unplaced, m.used
}

// draws reports whether some pod must be beside others.
func (p *problem) draws() bool {
	for _, r := range p.rules {
		if r.kind == affinityRule {
			return true
		}
	}
	return false
}

// together is how many pods of the class to place at once: those that must
// share a node, all when none of their kind is anywhere, otherwise none.
func (s *solution) together(c *class) int {
	count := 1
	c.eachAffinity(func(t *touch) {
		if !t.owns {
			return
		}
		count = s.unplaced[c.id]
		if !t.matched || s.selected(t.rule) > 0 {
			count = 0
		}
	})
	return count
}

// selected counts the pods that a rule per node selects, running and planned.
func (s *solution) selected(r *rule) int {
	total := r.total
	add := func(c *class, count int) {
		c.eachAffinity(func(t *touch) {
			if t.rule == r && t.matched {
				total += count
			}
		})
	}
	for _, n := range s.onNodes {
		add(n.class, n.count)
	}
	for i := range s.bins {
		for _, sh := range s.bins[i].shares {
			add(sh.demand.class, sh.count*s.bins[i].times)
		}
	}
	return total
}

// selectedBy is solution.selected, found once.
func (r *remedies) selectedBy(of *rule) int {
	count, known := r.selected[of]
	if !known {
		count = r.s.selected(of)
		r.selected[of] = count
	}
	return count
}

func (s *solution) placeOne(c *class, known *learned) bool {
	count := s.together(c)
	if count == 0 {
		return false
	}
	a := s.resume(known)
	for _, pl := range a.places(c, nil) {
		count := a.allowedTogether(c, pl, count)
		if count == 0 {
			continue
		}
		if n := a.nextNode(c, pl); n >= 0 && count == 1 {
			s.onNodes = append(s.onNodes, nodeShare{class: c, node: n, count: 1})
			s.unplaced[c.id]--
			return true
		}
		if !pl.configs.empty() && s.buyOne(c, pl, count, known) {
			return true
		}
		if count > 1 {
			a = s.resume(known) // without those that were counted there
		}
	}
	return false
}

// allowedTogether returns how many of count pods the rules admit to the place
// one after the other.
func (a *assignment) allowedTogether(c *class, pl *place, count int) int {
	admitted := 0
	for admitted < count && a.allowed(c, pl) {
		if admitted++; admitted == count {
			break
		}
		for i := range c.touches {
			a.ledger.add(&c.touches[i], pl.domains[i])
		}
	}
	return admitted
}

// buyOne buys a node for the pods; if need be without the offerings that would
// open a domain to some spread.
func (s *solution) buyOne(c *class, pl *place, count int, known *learned) bool {
	if s.tryBuying(c, pl, count, known) {
		return true
	}
	narrow := *pl
	narrow.configs = known.withoutNews(s.p, pl.configs)
	return !narrow.configs.empty() && narrow.configs.count() < pl.configs.count() && s.tryBuying(c, &narrow, count, known)
}

// tryBuying buys unless a domain that the node may open leaves planned pods in
// breach of their spread.
func (s *solution) tryBuying(c *class, pl *place, count int, known *learned) bool {
	made := newDemand(c, pl, count)
	d := &made
	u := &purchase{p: s.p, demands: []*demand{d}, left: map[*demand]int{d: count}, used: s.used, seated: map[int]bool{}, budget: 1}
	before := s.bins
	for tier := range s.p.tiers {
		s.bins = append(s.bins, u.packTier(s.p.tierSets[tier])...)
	}
	after := known.clone()
	if u.left[d] == count || after.opened(s) && !s.keepsSpreads(after) {
		s.bins = before
		return false
	}
	known.domains = after.domains
	s.used = u.used
	s.unplaced[c.id] -= count - u.left[d]
	return true
}

// resume is the assignment as the plan left it.
func (s *solution) resume(known *learned) *assignment {
	a := newAssignment(s.p, known)
	for _, n := range s.onNodes {
		for k := 0; k < n.count; k++ {
			a.putOnNode(n.class, n.node, 1)
		}
	}
	a.ledger = s.recount(known)
	for _, n := range s.onNodes {
		for i := range n.class.hosts {
			for k := 0; k < n.count; k++ {
				a.ledger.add(&n.class.hosts[i], n.class.hosts[i].rule.domainOfNode(n.node))
			}
		}
	}
	return a
}
