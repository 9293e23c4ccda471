package nodegroup_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/nodegroup"
)

// The workshop: three m5.large hold nine pods, the tenth needs the fourth node,
// and nobody needs it once the pods are gone.
func TestWorkshopGrowsFromThreeToFourAndBack(t *testing.T) {
	w := newWorld(t, nil, cloudtest.Group("workers", "us-west-2a", 3, 3, 4))
	w.deploy(10)
	w.schedule()
	w.grow()
	if got := w.groups.Desired("workers"); got != 4 {
		t.Fatalf("the desired size is %d, want 4", got)
	}
	if events := w.said("TriggeredScaleUp"); len(events) != 1 || !strings.Contains(events[0], "pod triggered scale-up: [{workers 3->4 (max: 4)}]") {
		t.Errorf("events are %q", events)
	}
	for _, line := range []string{"Estimated 1 nodes needed in workers", "Final scale-up plan: [{workers 3->4 (max: 4)}]", "Scale-up: setting group workers size to 4"} {
		if !strings.Contains(w.log.String(), line) {
			t.Errorf("the log has no %q", line)
		}
	}
	// While the node is on its way, nothing more is asked for.
	for range 3 {
		w.Clock.Step(10 * time.Second)
		w.grow()
		w.watch()
	}
	w.join("workers")
	w.schedule()
	if len(w.Nodes()) != 4 || w.waitingPods() != 0 {
		t.Fatalf("%d nodes, %d pods wait: want 4 and none", len(w.Nodes()), w.waitingPods())
	}
	pods := w.Pods()
	for i := range pods[:9] {
		w.Delete(&pods[i])
	}
	w.pass(9 * time.Minute)
	if got := w.groups.Desired("workers"); got != 4 {
		t.Fatalf("after 9 minutes the desired size is %d: it is too early", got)
	}
	w.pass(3 * time.Minute)
	if got := w.groups.Desired("workers"); got != 3 || len(w.Nodes()) != 3 {
		t.Errorf("the desired size is %d with %d nodes, want 3: not below the minimum", got, len(w.Nodes()))
	}
	for _, node := range w.Nodes() {
		if len(node.Spec.Taints) > 0 || node.Spec.Unschedulable {
			t.Errorf("node %s still is marked", node.Name)
		}
	}
}

func TestPodsBeyondTheMaximumAreToldWhichLimitHoldsThem(t *testing.T) {
	w := newWorld(t, nil, cloudtest.Group("workers", "us-west-2a", 3, 3, 3))
	w.deploy(10)
	w.schedule()
	w.grow()
	events := w.said("NotTriggerScaleUp")
	if len(events) != 1 || !strings.Contains(events[0], "pod didn't trigger scale-up: node group workers: its maximum size 3 is reached; raising the maximum size from 3 to 4") {
		t.Errorf("events are %q", events)
	}
	// A maximum that is raised from outside counts at once.
	w.groups.Change("workers", func(g *cloud.NodeGroup) { g.Max = 4 })
	w.grow()
	if got := w.groups.Desired("workers"); got != 4 {
		t.Errorf("the desired size is %d, want 4", got)
	}
}

func TestGroupDeletedFromUnderUsIsNamedAndOthersGoOn(t *testing.T) {
	cheap, dear := cloudtest.Group("cheap", "us-west-2a", 0, 0, 4), cloudtest.Group("dear", "us-west-2b", 0, 0, 4)
	dear.Types[0].Offerings[0].PricePerHour = 1
	w := newWorld(t, nil, cheap, dear)
	w.deploy(3)
	w.provisioner.Decide = deleting(w, "cheap")
	w.grow()
	events := w.said("FailedToScaleUpGroup")
	if len(events) == 0 || !strings.Contains(events[0], "cheap was deleted from under us") {
		t.Errorf("events are %q", events)
	}
	w.grow()
	if got := w.groups.Desired("dear"); got != 1 {
		t.Errorf("the other group's desired size is %d, want 1", got)
	}
}

