package nodegroup_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/interruption"
	"github.com/drover-project/drover/internal/controllers/nodegroup"
	"github.com/drover-project/drover/internal/controllers/write"
	notices "github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/metrics"
)

// takenBack is a world whose nodes AWS takes back.
type takenBack struct {
	*world
	away       *cloudtest.Interruptions
	reconciler *interruption.Reconciler
}

func newTakenBack(t *testing.T, groups ...cloud.NodeGroup) *takenBack {
	w := &takenBack{world: newWorld(t, nil, groups...)}
	w.away = &cloudtest.Interruptions{Groups: w.groups, Timeout: 5 * time.Minute}
	w.follow()
	return w
}

// follow has the present process deal with interruptions.
func (w *takenBack) follow() {
	places := &interruption.Places{}
	w.provisioner.Decided = places.Decided
	w.reconciler = &interruption.Reconciler{
		Recorder: &interruption.Recorder{
			Client: w.Client, Live: w.Client, Cloud: w.away, Policy: interruption.DefaultPolicy(), Events: w.Events,
			Metrics: metrics.NewInterruption(prometheus.NewRegistry()), Clock: w.Clock, Log: logr.Discard(),
		},
		Places: places, Member: w.keeper.Member,
	}
}

// record puts a notice onto the node of an instance, as an agent does.
func (w *takenBack) record(notice notices.Notice) {
	w.t.Helper()
	node := clustertest.Get(w.Cluster, &corev1.Node{}, "ip-"+notice.InstanceID)
	if !notices.Record(node, notice) {
		w.t.Fatal("the notice is known")
	}
	w.Update(node)
}

// act lets the reconciler look at every node, again where it asks for that within a
// second: others may be being closed.
func (w *takenBack) act() {
	w.t.Helper()
	for _, node := range w.Nodes() {
		for again := true; again; {
			result, err := w.reconciler.Reconcile(w.t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&node)})
			if err != nil {
				w.t.Fatal(err)
			}
			if again = result.RequeueAfter > 0 && result.RequeueAfter < time.Second; again {
				w.Clock.Step(result.RequeueAfter)
			}
		}
	}
}

// beats is everybody's life for a while, with the ReplicaSet's controller.
func (w *takenBack) beats(count, replicas int) {
	w.t.Helper()
	for range count {
		w.act()
		w.grow()
		for name := range map[string]bool{"a": true} {
			w.join(name)
		}
		w.schedule()
		w.act()
		if missing := replicas - len(w.Pods()); missing > 0 {
			w.deploy(missing)
		}
		w.schedule()
		w.Clock.Step(5 * time.Second)
	}
}

func spotNotice(w *takenBack, instance string) notices.Notice {
	return notices.Spot(instance, "terminate", w.Clock.Now(), time.Time{})
}

func id(serial int) string { return fmt.Sprintf("i-%017d", serial) }

func TestGroupReplacesAnInterruptedInstanceAtOnce(t *testing.T) {
	w := newTakenBack(t, cloudtest.Group("a", "us-west-2a", 1, 3, 3))
	w.deploy(8)
	w.beats(2, 8)
	w.record(spotNotice(w, id(1)))
	w.act()
	if len(w.away.Detached) != 1 || w.groups.Desired("a") != 3 {
		t.Fatalf("detached %v, desired %d: the group launches another in its stead, at its maximum too", w.away.Detached, w.groups.Desired("a"))
	}
	// A process that takes over does not do it twice, and decisions buy nothing more.
	w.restart(nil)
	w.follow()
	w.grow()
	w.act()
	if len(w.away.Detached) != 1 || w.groups.Desired("a") != 3 {
		t.Fatalf("detached %v, desired %d", w.away.Detached, w.groups.Desired("a"))
	}
	w.beats(4, 8)
	if w.waitingPods() != 0 || len(w.Pods()) != 8 {
		t.Errorf("%d of %d pods wait", w.waitingPods(), len(w.Pods()))
	}
	for _, pod := range w.Pods() {
		if pod.Spec.NodeName == "ip-"+id(1) {
			t.Errorf("pod %s is still on the node", pod.Name)
		}
	}
	if len(w.away.Ended) != 1 || w.away.Ended[0] != id(1) {
		t.Errorf("ended %v: nobody else ends an instance that left its group", w.away.Ended)
	}
	if w.groups.Desired("a") != 3 {
		t.Errorf("desired %d, want 3 as before", w.groups.Desired("a"))
	}
}

