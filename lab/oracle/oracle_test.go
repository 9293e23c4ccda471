package oracle_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/engine/enginetest"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/lab/oracle"
)

// What `make soak` changes.
var (
	clusters = flag.Int("clusters", 2000, "how many random clusters to judge")
	seed     = flag.Uint64("seed", 1, "seed of the first random cluster; the others follow")
	keep     = flag.String("keep", "", "folder for a scenario of each disagreement")
)

// court puts the auditor beside the real scheduler.
type court struct {
	t     *testing.T
	judge *oracle.Judge
}

func newCourt(t *testing.T) *court {
	t.Helper()
	judge, err := oracle.New()
	if err != nil {
		t.Fatal(err)
	}
	return &court{t, judge}
}

// verdict is what the two say of a plan; both empty for a right one.
type verdict struct {
	refusals   []oracle.Refusal
	violations []check.Violation
}

func (v verdict) right() bool { return len(v.refusals)+len(v.violations) == 0 }

// like reports whether the same judges find fault.
func (v verdict) like(w verdict) bool {
	return len(v.refusals) > 0 == (len(w.refusals) > 0) && len(v.violations) > 0 == (len(w.violations) > 0)
}

func (v verdict) String() string {
	return fmt.Sprintf("kube-scheduler leaves pending: %v\nengine/check: %v", v.refusals, v.violations)
}

// choices are what launches may turn into: their first offerings, their last,
// and a mixture.
func choices() []oracle.Choice {
	return []oracle.Choice{
		oracle.First,
		func(_, offerings int) int { return offerings - 1 },
		func(launch, offerings int) int { return (launch*7 + 3) % offerings },
	}
}

// try solves the snapshot and judges the plan, whatever its launches turn into.
func (c *court) try(snapshot *model.Snapshot, settings model.Settings) (verdict, model.Plan) {
	plan, _ := engine.Solve(snapshot, settings)
	v := verdict{violations: check.Plan(snapshot, plan)}
	for _, choice := range choices() {
		cluster, err := oracle.NewCluster(snapshot, &plan, choice)
		if err != nil {
			c.t.Fatal(err)
		}
		if v.refusals, err = c.judge.Placement(cluster); err != nil {
			c.t.Fatal(err)
		}
		if len(v.refusals) > 0 || !varied(plan) {
			break
		}
	}
	return v, plan
}

func varied(plan model.Plan) bool {
	for _, launch := range plan.Launches {
		if len(launch.Offerings) > 1 {
			return true
		}
	}
	return false
}

func draw(seed uint64) *model.Snapshot {
	r := rand.New(rand.NewPCG(seed, 3))
	return enginetest.Draw(func(_ string, least, most int) int { return least + r.IntN(most-least+1) })
}

// budget keeps plans of small clusters quick.
func budget() model.Settings { return model.Settings{MaxSteps: 80_000} }

// TestRandomClusters: the real kube-scheduler binds every planned pod of every
// drawn cluster, and the auditor agrees.
func TestRandomClusters(t *testing.T) {
	c := newCourt(t)
	pods := 0
	for i := range uint64(*clusters) {
		snapshot := draw(*seed + i)
		v, plan := c.try(snapshot, budget())
		pods += planned(plan)
		if v.right() {
			continue
		}
		text, _ := enginetest.Shrink(snapshot, func(s *model.Snapshot) bool {
			w, _ := c.try(s, budget())
			return v.like(w)
		})
		t.Errorf("seed %d: %v\n%s", *seed+i, v, text)
		c.keep(*seed+i, text, v)
	}
	t.Logf("%d clusters from seed %d, %d planned pods", *clusters, *seed, pods)
}

func planned(plan model.Plan) int {
	pods := len(plan.Placements)
	for _, launch := range plan.Launches {
		pods += len(launch.Pods)
	}
	return pods
}

// keep writes a scenario that fits into the engine's testdata.
func (c *court) keep(seed uint64, text string, v verdict) {
	if *keep == "" {
		return
	}
	kind := "scheduler"
	if len(v.refusals) == 0 {
		kind = "check"
	}
	if err := os.MkdirAll(*keep, 0o755); err != nil {
		c.t.Fatal(err)
	}
	content := fmt.Sprintf("# Random cluster %d, made small.\nsolve\n%s----\n", seed, text)
	if err := os.WriteFile(filepath.Join(*keep, fmt.Sprintf("%s-%d.txt", kind, seed)), []byte(content), 0o644); err != nil {
		c.t.Fatal(err)
	}
}
