package nodegroup

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
)

// sized is a group whose nodes have so much and cost so much.
func sized(name string, cpu, memoryGi int64, price float64) model.NodeGroup {
	g := cloudtest.Group(name, "us-west-2a", 0, 0, 10).NodeGroup
	amounts := model.Resources{model.CPU: cpu * 1000, model.Memory: memoryGi << 30, model.PodCount: 20}
	g.Labels = map[string]string{}
	g.Types[0].Name, g.Types[0].Allocatable, g.Types[0].Capacity = name+"-type", amounts, amounts
	g.Types[0].Offerings[0].InstanceType, g.Types[0].Offerings[0].PricePerHour = name+"-type", price
	return g
}

func waiting(count int, cpu, memoryGi int64) []model.Pod {
	var pods []model.Pod
	for i := range count {
		pods = append(pods, model.Pod{PodKey: model.PodKey{Namespace: "default", Name: fmt.Sprintf("web-%d", i)}, UID: fmt.Sprint(i),
			Labels: map[string]string{"app": "web"}, Requests: model.Resources{model.CPU: cpu * 1000, model.Memory: memoryGi << 30, model.PodCount: 1}})
	}
	return pods
}

func grownBy(plan model.Plan) string {
	var parts []string
	for _, size := range plan.Groups {
		parts = append(parts, fmt.Sprintf("%s %d", size.Name, size.To-size.From))
	}
	return strings.Join(parts, ", ")
}

func TestExpandersOrderGroups(t *testing.T) {
	// cheap: 4 nodes of 2 cpu; large: 1 node of 16; tight: exact cpu and memory.
	snapshot := &model.Snapshot{Pending: waiting(4, 2, 4), NodeGroups: []model.NodeGroup{
		sized("cheap", 2, 32, 0.05), sized("large", 16, 64, 0.90), sized("tight", 4, 8, 0.30)}}
	for expander, want := range map[string]string{
		"price": "cheap 4", "least-waste": "tight 2", "least-nodes": "large 1", "most-pods": "cheap 4", "most-pods,least-nodes": "large 1", "most-pods,least-waste": "tight 2",
	} {
		expanders, err := ParseExpanders(expander)
		if err != nil {
			t.Fatal(err)
		}
		plan, _ := (&Decider{Options: Options{Expanders: expanders}, Log: logr.Discard()}).Decide(snapshot, model.Settings{})
		if got := grownBy(plan); got != want {
			t.Errorf("--expander=%s grows %s, want %s", expander, got, want)
		}
		if found := check.Plan(snapshot, plan); len(found) > 0 {
			t.Errorf("--expander=%s: %v", expander, found)
		}
	}
}

func TestRandomExpanderIsTheSameForTheSameQuestion(t *testing.T) {
	snapshot := &model.Snapshot{Pending: waiting(1, 2, 4)}
	for i := range 8 {
		snapshot.NodeGroups = append(snapshot.NodeGroups, sized(fmt.Sprintf("g%d", i), 4, 8, 0.1+float64(i)))
	}
	seen := map[string]bool{}
	for seed := range uint64(20) {
		d := &Decider{Options: Options{Expanders: []string{"random"}, RandomSeed: seed}, Log: logr.Discard()}
		first, _ := d.Decide(snapshot, model.Settings{})
		again, _ := d.Decide(snapshot, model.Settings{})
		if grownBy(first) != grownBy(again) {
			t.Fatalf("seed %d: %s and then %s", seed, grownBy(first), grownBy(again))
		}
		seen[grownBy(first)] = true
	}
	if len(seen) < 4 {
		t.Errorf("20 seeds chose only %d of 8 groups", len(seen))
	}
}

