package engine_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/enginetest"
	"github.com/drover-project/drover/internal/model"
)

// TestRemediesPlaceAPod makes the change that a reason names, and buys for one of
// the pods beside what the plan has bought. Topology rules are left out: they
// depend on where all others are.
func TestRemediesPlaceAPod(t *testing.T) {
	seen := map[model.Code]int{}
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 5))
		snapshot := enginetest.Draw(func(_ string, least, most int) int { return least + r.IntN(most-least+1) })
		for i := range snapshot.Pending {
			pod := &snapshot.Pending[i]
			pod.TopologySpread, pod.PodAffinity, pod.PodAntiAffinity = nil, nil, nil
		}
		for i := range snapshot.NodePools {
			dropFreeLabels(&snapshot.NodePools[i])
		}
		plan, report := engine.Solve(snapshot, model.Settings{MaxSteps: 80_000})
		for _, reason := range report.Unplaced {
			if reason.Remedy == nil {
				continue
			}
			changed, known := remedied(alone(snapshot, plan, reason.Pods[0]), reason.Remedy)
			if !known {
				continue
			}
			seen[reason.Remedy.Code]++
			if _, after := engine.Solve(changed, model.Settings{MaxSteps: 80_000}); len(after.Unplaced) > 0 {
				t.Fatalf("seed %d: %s\nbut still: %s\n%s", seed, reason.Message, after.Unplaced[0].Message, asText(snapshot))
			}
		}
	}
	for _, code := range []model.Code{model.RemedyWidenRequirement, model.RemedyTolerateTaint, model.RemedyRelaxPod, model.RemedyRaiseLimit, model.RemedyLowerMinValues} {
		if seen[code] == 0 {
			t.Errorf("no %s was ever named: nothing was tested", code)
		}
	}
}

// dropFreeLabels where minValues asks for types that must then also agree on the
// values of free labels.
func dropFreeLabels(pool *model.NodePool) {
	if slices.ContainsFunc(pool.Requirements, func(r model.Requirement) bool { return r.MinValues > 1 }) {
		pool.Requirements = slices.DeleteFunc(pool.Requirements, func(r model.Requirement) bool { return r.Key == "team" })
	}
}

// alone is the cluster after the plan with one pod that still waits; of equal
// prices the smallest machine is bought.
func alone(snapshot *model.Snapshot, plan model.Plan, key model.PodKey) *model.Snapshot {
	after := *snapshot
	after.Nodes, after.PodGroups = nil, nil
	at := slices.IndexFunc(snapshot.Pending, func(p model.Pod) bool { return p.PodKey == key })
	after.Pending = []model.Pod{snapshot.Pending[at]}
	after.NodePools = slices.Clone(snapshot.NodePools)
	after.NodeGroups = slices.Clone(snapshot.NodeGroups)
	for _, size := range plan.Groups {
		for i := range after.NodeGroups {
			if after.NodeGroups[i].Name == size.Name {
				after.NodeGroups[i].Desired = size.To
			}
		}
	}
	for _, launch := range plan.Launches {
		for i := range after.NodePools {
			if pool := &after.NodePools[i]; pool.Name == launch.NodePool {
				catalog := snapshot.Catalogs[pool.NodeClass]
				pool.Usage = pool.Usage.Add(smallest(launch.Offerings, &catalog)).Add(model.Resources{"nodes": 1})
			}
		}
	}
	return &after
}

func smallest(offerings []model.Offering, catalog *model.Catalog) model.Resources {
	var least model.Resources
	for _, offering := range offerings {
		for _, kind := range catalog.InstanceTypes {
			if kind.Name == offering.InstanceType && (least == nil || kind.Capacity[model.CPU] < least[model.CPU]) {
				least = kind.Capacity
			}
		}
	}
	return least
}

// remedied makes the change to the NodePool or to the one pending pod.
func remedied(changed *model.Snapshot, remedy *model.Remedy) (*model.Snapshot, bool) {
	pod := &changed.Pending[0]
	pool := &model.NodePool{}
	if at := slices.IndexFunc(changed.NodePools, func(p model.NodePool) bool { return p.Name == remedy.NodePool }); at >= 0 {
		pool = &changed.NodePools[at]
	}
	group := &model.NodeGroup{}
	if at := slices.IndexFunc(changed.NodeGroups, func(g model.NodeGroup) bool { return g.Name == remedy.NodeGroup }); at >= 0 {
		group = &changed.NodeGroups[at]
	}
	isOther := func(r model.Requirement) bool { return r.Key != remedy.Key }
	var other []model.Requirement
	for _, r := range pool.Requirements {
		if isOther(r) {
			other = append(other, r)
		}
	}
	switch remedy.Code {
	case model.RemedyWidenRequirement:
		pool.Requirements = other
	case model.RemedyLowerMinValues:
		most, _ := strconv.Atoi(remedy.Value)
		pool.Requirements = slices.Clone(pool.Requirements)
		for i := range pool.Requirements {
			pool.Requirements[i].MinValues = min(pool.Requirements[i].MinValues, most)
		}
	case model.RemedyTolerateTaint:
		pod.Tolerations = append(slices.Clone(pod.Tolerations), model.Toleration{Key: remedy.Key, Operator: "Exists"})
	case model.RemedyRaiseLimit:
		limits := pool.Limits.Add(nil)
		delete(limits, remedy.Key)
		pool.Limits = limits
		group.Max += 10
	case model.RemedyRelaxPod:
		relax(pod, isOther)
	default:
		return nil, false
	}
	return changed, true
}

func relax(pod *model.Pod, keep func(model.Requirement) bool) {
	selector := map[string]string{}
	for key, value := range pod.NodeSelector {
		if keep(model.Requirement{Key: key}) {
			selector[key] = value
		}
	}
	pod.NodeSelector = selector
	var terms []model.NodeSelectorTerm
	for _, term := range pod.RequiredNodeAffinity {
		var labels []model.Requirement
		for _, r := range term.Labels {
			if keep(r) {
				labels = append(labels, r)
			}
		}
		if len(labels) == 0 {
			pod.RequiredNodeAffinity = nil
			return
		}
		terms = append(terms, model.NodeSelectorTerm{Labels: labels, Fields: term.Fields})
	}
	pod.RequiredNodeAffinity = terms
}
