package controllers_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestInterruptedNodeIsReplacedBeforeItsPodsGo(t *testing.T) {
	t.Parallel()
	w := newSpotWorld(t, 6)
	before := len(w.lasting())
	node := w.cluster.Nodes()[0]
	w.warn(&node)
	w.hear()
	if w.queue.Len() != 0 {
		t.Fatal("the message is still in the queue")
	}
	got := w.node(node.Name)
	if !got.Spec.Unschedulable || len(got.Spec.Taints) != 2 || got.Spec.Taints[0].Value != "SpotInterruption" ||
		got.Spec.Taints[1] != (corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}) {
		t.Fatalf("the node is not cordoned and tainted: %+v", got.Spec)
	}
	w.act()
	if len(w.cluster.Evictions()) != 0 {
		t.Fatal("pods were evicted before there was a place for them")
	}
	w.round()
	if bought := len(w.lasting()); bought != before+1 {
		t.Fatalf("%d nodes, want one more than %d", bought, before)
	}
	// More decisions before the node is there buy nothing more.
	for range 3 {
		w.round()
		w.act()
	}
	if bought := len(w.lasting()); bought != before+1 {
		t.Fatalf("%d nodes after more decisions, want %d", bought, before+1)
	}
	w.settleSpot(6)
	w.requireEvictedOnce()
	if w.cluster.Exists(&corev1.Node{}, node.Name) {
		t.Error("the interrupted node is still there although it is empty")
	}
	if got := w.running(); got != 6 {
		t.Errorf("%d pods run, want 6", got)
	}
	requireOneToOne(t, w.cluster, before)
}

func TestAPodGoesInTimeEvenWithoutAPlace(t *testing.T) {
	t.Parallel()
	w := newSpotWorld(t, 2)
	for _, zone := range []string{"us-west-2a", "us-west-2b", "us-west-2c"} {
		w.sellOut(zone)
	}
	node := w.cluster.Nodes()[0]
	w.warn(&node)
	w.settleSpot(8) // 80 seconds: the pods' 30 seconds and the margin of 10 are left
	if got := len(w.cluster.Evictions()); got != 0 {
		t.Fatalf("%d pods were evicted early, with no place to go", got)
	}
	w.settleSpot(1)
	if got := len(w.cluster.Evictions()); got != 2 {
		t.Errorf("%d pods were evicted, want both: their time has come", got)
	}
	w.requireEvictedOnce()
}

func TestBudgetsHoldUntilTheDeadline(t *testing.T) {
	t.Parallel()
	for _, force := range []string{"never", "delete"} {
		t.Run(force, func(t *testing.T) {
			w := newSpotWorld(t, 2)
			w.protect(2)
			w.policy.Force = "never"
			if force == "delete" {
				w.policy.Force = "delete"
			}
			w.take(w.faults)
			node := w.cluster.Nodes()[0]
			w.warn(&node)
			for range 10 {
				w.hear()
				w.act()
				w.cluster.Clock.Step(10 * time.Second)
			}
			if got := w.running(); got != 2 {
				t.Fatalf("%d pods run 20 seconds ahead, want both: the budget allows no disruption", got)
			}
			w.cluster.Clock.Step(8 * time.Second)
			w.act()
			left := map[string]int{"never": 2, "delete": 0}[force]
			if got := w.running(); got != left {
				t.Errorf("%d pods run 12 seconds ahead, want %d", got, left)
			}
			if len(w.cluster.Evictions()) != 0 {
				t.Error("an eviction was granted against the budget")
			}
		})
	}
}

func TestRebalanceRecommendationThatProvesFalseIsUndone(t *testing.T) {
	t.Parallel()
	w := newSpotWorld(t, 2)
	for _, zone := range []string{"us-west-2a", "us-west-2b", "us-west-2c"} {
		w.sellOut(zone)
	}
	node := w.cluster.Nodes()[0]
	w.advise(&node)
	w.settleSpot(12)
	got := w.node(node.Name)
	if got.Spec.Unschedulable || len(got.Spec.Taints) != 1 || got.Spec.Taints[0].Effect != corev1.TaintEffectPreferNoSchedule {
		t.Fatalf("without a replacement the node works on, and others come first: %+v", got.Spec)
	}
	if len(w.cluster.Evictions()) != 0 {
		t.Fatal("pods were evicted although there is no replacement")
	}
	w.cluster.Clock.Step(20 * time.Minute)
	w.act()
	if got := w.node(node.Name); got.Spec.Unschedulable || len(got.Spec.Taints) != 0 {
		t.Errorf("nothing came of it, and the node is still marked: %+v", got.Spec)
	}
	// The same recommendation again is the same event; a later one is another.
	w.act()
	if got := w.node(node.Name); len(got.Spec.Taints) != 0 {
		t.Error("the node is marked again")
	}
	w.advise(&node)
	w.hear()
	if got := w.node(node.Name); len(got.Spec.Taints) != 1 {
		t.Error("a later recommendation is not heeded")
	}
}

