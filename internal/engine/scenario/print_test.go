package scenario_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/engine/enginetest"
	"github.com/drover-project/drover/internal/engine/scenario"
	"github.com/drover-project/drover/internal/model"
)

// TestPrintedScenariosReadTheSame: whatever the generator draws can be kept as
// a scenario.
func TestPrintedScenariosReadTheSame(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 11))
		snapshot := enginetest.Draw(func(_ string, least, most int) int { return least + r.IntN(most-least+1) })
		text := scenario.Print(snapshot, model.Settings{MaxSteps: 7})
		read, settings, err := scenario.Parse(text)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if settings.MaxSteps != 7 {
			t.Fatalf("seed %d: settings %v", seed, settings)
		}
		if want, got := asText(t, snapshot), asText(t, read); want != got {
			t.Fatalf("seed %d: a scenario reads differently\nwas  %s\nread %s\n%s", seed, want, got, text)
		}
	}
}

// asText shows a snapshot with offerings and pods in an order of their own,
// without the pods' names, which scenarios count anew.
func asText(t *testing.T, s *model.Snapshot) string {
	t.Helper()
	for name, catalog := range s.Catalogs {
		if len(catalog.Offerings) == 0 {
			catalog.Offerings = nil
			s.Catalogs[name] = catalog
		}
		slices.SortFunc(catalog.Offerings, func(a, b model.Offering) int {
			return strings.Compare(a.InstanceType+a.Zone+string(a.CapacityType), b.InstanceType+b.Zone+string(b.CapacityType))
		})
	}
	namelessPods(t, s.Pending)
	for i := range s.Nodes {
		namelessPods(t, s.Nodes[i].Pods)
	}
	return marshal(t, s)
}

func namelessPods(t *testing.T, pods []model.Pod) {
	t.Helper()
	for i := range pods {
		for j := range pods[i].Volumes {
			pods[i].Volumes[j].ID = strings.ReplaceAll(pods[i].Volumes[j].ID, pods[i].Name, "*")
		}
		pods[i].Name = ""
	}
	slices.SortFunc(pods, func(a, b model.Pod) int { return strings.Compare(marshal(t, a), marshal(t, b)) })
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
