package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
)

// mixedGroup buys m on demand and as Spot.
func mixedGroup(name string, desired, most int, onDemand, spot float64) model.NodeGroup {
	amounts := model.Resources{model.CPU: 2000, model.Memory: 8 << 30, model.PodCount: 10}
	offering := func(capacityType model.CapacityType, price float64) model.Offering {
		return model.Offering{PricePerHour: price, OfferingKey: model.OfferingKey{InstanceType: "m", Zone: "a", CapacityType: capacityType}}
	}
	return model.NodeGroup{Name: name, Desired: desired, Max: most, OnDemandPercentage: 100, Types: []model.GroupType{{
		InstanceType: model.InstanceType{Name: "m", Labels: map[string]string{}, Capacity: amounts, Allocatable: amounts},
		Offerings:    []model.Offering{offering(model.OnDemand, onDemand), offering(model.Spot, spot)},
	}}}
}

func wholeNodePods(count int) []model.Pod {
	var pods []model.Pod
	for i := range count {
		pods = append(pods, model.Pod{PodKey: model.PodKey{Namespace: "default", Name: fmt.Sprintf("web-%d", i)},
			Labels: map[string]string{"app": "web"}, Requests: model.Resources{model.CPU: 2000, model.PodCount: 1}})
	}
	return pods
}

// trueCost is what so many further nodes of the group cost, one after the other.
func trueCost(g model.NodeGroup, nodes int, onDemand, spot float64) float64 {
	isOnDemand := func(size int) int {
		base := min(size, g.OnDemandBase)
		return base + (((size-base)*g.OnDemandPercentage)+99)/100
	}
	bought := isOnDemand(g.Desired+nodes) - isOnDemand(g.Desired)
	return float64(bought)*onDemand + float64(nodes-bought)*spot
}

// TestBoundHoldsWhateverSizeGroupsComeTo compares with every way to share the
// pods between a group and a NodePool: what a group's node costs depends on how
// many there are.
func TestBoundHoldsWhateverSizeGroupsComeTo(t *testing.T) {
	for seed := range uint64(300) {
		dice := rand.New(rand.NewPCG(seed, 1))
		onDemand, spot, pool := float64(5+dice.IntN(20))/100, float64(1+dice.IntN(5))/100, float64(1+dice.IntN(25))/100
		g := mixedGroup("mixed", dice.IntN(4), 0, onDemand, spot)
		g.Max = g.Desired + 1 + dice.IntN(6)
		g.OnDemandBase, g.OnDemandPercentage = dice.IntN(5), dice.IntN(5)*25
		single := mixedGroup("", 0, 0, pool, pool).Types[0]
		snapshot := &model.Snapshot{Pending: wholeNodePods(1 + dice.IntN(8)), NodeGroups: []model.NodeGroup{g},
			NodePools: []model.NodePool{{Name: "default", NodeClass: "default"}},
			Catalogs:  map[string]model.Catalog{"default": {InstanceTypes: []model.InstanceType{single.InstanceType}, Offerings: single.Offerings[:1]}}}
		plan, report := engine.Solve(snapshot, model.Settings{})
		if found := check.Plan(snapshot, plan); len(found) > 0 {
			t.Fatalf("seed %d: %v", seed, found)
		}
		least := 1e9
		for nodes := range g.Max - g.Desired + 1 {
			if rest := len(snapshot.Pending) - nodes; rest >= 0 {
				least = min(least, trueCost(g, nodes, onDemand, spot)+float64(rest)*pool)
			}
		}
		if report.Bound > least+1e-6 {
			t.Errorf("seed %d: claims that nothing costs less than %f, but %f does: %+v pool %f pods %d", seed, report.Bound, least, g, pool, len(snapshot.Pending))
		}
		grown := 0
		if len(plan.Groups) > 0 {
			grown = plan.Groups[0].To - plan.Groups[0].From
		}
		if want := trueCost(g, grown, onDemand, spot) + float64(len(plan.Launches)-grown)*pool; plan.PricePerHour > want+1e-6 || plan.PricePerHour < want-1e-6 {
			t.Errorf("seed %d: says %f $/h, its nodes cost %f", seed, plan.PricePerHour, want)
		}
	}
}

func TestGroupWithoutAnyPriceDoesNotGrow(t *testing.T) {
	g := mixedGroup("free", 0, 5, 0, 0)
	_, report := engine.Solve(&model.Snapshot{Pending: wholeNodePods(1), NodeGroups: []model.NodeGroup{g}}, model.Settings{})
	if len(report.Unplaced) != 1 || report.Unplaced[0].Code != model.CodeNodePoolNotReady {
		t.Errorf("unplaced is %+v: an unknown price is not zero", report.Unplaced)
	}
}

func TestGroupAndNodePoolOfOneNameAreTwo(t *testing.T) {
	g := mixedGroup("default", 0, 1, 0.1, 0.1)
	single := g.Types[0]
	snapshot := &model.Snapshot{Pending: wholeNodePods(2), NodeGroups: []model.NodeGroup{g},
		NodePools: []model.NodePool{{Name: "default", NodeClass: "default", Limits: model.Resources{"nodes": 1}}},
		Catalogs:  map[string]model.Catalog{"default": {InstanceTypes: []model.InstanceType{single.InstanceType}, Offerings: single.Offerings[:1]}}}
	plan, _ := engine.Solve(snapshot, model.Settings{})
	if found := check.Plan(snapshot, plan); len(found) > 0 || len(plan.Launches) != 2 || len(plan.Groups) != 1 {
		t.Errorf("plan %+v breaks %v: want one node of each", plan, found)
	}
}
