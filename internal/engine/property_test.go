package engine_test

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/engine/enginetest"
	"github.com/drover-project/drover/internal/model"
)

// asText shows a snapshot in a failure message so that it can be read and kept.
func asText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// drawSnapshot draws a cluster that rapid can shrink and replay.
func drawSnapshot(t *rapid.T) *model.Snapshot {
	return enginetest.Draw(func(label string, least, most int) int { return rapid.IntRange(least, most).Draw(t, label) })
}

// TestPlansBreakNoRule audits the plans of many drawn clusters.
func TestPlansBreakNoRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snapshot := drawSnapshot(t)
		plan, _ := engine.Solve(snapshot, model.Settings{MaxSteps: 80_000})
		if violations := check.Plan(snapshot, plan); len(violations) > 0 {
			t.Fatalf("%v\nsnapshot %s\nplan %s", violations, asText(snapshot), asText(plan))
		}
	})
}

// TestInputOrderDoesNotMatter shuffles every list of the snapshot.
func TestInputOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snapshot := drawSnapshot(t)
		plan, report := engine.Solve(snapshot, model.Settings{MaxSteps: 80_000})
		shuffled := *snapshot
		shuffled.Pending = rapid.Permutation(snapshot.Pending).Draw(t, "pending")
		shuffled.Nodes = rapid.Permutation(snapshot.Nodes).Draw(t, "nodes")
		shuffled.NodeGroups = rapid.Permutation(snapshot.NodeGroups).Draw(t, "groups")
		shuffled.NodePools = rapid.Permutation(snapshot.NodePools).Draw(t, "pools")
		shuffled.DaemonSets = rapid.Permutation(snapshot.DaemonSets).Draw(t, "daemonSets")
		shuffled.Catalogs = map[string]model.Catalog{}
		for _, class := range []string{"default", "second"} {
			if catalog, there := snapshot.Catalogs[class]; there {
				shuffled.Catalogs[class] = model.Catalog{
					InstanceTypes: rapid.Permutation(catalog.InstanceTypes).Draw(t, "types"),
					Offerings:     rapid.Permutation(catalog.Offerings).Draw(t, "offerings")}
			}
		}
		plan2, report2 := engine.Solve(&shuffled, model.Settings{MaxSteps: 80_000})
		if asText(plan) != asText(plan2) || asText(report) != asText(report2) {
			t.Fatalf("snapshot %s\nfirst %s %s\nthen %s %s", asText(snapshot), asText(plan), asText(report), asText(plan2), asText(report2))
		}
	})
}

// TestMoreStepsGiveNoWorsePlan draws two budgets for each cluster, each of them the default
// one at times.
func TestMoreStepsGiveNoWorsePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snapshot := drawSnapshot(t)
		few := rapid.IntRange(0, 280_000).Draw(t, "few")
		many := rapid.SampledFrom([]int{280_000, 6_000_000, 30_000_000}).Draw(t, "many")
		if few == 0 {
			many = 30_000_000 // more than the default
		}
		less, lessReport := engine.Solve(snapshot, model.Settings{MaxSteps: few})
		more, moreReport := engine.Solve(snapshot, model.Settings{MaxSteps: many})
		lost := slices.Compare(unplacedByPriority(snapshot, &moreReport), unplacedByPriority(snapshot, &lessReport))
		costs := func(plan model.Plan, report model.Report) float64 {
			return plan.PricePerHour + report.InterruptionsPerHour
		}
		if lost > 0 || lost == 0 && costs(more, moreReport) > costs(less, lessReport)+1e-9 {
			t.Fatalf("%d steps: %v for %g, %d steps %v for %g\n%s", few, lessReport.Unplaced, costs(less, lessReport),
				many, moreReport.Unplaced, costs(more, moreReport), asText(snapshot))
		}
	})
}

// unplacedByPriority counts the pods without a place, those of the highest priority first.
func unplacedByPriority(snapshot *model.Snapshot, report *model.Report) []int {
	var priorities []int32
	of := map[model.PodKey]int32{}
	for _, pod := range snapshot.Pending {
		of[pod.PodKey] = pod.Priority
		priorities = append(priorities, pod.Priority)
	}
	slices.SortFunc(priorities, func(a, b int32) int { return cmp.Compare(b, a) })
	priorities = slices.Compact(priorities)
	counts := make([]int, len(priorities))
	for _, reason := range report.Unplaced {
		for _, key := range reason.Pods {
			counts[slices.Index(priorities, of[key])]++
		}
	}
	return counts
}

