package controllers_test

import (
	"fmt"
	"testing"
	"time"

	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
)

func newCluster(t *testing.T, pods int) *clustertest.Cluster {
	cluster := clustertest.New(t, cloudtest.World{ShutdownTime: 10 * time.Second}, clustertest.Class(), clustertest.Pool())
	for i := range pods {
		cluster.Create(clustertest.PendingPod(fmt.Sprintf("inflate-%d", i), "1Gi"))
	}
	return cluster
}

// requireOneToOne checks that claims, nodes and instances match, and how many
// there are.
func requireOneToOne(t *testing.T, cluster *clustertest.Cluster, want int) {
	t.Helper()
	instances, err := cluster.Cloud.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	claims, nodes := cluster.Claims(), cluster.Nodes()
	if len(instances) != want || len(claims) != want || len(nodes) != want {
		t.Fatalf("%d instances, %d claims and %d nodes, want %d of each", len(instances), len(claims), len(nodes), want)
	}
	byProviderID := map[string]bool{}
	for _, instance := range instances {
		byProviderID[instance.ProviderID] = true
	}
	for i := range claims {
		if !byProviderID[claims[i].Status.ProviderID] {
			t.Errorf("nodeclaim %s has provider ID %q, which is no instance", claims[i].Name, claims[i].Status.ProviderID)
		}
		if !claims[i].StatusConditions().Root().IsTrue() {
			t.Errorf("nodeclaim %s is not Ready: %s", claims[i].Name, claims[i].StatusConditions().Root().Message)
		}
	}
}

func requireAllBound(t *testing.T, cluster *clustertest.Cluster) {
	t.Helper()
	for _, pod := range cluster.Pods() {
		if pod.Spec.NodeName == "" {
			t.Errorf("pod %s still waits for a node", pod.Name)
		}
	}
}

func TestPendingPodsGetTheCheapestNodeThatHoldsThem(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, 5)
	start(t, cluster, &clustertest.Faults{}).settle()
	requireOneToOne(t, cluster, 1)
	requireAllBound(t, cluster)
	claim := cluster.Claims()[0]
	for key, want := range map[string]string{
		"node.kubernetes.io/instance-type": "m5.large", karpv1.CapacityTypeLabelKey: "on-demand", karpv1.NodePoolLabelKey: "default", "type": "karpenter",
	} {
		if got := claim.Labels[key]; got != want {
			t.Errorf("nodeclaim label %s = %q, want %q", key, got, want)
		}
	}
	node := cluster.Nodes()[0]
	if node.Labels[karpv1.NodeInitializedLabelKey] != "true" || node.Labels["karpenter.k8s.aws/instance-family"] != "m5" {
		t.Errorf("the node's labels are not complete: %v", node.Labels)
	}
}

func TestEmptyNodeGoesWithItsClaimAndInstance(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, 5)
	drover := start(t, cluster, &clustertest.Faults{})
	drover.settle()
	for _, pod := range cluster.Pods() {
		cluster.Delete(&pod)
	}
	drover.settle()
	requireOneToOne(t, cluster, 0)
}

// TestKilledAtAnyCall kills the process at every call that changes something,
// ahead of it and before its answer, first while nodes come and then while they
// go, and lets a new process take over.
func TestKilledAtAnyCall(t *testing.T) {
	t.Parallel()
	whole := &clustertest.Faults{}
	nodes := comeAndGo(t, whole)
	if whole.Calls() < 15 {
		t.Fatalf("a whole life took %d calls, which cannot be all", whole.Calls())
	}
	for at := 1; at <= whole.Calls(); at++ {
		for _, answered := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d, answered %t", at, answered), func(t *testing.T) {
				t.Parallel()
				faults := &clustertest.Faults{At: at, Answered: answered}
				if got := comeAndGo(t, faults); got != nodes {
					t.Errorf("%d nodes were bought, %d without the kill", got, nodes)
				}
				if !faults.Dead() {
					t.Error("the process was never killed")
				}
			})
		}
	}
}

// comeAndGo lets nodes come for pods and go with them, each time by a process
// with the given faults and then by one that takes over. It returns how many
// nodes there were.
func comeAndGo(t *testing.T, faults *clustertest.Faults) int {
	cluster := newCluster(t, 2)
	first := start(t, cluster, faults)
	second := start(t, cluster, &clustertest.Faults{})
	first.settle()
	second.settle()
	requireAllBound(t, cluster)
	nodes := len(cluster.Claims())
	requireOneToOne(t, cluster, nodes)
	for _, pod := range cluster.Pods() {
		cluster.Delete(&pod)
	}
	first.settle()
	second.settle()
	requireOneToOne(t, cluster, 0)
	return nodes
}
