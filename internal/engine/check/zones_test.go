package check

import (
	"slices"
	"testing"

	"github.com/drover-project/drover/internal/model"
)

const zoneKey = "topology.kubernetes.io/zone"

// openPlan puts a pod that is spread over zones on a node that comes up in any of
// two, and another pod on a node that exists in the first.
func openPlan() (*model.Snapshot, *model.Plan) {
	room := model.Resources{model.CPU: 2000, model.PodCount: 4}
	small := model.Resources{model.CPU: 100, model.PodCount: 1}
	kind := model.GroupType{InstanceType: model.InstanceType{Name: "small", Capacity: room, Allocatable: room}}
	for _, zone := range []string{"a", "b"} {
		kind.Offerings = append(kind.Offerings, model.Offering{PricePerHour: 1, OfferingKey: model.OfferingKey{InstanceType: "small", Zone: zone, CapacityType: model.OnDemand}})
	}
	pod := func(name string) model.Pod {
		return model.Pod{PodKey: model.PodKey{Namespace: "default", Name: name}, Labels: map[string]string{"app": name}, Requests: small}
	}
	s := &model.Snapshot{NodeGroups: []model.NodeGroup{{Name: "group", Max: 5, OnDemandPercentage: 100, Types: []model.GroupType{kind}}},
		Nodes:   []model.Node{{Name: "node", Labels: map[string]string{zoneKey: "a"}, Allocatable: room, Pods: []model.Pod{pod("bound")}}},
		Pending: []model.Pod{pod("first"), pod("second"), pod("third")}}
	s.Pending[0].TopologySpread = []model.TopologySpread{{TopologyKey: zoneKey, MaxSkew: 1, Selector: about("first")}}
	open := kind.Offerings[0]
	open.Zone = ""
	return s, &model.Plan{PricePerHour: 1, Groups: []model.GroupSize{{Name: "group", To: 1}},
		Launches:   []model.Launch{{NodeGroup: "group", Offerings: []model.Offering{open}, Pods: []model.PodKey{s.Pending[0].PodKey, s.Pending[1].PodKey}}},
		Placements: []model.Placement{{Pod: s.Pending[2].PodKey, Node: "node"}}}
}

func about(app string) *model.LabelSelector {
	return &model.LabelSelector{MatchLabels: map[string]string{"app": app}}
}

// TestOneNodeComesUpInAnyZone: that nobody knows the zone breaks no rule; what is
// wrong in one of the zones, or whatever the zone, does.
func TestOneNodeComesUpInAnyZone(t *testing.T) {
	terms := func(key, app string) []model.PodAffinityTerm {
		return []model.PodAffinityTerm{{TopologyKey: key, Selector: about(app)}}
	}
	for _, c := range []struct {
		rule   string // that is broken besides the spread
		change func(*model.Snapshot, *model.Plan)
	}{
		{"", func(*model.Snapshot, *model.Plan) {}},
		{"PodAntiAffinity", func(s *model.Snapshot, _ *model.Plan) { s.Pending[1].PodAntiAffinity = terms(hostname, "first") }},
		{"PodAntiAffinity", func(s *model.Snapshot, _ *model.Plan) { s.Pending[1].PodAntiAffinity = terms(zoneKey, "bound") }},
		{"PodAffinity", func(s *model.Snapshot, _ *model.Plan) { s.Pending[1].PodAffinity = terms(zoneKey, "bound") }},
		{"TopologySpread", func(s *model.Snapshot, _ *model.Plan) {
			s.Nodes = append(s.Nodes, model.Node{Name: "empty", Labels: map[string]string{zoneKey: "b"}})
			s.Pending[1].TopologySpread = []model.TopologySpread{{TopologyKey: zoneKey, MaxSkew: 1, Selector: &model.LabelSelector{
				Requirements: []model.Requirement{{Key: "app", Operator: model.Exists}}}}}
		}},
		{"NodeAffinity", func(s *model.Snapshot, _ *model.Plan) { s.Pending[1].NodeSelector = map[string]string{zoneKey: "a"} }},
		{"VolumeLimit", func(s *model.Snapshot, _ *model.Plan) {
			s.NodeGroups[0].Types[0].AttachLimits = map[string]int64{"ebs": 0}
			s.Pending[1].Volumes = []model.Volume{{Driver: "ebs", ID: "data"}}
		}},
		{"Resources", func(s *model.Snapshot, _ *model.Plan) { s.Pending[2].Requests = model.Resources{model.CPU: 9000} }},
		{"Price", func(_ *model.Snapshot, plan *model.Plan) { plan.PricePerHour = 2 }},
	} {
		s, plan := openPlan()
		c.change(s, plan)
		found := Plan(s, *plan)
		if c.rule == "" && len(found) > 0 || c.rule != "" && !slices.ContainsFunc(found, func(v Violation) bool { return v.Rule == c.rule }) {
			t.Errorf("want %q broken: %v", c.rule, found)
		}
	}
}

// TestNodesWhoseLabelsNameAnotherZone are audited like others.
func TestNodesWhoseLabelsNameAnotherZone(t *testing.T) {
	for _, zone := range []string{"", "a"} {
		s, plan := openPlan()
		s.NodeGroups[0].Labels = map[string]string{zoneKey: "elsewhere"}
		s.NodeGroups[0].InstancesByZone = map[string]int{"b": 1}
		s.Pending[0].TopologySpread = nil
		s.Pending[1].Requests = model.Resources{model.CPU: 99_000, model.PodCount: 1}
		plan.Launches[0].Offerings[0].Zone = zone
		found := Plan(s, *plan)
		if !slices.ContainsFunc(found, func(v Violation) bool { return v.Rule == "Resources" }) {
			t.Errorf("planned in %q: a pod larger than its node is not found: %v", zone, found)
		}
	}
}
