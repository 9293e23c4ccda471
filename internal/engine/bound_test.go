package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
)

// TestBoundAgainstEveryPlan lists, for small clusters with all kinds of rules,
// every plan that would be cheaper than the bound, and has the auditor find
// what is wrong with each.
func TestBoundAgainstEveryPlan(t *testing.T) {
	const cases = 1000
	proven, within, candidates := 0, 0, 0
	for seed := range uint64(cases) {
		s := ruledSnapshot(rand.New(rand.NewPCG(seed, 5)))
		plan, report := engine.Solve(s, model.Settings{})
		if report.Bound > plan.PricePerHour+1e-9 {
			t.Fatalf("seed %d: bound %f is above the plan's own cost %f\n%s", seed, report.Bound, plan.PricePerHour, asText(s))
		}
		if plan.PricePerHour > 0 {
			if report.Bound > 0 {
				proven++
			}
			if report.Gap < 0.25 && report.Bound > 0 {
				within++
			}
		}
		e := &everyPlan{s: s, below: report.Bound - 1e-9}
		for _, reason := range report.Placed {
			e.pods = append(e.pods, reason.Pods...)
		}
		if e.place(0, nil, nil); e.found != nil {
			t.Fatalf("seed %d: bound %f, but this plan costs less: %s\n%s", seed, report.Bound, asText(e.found), asText(s))
		}
		candidates += e.tried
	}
	t.Logf("%d bounds, %d within a quarter of the cost, %d cheaper plans are all wrong", proven, within, candidates)
	if proven < cases/3 || within < cases/6 || candidates < 1000 {
		t.Errorf("the test looks at too little: %d bounds, %d close, %d plans", proven, within, candidates)
	}
}

// everyPlan looks for a legal plan below a cost.
type everyPlan struct {
	s     *model.Snapshot
	pods  []model.PodKey
	below float64
	tried int
	found *model.Plan
}

// place tries every node, group and new group for the next pod.
func (e *everyPlan) place(n int, placements []model.Placement, groups [][]model.PodKey) {
	if e.found != nil {
		return
	}
	if n == len(e.pods) {
		e.buy(0, model.Plan{Placements: placements}, groups)
		return
	}
	for i := range e.s.Nodes {
		e.place(n+1, append(placements[:len(placements):len(placements)], model.Placement{Pod: e.pods[n], Node: e.s.Nodes[i].Name}), groups)
	}
	for g := range len(groups) + 1 {
		next := make([][]model.PodKey, max(len(groups), g+1))
		for i := range groups {
			next[i] = append([]model.PodKey(nil), groups[i]...)
		}
		next[g] = append(next[g], e.pods[n])
		e.place(n+1, placements, next)
	}
}

// buy tries every offering of every pool for each group, as long as it is cheap.
func (e *everyPlan) buy(g int, plan model.Plan, groups [][]model.PodKey) {
	if plan.PricePerHour >= e.below || e.found != nil {
		return
	}
	if g == len(groups) {
		e.tried++
		if len(check.Plan(e.s, plan)) == 0 {
			e.found = &plan
		}
		return
	}
	requests := e.requests(groups[g])
	for _, pool := range e.s.NodePools {
		for _, offering := range e.s.Catalogs["default"].Offerings {
			if !requests.Fits(e.room(offering.InstanceType)) {
				continue
			}
			next := plan
			next.PricePerHour += offering.PricePerHour
			next.Launches = append(plan.Launches[:len(plan.Launches):len(plan.Launches)], model.Launch{NodePool: pool.Name,
				Offerings: []model.Offering{offering}, Pods: groups[g], Requests: requests})
			e.buy(g+1, next, groups)
		}
	}
}

func (e *everyPlan) room(kind string) model.Resources {
	for _, t := range e.s.Catalogs["default"].InstanceTypes {
		if t.Name == kind {
			return t.Allocatable
		}
	}
	return nil
}

func (e *everyPlan) requests(keys []model.PodKey) model.Resources {
	total := model.Resources{}
	for i := range e.s.DaemonSets {
		total = total.Add(e.s.DaemonSets[i].Template.Requests)
	}
	for _, key := range keys {
		for i := range e.s.Pending {
			if e.s.Pending[i].PodKey == key {
				total = total.Add(e.s.Pending[i].Requests)
			}
		}
	}
	return total
}

