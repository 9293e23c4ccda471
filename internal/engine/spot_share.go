package engine

import (
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// shareOnDemand finds which launches of a NodePool must be on demand so that its
// base and percentage hold, counted over the nodes it has: those for which that
// costs least more.
func (y *buying) shareOnDemand(s *solution, pool *pool) {
	have, onDemand := 0, 0
	for _, n := range s.p.nodes {
		if n.spec.NodePool != pool.spec.Name {
			continue
		}
		have++
		// One on its way without the label may still come up as Spot.
		if how := n.spec.Labels[labelCapacityType]; how != "" && how != string(model.Spot) {
			onDemand++
		}
	}
	type way struct {
		bin   *bin
		extra int64
	}
	var ways []way
	for i := range s.bins {
		b := &s.bins[i]
		if s.p.space.configs[b.config].pool != pool {
			continue
		}
		have += b.times
		choices := s.p.sortedChoices(b)
		if list := y.only(choices, model.OnDemand); len(list) > 0 && y.suits(b, list) {
			ways = append(ways, way{b, s.p.space.configs[list[0]].price - s.p.space.configs[choices[0]].price})
		}
	}
	missing := sharedOnDemand(pool.spec.OnDemand, have) - onDemand
	slices.SortStableFunc(ways, func(a, b way) int {
		switch {
		case a.extra < b.extra:
			return -1
		case a.extra > b.extra:
			return 1
		}
		return 0
	})
	for _, w := range ways {
		if missing <= 0 {
			return
		}
		y.onDemand[w.bin] = min(missing, w.bin.times)
		missing -= y.onDemand[w.bin]
	}
}

// sharedOnDemand is how many of so many nodes are to be on demand.
func sharedOnDemand(share *model.OnDemandShare, nodes int) int {
	base := min(max(share.Base, 0), nodes)
	return base + ((nodes-base)*min(max(share.Percentage, 0), 100)+99)/100
}

// spotMissed says why a node is bought on demand although Spot would hold its
// pods for less: "" unless all of those pools are known to be dry.
func (s *solution) spotMissed(b *bin, first *config) string {
	if s.buying == nil || first.isSpot() || first.pool.group != nil {
		return ""
	}
	sum := s.p.requests(b)
	for _, i := range s.p.byPrice {
		c := &s.p.space.configs[i]
		if c.price >= first.price {
			return ""
		}
		if c.available() || !c.isSpot() || !c.sellsLike(first) || !sum.fits(c.room) {
			continue
		}
		wanted := true
		for _, sh := range b.shares {
			wanted = wanted && sh.demand.class.labelled.has(i) && sameDomains(sh.demand, i)
		}
		if wanted {
			return c.text() + ": " + c.offering.UnavailableReason
		}
	}
	return ""
}

// sameDomains reports whether a config is in the domains that a demand was
// planned in, but for that of the capacity type.
func sameDomains(d *demand, config int) bool {
	for t := range d.class.touches {
		r := d.class.touches[t].rule
		if r.domainOfConfig(config) != d.domains[t] {
			return false
		}
	}
	return true
}
