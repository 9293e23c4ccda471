package engine_test

import (
	"fmt"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/model"
)

// burstable has cheap small types with much cpu for their memory beside very large
// ones that take few pods, and pods of 30 sizes.
func burstable(pods int) *model.Snapshot {
	var c model.Catalog
	for n, mebibytes := range []int64{150, 650, 1650} {
		addRoom(&c, fmt.Sprintf("small-%d", n), 1930, mebibytes, 0.0042*float64(int64(1)<<n))
	}
	for _, size := range []int64{150, 650} {
		addRoom(&c, fmt.Sprintf("large-%d", size), size*1000-80, size*3700, 0.048*float64(size))
	}
	s := onePool(c)
	for n := range pods {
		s.Pending = append(s.Pending, model.Pod{PodKey: model.PodKey{Namespace: "default", Name: fmt.Sprintf("pod-%d", n)},
			Requests: model.Resources{model.CPU: []int64{100, 250, 500, 1000, 1500}[n%5],
				model.Memory: []int64{100, 256, 512, 1024, 2048, 4096}[n*7/5%6] << 20, model.PodCount: 1}})
	}
	return s
}

func addRoom(c *model.Catalog, name string, cpu, mebibytes int64, price float64) {
	room := model.Resources{model.CPU: cpu, model.Memory: mebibytes << 20, model.PodCount: 29}
	c.InstanceTypes = append(c.InstanceTypes, model.InstanceType{Name: name, Capacity: room, Allocatable: room})
	c.Offerings = append(c.Offerings, model.Offering{PricePerHour: price,
		OfferingKey: model.OfferingKey{InstanceType: name, Zone: "a", CapacityType: model.OnDemand}})
}

// TestWholeNodesProveMore: what resources cost at best says little where small
// types are cheap; what whole nodes can hold says more.
func TestWholeNodesProveMore(t *testing.T) {
	plan, report := engine.Solve(burstable(1500), model.Settings{})
	if report.Gap > 0.05 || report.Bound > plan.PricePerHour {
		t.Errorf("cost %f, bound %f: a gap of %f", plan.PricePerHour, report.Bound, report.Gap)
	}
}

// TestSmallNodesAreFilledExactly: where types of all sizes cost the same for their
// memory, but only the small ones have much cpu, hardly two nodes of the best
// mixture hold the same.
func TestSmallNodesAreFilledExactly(t *testing.T) {
	s := deployments(1000, 10, false)
	var c model.Catalog
	for n, cpu := range []int64{1930, 1930, 1930, 1930, 1930, 3920, 7910} {
		addRoom(&c, fmt.Sprintf("burstable-%d", n), cpu, 480<<n, 0.0042*float64(int64(1)<<n))
	}
	for n := range 4 {
		addRoom(&c, fmt.Sprintf("memory-%d", n), 3920<<n, 29_000<<n, 0.2016*float64(int64(1)<<n))
	}
	s.Catalogs = map[string]model.Catalog{"default": c}
	plan, report := engine.Solve(s, model.Settings{})
	if report.Gap > 0.05 || report.Bound > plan.PricePerHour {
		t.Errorf("cost %f, bound %f: a gap of %f", plan.PricePerHour, report.Bound, report.Gap)
	}
}
