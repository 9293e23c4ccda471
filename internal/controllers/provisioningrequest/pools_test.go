package provisioningrequest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientevents "k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/disruption"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/provreq"
	"github.com/drover-project/drover/internal/translate"
)

const provisioned = "Accepted=True/Accepted Provisioned=True/CapacityIsProvisioned"

// newPoolWorld has a NodePool of m5.large besides a group that is full with one node.
func newPoolWorld(t *testing.T) *world {
	t.Helper()
	return newPoolWorldOf(t, cloudtest.Group("workers", "us-west-2a", 0, 1, 1))
}

func newPoolWorldOf(t *testing.T, group cloud.NodeGroup) *world {
	t.Helper()
	w := newWorldOf(t, group)
	w.cloud = cloudtest.New(cloudtest.World{Now: w.clock.Now})
	pool := clustertest.Pool()
	pool.Spec.Template.Spec.Requirements = append(pool.Spec.Template.Spec.Requirements, karpv1.NodeSelectorRequirementWithMinValues{
		Key: corev1.LabelInstanceTypeStable, Operator: corev1.NodeSelectorOpIn, Values: []string{"m5.large"}})
	pool.Spec.Disruption.Budgets = []karpv1.Budget{{Nodes: "100%"}}
	w.create(clustertest.Class(), pool)
	w.restart()
	return w
}

func (w *world) claims() []karpv1.NodeClaim {
	w.t.Helper()
	var claims karpv1.NodeClaimList
	if err := w.client.List(w.t.Context(), &claims); err != nil {
		w.t.Fatal(err)
	}
	return claims.Items
}

// joinClaims lets every NodeClaim have its node, at rest.
func (w *world) joinClaims() {
	w.t.Helper()
	for i, claim := range w.claims() {
		claim.Status.ProviderID = fmt.Sprintf("aws:///us-west-2a/i-claim%d", i)
		for _, condition := range []string{karpv1.ConditionTypeLaunched, karpv1.ConditionTypeRegistered, karpv1.ConditionTypeInitialized, karpv1.ConditionTypeConsolidatable} {
			claim.StatusConditions().SetTrue(condition)
		}
		if err := w.client.Status().Update(w.t.Context(), &claim); err != nil {
			w.t.Fatal(err)
		}
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: claim.Name, Labels: map[string]string{karpv1.NodePoolLabelKey: "default", karpv1.NodeInitializedLabelKey: "true"}}}
		node.Spec.ProviderID = claim.Status.ProviderID
		node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1930m"), corev1.ResourceMemory: resource.MustParse("7Gi"), corev1.ResourcePods: resource.MustParse("29")}
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		w.create(node)
	}
}

// lose takes a NodeClaim away, as when nobody has the machine.
func (w *world) lose(claim *karpv1.NodeClaim) {
	w.t.Helper()
	claim.Finalizers = nil
	if err := w.client.Update(w.t.Context(), claim); err != nil {
		w.t.Fatal(err)
	}
	if err := w.client.Delete(w.t.Context(), claim); client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
}

// leaving is how many NodeClaims a look for empty nodes takes away.
func (w *world) leaving() int {
	w.t.Helper()
	reconciler := &disruption.Reconciler{
		Client: w.client, Live: w.client, Observer: w.observer, Metrics: metrics.New(prometheus.NewRegistry()), Clock: w.clock, Log: logr.Discard(),
		Events: events.New(&clientevents.FakeRecorder{Events: w.said}, w.clock),
	}
	if _, err := reconciler.Reconcile(w.t.Context(), reconcile.Request{}); err != nil {
		w.t.Fatal(err)
	}
	count := 0
	for _, claim := range w.claims() {
		if claim.DeletionTimestamp != nil {
			count++
		}
	}
	return count
}

func TestNodePoolsGrowForARequest(t *testing.T) {
	w := newPoolWorld(t)
	w.ask("job", provreq.AtomicScaleUp, 6, "900m") // two on the group's node
	w.round()
	w.want("job", provisioned)
	claims := w.claims()
	if len(claims) != 2 || w.booked() != 6 {
		t.Fatalf("%d NodeClaims and room for %d pods, want 2 and 6; log:\n%s", len(claims), w.booked(), w.log.String())
	}
	for _, claim := range claims {
		if text := claim.Annotations[translate.PodsAnnotation]; text != "" || claim.Annotations[translate.ReasonAnnotation] == "" {
			t.Errorf("the NodeClaim is promised to %q for the reason %q, want nobody and one", text, claim.Annotations[translate.ReasonAnnotation])
		}
	}
	// Nobody else counts on that room, before the nodes are there and after.
	w.ask("other", provreq.CheckCapacity, 1, "500m")
	w.round()
	w.want("other", refused)
	w.joinClaims()
	if got := w.booked(); got != 6 {
		t.Errorf("room is kept for %d pods on the nodes that have come, want 6", got)
	}
}

func TestNoNodePoolGrowsForAPart(t *testing.T) {
	w := newPoolWorld(t)
	var pool karpv1.NodePool
	if err := w.client.Get(t.Context(), client.ObjectKey{Name: "default"}, &pool); err != nil {
		t.Fatal(err)
	}
	pool.Spec.Limits = karpv1.Limits{corev1.ResourceCPU: resource.MustParse("3")}
	if err := w.client.Update(t.Context(), &pool); err != nil {
		t.Fatal(err)
	}
	w.ask("job", provreq.AtomicScaleUp, 6, "900m")
	w.round()
	w.want("job", refused)
	if got := len(w.claims()); got != 0 {
		t.Errorf("%d NodeClaims were made: nothing may grow for a part", got)
	}
	if text := w.message("job", provreq.Provisioned); !strings.Contains(text, "limit") {
		t.Errorf("the message is %q, want the limit in it", text)
	}
}