func TestGroupsThatReplaceByThemselvesAreLeftAlone(t *testing.T) {
	for name, change := range map[string]func(*cloud.NodeGroup){
		"capacity rebalancing": func(g *cloud.NodeGroup) { g.Rebalances = true },
		"EKS":                  func(g *cloud.NodeGroup) { g.Managed, g.Rebalances = "workers", true },
	} {
		t.Run(name, func(t *testing.T) {
			group := cloudtest.Group("a", "us-west-2a", 1, 2, 6)
			change(&group)
			w := newTakenBack(t, group)
			w.deploy(6)
			w.beats(2, 6)
			w.record(spotNotice(w, id(1)))
			w.act()
			w.grow()
			w.act()
			if len(w.away.Detached) != 0 || w.groups.Desired("a") != 2 {
				t.Errorf("detached %v, desired %d: the group brings another by itself", w.away.Detached, w.groups.Desired("a"))
			}
		})
	}
}

func TestDetachingThatIsForbiddenStopsNothing(t *testing.T) {
	w := newTakenBack(t, cloudtest.Group("a", "us-west-2a", 1, 2, 6))
	w.away.Refuse = &cloud.TerminalError{Reason: "AccessDenied", Err: fmt.Errorf("no")}
	w.deploy(2)
	w.beats(2, 2)
	w.record(spotNotice(w, id(1)))
	w.beats(3, 2)
	for _, pod := range w.Pods() {
		if pod.Spec.NodeName == "ip-"+id(1) {
			t.Errorf("pod %s is still on the node", pod.Name)
		}
	}
}

func TestLifecycleHooksAreAnsweredWhenTheNodeIsEmpty(t *testing.T) {
	w := newTakenBack(t, cloudtest.Group("a", "us-west-2a", 1, 2, 6))
	w.deploy(6)
	w.beats(2, 6)
	w.groups.Change("a", func(g *cloud.NodeGroup) { g.Instances[0].Lifecycle, g.Desired = "Terminating:Wait", 1 })
	w.record(notices.Termination(id(1), w.Clock.Now(), &notices.Hook{Group: "a", Name: "drain", Token: "t1"}))
	w.record(notices.Termination(id(1), w.Clock.Now(), &notices.Hook{Group: "a", Name: "other", Token: "t2"}))
	w.act()
	if len(w.away.Completed) != 0 {
		t.Fatal("a hook is answered while pods are on the node")
	}
	w.Clock.Step(3 * time.Minute)
	w.act()
	if len(w.away.Extended) != 2 {
		t.Errorf("%d hooks were extended half way through their timeout, want both", len(w.away.Extended))
	}
	w.groups.Change("a", func(g *cloud.NodeGroup) { g.Instances = g.Instances[1:] })
	w.beats(5, 6)
	if len(w.away.Completed) != 2 || w.away.Completed[0] != (cloud.HookAction{Group: "a", Hook: "drain", Token: "t1", InstanceID: id(1)}) {
		t.Errorf("answered %+v, want both hooks once", w.away.Completed)
	}
}

func TestLaunchHooksAreAnsweredWhenTheNodeIsReady(t *testing.T) {
	w := newTakenBack(t, cloudtest.Group("a", "us-west-2a", 1, 1, 6))
	node := clustertest.Get(w.Cluster, &corev1.Node{}, "ip-"+id(1))
	node.Status.Conditions[0].Status = corev1.ConditionFalse
	w.UpdateStatus(node)
	w.record(notices.Launch(id(1), w.Clock.Now(), &notices.Hook{Group: "a", Name: "ready", Token: "t"}))
	w.act()
	if len(w.away.Completed) != 0 {
		t.Fatal("the hook is answered before the node is ready")
	}
	node = clustertest.Get(w.Cluster, &corev1.Node{}, "ip-"+id(1))
	if node.Spec.Unschedulable || len(node.Spec.Taints) > 0 {
		t.Error("a node that is launched is not one that goes")
	}
	node.Status.Conditions[0].Status = corev1.ConditionTrue
	w.UpdateStatus(node)
	w.act()
	w.act()
	if len(w.away.Completed) != 1 {
		t.Errorf("answered %+v, want it once", w.away.Completed)
	}
}

func TestScaleDownLeavesInterruptedNodesAlone(t *testing.T) {
	w := newTakenBack(t, cloudtest.Group("a", "us-west-2a", 0, 2, 6))
	w.record(notices.Rebalance(id(1), w.Clock.Now()))
	w.act()
	w.pass(11 * time.Minute)
	for _, ended := range w.groups.Shrunk {
		if ended == id(1) {
			t.Error("a node that AWS may take back was scaled down besides")
		}
	}
	if got := nodegroup.Defaults().ScaleDown.UnneededTime; got > 11*time.Minute || len(w.groups.Shrunk) == 0 {
		t.Errorf("shrunk %v: the other node, which nobody needs, goes", w.groups.Shrunk)
	}
}

