package engine

// untie looks for one node of a group over several zones whose pods are right
// whichever zone it comes up in: it needs no zone, and the group need not grow
// until one is certain. One for a plan is enough for growth by single nodes, and
// for what is left over when nodes are shared out evenly.
func (s *solution) untie() {
	for _, pool := range s.p.pools {
		if pool.promises != nil && !pool.promises.byWay && s.untieGroup(pool) {
			return
		}
	}
}

func (s *solution) untieGroup(pool *pool) bool {
	wanted, total := map[string]int{}, 0
	for i := range s.bins {
		c := &s.p.space.configs[s.bins[i].config]
		if c.pool != pool {
			continue
		}
		total += s.bins[i].times
		if c.isPromised() {
			wanted[c.offering.Zone] += s.bins[i].times
		}
	}
	needed := growthFor(pool.group, wanted)
	if len(wanted) == 0 || needed <= total {
		return false
	}
	for _, zone := range sortedKeys(wanted) {
		wanted[zone]--
		less := max(total, growthFor(pool.group, wanted))
		wanted[zone]++
		if less < needed && s.untieIn(pool, zone) {
			return true
		}
	}
	return false
}

// maxUntied bounds how many nodes of a zone are looked at: each look counts all pods
// anew for every zone.
const maxUntied = 16

// untieIn takes the zone from one of the nodes planned in it.
func (s *solution) untieIn(pool *pool, zone string) bool {
	anywhere := -1
	for _, i := range pool.configs {
		if !s.p.space.configs[i].isPromised() {
			anywhere = i
		}
	}
	tried := 0
	for i := range s.bins {
		c := &s.p.space.configs[s.bins[i].config]
		if anywhere < 0 || c.pool != pool || c.offering.Zone != zone {
			continue
		}
		if tried++; tried > maxUntied {
			return false
		}
		if !s.rightInEveryZone(pool, i) {
			continue
		}
		free := s.bins[i]
		free.config, free.times = anywhere, 1
		if s.bins[i].times--; s.bins[i].times == 0 {
			s.bins[i] = free
		} else {
			s.bins = append(s.bins, free)
		}
		return true
	}
	return false
}

// rightInEveryZone reports whether all rules hold wherever one copy of the bin
// comes up.
func (s *solution) rightInEveryZone(pool *pool, at int) bool {
	sum := s.p.requests(&s.bins[at])
	for _, config := range pool.configs {
		c := &s.p.space.configs[config]
		if !sum.fits(c.room) || !s.p.rulesHold(&s.bins[at], c) {
			return false
		}
		if !c.isPromised() {
			continue
		}
		moved := bin{config: config, times: 1}
		for _, sh := range s.bins[at].shares {
			if !sh.demand.class.labelled.has(config) {
				return false
			}
			there := *sh.demand
			there.domains = make([]int32, len(sh.demand.domains))
			for t := range there.domains {
				there.domains[t] = there.class.touches[t].rule.domainOfConfig(config)
			}
			moved.shares = append(moved.shares, share{demand: &there, count: sh.count})
		}
		trial := *s
		trial.bins = append([]bin(nil), s.bins...)
		trial.bins[at].times--
		trial.bins = append(trial.bins, moved)
		if trial.bins[at].times == 0 {
			trial.bins = append(trial.bins[:at:at], trial.bins[at+1:]...)
		}
		trial.stuck = append([]*rule(nil), s.stuck...)
		if !trial.keepsRules() {
			return false
		}
	}
	return true
}

// keepsRules reports whether every topology rule over domains holds in the end,
// and every pod can be bound in some order.
func (s *solution) keepsRules() bool {
	l := s.recount(s.known)
	for _, g := range s.groups() {
		for i := range g.class.touches {
			if !l.keeps(&g.class.touches[i], g.domain(i)) {
				return false
			}
		}
	}
	return len(s.stranded()) == 0
}

// keeps reports whether a rule holds for a pod that is counted in domain d.
func (l *ledger) keeps(t *touch, d int32) bool {
	tally := &l.rules[t.rule.id]
	switch {
	case t.rule.kind == spreadRule:
		return !t.owns || !l.skewed(t, d)
	case t.rule.kind == affinityRule:
		return !t.owns || d >= 0
	case d < 0:
		return true
	case t.owns && t.matched:
		return tally.count[d] <= 1 && tally.own[d] <= 1
	case t.owns:
		return tally.count[d] == 0
	}
	return tally.own[d] == 0
}
