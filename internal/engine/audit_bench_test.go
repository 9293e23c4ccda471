package engine_test

import (
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
)

// BenchmarkAudit audits large plans: of different pods, of few kinds of them, and
// with every rule.
func BenchmarkAudit(b *testing.B) {
	for _, shape := range []struct {
		name  string
		input func() *model.Snapshot
	}{
		{"diverse-10000", func() *model.Snapshot { return diverse(10_000) }},
		{"hostspread-10000", func() *model.Snapshot { return oneEachSpread(10_000) }},
		{"rules-3000-different", func() *model.Snapshot { return everyRule(3000, 3000) }},
		{"rules-10000-different", func() *model.Snapshot { return everyRule(10_000, 10_000) }},
		{"rules-100000-of-100", func() *model.Snapshot { return everyRule(100_000, 100) }},
		{"million", func() *model.Snapshot { return manyPods(1_000_000, 1000) }},
	} {
		b.Run(shape.name, func(b *testing.B) {
			snapshot := shape.input()
			plan, _ := engine.Solve(snapshot, model.Settings{MaxSteps: 4096})
			b.ReportAllocs()
			for b.Loop() {
				for _, violation := range check.Plan(snapshot, plan) {
					b.Fatal(violation)
				}
			}
		})
	}
}

// BenchmarkAuditOfBrokenPlan audits a plan of many different nodes that may come up
// in any zone, with two pods on one node that keep each other away: the plan is
// wrong in whichever zone any of them comes up.
func BenchmarkAuditOfBrokenPlan(b *testing.B) {
	snapshot := scale{pods: 10_000, kinds: 10_000, cpu: 300, memory: 512}.pending(clusterOverZones(2000))
	plan, _ := engine.Solve(snapshot, model.Settings{MaxSteps: 4096})
	apart := map[model.PodKey]bool{plan.Launches[0].Pods[0]: true, plan.Launches[0].Pods[1]: true}
	for i := range snapshot.Pending {
		if pod := &snapshot.Pending[i]; apart[pod.PodKey] {
			pod.Labels = map[string]string{"alone": "yes"}
			pod.PodAntiAffinity = []model.PodAffinityTerm{{TopologyKey: "kubernetes.io/hostname", Selector: &model.LabelSelector{MatchLabels: pod.Labels}}}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if found := check.Plan(snapshot, plan); len(found) != 2 {
			b.Fatalf("want one violation for each of two pods: %v", found)
		}
	}
}