func TestShortageSendsPodsToAnotherGroup(t *testing.T) {
	cheap, dear := cloudtest.Group("cheap", "us-west-2a", 0, 0, 4), cloudtest.Group("dear", "us-west-2b", 0, 0, 4)
	dear.Types[0].Offerings[0].PricePerHour = 1
	w := newWorld(t, nil, cheap, dear)
	w.deploy(3)
	w.grow()
	w.watch()
	w.Clock.Step(time.Second)
	// AWS reports the shortage, and the adapter leaves the pool out.
	w.groups.Change("cheap", func(g *cloud.NodeGroup) {
		g.Failures = []cloud.GroupFailure{{At: w.Clock.Now(), Message: "We currently do not have sufficient m5.large capacity", Capacity: true}}
		offering := g.Types[0].Offerings[0]
		offering.UnavailableReason = "no capacity for Auto Scaling at 08:00"
		g.Types[0].Offerings = append(g.Types[0].Offerings[:0:0], offering)
	})
	w.Clock.Step(30 * time.Second)
	w.grow()
	w.watch()
	if cheap, dear := w.groups.Desired("cheap"), w.groups.Desired("dear"); cheap != 1 || dear != 1 {
		t.Errorf("sizes are %d and %d, want 1 and 1: what was asked for is never lowered by a number", cheap, dear)
	}
	if events := w.said("FailedToScaleUpGroup"); len(events) != 1 || !strings.Contains(events[0], "sufficient m5.large capacity") {
		t.Errorf("events are %q, want one with the text of AWS", events)
	}
	if status := w.status(); !strings.Contains(status, "status: Backoff") || !strings.Contains(status, "errorCode: outOfResource") {
		t.Errorf("the status is\n%s", status)
	}
}

func TestGroupThatIsDeletedIsNamedOnce(t *testing.T) {
	w := newWorld(t, nil, cloudtest.Group("workers", "us-west-2a", 0, 0, 4), cloudtest.Group("others", "us-west-2a", 0, 0, 4))
	w.deploy(1)
	w.grow()
	w.groups.Delete("workers")
	w.pass(time.Minute)
	w.pass(time.Minute)
	if events := w.said("NodeGroupGone"); len(events) != 1 || !strings.Contains(events[0], "node group workers is gone") {
		t.Errorf("events are %q, want one that names workers", events)
	}
}

func TestInstanceThatNeverJoinsIsNamedAndEnded(t *testing.T) {
	group := cloudtest.Group("workers", "us-west-2a", 0, 0, 4)
	group.JoinsCluster = "other"
	w := newWorld(t, func(o *nodegroup.Options) { o.ClusterName = "demo" }, group)
	w.deploy(1)
	w.grow()
	w.groups.Settle("workers") // runs, and does not join
	w.pass(14 * time.Minute)
	if w.groups.Desired("workers") != 1 {
		t.Fatal("given up too early")
	}
	w.said("")
	w.pass(2 * time.Minute)
	if w.groups.Desired("workers") != 0 || len(w.groups.Shrunk) != 1 {
		t.Errorf("desired size %d, ended %v: want the instance ended and the size lowered", w.groups.Desired("workers"), w.groups.Shrunk)
	}
	if events := w.said("ScaleUpTimedOut"); len(events) == 0 || !strings.Contains(events[0], `its user data names the cluster "other", this is "demo"`) {
		t.Errorf("events are %q", events)
	}
	// It is not asked again at once.
	w.grow()
	if w.groups.Desired("workers") != 0 {
		t.Error("the group is asked again at once")
	}
	w.Clock.Step(6 * time.Minute)
	w.grow()
	if w.groups.Desired("workers") != 1 {
		t.Error("the group is never asked again")
	}
}

func TestNodesThatStartAreWaitedFor(t *testing.T) {
	w := newWorld(t, nil, cloudtest.Group("workers", "us-west-2a", 0, 0, 4))
	w.deploy(3)
	w.grow()
	for _, instance := range w.groups.Settle("workers") {
		node := nodeFor("workers", instance)
		node.Status.Conditions[0].Status = corev1.ConditionFalse
		node.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}}
		w.Create(node)
	}
	w.grow()
	if got := w.groups.Desired("workers"); got != 1 {
		t.Errorf("the desired size is %d: the node that starts has room for all", got)
	}
	w.Clock.Step(time.Hour)
	w.grow()
	if got := w.groups.Desired("workers"); got != 2 {
		t.Errorf("the desired size is %d: nobody waits an hour for a node", got)
	}
}

