package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
)

const hostKey, zoneKey = "kubernetes.io/hostname", "topology.kubernetes.io/zone"

// appTerm is a required term about the pods of some apps.
func appTerm(key string, apps ...string) model.PodAffinityTerm {
	return model.PodAffinityTerm{TopologyKey: key, Selector: &model.LabelSelector{
		Requirements: []model.Requirement{{Key: "app", Operator: model.In, Values: apps}}}}
}

// replicated are equal pods of one app.
func replicated(app string, count int, requests model.Resources) []model.Pod {
	pods := make([]model.Pod, count)
	for n := range pods {
		pods[n] = model.Pod{PodKey: model.PodKey{Namespace: "default", Name: fmt.Sprintf("%s-%d", app, n)},
			Labels: map[string]string{"app": app}, Requests: requests}
	}
	return pods
}

// chains has so many chains of so many apps, each of which must share the
// topology domain of the one before it.
func chains(key string, count, length, replicas int) *model.Snapshot {
	r := rand.New(rand.NewPCG(uint64(count), uint64(length)))
	s := onePool(workloadCatalog())
	for chain := range count {
		for link := range length {
			cpu := 50 * (1 + r.Int64N(8)*r.Int64N(4))
			pods := replicated(fmt.Sprintf("chain%d-%d", chain, link), replicas,
				model.Resources{model.CPU: cpu, model.Memory: cpu * (1 + r.Int64N(6)) << 20, model.PodCount: 1})
			for n := range pods {
				if link > 0 {
					pods[n].PodAffinity = []model.PodAffinityTerm{appTerm(key, fmt.Sprintf("chain%d-%d", chain, link-1))}
				}
			}
			s.Pending = append(s.Pending, pods...)
		}
	}
	return s
}

// TestChainsFindTheirPlaces: of pods in chains, as many have a place as one node
// for each chain can hold, whatever the length, and at nearly the least price;
// where all of a chain must be on one node, the bound knows it.
func TestChainsFindTheirPlaces(t *testing.T) {
	for _, c := range []struct {
		key                     string
		count, length, replicas int
		unplaced                int
		gap                     float64
	}{
		{hostKey, 333, 3, 1, 0, 0.03}, {hostKey, 111, 3, 3, 0, 0.03}, {hostKey, 50, 20, 1, 0, 0.05}, {hostKey, 10, 20, 5, 0, 0.05},
		{hostKey, 1, 20, 50, 0, 0.08}, {hostKey, 5, 200, 1, 0, 0},
		{hostKey, 1, 1000, 1, 1000 - 234, 0}, // the largest types hold 234 pods
		{zoneKey, 20, 10, 5, 0, 0.03},
	} {
		t.Run(fmt.Sprintf("%dx%dx%d", c.count, c.length, c.replicas), func(t *testing.T) {
			snapshot := chains(c.key, c.count, c.length, c.replicas)
			plan, report := engine.Solve(snapshot, model.Settings{})
			for _, violation := range check.Plan(snapshot, plan) {
				t.Error(violation)
			}
			unplaced := 0
			for _, reason := range report.Unplaced {
				unplaced += len(reason.Pods)
			}
			if unplaced != c.unplaced || report.Gap > c.gap+1e-4 {
				t.Errorf("%d pods are unplaced, want %d; the gap is %f, want at most %f", unplaced, c.unplaced, report.Gap, c.gap)
			}
		})
	}
}
