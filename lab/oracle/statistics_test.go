package oracle_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/lab/oracle"
)

// tally counts the clusters in which something happened.
type tally struct{ free, nominated, missed int }

// TestSchedulerLeftToItself measures what the plan cannot decide: how often the
// scheduler's own choice of nodes leaves a planned pod pending, with and without
// a nomination for each pod, and how often a pod that the plan leaves out has a
// place on the plan's nodes. docs/explanation/judges.md speaks of the numbers.
func TestSchedulerLeftToItself(t *testing.T) {
	c := newCourt(t)
	const drawn, mostFree, mostNominated, mostMissed = 400, 40, 16, 16
	var n tally
	for i := range uint64(drawn) {
		n.add(c, draw(1_000_000+i))
	}
	t.Logf("of %d clusters: %d with pods pending when the scheduler chooses, %d when pods are nominated, %d with places that the plan missed",
		drawn, n.free, n.nominated, n.missed)
	if n.free > mostFree || n.nominated > mostNominated || n.missed > mostMissed {
		t.Errorf("more than %d, %d, %d", mostFree, mostNominated, mostMissed)
	}
}

func (n *tally) add(c *court, snapshot *model.Snapshot) {
	plan, _ := engine.Solve(snapshot, budget())
	cluster, err := oracle.NewCluster(snapshot, &plan, oracle.First)
	if err != nil {
		c.t.Fatal(err)
	}
	count := func(to *int, refusals []oracle.Refusal, err error) {
		if err != nil {
			c.t.Fatal(err)
		}
		if len(refusals) > 0 {
			*to++
		}
	}
	free, err := c.judge.FreeRun(cluster, nil)
	count(&n.free, free, err)
	nominated, err := c.judge.FreeRun(cluster, func(*corev1.Pod) bool { return true })
	count(&n.nominated, nominated, err)
	missed, err := c.judge.Missed(cluster)
	count(&n.missed, missed, err)
}
