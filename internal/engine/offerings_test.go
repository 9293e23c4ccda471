package engine_test

import (
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/model"
)

// TestOfferingsPerLaunch: a launch lists no more offerings than it may, whether the
// price alone, limits or preferences decide which.
func TestOfferingsPerLaunch(t *testing.T) {
	for name, change := range map[string]func(*model.Snapshot){
		"price":  func(*model.Snapshot) {},
		"limits": func(s *model.Snapshot) { s.NodePools[0].Limits = model.Resources{model.CPU: 1_000_000} },
		"preferences": func(s *model.Snapshot) {
			s.Pending[0].PreferredNodeAffinity = []model.PreferredNodeSelectorTerm{{Weight: 1, Term: model.NodeSelectorTerm{
				Labels: []model.Requirement{{Key: "topology.kubernetes.io/zone", Operator: model.In, Values: []string{"zone-2"}}}}}}
		},
	} {
		s := onePool(linearCatalog(20))
		s.Pending = []model.Pod{{PodKey: model.PodKey{Namespace: "default", Name: "web"},
			Requests: model.Resources{model.CPU: 500, model.Memory: 1 << 29, model.PodCount: 1}}}
		change(s)
		plan, _ := engine.Solve(s, model.Settings{MaxOfferings: 7})
		if len(plan.Launches) != 1 || len(plan.Launches[0].Offerings) != 7 {
			t.Errorf("%s: want one launch of 7 offerings, got %+v", name, plan.Launches)
		}
	}
}
