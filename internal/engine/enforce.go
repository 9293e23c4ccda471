package engine

import (
	"cmp"
	"slices"
)

// enforce takes pods out again until every topology rule holds in the end, for
// the rare plan whose domains never came out as chosen, or whose pods wait for
// each other in a circle.
func (s *solution) enforce(known *learned) {
	ejected := false
	for s.ejectOne(s.recount(known)) || s.ejectStranded() {
		ejected = true
	}
	if ejected {
		s.dropEmpty()
	}
}

// ejectOne takes one pod that breaks a rule it carries out of the plan; from a
// repeated bin, one of each copy.
func (s *solution) ejectOne(l *ledger) bool {
	for i := range s.bins {
		b := &s.bins[i]
		for j := range b.shares {
			sh := &b.shares[j]
			if sh.count > 0 && s.breaks(l, sh.demand.class, func(t int) int32 { return sh.demand.domains[t] }) {
				sh.count--
				s.unplaced[sh.demand.class.id] += b.times
				return true
			}
		}
	}
	for i := range s.onNodes {
		n := &s.onNodes[i]
		if n.count > 0 && s.breaks(l, n.class, func(t int) int32 { return n.class.touches[t].rule.domainOfNode(n.node) }) {
			n.count--
			s.unplaced[n.class.id]++
			return true
		}
	}
	return false
}

// keepsSpreads reports whether no planned pod is in breach of a spread over the
// domains that are known.
func (s *solution) keepsSpreads(known *learned) bool {
	l := s.recount(known)
	for _, g := range s.groups() {
		for i := range g.class.touches {
			if t := &g.class.touches[i]; t.owns && t.rule.kind == spreadRule && l.skewed(t, g.domain(i)) {
				return false
			}
		}
	}
	return true
}

func (s *solution) breaks(l *ledger, c *class, domain func(int) int32) bool {
	for i := range c.touches {
		if t := &c.touches[i]; t.owns && t.rule.kind == spreadRule && l.skewed(t, domain(i)) {
			s.stuck[c.id] = t.rule
			return true
		}
	}
	return false
}

// recount counts all planned pods along the topology axes.
func (s *solution) recount(known *learned) *ledger {
	l := newLedger(s.p.rules, known)
	for _, n := range s.onNodes {
		for i := range n.class.touches {
			t := &n.class.touches[i]
			for k := 0; k < n.count; k++ {
				l.add(t, t.rule.domainOfNode(n.node))
			}
		}
	}
	for i := range s.bins {
		for _, sh := range s.bins[i].shares {
			for t := range sh.demand.class.touches {
				for k := 0; k < sh.count*s.bins[i].times; k++ {
					l.add(&sh.demand.class.touches[t], sh.demand.domains[t])
				}
			}
		}
	}
	return l
}

// skewed reports whether domain d has more than the spread allows.
func (l *ledger) skewed(t *touch, d int32) bool {
	return d < 0 || l.rules[t.rule.id].count[d]-l.least(t.rule) > int32(t.maxSkew)
}

func (s *solution) dropEmpty() {
	var kept []bin
	for _, b := range s.bins {
		var shares []share
		for _, sh := range b.shares {
			if sh.count > 0 {
				shares = append(shares, sh)
			}
		}
		if b.shares = shares; len(shares) > 0 {
			s.used.add(s.p.space.configs[b.config].pool, b.charge, -b.times)
			s.p.rightSize(&b, s.used)
			s.used.add(s.p.space.configs[b.config].pool, b.charge, b.times)
			kept = append(kept, b)
		} else {
			s.used.add(s.p.space.configs[b.config].pool, b.charge, -b.times)
		}
	}
	s.bins = kept
}

// group is pods of one class in one place, for replaying a plan.
type group struct {
	class  *class
	count  *int
	times  int
	place  int     // node, or nodes + bin
	demand *demand // of a bin; nil on a node
}

// domain is where one of the class's touches sees the pods.
func (g *group) domain(touch int) int32 {
	if g.demand != nil {
		return g.demand.domains[touch]
	}
	return g.class.touches[touch].rule.domainOfNode(g.place)
}

func (s *solution) groups() []group {
	return s.groupsOf(func(*class) bool { return true })
}

func (s *solution) groupsOf(wanted func(*class) bool) (all []group) {
	for i := range s.onNodes {
		n := &s.onNodes[i]
		if n.count > 0 && wanted(n.class) {
			all = append(all, group{n.class, &n.count, 1, n.node, nil})
		}
	}
	for i := range s.bins {
		for j := range s.bins[i].shares {
			if sh := &s.bins[i].shares[j]; sh.count > 0 && wanted(sh.demand.class) {
				all = append(all, group{sh.demand.class, &sh.count, s.bins[i].times, len(s.p.nodes) + i, sh.demand})
			}
		}
	}
	return all
}

// replay binds the groups of a plan in an order that their affinity allows.
type replay struct {
	ledger  *ledger
	beside  map[[2]int]int // selected pods by place and rule per node
	totals  map[int]int    // by rule per node
	opening bool           // may a pod open its affinity's first domain
}

// ejectStranded takes out the pods whose required affinity is never met.
func (s *solution) ejectStranded() bool {
	groups := s.stranded()
	return len(groups) > 0 && s.strand(groups)
}

