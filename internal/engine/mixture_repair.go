package engine

// Nodes that hold more than they cost make all worths prove less by as much. Where they
// hold above so much more, the worths of their own pods are lowered instead, and they are
// filled again: so many times at most.
const (
	worthRepair = 1.003
	mostRepairs = 3
)

// examine fills the node that is n-th of the sacks and lowers the worths of pods that are
// worth more than its price, as often as that is worth it. It returns what fill does.
func (m *mixture) examine(n int, least float64, now effort) (taken bool, worth, most float64) {
	sack := m.sacks[n]
	taken, worth, most = m.fill(sack, least)
	for repairs := 0; now == proving && repairs < mostRepairs && worth > max(least, 1)*worthRepair; repairs++ {
		m.repair(sack.pattern())
		for _, p := range m.work.sweep.patterns {
			m.repair(p)
		}
		if m.rate(n); m.rates[n] <= least {
			return taken, m.rates[n], m.rates[n]
		}
		more := false
		more, worth, most = m.fill(sack, least)
		taken = more || taken
	}
	return taken, worth, most
}

// repair lowers the worths of a node's pods to what it costs, each by the same part of
// what it may be lowered.
func (m *mixture) repair(p pattern) {
	excess, above := -float64(max(m.k.p.space.configs[p.config].price, 1)), 0.0
	for _, x := range p.parts {
		excess += float64(m.tried[x.item] * float64(x.count))
		above += float64(max(m.tried[x.item]-m.floor[x.item], 0) * float64(x.count))
	}
	if excess <= 0 || above <= 0 {
		return
	}
	part := min(excess/above, 1)
	for _, x := range p.parts {
		m.tried[x.item] -= float64(part * max(m.tried[x.item]-m.floor[x.item], 0))
	}
}

// worthIn is what a node's pods are worth at the worths tried.
func (m *mixture) worthIn(p pattern) float64 {
	sum := 0.0
	for _, x := range p.parts {
		sum += float64(m.tried[x.item] * float64(x.count))
	}
	return sum
}
