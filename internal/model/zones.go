package model

import "sort"

// Zones are the zones in which the group buys its types, in order.
func (g *NodeGroup) Zones() []string {
	seen := map[string]bool{}
	for i := range g.Types {
		for _, o := range g.BuysFrom(&g.Types[i]) {
			seen[o.Zone] = true
		}
	}
	zones := make([]string, 0, len(seen))
	for zone := range seen {
		zones = append(zones, zone)
	}
	sort.Strings(zones)
	return zones
}

// SureByZone is how many of so many further instances are certain to come up in
// each zone, counted from InstancesByZone: Auto Scaling launches each next one in the
// zone that has fewest, and nobody knows in which of those that have as few.
func (g *NodeGroup) SureByZone(instances int) map[string]int {
	zones := g.Zones()
	if len(zones) == 0 {
		return nil
	}
	below := func(level int) int {
		needed := 0
		for _, zone := range zones {
			needed += max(0, level-g.InstancesByZone[zone])
		}
		return needed
	}
	most := instances + 1
	for _, zone := range zones {
		most = max(most, g.InstancesByZone[zone]+instances+1)
	}
	level := sort.Search(most, func(level int) bool { return below(level+1) > instances })
	sure := make(map[string]int, len(zones))
	for _, zone := range zones {
		sure[zone] = max(0, level-g.InstancesByZone[zone])
	}
	return sure
}

// Missing is how many instances the group wants besides those it has: they come
// before any that it is asked for now. Below 0 when it has too many.
func (g *NodeGroup) Missing() int {
	weight := g.Unit()
	have := 0
	for _, count := range g.InstancesByZone {
		have += count
	}
	return (g.Desired+weight-1)/weight - have
}
