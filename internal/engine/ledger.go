package engine

// ledger counts pods along the axes while a plan grows. It starts from the
// counts of running pods and copies a rule's counts when they first change.
type ledger struct {
	rules  []tally
	counts slab[int32]
}

type tally struct {
	count, own []int32
	tight      []int32 // smallest maxSkew (+1, 0 is none) among carriers in the domain
	total      int
	min        int32
	atMin      int // domains of the universe at min; 0: not known
	universe   []bool
	domains    int // in the universe, without nodes on their way
	opened     bool
	waits      bool // its pods are bound after new nodes have joined
}

// newLedger also takes domains that turned out to be bought by other pods, and
// spreads that turned out to wait.
func newLedger(rules []*rule, known *learned) *ledger {
	l := &ledger{rules: make([]tally, len(rules))}
	for i, r := range rules {
		t := tally{count: r.count, own: r.own, total: r.total, universe: r.universe, waits: r.waits || known.waits[r]}
		if more := known.domains[r]; more != nil {
			t.universe = more
		}
		for d, exists := range t.universe {
			if exists && (r.axis.late == nil || !r.axis.late[d]) {
				t.domains++
			}
		}
		l.rules[i] = t
	}
	return l
}

// least is the global minimum that a spread compares with.
func (l *ledger) least(r *rule) int32 {
	t := &l.rules[r.id]
	if t.domains < r.minDomains || t.domains == 0 {
		return 0
	}
	if t.atMin > 0 {
		return t.min
	}
	for d, exists := range t.universe {
		switch {
		case !exists:
		case t.atMin == 0 || t.count[d] < t.min:
			t.min, t.atMin = t.count[d], 1
		case t.count[d] == t.min:
			t.atMin++
		}
	}
	return t.min
}

// floor is what domain d's count is compared with. A node on its way may join
// beside nodes that are bought now and start with none; pods that wait for
// others are bound when those have joined.
func (l *ledger) floor(r *rule, d int32) int32 {
	if r.axis.late != nil && (r.axis.late[d] || l.rules[r.id].waits) {
		return 0
	}
	return l.least(r)
}

// allows reports whether one more pod may go to domain d (-1: outside the
// axis) as far as this rule goes.
func (l *ledger) allows(t *touch, d int32) bool {
	tally := &l.rules[t.rule.id]
	switch t.rule.kind {
	case spreadRule:
		return l.allowsSpread(t, tally, d)
	case affinityRule:
		if !t.owns {
			// Once an affinity has opened a domain, all it selects go there:
			// bound first elsewhere, they would keep its pods waiting.
			return !tally.opened || d < 0 || tally.count[d] > 0
		}
		return d >= 0 && (tally.count[d] > 0 || t.matched && l.opens(t.rule))
	}
	if d < 0 {
		return true
	}
	return !(t.owns && tally.count[d] > 0) && !(t.matched && tally.own[d] > 0)
}

// opens reports whether the rule's first pod is still to come.
func (l *ledger) opens(r *rule) bool {
	for _, sibling := range r.siblings {
		if l.rules[sibling.id].total > 0 {
			return false
		}
	}
	return l.rules[r.id].total == 0
}

func (l *ledger) allowsSpread(t *touch, tally *tally, d int32) bool {
	if d < 0 {
		return !t.owns
	}
	next := tally.count[d]
	if t.matched {
		next++
	}
	if t.owns && next-l.floor(t.rule, d) > int32(t.maxSkew) {
		return false
	}
	// Pods that carry the rule and are already planned there must stay right.
	if t.matched && tally.tight != nil && tally.tight[d] > 0 && next-l.floor(t.rule, d) > tally.tight[d]-1 {
		return false
	}
	return true
}

// add records one pod in domain d.
func (l *ledger) add(t *touch, d int32) {
	if d < 0 {
		return
	}
	tally := &l.rules[t.rule.id]
	if tally.tight == nil {
		size := len(tally.count)
		own := l.counts.take(3 * size)
		copy(own[:size], tally.count)
		copy(own[size:], tally.own)
		tally.count, tally.own, tally.tight = own[:size:size], own[size:2*size:2*size], own[2*size:]
	}
	if t.owns {
		tally.opened = tally.opened || t.rule.kind == affinityRule && t.rule.total == 0 && tally.total == 0
		tally.own[d]++
		if skew := int32(t.maxSkew) + 1; t.rule.kind == spreadRule && (tally.tight[d] == 0 || skew < tally.tight[d]) {
			tally.tight[d] = skew
		}
	}
	if t.matched {
		if tally.atMin > 0 && tally.count[d] == tally.min && tally.universe[d] {
			tally.atMin--
		}
		tally.count[d]++
		tally.total++
	}
}
