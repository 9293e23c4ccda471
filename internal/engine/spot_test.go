package engine_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/engine/enginetest"
	"github.com/drover-project/drover/internal/model"
)

// spotMarket sells types of one size in three zones at nearly the same price.
func spotMarket(dice *rand.Rand, types int) model.Catalog {
	amounts := model.Resources{model.CPU: 2000, model.Memory: 8 << 30, model.PodCount: 10}
	var c model.Catalog
	for i := range types {
		name := fmt.Sprintf("t%d", i)
		c.InstanceTypes = append(c.InstanceTypes, model.InstanceType{Name: name, Labels: map[string]string{}, Capacity: amounts, Allocatable: amounts})
		for _, zone := range []string{"a", "b", "c"} {
			price := 0.03 + float64(dice.IntN(25))/10000
			c.Offerings = append(c.Offerings,
				model.Offering{OfferingKey: model.OfferingKey{InstanceType: name, Zone: zone, CapacityType: model.Spot}, PricePerHour: price},
				model.Offering{OfferingKey: model.OfferingKey{InstanceType: name, Zone: zone, CapacityType: model.OnDemand}, PricePerHour: 0.1})
		}
	}
	return c
}

// TestNoSpotPoolHoldsMoreThanItsShare counts, for each workload, the pods on nodes
// that may come from one pool, whichever of the offerings each node comes from.
func TestNoSpotPoolHoldsMoreThanItsShare(t *testing.T) {
	for seed := range uint64(200) {
		dice := rand.New(rand.NewPCG(seed, 2))
		snapshot := &model.Snapshot{NodePools: []model.NodePool{{Name: "default", NodeClass: "default"}},
			Catalogs: map[string]model.Catalog{"default": spotMarket(dice, 2+dice.IntN(4))}}
		replicas := map[string]int{}
		perNode := 1 + dice.IntN(2)
		for i := range 1 + dice.IntN(4) {
			app := fmt.Sprintf("app%d", i)
			for range 2 + dice.IntN(9) {
				snapshot.Pending = append(snapshot.Pending, model.Pod{PodKey: model.PodKey{Namespace: "default", Name: fmt.Sprintf("%s-%d", app, replicas[app])},
					Labels: map[string]string{"app": app}, Requests: model.Resources{model.CPU: int64(2000 / perNode), model.PodCount: 1}})
				replicas[app]++
			}
		}
		share := []float64{0.5, 0.34, 0.25}[dice.IntN(3)]
		plan, report := engine.Solve(snapshot, model.Settings{SpotMaxShare: share})
		inPool := map[string]map[string]int{}
		for _, launch := range plan.Launches {
			for _, o := range launch.Offerings {
				for _, key := range launch.Pods {
					if app := key.Name[:4]; o.CapacityType == model.Spot {
						if inPool[app] == nil {
							inPool[app] = map[string]int{}
						}
						inPool[app][o.InstanceType+"/"+o.Zone]++
					}
				}
			}
		}
		for app, pools := range inPool {
			for pool, pods := range pools {
				// A node is in one pool with all its pods.
				if most := float64(replicas[app])*share + float64(perNode); float64(pods) > most {
					t.Errorf("seed %d: %d of %d pods of %s may be in the pool %s, more than %g", seed, pods, replicas[app], app, pool, most)
				}
			}
		}
		cheapest, _ := engine.Solve(snapshot, model.Settings{SpotMaxShare: 1})
		if plan.PricePerHour > cheapest.PricePerHour*1.1+1e-9 {
			t.Errorf("seed %d: %f $/h for spreading, %f without: more than a tenth", seed, plan.PricePerHour, cheapest.PricePerHour)
		}
		extra := 0.0
		for _, e := range report.Extras {
			extra += e.PricePerHour
		}
		if difference := plan.PricePerHour - cheapest.PricePerHour - extra; difference > 1e-6 || difference < -1e-6 {
			t.Errorf("seed %d: costs %f more, the report says %f", seed, plan.PricePerHour-cheapest.PricePerHour, extra)
		}
	}
}

// TestOnDemandShareHolds counts over the nodes of a pool and those bought.
func TestOnDemandShareHolds(t *testing.T) {
	for seed := range uint64(200) {
		dice := rand.New(rand.NewPCG(seed, 3))
		share := &model.OnDemandShare{Base: dice.IntN(4), Percentage: dice.IntN(5) * 25}
		snapshot := &model.Snapshot{Pending: wholeNodePods(1 + dice.IntN(9)),
			NodePools: []model.NodePool{{Name: "default", NodeClass: "default", OnDemand: share}},
			Catalogs:  map[string]model.Catalog{"default": spotMarket(dice, 2)}}
		have, onDemand := dice.IntN(6), 0
		for i := range have {
			capacityType := []string{"spot", "on-demand"}[dice.IntN(2)]
			if capacityType == "on-demand" {
				onDemand++
			}
			snapshot.Nodes = append(snapshot.Nodes, model.Node{Name: fmt.Sprintf("n%d", i), NodePool: "default", Labels: map[string]string{"karpenter.sh/capacity-type": capacityType}})
		}
		plan, _ := engine.Solve(snapshot, model.Settings{})
		if found := check.Plan(snapshot, plan); len(found) > 0 {
			t.Fatalf("seed %d: %v", seed, found)
		}
		total := have + len(plan.Launches)
		base := min(share.Base, total)
		want := base + ((total-base)*share.Percentage+99)/100
		got := onDemand
		for _, launch := range plan.Launches {
			if launch.Offerings[0].CapacityType == model.OnDemand {
				got++
			}
		}
		if got < min(want, onDemand+len(plan.Launches)) || got > max(want, onDemand) {
			t.Errorf("seed %d: %d of %d nodes are on demand, want %d (%+v, had %d of %d)", seed, got, total, want, *share, onDemand, have)
		}
	}
}

// TestWithoutRatesNothingIsWeighed: with no rate known, what an interruption costs
// changes nothing.
func TestWithoutRatesNothingIsWeighed(t *testing.T) {
	for seed := range uint64(200) {
		dice := rand.New(rand.NewPCG(seed, 4))
		snapshot := enginetest.Draw(func(_ string, least, most int) int { return least + dice.IntN(most-least+1) })
		for name := range snapshot.Catalogs {
			for i := range snapshot.Catalogs[name].Offerings {
				snapshot.Catalogs[name].Offerings[i].InterruptionRate = 0
			}
		}
		for i := range snapshot.NodeGroups {
			for j := range snapshot.NodeGroups[i].Types {
				for k := range snapshot.NodeGroups[i].Types[j].Offerings {
					snapshot.NodeGroups[i].Types[j].Offerings[k].InterruptionRate = 0
				}
			}
		}
		plan, report := engine.Solve(snapshot, model.Settings{MaxSteps: 1})
		other, otherReport := engine.Solve(snapshot, model.Settings{MaxSteps: 1, InterruptionHours: 5000})
		if !reflect.DeepEqual(plan, other) || report.InterruptionsPerHour != 0 || otherReport.InterruptionsPerHour != 0 {
			t.Fatalf("seed %d: plans differ, or interruptions cost %f", seed, otherReport.InterruptionsPerHour)
		}
	}
}
