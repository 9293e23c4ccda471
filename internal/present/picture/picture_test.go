package picture

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/present"
)

// result is a plan that launches as many nodes, each with one pod.
func result(nodes int) *present.Result {
	room := model.Resources{model.CPU: 2000, model.Memory: 8 << 30, model.PodCount: 10}
	offering := model.Offering{OfferingKey: model.OfferingKey{InstanceType: "m5.large", Zone: "z-1a", CapacityType: model.OnDemand}, PricePerHour: 0.1}
	r := &present.Result{Source: "a test", Owner: func(k model.PodKey) string { return "Pod " + k.String() }}
	r.Snapshot = &model.Snapshot{
		NodePools: []model.NodePool{{Name: "pool", NodeClass: "class"}},
		Catalogs:  map[string]model.Catalog{"class": {InstanceTypes: []model.InstanceType{{Name: "m5.large", Allocatable: room, Capacity: room}}}},
	}
	for n := range nodes {
		pod := model.Pod{PodKey: model.PodKey{Namespace: "ns", Name: fmt.Sprint(n)}, Requests: model.Resources{model.CPU: 1000, model.Memory: 1 << 30, model.PodCount: 1}}
		r.Snapshot.Pending = append(r.Snapshot.Pending, pod)
		r.Plan.Launches = append(r.Plan.Launches, model.Launch{
			NodePool: "pool", Offerings: []model.Offering{offering}, Pods: []model.PodKey{pod.PodKey}, Requests: pod.Requests,
		})
	}
	return r
}

func draw(t *testing.T, r *present.Result) string {
	t.Helper()
	var out strings.Builder
	if err := Write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestEveryNodeAndPodIsDrawn(t *testing.T) {
	drawn := draw(t, result(3))
	if got := strings.Count(drawn, `class="node"`); got != 3 {
		t.Errorf("%d nodes are drawn, want 3", got)
	}
	if got := strings.Count(drawn, "1 pod, 50% of the CPU, 12% of the memory"); got != 6 {
		t.Errorf("%d columns of a pod, want one for CPU and one for memory on each node", got)
	}
}

func TestTooManyNodesAreCounted(t *testing.T) {
	drawn := draw(t, result(mostNodes+5))
	if got := strings.Count(drawn, `class="node"`); got != mostNodes || !strings.Contains(drawn, "and 5 nodes more") {
		t.Errorf("%d nodes are drawn, and the rest is not counted", got)
	}
}

func TestNothingToDraw(t *testing.T) {
	if drawn := draw(t, result(0)); !strings.Contains(drawn, "Nothing to launch for 0 pods") {
		t.Error("an empty plan has no title")
	}
}