func TestRecommendationThenInterruptionBringsOneInstance(t *testing.T) {
	w := newTakenBack(t, cloudtest.Group("a", "us-west-2a", 1, 2, 6))
	w.deploy(6)
	w.beats(2, 6)
	w.record(notices.Rebalance(id(1), w.Clock.Now()))
	w.act()
	w.grow()
	if w.groups.Desired("a") != 3 {
		t.Fatalf("desired %d: the plan grows the group for pods that may have to move", w.groups.Desired("a"))
	}
	w.grow()
	w.record(spotNotice(w, id(1)))
	w.beats(4, 6)
	if got := w.groups.Desired("a"); got != 2 || len(w.away.Detached) != 1 {
		t.Errorf("desired %d, detached %v: one instance comes for the one that goes", got, w.away.Detached)
	}
	if w.waitingPods() != 0 {
		t.Errorf("%d pods wait", w.waitingPods())
	}
}

func TestGroupIsAsLargeAsBeforeAfterARecommendation(t *testing.T) {
	w := newTakenBack(t, cloudtest.Group("a", "us-west-2a", 2, 2, 6))
	w.deploy(6)
	w.beats(2, 6)
	w.record(notices.Rebalance(id(1), w.Clock.Now()))
	w.beats(6, 6)
	if got := w.groups.Desired("a"); got != 2 || len(w.groups.Shrunk) != 1 || w.groups.Shrunk[0] != id(1) {
		t.Errorf("desired %d, ended %v: the instance goes when the one in its stead has its pods", got, w.groups.Shrunk)
	}
	if w.waitingPods() != 0 {
		t.Errorf("%d pods wait", w.waitingPods())
	}
}

// permittedAsClusterAutoscaler is a client of a cluster without NodeClaims, that may
// do to Nodes what cluster-autoscaler's manifests let it.
func permittedAsClusterAutoscaler(underlying client.WithWatch) client.Client {
	return interceptor.NewClient(underlying, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if _, isClaims := list.(*karpv1.NodeClaimList); isClaims {
				return errors.New("no matches for kind NodeClaim")
			}
			return c.List(ctx, list, options...)
		},
		Patch: func(_ context.Context, _ client.WithWatch, object client.Object, _ client.Patch, _ ...client.PatchOption) error {
			return apierrors.NewForbidden(corev1.Resource("nodes"), object.GetName(), nil)
		},
	})
}

// TestQueueOfAClusterWithoutNodeClaims: what a queue says is acted upon with the
// permissions of cluster-autoscaler alone.
func TestQueueOfAClusterWithoutNodeClaims(t *testing.T) {
	w := newTakenBack(t, cloudtest.Group("a", "us-west-2a", 1, 2, 6))
	recorder := w.reconciler.Recorder
	recorder.Client, recorder.NodesOnly = write.ByUpdate(permittedAsClusterAutoscaler(w.Client)), true
	queue := &cloudtest.Queue{}
	listener := &interruption.Listener{Queue: queue, Recorder: recorder, Events: w.Events, Metrics: recorder.Metrics, Clock: w.Clock, Log: logr.Discard()}
	w.deploy(6)
	w.beats(2, 6)
	for _, instance := range []string{id(1), "i-of-nobody"} {
		queue.Send(fmt.Sprintf(`{"version":"0","detail-type":"EC2 Spot Instance Interruption Warning","source":"aws.ec2","time":%q,"detail":{"instance-id":%q,"instance-action":"terminate"}}`,
			w.Clock.Now().UTC().Format(time.RFC3339), instance))
	}
	for range 2 {
		if err := listener.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if node := clustertest.Get(w.Cluster, &corev1.Node{}, "ip-"+id(1)); !node.Spec.Unschedulable {
		t.Error("the node is not closed as soon as the queue says so")
	}
	w.beats(4, 6)
	if len(w.away.Detached) != 1 || len(w.away.Ended) != 1 || w.groups.Desired("a") != 2 || w.waitingPods() != 0 {
		t.Errorf("detached %v, ended %v, desired %d, %d pods wait: want another instance in its stead", w.away.Detached, w.away.Ended, w.groups.Desired("a"), w.waitingPods())
	}
	if left := queue.Len(); left != 0 {
		t.Errorf("%d messages are left", left)
	}
}
