package engine_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
)

// inZones sells every type of the catalogue in three zones.
func inZones(c model.Catalog) model.Catalog {
	var offerings []model.Offering
	for _, o := range c.Offerings {
		for _, zone := range []string{"a", "b", "c"} {
			o.Zone = zone
			offerings = append(offerings, o)
		}
	}
	c.Offerings = offerings
	return c
}

// placeRule gives pods of one app the rule of that number: none, apart from each other,
// spread over nodes, spread over zones, or in one zone.
func placeRule(pod *model.Pod, app, rule int) {
	name := fmt.Sprintf("app-%d", app)
	pod.Labels = map[string]string{"app": name}
	selector := &model.LabelSelector{MatchLabels: map[string]string{"app": name}}
	switch rule {
	case 1:
		pod.PodAntiAffinity = []model.PodAffinityTerm{{TopologyKey: "kubernetes.io/hostname", Selector: selector}}
	case 2:
		pod.TopologySpread = []model.TopologySpread{{TopologyKey: "kubernetes.io/hostname", MaxSkew: 2, Selector: selector}}
	case 3:
		pod.TopologySpread = []model.TopologySpread{{TopologyKey: "topology.kubernetes.io/zone", MaxSkew: 1, Selector: selector}}
	case 4:
		pod.NodeSelector = map[string]string{"topology.kubernetes.io/zone": string(rune('a' + app%3))}
	}
}

// TestMixturesHoldRules: pods that may not share a node, or not any zone, are
// part of the best mixture of whole nodes, and keep their rules.
func TestMixturesHoldRules(t *testing.T) {
	s := burstable(1500)
	for class, catalog := range s.Catalogs {
		s.Catalogs[class] = inZones(catalog)
	}
	for n := range s.Pending {
		app := n % 60
		placeRule(&s.Pending[n], app, app%9)
	}
	plan, report := engine.Solve(s, model.Settings{})
	if violations := check.Plan(s, plan); len(violations) > 0 {
		t.Error(violations[0])
	}
	if report.Gap > 0.05 || report.Bound > plan.PricePerHour {
		t.Errorf("cost %f, bound %f: a gap of %f", plan.PricePerHour, report.Bound, report.Gap)
	}
}

// TestMixturesBreakNoRule audits plans for drawn pods on small types, which waste so
// much that mixtures of whole nodes are looked for.
func TestMixturesBreakNoRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c model.Catalog
		for n := range rapid.IntRange(1, 4).Draw(t, "types") {
			addRoom(&c, fmt.Sprintf("type-%d", n), 100*rapid.Int64Range(5, 40).Draw(t, "cpu"), 64*rapid.Int64Range(5, 60).Draw(t, "memory"),
				0.01*float64(rapid.IntRange(1, 30).Draw(t, "price")))
		}
		s := onePool(inZones(c))
		for app := range rapid.IntRange(1, 12).Draw(t, "apps") {
			pod := model.Pod{Requests: model.Resources{model.CPU: 50 * rapid.Int64Range(1, 20).Draw(t, "request"),
				model.Memory: rapid.Int64Range(1, 20).Draw(t, "request") << 26, model.PodCount: 1}}
			placeRule(&pod, app, rapid.IntRange(0, 4).Draw(t, "rule"))
			for n := range rapid.IntRange(1, 12).Draw(t, "pods") {
				pod.PodKey = model.PodKey{Namespace: "default", Name: fmt.Sprintf("app-%d-%d", app, n)}
				s.Pending = append(s.Pending, pod)
			}
		}
		plan, report := engine.Solve(s, model.Settings{MaxSteps: 4_000_000})
		if violations := check.Plan(s, plan); len(violations) > 0 {
			t.Fatalf("%v\nsnapshot %s\nplan %s", violations, asText(s), asText(plan))
		}
		if report.Bound > plan.PricePerHour*(1+1e-9) {
			t.Fatalf("cost %f, bound %f\nsnapshot %s", plan.PricePerHour, report.Bound, asText(s))
		}
	})
}

// TestManySizesAreMixed: where there are far more sizes than rows, larger pods stand for
// smaller ones, and what that leaves free is filled.
func TestManySizesAreMixed(t *testing.T) {
	var c model.Catalog
	for size, cpu := range []int64{940, 1930, 3920, 7910} {
		for _, ratio := range []int64{2, 4, 8} {
			price := float64(int64(1)<<size) * (0.017 + 0.0037*float64(ratio))
			addRoom(&c, fmt.Sprintf("size-%d-%d", cpu, ratio), cpu, (ratio<<size)*1024-255*int64(size+1), price)
		}
	}
	s := onePool(inZones(c))
	for app := range 600 {
		cpu := 150 + int64(app*app%131)*25
		pod := model.Pod{Requests: model.Resources{model.CPU: cpu, model.Memory: cpu * (1 + int64(app*7%13)) / 3 << 20, model.PodCount: 1}}
		placeRule(&pod, app, app%9)
		for n := range 1 + app%7 {
			pod.PodKey = model.PodKey{Namespace: "default", Name: fmt.Sprintf("app-%d-%d", app, n)}
			s.Pending = append(s.Pending, pod)
		}
	}
	plan, report := engine.Solve(s, model.Settings{})
	if violations := check.Plan(s, plan); len(violations) > 0 {
		t.Error(violations[0])
	}
	if report.Gap > 0.04 || len(report.Unplaced) > 0 {
		t.Errorf("cost %f, bound %f: a gap of %f, %d without a place", plan.PricePerHour, report.Bound, report.Gap, len(report.Unplaced))
	}
}