// ruledSnapshot has at most four pods, with rules of every kind.
func ruledSnapshot(r *rand.Rand) *model.Snapshot {
	s := &model.Snapshot{Catalogs: map[string]model.Catalog{"default": tinyCatalog(r)},
		NodePools: []model.NodePool{{Name: "default", NodeClass: "default", Usage: model.Resources{}}}}
	if r.IntN(6) == 0 {
		s.NodePools = append(s.NodePools, model.NodePool{Name: "second", NodeClass: "default", Weight: 1, Usage: model.Resources{},
			Limits: model.Resources{"nodes": 1 + r.Int64N(2)}})
	}
	if r.IntN(4) == 0 {
		key := model.PodKey{Namespace: "kube-system", Name: "agent"}
		s.DaemonSets = []model.DaemonSet{{PodKey: key, Template: model.Pod{PodKey: key, OwnedByDaemonSet: true,
			Requests: model.Resources{model.CPU: 100 * r.Int64N(6), model.PodCount: 1}}}}
	}
	if r.IntN(3) == 0 {
		s.Nodes = []model.Node{{Name: "old", Labels: map[string]string{"topology.kubernetes.io/zone": "a"},
			Allocatable: model.Resources{model.CPU: 1000 * r.Int64N(5), model.Memory: r.Int64N(5) << 30, model.PodCount: 4}}}
	}
	for i := range 1 + r.IntN(3) {
		app := fmt.Sprintf("app%d", i)
		pod := model.Pod{Labels: map[string]string{"app": app},
			Requests: model.Resources{model.CPU: 100 * r.Int64N(50), model.Memory: r.Int64N(20) << 28, model.PodCount: 1}}
		ruleFor(r, &pod)
		for n := range 1 + r.IntN(4) {
			if len(s.Pending) < 4 {
				pod.PodKey = model.PodKey{Namespace: "default", Name: fmt.Sprintf("%s-%d", app, n)}
				s.Pending = append(s.Pending, pod)
			}
		}
	}
	return s
}

func tinyCatalog(r *rand.Rand) model.Catalog {
	var c model.Catalog
	for i := range 2 {
		cpu, memory := 2+r.Int64N(7), 2+r.Int64N(7)
		amounts := model.Resources{model.CPU: cpu * 1000, model.Memory: memory << 30, model.PodCount: 2 + r.Int64N(8)}
		name := fmt.Sprintf("type%d", i)
		c.InstanceTypes = append(c.InstanceTypes, model.InstanceType{Name: name, Capacity: amounts, Allocatable: amounts})
		for _, zone := range []string{"a", "b"} {
			c.Offerings = append(c.Offerings, model.Offering{PricePerHour: float64(cpu*30+memory*10+r.Int64N(30)) / 1000,
				OfferingKey: model.OfferingKey{InstanceType: name, Zone: zone, CapacityType: model.OnDemand}})
		}
	}
	return c
}

func ruleFor(r *rand.Rand, pod *model.Pod) {
	selector := &model.LabelSelector{MatchLabels: pod.Labels}
	if r.IntN(5) == 0 {
		selector = &model.LabelSelector{}
	}
	key := []string{"topology.kubernetes.io/zone", "kubernetes.io/hostname"}[r.IntN(2)]
	switch r.IntN(8) {
	case 0:
		pod.TopologySpread = []model.TopologySpread{{TopologyKey: key, MaxSkew: 1 + r.Int32N(2), Selector: selector}}
	case 1, 2:
		pod.PodAntiAffinity = []model.PodAffinityTerm{{TopologyKey: key, Selector: selector}}
	case 3:
		pod.PodAffinity = []model.PodAffinityTerm{{TopologyKey: key, Selector: selector}}
	case 4:
		pod.NodeSelector = map[string]string{"topology.kubernetes.io/zone": []string{"a", "b"}[r.IntN(2)]}
	case 5:
		pod.HostPorts = []model.HostPort{{Port: 80, Protocol: "TCP"}}
	case 6:
		pod.PreferredNodeAffinity = []model.PreferredNodeSelectorTerm{{Weight: 5, Term: model.NodeSelectorTerm{Labels: []model.Requirement{
			{Key: "topology.kubernetes.io/zone", Operator: model.In, Values: []string{"b"}}}}}}
	case 7:
		pod.PodAffinity = []model.PodAffinityTerm{appTerm(key, "app0", fmt.Sprintf("app%d", r.IntN(3)))}
	}
}
