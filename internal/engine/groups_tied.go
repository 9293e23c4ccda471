package engine

import "github.com/drover-project/drover/internal/model"

// zoneTied reports whether a rule about the zone decides where some pending pod
// may go, so that groups over several zones are looked at by the zone.
func zoneTied(snapshot *model.Snapshot) bool {
	for i := range snapshot.Pending {
		if tiedToZone(&snapshot.Pending[i]) {
			return true
		}
	}
	for i := range snapshot.Nodes {
		for j := range snapshot.Nodes[i].Pods {
			for _, term := range snapshot.Nodes[i].Pods[j].PodAntiAffinity {
				if requires(term) && isZone(term.TopologyKey) {
					return true
				}
			}
		}
	}
	return false
}

func isZone(key string) bool {
	key = canonical(key)
	return key == labelZone || key == labelZoneID
}

func tiedToZone(pod *model.Pod) bool {
	for key := range pod.NodeSelector {
		if isZone(key) {
			return true
		}
	}
	for _, term := range pod.RequiredNodeAffinity {
		for _, r := range term.Labels {
			if isZone(r.Key) {
				return true
			}
		}
	}
	for _, s := range pod.TopologySpread {
		if !s.ScheduleAnyway && isZone(s.TopologyKey) {
			return true
		}
	}
	for _, terms := range [][]model.PodAffinityTerm{pod.PodAffinity, pod.PodAntiAffinity} {
		for _, term := range terms {
			if requires(term) && isZone(term.TopologyKey) {
				return true
			}
		}
	}
	return false
}

// wishesZone reports whether a preferred rule that the plan tries to keep is
// about the zone: it must not make a group grow by more than the pods need.
func (g *grants) wishesZone() bool { return g.mentions(isZone) }

// wishesWay reports whether a preferred rule that the plan tries to keep is about
// what depends on how nodes of the group are bought.
func (g *grants) wishesWay(pool *pool) bool {
	if len(pool.bought) == 0 {
		return false
	}
	return g.taints || g.mentions(func(key string) bool {
		for _, own := range pool.bought {
			if _, there := lookup(own.labels, key); there {
				return true
			}
		}
		return false
	})
}

// mentions reports whether a preferred rule is about such a label.
func (g *grants) mentions(about func(key string) bool) bool {
	for _, term := range g.nodes {
		for _, r := range term.Labels {
			if about(r.Key) {
				return true
			}
		}
	}
	for _, s := range g.spread {
		if about(s.TopologyKey) {
			return true
		}
	}
	for _, terms := range [][]model.PodAffinityTerm{g.near, g.away} {
		for _, term := range terms {
			if about(term.TopologyKey) {
				return true
			}
		}
	}
	return false
}
