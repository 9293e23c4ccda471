package check

import "github.com/drover-project/drover/internal/model"

// ground is where a constraint counts pods: the domains of its topology key among
// the places that are eligible for the pods that have it.
type ground struct {
	key      string // tells grounds apart
	topology string
	rule     model.TopologySpread
	pod      *model.Pod // one of those that have it
	places   []*place
	eligible map[*shape][]*variant
	inShape  map[*shape][]string
	counts   [3]*[2]int // by stage
}

func (s *spreads) groundOf(k *kind, rule model.TopologySpread) *ground {
	var needed []string // labels that a node must have to be counted
	for _, other := range k.TopologySpread {
		if !other.ScheduleAnyway {
			needed = append(needed, other.TopologyKey)
		}
	}
	asked := []any{rule.TopologyKey, needed}
	if !rule.IgnoreNodeAffinity {
		asked = append(asked, "affinity", k.NodeSelector, k.RequiredNodeAffinity)
	}
	if rule.HonorNodeTaints {
		asked = append(asked, "taints", k.Tolerations)
	}
	key := text(asked)
	if s.grounds[key] == nil {
		s.grounds[key] = &ground{key: key, topology: rule.TopologyKey, rule: rule, pod: k.Pod, places: s.places,
			eligible: map[*shape][]*variant{}, inShape: map[*shape][]string{}}
	}
	return s.grounds[key]
}

// domainsOf returns the domains that a place may count in, among what it may
// become and is eligible.
func (g *ground) domainsOf(p *place) []string {
	values, known := g.inShape[p.shape]
	if !known {
		values = valuesOf(g.variantsOf(p), g.topology)
		g.inShape[p.shape] = values
	}
	if g.topology == hostname && len(values) > 0 {
		return []string{p.name}
	}
	return values
}

func (g *ground) variantsOf(p *place) []*variant {
	variants, known := g.eligible[p.shape]
	if !known {
		for _, v := range p.variants {
			if g.isEligible(v, p) {
				variants = append(variants, v)
			}
		}
		g.eligible[p.shape] = variants
	}
	return variants
}

func (g *ground) isEligible(v *variant, p *place) bool {
	for _, other := range g.pod.TopologySpread {
		if _, ok := label(v.labels, other.TopologyKey); !ok && !other.ScheduleAnyway {
			return false
		}
	}
	name := ""
	if p.existing {
		name = p.name
	}
	if !g.rule.IgnoreNodeAffinity && !admitted(g.pod, v.labels, name) {
		return false
	}
	return !g.rule.HonorNodeTaints || firstUntolerated(p.taints, g.pod.Tolerations) == nil
}

// domains counts them at a stage: all, and those of nodes that are sure to be
// there. Along the hostname a node on its way is not, while ready ones are filled.
func (g *ground) domains(when stage) (all, sure int) {
	if g.counts[when] == nil {
		every, known := map[string]bool{}, map[string]bool{}
		for _, p := range g.places {
			if !when.has(p) {
				continue
			}
			for _, domain := range g.domainsOf(p) {
				every[domain] = true
				if when != beforeNew || p.ready {
					known[domain] = true
				}
			}
		}
		g.counts[when] = &[2]int{len(every), len(known)}
	}
	return g.counts[when][0], g.counts[when][1]
}

// doubt reports a place with counted pods that may or may not count, or that may
// count in one domain or another. Along the hostname a launch that may not count
// can only help.
func (g *ground) doubt(a *audit, p *place, pod *model.Pod) {
	if g.topology == hostname {
		return
	}
	if len(g.variantsOf(p)) < len(p.variants) {
		a.report("TopologySpread", p.name, "may or may not count for %s", pod.PodKey)
	}
	if domains := g.domainsOf(p); len(domains) > 1 {
		a.report("TopologySpread", p.name, "may come up with several values of %s: %q", g.topology, domains)
	}
}