func TestRebalanceRecommendationMovesPodsWhenAReplacementIsReady(t *testing.T) {
	t.Parallel()
	w := newSpotWorld(t, 4)
	before := len(w.lasting())
	node := w.cluster.Nodes()[0]
	w.advise(&node)
	w.hear()
	w.act()
	w.round()
	w.act()
	if got := w.node(node.Name); got.Spec.Unschedulable || len(w.cluster.Evictions()) > 0 {
		t.Fatal("the node is closed before there is a replacement")
	}
	w.settleSpot(8)
	w.requireEvictedOnce()
	if w.cluster.Exists(&corev1.Node{}, node.Name) || w.running() != 4 {
		t.Errorf("the node goes and its pods run elsewhere: %d run", w.running())
	}
	if got := len(w.lasting()); got != before {
		t.Errorf("%d nodes, want %d", got, before)
	}
}

func TestScheduledEventsWaitForTheirTime(t *testing.T) {
	t.Parallel()
	w := newSpotWorld(t, 2)
	node := w.cluster.Nodes()[0]
	event := func(status string) {
		at := w.cluster.Clock.Now().UTC()
		w.queue.Send(`{"version":"0","detail-type":"AWS Health Event","source":"aws.health","account":"1","region":"us-west-2","time":"` + at.Format(time.RFC3339) +
			`","detail":{"service":"EC2","eventTypeCategory":"scheduledChange","eventTypeCode":"AWS_EC2_INSTANCE_STOP_SCHEDULED","statusCode":"` + status +
			`","startTime":"` + at.Add(14*24*time.Hour).Format(time.RFC1123) + `","affectedEntities":[{"entityValue":"` + instanceOf(&node) + `"}]}}`)
	}
	event("upcoming")
	w.settleSpot(3)
	if got := w.node(node.Name); got.Spec.Unschedulable || len(got.Spec.Taints) > 0 {
		t.Fatal("a node is closed two weeks ahead of its event")
	}
	w.cluster.Clock.Step(14*24*time.Hour - 50*time.Minute)
	w.act()
	if got := w.node(node.Name); !got.Spec.Unschedulable {
		t.Fatal("50 minutes ahead the node is still open")
	}
	w.cluster.Clock.Step(time.Minute)
	event("closed")
	w.hear()
	w.act()
	if got := w.node(node.Name); got.Spec.Unschedulable || len(got.Spec.Taints) > 0 {
		t.Errorf("the event was cancelled, and the node is still closed: %+v", got.Spec)
	}
}

func TestInstanceInterruptedBeforeItsNodeHasJoined(t *testing.T) {
	t.Parallel()
	w := newSpotWorld(t, 2)
	w.replicas = 12
	w.scale()
	w.round()
	w.eachClaim(w.lifecycle.Reconcile)
	joined := map[string]bool{}
	for _, node := range w.cluster.Nodes() {
		joined[node.Spec.ProviderID] = true
	}
	coming := ""
	for _, claim := range w.cluster.Claims() {
		if !joined[claim.Status.ProviderID] {
			coming = claim.Status.ProviderID
		}
	}
	if coming == "" {
		t.Fatal("no node is on its way")
	}
	w.warn(&corev1.Node{Spec: corev1.NodeSpec{ProviderID: coming}})
	w.hear()
	for _, claim := range w.lasting() {
		if claim.Status.ProviderID == coming {
			t.Error("the claim of an instance that is taken back is still meant to be")
		}
	}
	w.settleSpot(8)
	if got := w.running(); got != 12 {
		t.Errorf("%d pods run, want 12", got)
	}
}

// TestNothingComesBetweenNodesThatGoTogether: while nodes are being closed, nothing
// is said or done about those that are; and not for ever.
func TestNothingComesBetweenNodesThatGoTogether(t *testing.T) {
	t.Parallel()
	w := newSpotWorld(t, 12)
	first := w.cluster.Nodes()[0]
	said := func() (count int) {
		for {
			select {
			case text := <-w.cluster.Said:
				if strings.Contains(text, "SpotInterrupted") {
					count++
				}
			default:
				return count
			}
		}
	}
	w.warn(&first)
	w.hear()
	w.act()
	w.cluster.Clock.Step(400 * time.Millisecond)
	w.act()
	if count := said(); count != 0 {
		t.Fatalf("%d events while others may still have to be closed", count)
	}
	w.cluster.Clock.Step(200 * time.Millisecond)
	w.act()
	if said() == 0 {
		t.Error("no event after a calm half second")
	}
}
