package spot_test

import (
	"math"
	"testing"
	"time"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/spot"
)

func TestDescribe(t *testing.T) {
	labels := func(kind, zone, how string) map[string]string {
		return map[string]string{"node.kubernetes.io/instance-type": kind, "topology.kubernetes.io/zone": zone, "karpenter.sh/capacity-type": how}
	}
	offering := func(kind, zone string, how model.CapacityType, price float64, without string) model.Offering {
		return model.Offering{OfferingKey: model.OfferingKey{InstanceType: kind, Zone: zone, CapacityType: how}, PricePerHour: price, UnavailableReason: without}
	}
	managed := labels("m5.large", "a", "")
	delete(managed, "karpenter.sh/capacity-type")
	managed["eks.amazonaws.com/capacityType"] = "SPOT"
	snapshot := &model.Snapshot{
		Nodes: []model.Node{
			{Labels: labels("m5.large", "a", "spot"), PricePerHour: 0.03, PriceKnown: true, Taints: []model.Taint{{Key: observe.InterruptionTaint}}},
			{Labels: managed},
			{Labels: labels("c5.large", "b", "on-demand"), PricePerHour: 0.09, PriceKnown: true},
		},
		Catalogs: map[string]model.Catalog{"default": {Offerings: []model.Offering{
			offering("m5.large", "a", model.OnDemand, 0.1, ""), offering("m5.large", "a", model.Spot, 0.03, "SpotInterruption at 12:00"),
			offering("r5.large", "c", model.Spot, 0.04, ""),
		}}},
	}
	last := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	history := spot.History{{InstanceType: "m5.large", Zone: "a"}: {Interruptions: 2, Last: last}, {InstanceType: "r5.large", Zone: "c"}: {Recommendations: 1, Last: last}}
	state := spot.Describe(snapshot, history, nil, last)
	text, err := state.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if state, err = spot.Decode(text); err != nil {
		t.Fatal(err)
	}
	if len(state.Pools) != 2 || state.Nodes != 3 || len(state.Unavailable) != 1 {
		t.Fatalf("%+v", state)
	}
	p := state.Pools[0]
	if p.InstanceType != "m5.large" || p.Nodes != 2 || p.Leaving != 1 || p.Interruptions != 2 || p.Unavailable == "" || math.Abs(p.Saving-0.7) > 1e-9 ||
		math.Abs(p.NodeShare-2.0/3) > 1e-9 || math.Abs(p.CostShare-0.06/0.15) > 1e-9 {
		t.Errorf("%+v", p)
	}
	if again := spot.HistoryOf(state); again[spot.PoolKey{InstanceType: "r5.large", Zone: "c"}].Recommendations != 1 {
		t.Errorf("what was heard is forgotten: %+v", again)
	}
	if spot.LeavingTaint != observe.InterruptionTaint {
		t.Error("two names for one taint")
	}
}

// Nodes whose pool nothing in the cluster buys from have the price that others know.
func TestPricesFromElsewhere(t *testing.T) {
	snapshot := &model.Snapshot{Nodes: []model.Node{{Labels: map[string]string{
		"node.kubernetes.io/instance-type": "m5n.large", "topology.kubernetes.io/zone": "a", "lifecycle": "Ec2Spot",
	}}}}
	more := func(key model.OfferingKey) float64 {
		return map[model.OfferingKey]float64{
			{InstanceType: "m5n.large", Zone: "a", CapacityType: model.Spot}: 0.05, {InstanceType: "m5n.large", Zone: "a", CapacityType: model.OnDemand}: 0.2,
		}[key]
	}
	state := spot.Describe(snapshot, nil, more, time.Time{})
	if p := state.Pools[0]; p.Price != 0.05 || p.OnDemand != 0.2 || p.Saving != 0.75 || p.CostShare != 1 || state.PricePerHour != 0.05 {
		t.Errorf("%+v of %+v", p, state)
	}
	if p := spot.Describe(snapshot, nil, nil, time.Time{}).Pools[0]; p.Price != 0 || p.Saving != 0 {
		t.Errorf("a price from nowhere: %+v", p)
	}
}
