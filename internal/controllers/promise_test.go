package controllers_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/lifecycle"
	"github.com/drover-project/drover/internal/translate"
)

// round takes one decision.
func (p *process) round() {
	p.t.Helper()
	if _, err := p.provisioner.Round(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// tightCluster has pods of sizes that fill nodes to the brim in one way only.
func tightCluster(t *testing.T) *clustertest.Cluster {
	cluster := clustertest.New(t, cloudtest.World{ShutdownTime: 10 * time.Second}, clustertest.Class(), clustertest.Pool())
	for i, memory := range []string{"4Gi", "3Gi", "2Gi", "2Gi", "1Gi", "4Gi", "3Gi", "2Gi"} {
		cluster.Create(clustertest.PendingPod(fmt.Sprintf("tight-%d", i), memory))
	}
	return cluster
}

func TestDecisionsWhileNodesComeBuyNothingTwice(t *testing.T) {
	t.Parallel()
	cluster := tightCluster(t)
	drover := start(t, cluster, &clustertest.Faults{})
	drover.round()
	bought := cluster.Claims()
	for range 3 {
		drover.round()
	}
	// A process that takes over knows as much.
	start(t, cluster, &clustertest.Faults{}).round()
	again := cluster.Claims()
	if len(again) != len(bought) {
		t.Fatalf("%d nodes, then %d", len(bought), len(again))
	}
	for i := range again {
		if again[i].ResourceVersion != bought[i].ResourceVersion {
			t.Errorf("nodeclaim %s has changed without a reason", again[i].Name)
		}
	}
}

func TestLaterPodsArePlannedAroundThoseOnTheirWay(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, 2)
	drover := start(t, cluster, &clustertest.Faults{})
	drover.round()
	first := cluster.Claims()[0].Name
	// One fits beside the first two, three do not.
	for i := range 3 {
		cluster.Create(clustertest.PendingPod(fmt.Sprintf("later-%d", i), "2Gi"))
	}
	drover.round()
	total := 0
	for _, claim := range cluster.Claims() {
		promises, err := translate.PromisesOf(&claim)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range promises.Keys() {
			if key.Name == "inflate-0" && claim.Name != first {
				t.Errorf("pod %s was moved from %s to %s", key, first, claim.Name)
			}
		}
		total += len(promises)
	}
	if total != 5 {
		t.Errorf("nodes are for %d pods together, want each of the 5 once", total)
	}
	bought := len(cluster.Claims())
	drover.settle()
	requireOneToOne(t, cluster, bought)
	requireAllBound(t, cluster)
}

func TestPodsOfANodeThatNeverComesAskAgain(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, 3)
	drover := start(t, cluster, &clustertest.Faults{})
	drover.round()
	drover.eachClaim(drover.lifecycle.Reconcile)
	failed := cluster.Claims()[0].Name
	cluster.Clock.Step(lifecycle.RegistrationTimeout + time.Second)
	drover.eachClaim(drover.lifecycle.Reconcile)
	if claim := clustertest.Get(cluster, &karpv1.NodeClaim{}, failed); claim.DeletionTimestamp == nil {
		t.Fatal("the claim of a node that did not register is still meant to be")
	}
	drover.round()
	if len(cluster.Claims()) != 2 {
		t.Fatalf("%d claims, want the one that goes and one for its pods", len(cluster.Claims()))
	}
	drover.settle()
	requireOneToOne(t, cluster, 1)
	requireAllBound(t, cluster)
	if cluster.Exists(&karpv1.NodeClaim{}, failed) {
		t.Error("the failed claim is still there")
	}
}