func TestSeveralNodesGoTogetherWhenAllPodsFitElsewhere(t *testing.T) {
	w := newWorld(t, nil, cloudtest.Group("workers", "us-west-2a", 0, 6, 6))
	// One pod of half a cpu on each of six nodes: three to a node makes two.
	for _, node := range w.Nodes() {
		w.serial++
		w.deployOn(node.Name)
	}
	w.pass(11 * time.Minute)
	w.schedule()
	w.pass(time.Minute)
	if got := w.groups.Desired("workers"); got != 2 {
		t.Errorf("the desired size is %d, want 2", got)
	}
	if w.waitingPods() != 0 {
		t.Errorf("%d pods wait", w.waitingPods())
	}
}

func (w *world) deployOn(node string) {
	w.t.Helper()
	w.deploy(1)
	pods := w.Pods()
	for i := range pods {
		if pods[i].Spec.NodeName == "" {
			pods[i].Spec.NodeName = node
			w.Update(&pods[i])
			pods[i].Status.Phase = corev1.PodRunning
			pods[i].Status.Conditions = nil
			w.UpdateStatus(&pods[i])
		}
	}
}

func TestWhatKeepsANode(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world, *corev1.Node, *corev1.Pod)
		reason string
	}{
		"nothing": {func(*world, *corev1.Node, *corev1.Pod) {}, ""},
		"safe-to-evict: false": {func(_ *world, _ *corev1.Node, p *corev1.Pod) {
			p.Annotations = map[string]string{"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
		}, "BlockedByPod"},
		"naked pod": {func(_ *world, _ *corev1.Node, p *corev1.Pod) { p.OwnerReferences = nil }, "BlockedByPod"},
		"naked pod, safe": {func(_ *world, _ *corev1.Node, p *corev1.Pod) {
			p.OwnerReferences = nil
			p.Annotations = map[string]string{"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}
		}, ""},
		"local storage": {func(_ *world, _ *corev1.Node, p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{{Name: "cache", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
		}, "BlockedByPod"},
		"local storage in memory": {func(_ *world, _ *corev1.Node, p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{{Name: "cache", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: "Memory"}}}}
		}, ""},
		"local storage, safe": {func(_ *world, _ *corev1.Node, p *corev1.Pod) {
			p.Annotations = map[string]string{"cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes": "other,cache"}
			p.Spec.Volumes = []corev1.Volume{{Name: "cache", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
		}, ""},
		"custom controller": {func(_ *world, _ *corev1.Node, p *corev1.Pod) { p.OwnerReferences[0].Kind = "Rollout" }, "BlockedByPod"},
		"budget": {func(w *world, _ *corev1.Node, _ *corev1.Pod) {
			w.Create(&policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "nginx"},
				Spec: policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "nginx"}}}})
		}, "BlockedByPod"},
		"annotated node": {func(_ *world, n *corev1.Node, _ *corev1.Pod) {
			n.Annotations = map[string]string{"cluster-autoscaler.kubernetes.io/scale-down-disabled": "true"}
		}, "ScaleDownDisabledAnnotation"},
		"protected instance": {func(w *world, _ *corev1.Node, _ *corev1.Pod) {
			w.groups.Change("workers", func(g *cloud.NodeGroup) { g.Instances[0].Protected = true })
		}, "ScaleDownDisabledAnnotation"},
		"minimum": {func(w *world, _ *corev1.Node, _ *corev1.Pod) {
			w.groups.Change("workers", func(g *cloud.NodeGroup) { g.Min = 2 })
		}, "NodeGroupMinSizeReached"},
		"no place elsewhere": {func(_ *world, _ *corev1.Node, p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{"only": "here"} }, "NoPlaceToMovePods"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, cloudtest.Group("workers", "us-west-2a", 0, 2, 2))
			nodes := w.Nodes()
			w.deploy(1)
			pod := w.Pods()[0]
			w.Delete(&pod)
			fresh := w.pod("judged")
			c.change(w, &nodes[0], fresh)
			w.Update(&nodes[0])
			fresh.Spec.NodeName = nodes[0].Name
			fresh.Status.Phase, fresh.Status.Conditions = corev1.PodRunning, nil
			w.Create(fresh)
			nodes = w.Nodes()
			nodes[1].Annotations = map[string]string{"cluster-autoscaler.kubernetes.io/scale-down-disabled": "true"}
			w.Update(&nodes[1])
			w.pass(12 * time.Minute)
			if gone := w.groups.Desired("workers") == 1; gone != (c.reason == "") {
				t.Errorf("gone is %v, want reason %q", gone, c.reason)
			}
			if got := nodegroup.WhyStays(w.autoscaler, nodes[0].Name); c.reason != "" && got != c.reason {
				t.Errorf("stays for %q, want %q", got, c.reason)
			}
		})
	}
}