func TestPriorityExpanderFollowsItsConfigMap(t *testing.T) {
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: PriorityConfigMap},
		Data: map[string]string{"priorities": "10:\n- .*spot.*\n50:\n- ^first$\n- ^second"}}
	live := fake.NewClientBuilder().WithObjects(config).Build()
	d := &Decider{Options: Options{Expanders: []string{"priority"}, Namespace: "kube-system"}, Live: live, Log: logr.Discard()}
	snapshot := &model.Snapshot{Pending: waiting(1, 2, 4), NodeGroups: []model.NodeGroup{sized("other", 4, 8, 0.01), sized("my-spot-1", 4, 8, 0.1), sized("first", 4, 8, 0.5)}}
	if plan, _ := d.Decide(snapshot, model.Settings{}); grownBy(plan) != "first 1" {
		t.Errorf("grows %s, want first", grownBy(plan))
	}
	// A change counts at once; groups that no pattern matches are never used.
	config.Data["priorities"] = "10: ['.*spot.*']"
	if err := live.Update(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if plan, _ := d.Decide(snapshot, model.Settings{}); grownBy(plan) != "my-spot-1 1" {
		t.Errorf("grows %s, want my-spot-1", grownBy(plan))
	}
	// What cannot be read orders nothing.
	config.Data["priorities"] = "high: [first]"
	if err := live.Update(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if plan, _ := d.Decide(snapshot, model.Settings{}); grownBy(plan) != "other 1" {
		t.Errorf("grows %s, want the cheapest", grownBy(plan))
	}
}

func TestUnknownExpandersAreRefused(t *testing.T) {
	for text, want := range map[string]string{"cheapest": `"cheapest" is not one of`, "price,grpc": "put grpc before it", "price,price": "twice", "": `"" is not one of`} {
		if _, err := ParseExpanders(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// three like groups in three zones.
func zonal(desired ...int) []model.NodeGroup {
	var groups []model.NodeGroup
	for i, zone := range []string{"a", "b", "c"} {
		g := cloudtest.Group("workers-"+zone, zone, 0, desired[i], 10).NodeGroup
		g.Labels = map[string]string{"role": "web", "eks.amazonaws.com/nodegroup": g.Name}
		groups = append(groups, g)
	}
	return groups
}

func TestGrowthIsSharedAmongLikeGroups(t *testing.T) {
	snapshot := &model.Snapshot{Pending: waiting(9, 1, 1), NodeGroups: zonal(0, 1, 2)}
	d := &Decider{Options: Options{Balance: true}, Log: logr.Discard()}
	plan, _ := d.Decide(snapshot, model.Settings{})
	if got := grownBy(plan); got != "workers-a 4, workers-b 3, workers-c 2" {
		t.Errorf("grows %s, want all three to come to 4", got)
	}
	if found := check.Plan(snapshot, plan); len(found) > 0 {
		t.Error(found)
	}
}

func TestBalancingKeepsThePodsRules(t *testing.T) {
	snapshot := &model.Snapshot{Pending: waiting(4, 1, 1), NodeGroups: zonal(0, 0, 0)}
	for i := range snapshot.Pending {
		snapshot.Pending[i].NodeSelector = map[string]string{"topology.kubernetes.io/zone": "b"}
	}
	plan, _ := (&Decider{Options: Options{Balance: true}, Log: logr.Discard()}).Decide(snapshot, model.Settings{})
	if got := grownBy(plan); got != "workers-b 4" {
		t.Errorf("grows %s, want only the zone that the pods ask for", got)
	}
}

func TestUnlikeGroupsAreNotBalanced(t *testing.T) {
	groups := zonal(0, 0, 0)
	groups[1].Labels["role"] = "db"
	groups[2].Taints = []model.Taint{{Key: "dedicated", Effect: model.PreferNoSchedule}}
	plan, _ := (&Decider{Options: Options{Balance: true}, Log: logr.Discard()}).Decide(&model.Snapshot{Pending: waiting(4, 1, 1), NodeGroups: groups}, model.Settings{})
	if len(plan.Groups) != 1 {
		t.Errorf("grows %s, want one group", grownBy(plan))
	}
}

func TestMaxNodesTotalHolds(t *testing.T) {
	snapshot := &model.Snapshot{Pending: waiting(4, 1, 1), NodeGroups: zonal(0, 0, 0)[:1], Nodes: []model.Node{{Name: "n0", Unschedulable: true}}}
	plan, report := (&Decider{Options: Options{MaxNodesTotal: 3}, Log: logr.Discard()}).Decide(snapshot, model.Settings{})
	if len(plan.Launches) != 2 || len(report.Unplaced) != 1 {
		t.Errorf("%d launches, %d reasons: want two nodes more and the rest waiting", len(plan.Launches), len(report.Unplaced))
	}
	_, report = (&Decider{Options: Options{MaxNodesTotal: 1}, Log: logr.Discard()}).Decide(snapshot, model.Settings{})
	if !slices.ContainsFunc(report.Unplaced, func(r model.PodReason) bool { return strings.Contains(r.Message, "--max-nodes-total") }) {
		t.Errorf("reasons are %+v, want the flag", report.Unplaced)
	}
}

func TestFlagsOfGroupsAreReadOrRefused(t *testing.T) {
	bounds, err := ParseNodes("1:10:k8s-worker-asg-1")
	if err != nil || bounds.Min != 1 || bounds.Max != 10 || bounds.Name != "k8s-worker-asg-1" {
		t.Errorf("read %+v, %v", bounds, err)
	}
	for _, text := range []string{"", "workers", "1:workers", "a:2:workers", "3:1:workers", "0:0:workers", "1:2:"} {
		if _, err := ParseNodes(text); err == nil || !strings.Contains(err.Error(), "--nodes="+text) {
			t.Errorf("--nodes=%s: %v, want an error that names it", text, err)
		}
	}
	tags := map[string]string{}
	for _, text := range []string{"asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/demo=owned", "asg:tag=team=red"} {
		if err := ParseDiscovery(text, tags); err != nil {
			t.Fatal(err)
		}
	}
	if len(tags) != 3 || tags["k8s.io/cluster-autoscaler/demo"] != "owned" || tags["team"] != "red" {
		t.Errorf("tags are %v", tags)
	}
	for _, text := range []string{"mig:namePrefix=x", "asg:tag=", "asg:tag=,a", "tag=a"} {
		if err := ParseDiscovery(text, tags); err == nil {
			t.Errorf("%s is not refused", text)
		}
	}
}
