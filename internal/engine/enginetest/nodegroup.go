package enginetest

import (
	"fmt"

	"github.com/drover-project/drover/internal/model"
)

// nodeGroup draws a group that brings one to three types of the catalog.
func (w world) nodeGroup(i int, catalog model.Catalog) model.NodeGroup {
	g := model.NodeGroup{Name: fmt.Sprintf("group%d", i), OnDemandPercentage: 100, Priority: int32(w.number("groupPriority", 0, 2))}
	g.Desired = w.number("groupDesired", 0, 3)
	g.Max = g.Desired + w.number("groupRoom", 0, 9)
	g.OnDemandStrategy = w.oneOf("groupStrategy", "prioritized", "lowest-price", "")
	if w.chance("mixed", 3) {
		g.OnDemandBase, g.OnDemandPercentage = w.number("groupBase", 0, 3), w.number("groupPercentage", 0, 4)*25
	}
	if w.chance("groupLabel", 3) {
		g.Labels = map[string]string{"team": w.oneOf("groupTeam", "red", "blue")}
	}
	if w.chance("groupTaint", 4) {
		g.Taints = append(g.Taints, w.taint())
	}
	only := w.oneOf("groupZone", "", "a", "b")
	for range w.number("groupTypes", 1, 3) {
		kind := model.GroupType{InstanceType: catalog.InstanceTypes[w.number("groupType", 0, len(catalog.InstanceTypes)-1)]}
		if w.chance("groupWeight", 4) {
			kind.Weight = w.number("groupUnits", 1, 3)
		}
		for _, offering := range catalog.Offerings {
			if offering.InstanceType == kind.Name && (only == "" || offering.Zone == only) {
				kind.Offerings = append(kind.Offerings, offering)
			}
		}
		// Zones can be told only where all types count alike.
		if w.chance("alike", 2) && len(g.Types) > 0 {
			kind.Weight = g.Types[0].Weight
		}
		if !has(g.Types, kind.Name) && len(kind.Offerings) > 0 {
			g.Types = append(g.Types, kind)
		}
	}
	w.instances(&g)
	if w.chance("asksHowBought", 2) {
		w.ways(&g)
	}
	return g
}

// ways makes the group's nodes differ by how they are bought.
func (w world) ways(g *model.NodeGroup) {
	g.ByCapacityType = map[model.CapacityType]model.Traits{
		model.OnDemand: {Labels: map[string]string{"lifecycle": "od"}}, model.Spot: {Labels: map[string]string{"lifecycle": "spot"}},
	}
	if w.chance("wayTaint", 3) {
		own := g.ByCapacityType[model.Spot]
		own.Taints = []model.Taint{w.taint()}
		g.ByCapacityType[model.Spot] = own
	}
	if w.chance("waysUnknown", 5) {
		return
	}
	onDemand := g.OnDemandAt(g.Desired)
	g.UnitsBought = map[model.CapacityType]int{model.OnDemand: onDemand, model.Spot: g.Desired - onDemand}
	if w.chance("unbalanced", 4) {
		g.UnitsBought[model.OnDemand] = w.number("boughtOnDemand", 0, g.Desired+1)
	}
	if w.chance("unlaunched", 4) {
		g.UnitsBought[model.Spot] = 0
	}
}

// instances says how many instances are in each zone, mostly as many as the
// group wants.
func (w world) instances(g *model.NodeGroup) {
	if w.chance("zonesUnknown", 6) {
		return
	}
	unit := 1
	for i := range g.Types {
		unit = max(unit, g.Types[i].Weight)
	}
	g.InstancesByZone = map[string]int{"a": 0, "b": 0, "c": 0}
	for range (g.Desired + unit - 1) / unit {
		g.InstancesByZone[w.zone()]++
	}
	if w.chance("missing", 8) {
		g.InstancesByZone[w.zone()] = 0
	}
	if w.chance("uncertain", 12) {
		g.UncertainZones = map[string]string{w.zone(): "nodes came up elsewhere at 10:00"}
	}
}

func has(types []model.GroupType, name string) bool {
	for i := range types {
		if types[i].Name == name {
			return true
		}
	}
	return false
}
