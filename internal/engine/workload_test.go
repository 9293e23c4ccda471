package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
)

// workloadCatalog has 468 types of the shape clouds sell: three ratios of
// memory to cpu, generations that differ a little in price, sizes that double.
func workloadCatalog() model.Catalog {
	var c model.Catalog
	for category, gibPerCPU := range map[string]int64{"c": 2, "m": 4, "r": 8} {
		for generation := int64(1); generation <= 13; generation++ {
			for size := range 12 {
				addType(&c, category, generation, gibPerCPU, size)
			}
		}
	}
	return c
}

func addType(c *model.Catalog, category string, generation, gibPerCPU int64, size int) {
	cpus := []int64{1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128}[size]
	memory := cpus * gibPerCPU << 30
	name := fmt.Sprintf("%s%02d.%dx", category, generation, cpus)
	kind := model.InstanceType{Name: name, Labels: map[string]string{"node.kubernetes.io/instance-type": name, "example.com/category": category},
		Capacity:    model.Resources{model.CPU: cpus * 1000, model.Memory: memory, model.PodCount: 234},
		Allocatable: model.Resources{model.CPU: cpus*1000 - 80, model.Memory: memory*92/100 - 300<<20, model.PodCount: min(234, 29*cpus)}}
	price := (0.0215*float64(cpus) + 0.0029*float64(cpus*gibPerCPU)) * (1 + 0.013*float64(generation*generation%11))
	c.InstanceTypes = append(c.InstanceTypes, kind)
	for _, zone := range []string{"a", "b", "c"} {
		c.Offerings = append(c.Offerings, model.Offering{PricePerHour: float64(int64(price*10_000)) / 10_000,
			OfferingKey: model.OfferingKey{InstanceType: name, Zone: zone, CapacityType: model.OnDemand}})
	}
}

// deployments draws pods until there are count: Deployments of up to replicas
// pods, with the constraints of real ones when mixed.
func deployments(count, replicas int, mixed bool) *model.Snapshot {
	r := rand.New(rand.NewPCG(uint64(count), uint64(replicas)))
	s := &model.Snapshot{NodePools: []model.NodePool{{Name: "default", NodeClass: "default"}},
		Catalogs: map[string]model.Catalog{"default": workloadCatalog()}}
	for group := 0; len(s.Pending) < count; group++ {
		app := fmt.Sprintf("app%d", group)
		pod := model.Pod{Labels: map[string]string{"app": app}}
		cpu := 50 * (1 + r.Int64N(10)*r.Int64N(6))
		pod.Requests = model.Resources{model.CPU: cpu, model.Memory: cpu * (1 + r.Int64N(6)) << 20, model.PodCount: 1}
		if mixed {
			constrain(&pod, r.IntN(100), app)
		}
		for n := range min(1+r.IntN(replicas), count-len(s.Pending)) {
			next := pod
			next.PodKey = model.PodKey{Namespace: "default", Name: fmt.Sprintf("%s-%d", app, n)}
			s.Pending = append(s.Pending, next)
		}
	}
	return s
}

func constrain(pod *model.Pod, kind int, app string) {
	selector := &model.LabelSelector{MatchLabels: map[string]string{"app": app}}
	zone, host := "topology.kubernetes.io/zone", "kubernetes.io/hostname"
	switch {
	case kind < 25:
		pod.TopologySpread = []model.TopologySpread{{TopologyKey: zone, MaxSkew: 1, Selector: selector}}
	case kind < 35:
		pod.TopologySpread = []model.TopologySpread{{TopologyKey: host, MaxSkew: 1, Selector: selector}}
	case kind < 50:
		pod.PodAntiAffinity = []model.PodAffinityTerm{{TopologyKey: host, Selector: selector}}
	case kind < 57:
		pod.NodeSelector = map[string]string{zone: []string{"a", "b", "c"}[kind%3]}
	case kind < 62:
		pod.NodeSelector = map[string]string{"example.com/category": []string{"c", "m", "r"}[kind%3]}
	case kind < 65:
		pod.PodAffinity = []model.PodAffinityTerm{{TopologyKey: zone, Selector: selector}}
	}
}

// TestMixedWorkload: a thousand pods with all kinds of rules are all placed,
// rightly, close to what their resources cost at best.
func TestMixedWorkload(t *testing.T) {
	snapshot := deployments(1000, 30, true)
	plan, report := engine.Solve(snapshot, model.Settings{})
	if len(report.Unplaced) > 0 {
		t.Errorf("unplaced: %v", report.Unplaced)
	}
	for _, violation := range check.Plan(snapshot, plan) {
		t.Error(violation)
	}
	if bound := resourceBound(snapshot); plan.PricePerHour > 1.15*bound {
		t.Errorf("the plan costs %f, the pods' resources alone %f", plan.PricePerHour, bound)
	}
}

// resourceBound is a lower bound: every millicore and byte at the least price
// any type sells it for, when the other resource is free; the larger of both,
// or their fair mixture, whichever is most.
func resourceBound(s *model.Snapshot) float64 {
	sum := model.Resources{}
	for _, pod := range s.Pending {
		sum = sum.Add(pod.Requests)
	}
	best := 0.0
	for share := 0.0; share <= 1; share += 0.05 {
		bound := -1.0
		for i, offering := range s.Catalogs["default"].Offerings {
			room := s.Catalogs["default"].InstanceTypes[i/3].Allocatable
			part := share*float64(room[model.CPU])/float64(sum[model.CPU]) + (1-share)*float64(room[model.Memory])/float64(sum[model.Memory])
			if cost := offering.PricePerHour / part; bound < 0 || cost < bound {
				bound = cost
			}
		}
		best = max(best, bound)
	}
	return best
}

// TestMoreStepsCostNoMore: a larger budget never makes the plan dearer.
func TestMoreStepsCostNoMore(t *testing.T) {
	snapshot := deployments(300, 20, true)
	last := 0.0
	for _, steps := range []int{1, 100_000, 1_000_000, 0, 24_000_000, 70_000_000} {
		plan, report := engine.Solve(snapshot, model.Settings{MaxSteps: steps})
		if last > 0 && plan.PricePerHour > last+1e-9 {
			t.Errorf("%d steps cost %f, fewer cost %f", steps, plan.PricePerHour, last)
		}
		if report.Steps == 0 {
			t.Errorf("no steps were counted")
		}
		last = plan.PricePerHour
	}
}

// BenchmarkSolve reports dollars per hour and time per pod.
func BenchmarkSolve(b *testing.B) {
	for _, c := range []struct {
		name            string
		count, replicas int
		mixed           bool
	}{
		{"plain-1000", 1000, 60, false}, {"mixed-1000", 1000, 60, true}, {"mixed-5000", 5000, 60, true},
		{"uniform-20000", 20000, 1600, false}, {"one-class-20000", 20000, 1 << 30, false},
	} {
		snapshot := deployments(c.count, c.replicas, c.mixed)
		b.Run(c.name, func(b *testing.B) {
			var plan model.Plan
			for b.Loop() {
				plan, _ = engine.Solve(snapshot, model.Settings{})
			}
			b.ReportMetric(plan.PricePerHour, "$/h")
			b.ReportMetric(float64(len(plan.Launches)), "nodes")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.count), "ns/pod")
		})
	}
}
