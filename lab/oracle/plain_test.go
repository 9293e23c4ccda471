package oracle_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/scenario"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/lab/oracle"
)

// TestNominationsKeepTightPlans: plans for pods of many sizes leave little room,
// and the scheduler, which spreads pods over nodes, soon has none for the large
// ones. Every pod finds its place when each is nominated to its planned node.
func TestNominationsKeepTightPlans(t *testing.T) {
	c := newCourt(t)
	const drawn = 25
	broken, left, pods := 0, 0, 0
	for seed := range uint64(drawn) {
		snapshot, _, err := scenario.Parse(plainPods(rand.New(rand.NewPCG(seed, 9)), 80))
		if err != nil {
			t.Fatal(err)
		}
		plan, _ := engine.Solve(snapshot, model.Settings{MaxSteps: 800_000})
		cluster, err := oracle.NewCluster(snapshot, &plan, oracle.First)
		if err != nil {
			t.Fatal(err)
		}
		if pods += planned(plan); planned(plan) < len(snapshot.Pending) {
			t.Errorf("seed %d: %d of %d pods are planned", seed, planned(plan), len(snapshot.Pending))
		}
		refusals, err := c.judge.FreeRun(cluster, func(*corev1.Pod) bool { return true })
		if err != nil || len(refusals) > 0 {
			t.Errorf("seed %d: nominated pods stay pending: %v %v", seed, refusals, err)
		}
		if refusals, err = c.judge.FreeRun(cluster, nil); err != nil {
			t.Fatal(err)
		}
		if left += len(refusals); len(refusals) > 0 {
			broken++
		}
	}
	t.Logf("without nominations %d of %d pods stay pending, in %d of %d clusters", left, pods, broken, drawn)
}

// plainPods is a scenario of pods without rules on usual machines.
func plainPods(r *rand.Rand, pods int) string {
	lines := []string{
		"type c5.large cpu=1930m memory=3114Mi pods=29 price=0.085", "type m5.large cpu=1930m memory=6903Mi pods=29 price=0.096",
		"type r5.large cpu=1930m memory=14481Mi pods=29 price=0.126", "type m5.xlarge cpu=3920m memory=14481Mi pods=58 price=0.192",
		"type m5.2xlarge cpu=7910m memory=29600Mi pods=58 price=0.384", "pool default",
	}
	for n := 0; pods > 0; n++ {
		count := min(pods, 1+r.IntN(16))
		lines = append(lines, fmt.Sprintf("pod p%d count=%d cpu=%dm memory=%dMi", n, count, 100*(1+r.IntN(16)), 128*(1+r.IntN(32))))
		pods -= count
	}
	return strings.Join(lines, "\n")
}
