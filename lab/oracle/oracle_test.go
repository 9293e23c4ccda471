package oracle_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/engine/enginetest"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/lab/oracle"
)

var (
	clusters = flag.Int("clusters", 2000, "")
	seed     = flag.Uint64("seed", 1, "")
)

func draw(seed uint64) *model.Snapshot {
	r := rand.New(rand.NewPCG(seed, 3))
	return enginetest.Draw(func(_ string, least, most int) int { return least + r.IntN(most-least+1) })
}

func plain(p *corev1.Pod) bool { return len(p.Spec.TopologySpreadConstraints) == 0 }

func TestProbe(t *testing.T) {
	j, err := oracle.New()
	if err != nil {
		t.Fatal(err)
	}
	pods, free, nom, nomPlain, bad := 0, 0, 0, 0, 0
	for i := range *clusters {
		s := draw(*seed + uint64(i))
		plan, _ := engine.Solve(s, model.Settings{MaxSteps: 20000})
		for _, v := range check.Plan(s, plan) {
			t.Errorf("seed %d: check %v", i, v)
		}
		c, err := oracle.NewCluster(s, &plan, oracle.First)
		if err != nil {
			t.Fatal(err)
		}
		pods += len(s.Pending)
		got, err := j.Placement(c)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > 0 {
			bad++
			fmt.Println("seed", i, got)
		}
		f, _ := j.FreeRun(c, nil)
		if len(f) > 0 {
			free++
		}
		f, _ = j.FreeRun(c, func(*corev1.Pod) bool { return true })
		if len(f) > 0 {
			nom++
		}
		f, _ = j.FreeRun(c, plain)
		if len(f) > 0 {
			nomPlain++
		}
	}
	fmt.Println("clusters", *clusters, "bad", bad, "free", free, "nominated", nom, "nominated plain", nomPlain)
}