// TestMoreStepsCountHowNodesAreBought: a pool that a preference leads to, for the
// same price, may have to buy on demand what another buys as Spot.
func TestMoreStepsCountHowNodesAreBought(t *testing.T) {
	room := model.Resources{model.CPU: 1000, model.Memory: 1 << 30, model.PodCount: 3}
	s := onePool(model.Catalog{InstanceTypes: []model.InstanceType{{Name: "small", Capacity: room, Allocatable: room}},
		Offerings: []model.Offering{
			{PricePerHour: 0.01, OfferingKey: model.OfferingKey{InstanceType: "small", Zone: "b", CapacityType: model.OnDemand}},
			{PricePerHour: 0.005, OfferingKey: model.OfferingKey{InstanceType: "small", Zone: "b", CapacityType: model.Spot}},
		}})
	s.NodePools[0].Taints = []model.Taint{{Key: "dedicated", Effect: model.PreferNoSchedule}}
	s.NodePools = append(s.NodePools, model.NodePool{Name: "half", NodeClass: s.NodePools[0].NodeClass, OnDemand: &model.OnDemandShare{Percentage: 25}})
	s.Pending = []model.Pod{{PodKey: model.PodKey{Namespace: "default", Name: "app"}, Requests: model.Resources{model.PodCount: 1}}}
	last := math.Inf(1)
	for _, steps := range []int{1, 5000, 100_000} {
		plan, _ := engine.Solve(s, model.Settings{MaxSteps: steps})
		if plan.PricePerHour > last || len(plan.Launches) != 1 {
			t.Errorf("%d steps: %+v for %g, fewer cost %g", steps, plan.Launches, plan.PricePerHour, last)
		}
		last = plan.PricePerHour
	}
}

// TestSolveLeavesItsInputAlone compares the snapshot before and after.
func TestSolveLeavesItsInputAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snapshot := drawSnapshot(t)
		before := asText(snapshot)
		engine.Solve(snapshot, model.Settings{MaxSteps: 20_000})
		if after := asText(snapshot); after != before {
			t.Fatalf("before %s\nafter %s", before, after)
		}
	})
}

// TestEveryPodIsAccountedFor: each pending pod is placed once, or reported once
// with a reason; launches have reasons.
func TestEveryPodIsAccountedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snapshot := drawSnapshot(t)
		plan, report := engine.Solve(snapshot, model.Settings{MaxSteps: 80_000})
		seen := map[model.PodKey]int{}
		for _, reasons := range [][]model.PodReason{report.Placed, report.Unplaced} {
			for _, r := range reasons {
				if r.Code == "" || r.Message == "" {
					t.Fatalf("no reason: %s", asText(r))
				}
				for _, key := range r.Pods {
					seen[key]++
				}
			}
		}
		for _, pod := range snapshot.Pending {
			if seen[pod.PodKey] != 1 {
				t.Fatalf("%s is reported %d times\n%s\n%s\n%s", pod.PodKey, seen[pod.PodKey], asText(snapshot), asText(plan), asText(report))
			}
		}
		if len(report.Launches) != len(plan.Launches) {
			t.Fatalf("%d launches have %d reasons", len(plan.Launches), len(report.Launches))
		}
	})
}

// TestUnplacedPodsFitNoNewNode asks the auditor whether one more node of any
// allowed offering, bought for an unplaced pod alone, would have been right.
func TestUnplacedPodsFitNoNewNode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snapshot := drawSnapshot(t)
		plan, report := engine.Solve(snapshot, model.Settings{MaxSteps: 80_000})
		for _, reason := range report.Unplaced {
			if drawsOthers(snapshot, reason.Pods[0]) {
				continue
			}
			if launch := fittingLaunch(snapshot, plan, reason.Pods[0]); launch != nil {
				t.Fatalf("%s: %s, but %s would do\n%s\n%s", reason.Pods[0], reason.Message, asText(launch), asText(snapshot), asText(plan))
			}
		}
	})
}

// drawsOthers reports whether pods of another class have a required affinity,
// perhaps to this pod. Bound first in a domain of its own it could keep them
// waiting for ever, so the engine rather leaves it out, although some order
// would do.
func drawsOthers(snapshot *model.Snapshot, key model.PodKey) bool {
	app := func(name string) string { return name[:strings.LastIndex(name, "-")] }
	for _, p := range snapshot.Pending {
		if len(p.PodAffinity) > 0 && app(p.Name) != app(key.Name) {
			return true
		}
	}
	return false
}

// fittingLaunch returns a launch of one offering that holds the pod and breaks
// no rule beside the plan.
func fittingLaunch(snapshot *model.Snapshot, plan model.Plan, key model.PodKey) *model.Launch {
	var pod model.Pod
	for _, p := range snapshot.Pending {
		if p.PodKey == key {
			pod = p
		}
	}
	for _, pool := range snapshot.NodePools {
		for _, offering := range snapshot.Catalogs[pool.NodeClass].Offerings {
			launch := model.Launch{NodePool: pool.Name, Offerings: []model.Offering{offering}, Pods: []model.PodKey{key}, Requests: pod.Requests}
			for _, d := range snapshot.DaemonSets {
				launch.Requests = launch.Requests.Add(d.Template.Requests)
			}
			if r, free := pod.NodeSelector["team"]; free {
				launch.Requirements = []model.Requirement{{Key: "team", Operator: model.In, Values: []string{r}}}
			} else {
				launch.Requirements = []model.Requirement{{Key: "team", Operator: model.In, Values: []string{"red"}}}
			}
			more := plan
			more.Launches = append(append([]model.Launch(nil), plan.Launches...), launch)
			more.PricePerHour += offering.PricePerHour
			violations := check.Plan(snapshot, more)
			wrong := 0
			for _, v := range violations {
				if v.Rule != "Requests" {
					wrong++
				}
			}
			if wrong == 0 {
				return &launch
			}
		}
	}
	return nil
}
