package oracle_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/drover-project/drover/internal/engine/scenario"
)

// TestScenarios has the real scheduler judge the plans of the engine's own
// scenarios.
func TestScenarios(t *testing.T) {
	judged := 0
	datadriven.Walk(t, "../../internal/engine/testdata", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			snapshot, settings, err := scenario.Parse(d.Input)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			if v, _ := newCourt(t).try(snapshot, settings); !v.right() {
				t.Errorf("%s: %v", d.Pos, v)
			}
			judged++
			return d.Expected // what it must be is the engine's own test
		})
	})
	if judged == 0 {
		t.Error("no scenario was found")
	}
}
