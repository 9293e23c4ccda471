package engine_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/engine/scenario"
	"github.com/drover-project/drover/internal/model"
)

// maxFuzzed bounds what a fuzzed snapshot may hold, so that one run stays short.
const maxFuzzed = 40

// FuzzSolve decides for snapshots as they may be read from a file: whatever is
// in them, a plan comes out and no rule is broken by it.
func FuzzSolve(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, input := range scenarioInputs(string(text)) {
			snapshot, _, err := scenario.Parse(input)
			if err != nil {
				f.Fatalf("%s: %v", file, err)
			}
			f.Add([]byte(asText(snapshot)))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var snapshot model.Snapshot
		if json.Unmarshal(text, &snapshot) != nil || !isSmall(&snapshot) || !isPossible(&snapshot) {
			return
		}
		plan, report := engine.Solve(&snapshot, model.Settings{MaxSteps: 20_000})
		if violations := check.Plan(&snapshot, plan); len(violations) > 0 {
			t.Fatalf("%v\nplan %s", violations, asText(plan))
		}
		if again, same := engine.Solve(&snapshot, model.Settings{MaxSteps: 20_000}); asText(again) != asText(plan) || asText(same) != asText(report) {
			t.Fatalf("a second time the plan is %s, not %s", asText(again), asText(plan))
		}
	})
}

// scenarioInputs cuts a scenario file into the inputs of its cases.
func scenarioInputs(text string) []string {
	var inputs []string
	for _, one := range strings.Split(text, "\nsolve") {
		input, _, found := strings.Cut(one, "\n----")
		_, input, _ = strings.Cut(input, "\n")
		if found {
			inputs = append(inputs, input)
		}
	}
	return inputs
}

func isSmall(s *model.Snapshot) bool {
	size := len(s.Pending) + len(s.Nodes) + len(s.NodePools) + len(s.DaemonSets)
	for _, catalog := range s.Catalogs {
		size += len(catalog.InstanceTypes) + len(catalog.Offerings)
	}
	return size <= maxFuzzed
}

// isPossible leaves out what no reader of snapshots lets through: amounts below
// zero or beyond any machine, and two things of one name.
func isPossible(s *model.Snapshot) bool {
	seen := map[string]bool{}
	fresh := func(name string) bool {
		first := !seen[name]
		seen[name] = true
		return first
	}
	ok := true
	amounts := func(all ...model.Resources) {
		for _, resources := range all {
			for _, amount := range resources {
				ok = ok && amount >= 0 && amount < 1<<50
			}
		}
	}
	for i := range s.Pending {
		ok = ok && fresh("pod "+s.Pending[i].String())
		amounts(s.Pending[i].Requests)
	}
	for i := range s.Nodes {
		ok = ok && fresh("node "+s.Nodes[i].Name)
		amounts(s.Nodes[i].Allocatable, s.Nodes[i].Capacity)
		for j := range s.Nodes[i].Pods {
			ok = ok && fresh("pod "+s.Nodes[i].Pods[j].String())
			amounts(s.Nodes[i].Pods[j].Requests)
		}
	}
	for i := range s.NodePools {
		ok = ok && s.NodePools[i].Name != "" && fresh("pool "+s.NodePools[i].Name)
		amounts(s.NodePools[i].Limits, s.NodePools[i].Usage)
	}
	for i := range s.NodeGroups {
		ok = ok && s.NodeGroups[i].Name != "" && fresh("group "+s.NodeGroups[i].Name)
		for j := range s.NodeGroups[i].Types {
			t := &s.NodeGroups[i].Types[j]
			ok = ok && fresh("group "+s.NodeGroups[i].Name+" "+t.Name)
			amounts(t.Capacity, t.Allocatable)
			for _, offering := range t.Offerings {
				ok = ok && offering.InstanceType == t.Name && offering.PricePerHour >= 0 && offering.PricePerHour < 1000
			}
		}
	}
	for i := range s.DaemonSets {
		ok = ok && fresh("daemon "+s.DaemonSets[i].String())
		amounts(s.DaemonSets[i].Template.Requests)
	}
	for name, catalog := range s.Catalogs {
		for i := range catalog.InstanceTypes {
			ok = ok && fresh("type "+name+" "+catalog.InstanceTypes[i].Name)
			amounts(catalog.InstanceTypes[i].Capacity, catalog.InstanceTypes[i].Allocatable)
		}
		for _, offering := range catalog.Offerings {
			ok = ok && fresh("offering "+name+" "+asText(offering.OfferingKey)) && offering.PricePerHour >= 0 && offering.PricePerHour < 1000
		}
	}
	return ok
}

// FuzzScenario: the small language of testdata is refused with a line, not with
// a panic.
func FuzzScenario(f *testing.F) {
	f.Add("type m5.large cpu=2 memory=8Gi price=0.1\npool default\nrequire zone:In:a\npod web count=3 spread=zone:1")
	f.Add("node\nbound x\nrequire")
	f.Fuzz(func(t *testing.T, text string) {
		if _, _, err := scenario.Parse(text); err != nil && !strings.HasPrefix(err.Error(), "line ") {
			t.Fatalf("%v does not name the line", err)
		}
	})
}