// stranded returns the pods whose required affinity is never met, whether the
// scheduler has all pods before it or binds those of higher priority first.
func (s *solution) stranded() []group {
	if !s.p.draws() {
		return nil
	}
	groups := s.groupsOf((*class).tied) // the others never wait
	left := newReplay(s.p).bindAll(slices.Clone(groups))
	if len(left) == 0 {
		return nil
	}
	return newReplay(s.p).bindByPriority(groups)
}

// tied reports whether some affinity is carried by the class's pods or selects them.
func (c *class) tied() bool {
	for _, touches := range [][]touch{c.touches, c.hosts} {
		for i := range touches {
			if touches[i].rule.kind == affinityRule {
				return true
			}
		}
	}
	return false
}

// bindByPriority binds the pods of one priority after those of another, and returns
// those that are left. Pods that could have opened their domain, had not others of
// theirs been first, must not rely on less important ones that are bound there
// later: nobody decides which of the two comes first.
func (r *replay) bindByPriority(groups []group) []group {
	slices.SortStableFunc(groups, func(x, y group) int { return cmp.Compare(y.class.pod.Priority, x.class.pod.Priority) })
	var left, waiting []group
	for i := 0; i < len(groups); {
		next := i
		for next < len(groups) && groups[next].class.pod.Priority == groups[i].class.pod.Priority {
			next++
		}
		still := r.bindAll(append(waiting, groups[i:next]...))
		waiting = nil
		for _, g := range still {
			if g.class.selectsItself() {
				left = append(left, g)
			} else {
				waiting = append(waiting, g)
			}
		}
		i = next
	}
	return append(left, waiting...)
}

// selectsItself reports whether the first of the class's pods may open a domain.
func (c *class) selectsItself() bool {
	for _, touches := range [][]touch{c.touches, c.hosts} {
		for i := range touches {
			if touches[i].draws() && !touches[i].matched {
				return false
			}
		}
	}
	return true
}

func newReplay(p *problem) *replay {
	r := &replay{ledger: newLedger(p.rules, &learned{}), beside: map[[2]int]int{}, totals: map[int]int{}}
	r.countBound(p)
	return r
}

// bindAll binds who can be bound, and returns the others. Where nobody can, a pod
// opens its domain, first one that keeps most others from that.
func (r *replay) bindAll(waiting []group) []group {
	for {
		still := waiting[:0]
		before := len(waiting)
		for _, g := range waiting {
			if r.met(g) {
				r.bind(g)
				r.opening = false
			} else {
				still = append(still, g)
			}
		}
		waiting = still
		switch {
		case len(waiting) < before && len(waiting) > 0:
		case len(waiting) == 0 || r.opening:
			r.opening = false
			return waiting
		default:
			r.opening = true
			slices.SortStableFunc(waiting, func(x, y group) int { return cmp.Compare(y.class.drawn(), x.class.drawn()) })
		}
	}
}

// drawn counts the affinity rules of others that select the class.
func (c *class) drawn() int {
	count := 0
	for _, touches := range [][]touch{c.touches, c.hosts} {
		for i := range touches {
			if t := &touches[i]; t.matched && t.rule.kind == affinityRule {
				count++
			}
		}
	}
	return count
}

func (s *solution) strand(groups []group) bool {
	for _, g := range groups {
		s.unplaced[g.class.id] += *g.count * g.times
		*g.count = 0
		for i := range g.class.hosts {
			if t := &g.class.hosts[i]; t.owns && t.rule.kind == affinityRule {
				s.stuck[g.class.id] = t.rule
			}
		}
	}
	return true
}

func (r *replay) countBound(p *problem) {
	for _, rule := range p.rules {
		if rule.kind == affinityRule && rule.axis.host {
			for n, count := range rule.count {
				if count > 0 {
					r.beside[[2]int{n, rule.id}] = int(count)
				}
			}
			r.totals[rule.id] = rule.total
		}
	}
}

// draws reports whether pods with the rule are not bound before others.
func (t *touch) draws() bool { return t.owns && !t.wish && t.rule.kind == affinityRule }

func (r *replay) met(g group) bool {
	for i := range g.class.touches {
		t := &g.class.touches[i]
		if !t.draws() {
			continue
		}
		d := g.domain(i)
		if d < 0 || r.ledger.rules[t.rule.id].count[d] == 0 && !(r.opening && t.matched && r.ledger.opens(t.rule)) {
			return false
		}
	}
	for i := range g.class.hosts {
		t := &g.class.hosts[i]
		if !t.draws() || r.beside[[2]int{g.place, t.rule.id}] > 0 {
			continue
		}
		if !(r.opening && t.matched && r.totals[t.rule.id] == 0 && r.ledger.opens(t.rule) && g.times == 1) {
			return false
		}
	}
	return true
}

// bind counts pods for the affinity rules: they are all that is asked about.
func (r *replay) bind(g group) {
	for i := range g.class.touches {
		if g.class.touches[i].rule.kind != affinityRule {
			continue
		}
		for k := 0; k < *g.count*g.times; k++ {
			r.ledger.add(&g.class.touches[i], g.domain(i))
		}
	}
	for i := range g.class.hosts {
		if t := &g.class.hosts[i]; t.matched && t.rule.kind == affinityRule {
			r.beside[[2]int{g.place, t.rule.id}] += *g.count
			r.totals[t.rule.id] += *g.count * g.times
		}
	}
}
