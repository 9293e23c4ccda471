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
