package engine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/model"
)

// TestCostAgainstOptimum compares plans for up to seven pods with the best of
// all ways to divide them among nodes.
func TestCostAgainstOptimum(t *testing.T) {
	const cases, worstGap, leastOptimal = 2000, 0.30, 0.97
	optimal := 0
	for seed := range uint64(cases) {
		snapshot := tinySnapshot(rand.New(rand.NewPCG(seed, 7)))
		plan, report := engine.Solve(snapshot, model.Settings{})
		best := optimum(snapshot)
		if len(report.Unplaced) > 0 || math.IsInf(best, 1) {
			t.Fatalf("seed %d: every pod fits some type, yet %v is unplaced", seed, report.Unplaced)
		}
		gap := plan.PricePerHour/best - 1
		if gap < -1e-9 || gap > worstGap {
			t.Errorf("seed %d: plan costs %f, optimum %f", seed, plan.PricePerHour, best)
		}
		if gap < 1e-9 {
			optimal++
		}
	}
	t.Logf("%d of %d plans are optimal", optimal, cases)
	if float64(optimal) < leastOptimal*cases {
		t.Errorf("only %d of %d plans are optimal", optimal, cases)
	}
}

// tinySnapshot has pods of a few sizes that all fit the largest type, some of
// them tied to a zone.
func tinySnapshot(r *rand.Rand) *model.Snapshot {
	s := &model.Snapshot{NodePools: []model.NodePool{{Name: "default", NodeClass: "default"}}, Catalogs: map[string]model.Catalog{}}
	var c model.Catalog
	for i := range 2 + r.IntN(4) {
		cpu, memory := 1+r.Int64N(8), 1+r.Int64N(8)
		if i == 0 {
			cpu, memory = 8, 8
		}
		amounts := model.Resources{model.CPU: cpu * 1000, model.Memory: memory << 30, model.PodCount: 3 + r.Int64N(8)}
		name := fmt.Sprintf("type%d", i)
		c.InstanceTypes = append(c.InstanceTypes, model.InstanceType{Name: name, Capacity: amounts, Allocatable: amounts})
		for _, zone := range []string{"a", "b"} {
			price := math.Round(float64(cpu*30+memory*10+r.Int64N(30))) / 1000
			c.Offerings = append(c.Offerings, model.Offering{PricePerHour: price,
				OfferingKey: model.OfferingKey{InstanceType: name, Zone: zone, CapacityType: model.OnDemand}})
		}
	}
	s.Catalogs["default"] = c
	for i := range 1 + r.IntN(4) {
		pod := model.Pod{Requests: model.Resources{model.CPU: 100 * r.Int64N(60), model.Memory: r.Int64N(24) << 28, model.PodCount: 1}}
		if r.IntN(3) == 0 {
			pod.NodeSelector = map[string]string{"topology.kubernetes.io/zone": []string{"a", "b"}[r.IntN(2)]}
		}
		for n := range 1 + r.IntN(3) {
			if len(s.Pending) < 7 {
				pod.PodKey = model.PodKey{Namespace: "default", Name: fmt.Sprintf("app%d-%d", i, n)}
				s.Pending = append(s.Pending, pod)
			}
		}
	}
	return s
}

// optimum tries every set of pods that may share a node as the home of the
// first pod without one.
func optimum(s *model.Snapshot) float64 {
	all := 1<<len(s.Pending) - 1
	price := make([]float64, all+1)
	for set := 1; set <= all; set++ {
		price[set] = cheapestNode(s, set)
	}
	best := make([]float64, all+1)
	for set := 1; set <= all; set++ {
		best[set] = math.Inf(1)
		first := set & -set
		for part := set; part > 0; part = (part - 1) & set {
			if part&first != 0 {
				best[set] = min(best[set], price[part]+best[set&^part])
			}
		}
	}
	return best[all]
}

func cheapestNode(s *model.Snapshot, set int) float64 {
	need, zone := model.Resources{}, ""
	for i, pod := range s.Pending {
		if set&(1<<i) == 0 {
			continue
		}
		need = need.Add(pod.Requests)
		if wanted := pod.NodeSelector["topology.kubernetes.io/zone"]; wanted != "" {
			if zone != "" && zone != wanted {
				return math.Inf(1)
			}
			zone = wanted
		}
	}
	best := math.Inf(1)
	for i, offering := range s.Catalogs["default"].Offerings {
		if need.Fits(s.Catalogs["default"].InstanceTypes[i/2].Allocatable) && (zone == "" || zone == offering.Zone) {
			best = min(best, offering.PricePerHour)
		}
	}
	return best
}
