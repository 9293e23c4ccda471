package oracle_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/scenario"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/lab/oracle"
)

// TestNominationsHoldWhileNodesArrive: nodes come one by one, and the scheduler
// tries every pod on each. With nominations nearly all pods find a place, those
// that spread among them.
func TestNominationsHoldWhileNodesArrive(t *testing.T) {
	c := newCourt(t)
	const drawn = 12
	without, with, pods := 0, 0, 0
	for seed := range uint64(drawn) {
		snapshot, _, err := scenario.Parse(mixedPods(rand.New(rand.NewPCG(seed, 4)), 120))
		if err != nil {
			t.Fatal(err)
		}
		plan, _ := engine.Solve(snapshot, model.Settings{MaxSteps: 800_000})
		cluster, err := oracle.NewCluster(snapshot, &plan, oracle.First)
		if err != nil {
			t.Fatal(err)
		}
		pods += planned(plan)
		left, err := c.judge.Arrive(cluster, false)
		if err != nil {
			t.Fatal(err)
		}
		without += len(left)
		if left, err = c.judge.Arrive(cluster, true); err != nil {
			t.Fatal(err)
		}
		with += len(left)
	}
	t.Logf("of %d pods %d stay pending without nominations, %d with them", pods, without, with)
	if with*4 > without || without == 0 {
		t.Error("nominations do not pay")
	}
}

// mixedPods is plainPods with rules: every fourth kind spreads over zones and
// every tenth over hosts.
func mixedPods(r *rand.Rand, pods int) string {
	var lines []string
	for i, line := range strings.Split(plainPods(r, pods), "\n") {
		if strings.HasPrefix(line, "pod ") {
			switch name := strings.Fields(line)[1]; {
			case i%4 == 1:
				line += fmt.Sprintf(" label.app=%s spread=zone:1", name)
			case i%10 == 2:
				line += fmt.Sprintf(" label.app=%s spread=host:1", name)
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