func TestNodeThatIsSmallerThanItsTypePromisedLeavesNobodyWaiting(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, 0)
	for i := range 6 {
		// An m5.large promises 6903Mi, and the nodes of this cluster report 6Gi.
		cluster.Create(clustertest.PendingPod(fmt.Sprintf("inflate-%d", i), "1100Mi"))
	}
	drover := start(t, cluster, &clustertest.Faults{})
	drover.round()
	if got := len(cluster.Claims()); got != 1 {
		t.Fatalf("%d nodes are planned, want all pods on one", got)
	}
	drover.settle()
	requireAllBound(t, cluster)
	requireOneToOne(t, cluster, 2)
	for _, claim := range cluster.Claims() {
		if _, left := claim.Annotations[translate.PodsAnnotation]; left {
			t.Errorf("nodeclaim %s still promises something", claim.Name)
		}
	}
}

func TestPodThatRunsElsewhereLeavesItsRoomToOthers(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, 5)
	drover := start(t, cluster, &clustertest.Faults{})
	drover.round()
	elsewhere := clustertest.Get(cluster, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other"}}, "inflate-0")
	elsewhere.Spec.NodeName = "by-hand"
	cluster.Update(elsewhere)
	cluster.Create(clustertest.PendingPod("instead", "1Gi"))
	drover.round()
	if got := len(cluster.Claims()); got != 1 {
		t.Errorf("%d nodes, want the new pod in the room that is left", got)
	}
}

func TestEmptyNodeWithAPromiseStays(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, 2)
	drover := start(t, cluster, &clustertest.Faults{})
	drover.round()
	drover.eachClaim(drover.lifecycle.Reconcile)
	cluster.Join()
	drover.eachClaim(drover.lifecycle.Reconcile)
	// The scheduler is slow: the node has been at rest for long and is empty.
	cluster.Clock.Step(time.Minute)
	drover.eachClaim(drover.consolidatable.Reconcile)
	if _, err := drover.disruption.Reconcile(t.Context(), reconcile.Request{}); err != nil {
		t.Fatal(err)
	}
	if claim := cluster.Claims()[0]; claim.DeletionTimestamp != nil {
		t.Error("the node is taken away from the pods it was bought for")
	}
	for _, pod := range cluster.Pods() {
		cluster.Delete(&pod)
	}
	if _, err := drover.disruption.Reconcile(t.Context(), reconcile.Request{}); err != nil {
		t.Fatal(err)
	}
	if claim := cluster.Claims()[0]; claim.DeletionTimestamp == nil {
		t.Error("the node stays although nobody needs it any more")
	}
}

// TestKilledWhileAdding kills the process at every call of a decision that puts
// pods into the room of a node on its way, onto a node that is there and onto a
// new one.
func TestKilledWhileAdding(t *testing.T) {
	t.Parallel()
	whole := &clustertest.Faults{}
	want := added(t, whole)
	for at := 1; at <= whole.Calls(); at++ {
		for _, answered := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d, answered %t", at, answered), func(t *testing.T) {
				t.Parallel()
				faults := &clustertest.Faults{At: at, Answered: answered}
				if got := added(t, faults); got != want {
					t.Errorf("%d nodes were bought, %d without the kill", got, want)
				}
				if !faults.Dead() {
					t.Error("the process was never killed")
				}
			})
		}
	}
}

// added lets a process with the given faults take such a decision, and another
// take over. It returns how many nodes there are in the end.
func added(t *testing.T, faults *clustertest.Faults) int {
	cluster := newCluster(t, 2)
	before := start(t, cluster, &clustertest.Faults{})
	before.settle()
	cluster.Create(clustertest.PendingPod("big-0", "5Gi"))
	before.round()
	for i, memory := range []string{"1Gi", "1Gi", "1Gi", "5Gi"} {
		cluster.Create(clustertest.PendingPod(fmt.Sprintf("more-%d", i), memory))
	}
	dying := start(t, cluster, faults)
	_, err := dying.provisioner.Round(t.Context())
	dying.mind(err)
	start(t, cluster, &clustertest.Faults{}).settle()
	requireAllBound(t, cluster)
	nodes := len(cluster.Claims())
	requireOneToOne(t, cluster, nodes)
	return nodes
}