func TestOnePlanDecidesOverGroupsAndNodePools(t *testing.T) {
	for name, test := range map[string]struct {
		price          float64
		desired, pools int
	}{
		"the group is cheaper, and has room for one more node": {0.01, 2, 1},
		"NodePools are cheaper":                                {5, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			group := cloudtest.Group("workers", "us-west-2a", 0, 1, 2)
			group.Types[0].Offerings[0].PricePerHour = test.price
			w := newPoolWorldOf(t, group)
			w.ask("job", provreq.AtomicScaleUp, 6, "900m")
			w.round()
			w.want("job", provisioned)
			if desired, claims := w.groups.Desired("workers"), len(w.claims()); desired != test.desired || claims != test.pools {
				t.Errorf("desired size %d and %d NodeClaims, want %d and %d", desired, claims, test.desired, test.pools)
			}
		})
	}
}

func TestBookedNodesOfNodePoolsStay(t *testing.T) {
	w := newPoolWorld(t)
	w.ask("job", provreq.AtomicScaleUp, 6, "900m")
	w.round()
	w.joinClaims()
	if got := w.leaving(); got != 0 {
		t.Errorf("%d nodes go, which are booked", got)
	}
	w.clock.Step(10*time.Minute + time.Second)
	w.round()
	w.want("job", provisioned+" BookingExpired=True/CapacityReservationTimeExpired")
	if got := w.leaving(); got != 2 {
		t.Errorf("%d nodes go after the booking, want both", got)
	}
}

func TestWhatIsLostIsBoughtAnew(t *testing.T) {
	w := newPoolWorld(t)
	w.ask("job", provreq.AtomicScaleUp, 4, "900m")
	w.round()
	first := w.claims()
	if len(first) != 1 {
		t.Fatalf("%d NodeClaims, want 1", len(first))
	}
	w.round()
	if got := len(w.claims()); got != 1 {
		t.Fatalf("%d NodeClaims after another look, want the one", got)
	}
	w.lose(&first[0])
	w.round()
	second := w.claims()
	if len(second) != 1 || w.booked() != 4 {
		t.Fatalf("%d NodeClaims and room for %d pods once the first is gone, want 1 and 4; log:\n%s", len(second), w.booked(), w.log.String())
	}
	w.lose(&second[0])
	w.round()
	if got := len(w.claims()); got != 0 {
		t.Errorf("%d NodeClaims at once after the second failure, want a pause", got)
	}
	w.clock.Step(time.Minute + time.Second)
	w.round()
	third := w.claims()
	if len(third) != 1 {
		t.Fatalf("%d NodeClaims after the pause, want 1", len(third))
	}
	w.want("job", provisioned)
	// Pods that have come and ended need nothing any more.
	w.clock.Step(time.Minute + time.Second)
	for i := range 2 {
		name := fmt.Sprintf("job-%d", i)
		w.pod(name, "900m", "job")
		w.bind(name)
		w.end(name)
	}
	w.lose(&third[0])
	w.round()
	if got := len(w.claims()); got != 0 {
		t.Errorf("%d NodeClaims were made for pods that have ended", got)
	}
}

// end lets a pod succeed.
func (w *world) end(name string) {
	w.t.Helper()
	var pod corev1.Pod
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: "default", Name: name}, &pod); err != nil {
		w.t.Fatal(err)
	}
	pod.Status.Phase = corev1.PodSucceeded
	if err := w.client.Status().Update(w.t.Context(), &pod); err != nil {
		w.t.Fatal(err)
	}
}

func TestABookingEndsWithItsLastPod(t *testing.T) {
	w := newWorld(t, 1, 1)
	w.ask("job", provreq.CheckCapacity, 2, "600m")
	w.round()
	for i := range 2 {
		w.want("job", granted)
		name := fmt.Sprintf("job-%d", i)
		w.pod(name, "600m", "job")
		w.bind(name)
		w.round()
	}
	w.want("job", granted+" BookingExpired=True/CapacityBookingConsumed")
	w.end("job-0")
	if got := w.booked(); got != 0 {
		t.Errorf("room is kept for %d pods after the last has come", got)
	}
}

func TestNodesOfOthersKeepNoRoom(t *testing.T) {
	w := newWorld(t, 0, 1)
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "of-karpenter", Labels: map[string]string{karpv1.NodePoolLabelKey: "theirs"}}}
	node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("7Gi"), corev1.ResourcePods: resource.MustParse("29")}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	w.create(node)
	w.ask("job", provreq.CheckCapacity, 1, "500m")
	w.round()
	w.want("job", refused)
}

func TestPlansAreMadeForThePodsOfTheRequest(t *testing.T) {
	w := newWorld(t, 1, 4)
	decide, told := w.controller.Decide, []string(nil)
	w.controller.Decide = func(snapshot *model.Snapshot, settings model.Settings, pods []*corev1.Pod) (model.Plan, model.Report) {
		for _, pod := range pods {
			told = append(told, pod.Name+" for "+pod.Annotations[provreq.ConsumeAnnotation])
		}
		return decide(snapshot, settings, pods)
	}
	w.ask("job", provreq.AtomicScaleUp, 3, "1500m")
	w.round()
	w.want("job", provisioned)
	if want := []string{"job-0-0 for job", "job-0-1 for job", "job-0-2 for job"}; !slices.Equal(told, want) {
		t.Errorf("the plan was for %q, want %q", told, want)
	}
}
