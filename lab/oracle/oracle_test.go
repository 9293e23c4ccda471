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
	freeToo  = flag.Bool("free", false, "")
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
	free, nom, nomPlain, bad := 0, 0, 0, 0
	for i := range *clusters {
		s := draw(*seed + uint64(i))
		var plan model.Plan
		judge := func(s *model.Snapshot, choice oracle.Choice) ([]oracle.Refusal, []check.Violation) {
			plan, _ = engine.Solve(s, model.Settings{MaxSteps: 20000})
			c, err := oracle.NewCluster(s, &plan, choice)
			if err != nil {
				t.Fatal(err)
			}
			got, err := j.Placement(c)
			if err != nil {
				t.Fatal(err)
			}
			return got, check.Plan(s, plan)
		}
		last := func(_, n int) int { return n - 1 }
		for k, choice := range []oracle.Choice{oracle.First, last} {
			got, v := judge(s, choice)
			if len(got) > 0 || len(v) > 0 {
				bad++
				fmt.Println("seed", *seed+uint64(i), k, got, v)
				text, ok := enginetest.Shrink(s, func(s *model.Snapshot) bool {
					g, v2 := judge(s, choice)
					return len(g) > 0 == (len(got) > 0) && len(v2) > 0 == (len(v) > 0)
				})
				fmt.Println(ok)
				fmt.Println(text)
				break
			}
		}
		if !*freeToo {
			continue
		}
		c, _ := oracle.NewCluster(s, &plan, oracle.First)
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