func TestNodeThatCannotBeEmptiedTakesPodsAgain(t *testing.T) {
	w := newWorld(t, nil, cloudtest.Group("workers", "us-west-2a", 0, 2, 2))
	node, other := w.Nodes()[0], w.Nodes()[1]
	other.Annotations = map[string]string{"cluster-autoscaler.kubernetes.io/scale-down-disabled": "true"}
	w.Update(&other)
	w.deployOn(node.Name)
	w.pass(10 * time.Minute)
	w.Clock.Step(30 * time.Second)
	w.watch() // marks the node
	if node := clustertest.Get(w.Cluster, &corev1.Node{}, node.Name); !strings.Contains(fmt.Sprint(node.Spec.Taints), "ToBeDeletedByClusterAutoscaler") || !node.Spec.Unschedulable {
		t.Fatalf("the node is not marked: %v", node.Spec)
	}
	// A pod appears that may not be moved; a new process goes on with the mark.
	w.restart(nil)
	naked := w.pod("naked")
	naked.OwnerReferences = nil
	naked.Spec.NodeName = node.Name
	naked.Status.Phase, naked.Status.Conditions = corev1.PodRunning, nil
	w.Create(naked)
	w.pass(3 * time.Minute)
	if node := clustertest.Get(w.Cluster, &corev1.Node{}, node.Name); len(node.Spec.Taints) != 0 || node.Spec.Unschedulable {
		t.Errorf("the node is still marked: %v", node.Spec)
	}
	if events := w.said("ScaleDownFailed"); len(events) == 0 || !strings.Contains(events[0], "naked is not replicated") {
		t.Errorf("events are %q", events)
	}
	if len(w.groups.Shrunk) > 1 {
		t.Errorf("ended %v", w.groups.Shrunk)
	}
}

func TestTagsOfAGroupChangeItsTimes(t *testing.T) {
	group := cloudtest.Group("workers", "us-west-2a", 0, 1, 1)
	group.Tags["k8s.io/cluster-autoscaler/node-template/autoscaling-options/scaledownunneededtime"] = "1m"
	w := newWorld(t, nil, group)
	w.pass(150 * time.Second)
	if w.groups.Desired("workers") != 0 {
		t.Error("the node stays for longer than its group's tag says")
	}
}

func TestStatusIsWhatClusterAutoscalerWrites(t *testing.T) {
	w := newWorld(t, nil, cloudtest.Group("workers", "us-west-2a", 1, 2, 4))
	w.watch()
	for _, want := range []string{"autoscalerStatus: Running", "clusterWide:", "status: Healthy", "cloudProviderTarget: 2", "minSize: 1", "maxSize: 4",
		"name: workers", "ready: 2", "status: NoActivity", "lastTransitionTime:"} {
		if !strings.Contains(w.status(), want) {
			t.Errorf("the status has no %q:\n%s", want, w.status())
		}
	}
}
