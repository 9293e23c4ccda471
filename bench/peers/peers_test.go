package main

import (
	"math"
	"testing"

	"github.com/drover-project/drover/internal/model"
)

// TestBothAnswerTheSameQuestion: a question with one best answer, which both
// find, shows that pods, rooms and prices mean the same to them.
func TestBothAnswerTheSameQuestion(t *testing.T) {
	catalog := shapeCatalog()
	snapshot := &model.Snapshot{
		NodePools: []model.NodePool{{Name: "default", NodeClass: "default"}},
		Catalogs:  map[string]model.Catalog{"default": catalog},
	}
	apart := &model.LabelSelector{MatchLabels: map[string]string{"app": "a"}}
	for _, name := range []string{"one", "two", "three"} {
		snapshot.Pending = append(snapshot.Pending, model.Pod{
			PodKey: model.PodKey{Namespace: "default", Name: name}, Labels: apart.MatchLabels,
			// Exactly the room of the type with 3 CPUs.
			Requests:        model.Resources{model.CPU: 2900, model.Memory: 6*gibibyte - 10*mebibyte, model.PodCount: 1},
			PodAntiAffinity: []model.PodAffinityTerm{{TopologyKey: labelHostname, Selector: apart}},
			NodeSelector:    map[string]string{labelZone: "zone-b"},
		})
	}
	o := options{runs: 1, cores: 1}
	theirs, err := measureKarpenter(snapshot, o)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := measureDrover(snapshot, o)
	if err != nil {
		t.Fatal(err)
	}
	want := 3 * catalog.Offerings[2*3].PricePerHour
	for name, got := range map[string]outcome{"Karpenter": theirs, "drover": ours} {
		if got.nodes != 3 || got.unplaced != 0 || math.Abs(got.cost-want) > 1e-6 {
			t.Errorf("%s: %d nodes for %.4f $/h and %d pods left out, want 3 for %.4f and none", name, got.nodes, got.cost, got.unplaced, want)
		}
	}
}
