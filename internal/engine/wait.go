package engine

// waiting notes the spreads over hosts whose pods cannot be bound before new
// nodes have joined, because another spread of theirs holds only together with
// those. It returns whether that is news.
func (k *learned) waiting(s *solution) bool {
	var early *ledger
	news := false
	for _, n := range s.onNodes {
		if n.count == 0 || !n.class.spreadsTwice() || s.p.nodes[n.node].spec.Launching {
			continue
		}
		if early == nil {
			early = s.beforeLaunches()
		}
		if s.holds(early, n) {
			continue
		}
		for i := range n.class.hosts {
			if t := &n.class.hosts[i]; t.owns && t.rule.kind == spreadRule && !k.waits[t.rule] {
				k.waits[t.rule], news = true, true
			}
		}
	}
	return news
}

// spreadsTwice reports whether the class is spread over hosts and over
// something else.
func (c *class) spreadsTwice() bool { return spreads(c.hosts) && spreads(c.touches) }

func spreads(touches []touch) bool {
	for i := range touches {
		if touches[i].owns && touches[i].rule.kind == spreadRule {
			return true
		}
	}
	return false
}

// beforeLaunches counts the pods on nodes that have joined, over the domains of
// those nodes only.
func (s *solution) beforeLaunches() *ledger {
	domains := map[*rule][]bool{}
	for _, r := range s.p.rules {
		if r.kind != spreadRule || r.axis.host {
			continue
		}
		marks := make([]bool, r.axis.size)
		for n := range s.p.nodes {
			if d := r.domainOfNode(n); d >= 0 && !s.p.nodes[n].spec.Launching {
				marks[d] = true
			}
		}
		domains[r] = marks
	}
	l := newLedger(s.p.rules, &learned{domains: domains})
	for _, n := range s.onNodes {
		if s.p.nodes[n.node].spec.Launching {
			continue
		}
		for i := range n.class.touches {
			t := &n.class.touches[i]
			for range n.count {
				l.add(t, t.rule.domainOfNode(n.node))
			}
		}
	}
	return l
}

func (s *solution) holds(l *ledger, n nodeShare) bool {
	for i := range n.class.touches {
		t := &n.class.touches[i]
		if t.owns && t.rule.kind == spreadRule && l.skewed(t, t.rule.domainOfNode(n.node)) {
			return false
		}
	}
	return true
}
