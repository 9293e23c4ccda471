package engine

import (
	"github.com/drover-project/drover/internal/model"
)

// Defaults of model.Settings.
const (
	defaultMaxSteps     = 4_000_000
	defaultMaxOfferings = 60
)

// problem is a snapshot made ready for deciding. It does not change while
// plans are tried.
type problem struct {
	snapshot    *model.Snapshot
	settings    model.Settings
	resources   resourceIndex
	pools       []*pool
	tiers       [][]int // indexes of pools of equal weight, heaviest first
	space       *space
	everyConfig bitset
	indifferent bitset // configs of pools that ignore preferred rules
	buyable     bitset // configs known to have capacity
	nodes       []*node
	daemons     []*model.DaemonSet
	classes     []*class
	rules       []*rule
	// daemonRules are the per-node rules that count a share's pods.
	daemonRules map[*daemonShare][]int
}

func newProblem(snapshot *model.Snapshot, settings model.Settings) *problem {
	if settings.MaxSteps <= 0 {
		settings.MaxSteps = defaultMaxSteps
	}
	if settings.MaxOfferings <= 0 {
		settings.MaxOfferings = defaultMaxOfferings
	}
	p := &problem{snapshot: snapshot, settings: settings, resources: newResourceIndex(snapshot.Pending)}
	daemons := sortedDaemons(snapshot)
	p.daemons = daemons
	p.pools = sortedPools(snapshot)
	p.space = &space{configs: buildConfigs(p.pools, snapshot), cache: map[string]bitset{}}
	p.everyConfig = fullBitset(len(p.space.configs))
	chargeDaemons(p.space, p.pools, daemons, p.resources)
	p.nodes = sortedNodes(snapshot, daemons, p.resources)
	p.buyable = newBitset(len(p.space.configs))
	for i := range p.space.configs {
		if p.space.configs[i].available() {
			p.buyable.set(i)
		}
	}
	p.indifferent = newBitset(len(p.space.configs))
	for i, pool := range p.pools {
		if pool.spec.IgnorePreferences {
			p.indifferent.or(p.space.of(pool))
		}
		if i == 0 || p.pools[i-1].spec.Weight != pool.spec.Weight {
			p.tiers = append(p.tiers, nil)
		}
		p.tiers[len(p.tiers)-1] = append(p.tiers[len(p.tiers)-1], i)
	}
	return p
}

// withClasses returns the problem for these classes, with all that depends on
// them found.
func (p *problem) withClasses(classes []*class, s *signer) *problem {
	q := *p
	q.classes = classes
	q.rules = nil
	for i, c := range q.classes {
		c.id = i
		c.request = q.resources.podVector(c.pod.Requests)
		c.terms = selectorTerms(c.pod)
		c.fault = podFault(c.pod)
		c.labelled = newBitset(len(q.space.configs))
		if c.fault == nil {
			c.labelled.or(q.space.admits(c.terms))
			c.labelled.and(q.space.tolerated(c.pod.Tolerations, q.pools, false))
			c.labelled.and(q.wished(c))
		}
		c.fits = c.labelled.clone()
		c.fits.and(q.buyable)
		c.labelled.each(func(i int) {
			if !c.request.fits(q.space.configs[i].room) {
				c.fits[i>>6] &^= 1 << (i & 63)
			}
		})
	}
	buildTopology(&q, s)
	q.countDaemons()
	return &q
}

// wished returns the configs that keep the class's granted preferred rules, or
// whose pool does not look at them.
func (p *problem) wished(c *class) bitset {
	set := p.everyConfig.clone()
	if c.granted.taints {
		set.and(p.space.tolerated(c.pod.Tolerations, p.pools, true))
	}
	for _, term := range c.granted.nodes {
		set.and(p.space.admits([]model.NodeSelectorTerm{term}))
	}
	set.or(p.indifferent)
	return set
}

// countDaemons finds which per-node rules select the DaemonSet pods that a new
// node starts with.
func (p *problem) countDaemons() {
	p.daemonRules = map[*daemonShare][]int{}
	for i := range p.space.configs {
		share := p.space.configs[i].daemons
		if _, known := p.daemonRules[share]; known {
			continue
		}
		p.daemonRules[share] = nil
		for _, pod := range share.pods {
			for _, r := range p.rules {
				if r.axis.host && r.selects(pod) {
					p.daemonRules[share] = append(p.daemonRules[share], r.id)
				}
			}
		}
	}
}

// tierConfigs returns the configs of the pools of one weight.
func (p *problem) tierConfigs(tier int) bitset {
	set := newBitset(len(p.space.configs))
	for _, i := range p.tiers[tier] {
		for _, c := range p.pools[i].configs {
			set.set(c)
		}
	}
	return set
}
