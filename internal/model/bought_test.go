package model_test

import (
	"slices"
	"testing"

	"github.com/drover-project/drover/internal/model"
)

// TestNextUnitsAreBoughtAsTheSharesAsk has groups at a size with the units that they
// have, and how so many more are bought.
func TestNextUnitsAreBoughtAsTheSharesAsk(t *testing.T) {
	bought := func(onDemand, spot int) map[model.CapacityType]int {
		return map[model.CapacityType]int{model.OnDemand: onDemand, model.Spot: spot}
	}
	for name, c := range map[string]struct {
		base, percentage, desired int
		bought                    map[model.CapacityType]int
		units, onDemand           int
	}{
		"the base comes first":                      {1, 0, 0, bought(0, 0), 3, 1},
		"the base is there":                         {1, 0, 1, bought(1, 0), 3, 0},
		"the base has gone":                         {1, 0, 2, bought(0, 2), 1, 1},
		"the base has gone and is on its way":       {1, 0, 3, bought(0, 2), 2, 0},
		"half above the base, a fraction counts":    {2, 50, 2, bought(2, 0), 3, 2},
		"too many on demand":                        {0, 50, 2, bought(2, 0), 2, 0},
		"all on demand, whatever is there":          {0, 100, 1, bought(0, 3), 2, 2},
		"none on demand":                            {0, 0, 1, bought(1, 0), 2, 0},
		"within the base, with more than is wanted": {5, 0, 2, bought(3, 0), 1, 1},
		"nobody knows: as the shares ask for":       {1, 0, 1, nil, 2, 0},
	} {
		g := model.NodeGroup{OnDemandBase: c.base, OnDemandPercentage: c.percentage, Desired: c.desired, UnitsBought: c.bought}
		if onDemand, spot := g.Bought(c.units); onDemand != c.onDemand || spot != c.units-c.onDemand {
			t.Errorf("%s: of %d more units %d are on demand and %d Spot, want %d on demand", name, c.units, onDemand, spot, c.onDemand)
		}
	}
}

func TestUnitsOnTheirWayAreBoughtAsTheSharesAsk(t *testing.T) {
	g := model.NodeGroup{OnDemandBase: 2, Desired: 5, UnitsBought: map[model.CapacityType]int{model.OnDemand: 1, model.Spot: 1}}
	if onDemand, spot, known := g.MissingBought(); onDemand != 1 || spot != 2 || !known {
		t.Errorf("%d on demand and %d Spot are on their way (known %v), want 1 and 2", onDemand, spot, known)
	}
	g.UnitsBought = nil
	if _, _, known := g.MissingBought(); known {
		t.Error("tells how units are bought of which nobody knows")
	}
}

func TestUnitIsTheLargestWeight(t *testing.T) {
	g := model.NodeGroup{Types: []model.GroupType{{}, {Weight: 3}, {Weight: 2}}}
	if g.Unit() != 3 || (&model.NodeGroup{}).Unit() != 1 {
		t.Errorf("units are %d, and %d without weights", g.Unit(), (&model.NodeGroup{}).Unit())
	}
}

func TestNothingComesOfPoolsThatAreNeverBought(t *testing.T) {
	in := func(zone string, how model.CapacityType) model.Offering {
		return model.Offering{OfferingKey: model.OfferingKey{Zone: zone, CapacityType: how}}
	}
	both := []model.Offering{in("a", model.OnDemand), in("b", model.Spot), in("c", model.Reserved)}
	for name, c := range map[string]struct {
		base, percentage, most int
		offerings              []model.Offering
		zones                  []string
	}{
		"all on demand":                  {0, 100, 9, both, []string{"a", "c"}},
		"a base that is never exceeded":  {9, 0, 9, both, []string{"a", "c"}},
		"all Spot":                       {0, 0, 9, both, []string{"b"}},
		"both":                           {1, 0, 9, both, []string{"a", "b", "c"}},
		"no pool that the group buys of": {0, 100, 9, both[1:2], []string{"b"}},
	} {
		g := model.NodeGroup{OnDemandBase: c.base, OnDemandPercentage: c.percentage, Max: c.most, Types: []model.GroupType{{Offerings: c.offerings}}}
		if zones := g.Zones(); !slices.Equal(zones, c.zones) {
			t.Errorf("%s: nodes come in %v, want %v", name, zones, c.zones)
		}
	}
}
