package lifecycle_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/lifecycle"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

// newPromise is a claim that is for pods a and b, and whose instance runs.
func newPromise(t *testing.T) *subject {
	t.Helper()
	s := newSubject(t, cloudtest.World{})
	promises := translate.Promises{}
	for _, name := range []string{"a", "b"} {
		s.Create(clustertest.PendingPod(name, "1Gi"))
		promises[model.PodKey{Namespace: "other", Name: name}] = observe.Mark(s.pod(name))
	}
	claim := s.get()
	var err error
	if claim.Annotations[translate.PodsAnnotation], err = translate.EncodePromises(promises); err != nil {
		t.Fatal(err)
	}
	s.Update(claim)
	s.mustReconcile()
	s.Join()
	return s
}

func (s *subject) pod(name string) *corev1.Pod {
	s.t.Helper()
	return clustertest.Get(s.Cluster, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other"}}, name)
}

// refuse does what the scheduler does when it has tried a pod in vain.
func (s *subject) refuse(name string) {
	s.t.Helper()
	pod := s.pod(name)
	pod.Status.NominatedNodeName = ""
	s.UpdateStatus(pod)
}

// nominations of pods a and b.
func (s *subject) nominations() string {
	s.t.Helper()
	return s.pod("a").Status.NominatedNodeName + " " + s.pod("b").Status.NominatedNodeName
}

// want checks the nominations and for how many pods the claim is.
func (s *subject) want(when, nominations string, promised int) {
	s.t.Helper()
	if got := s.nominations(); got != nominations {
		s.t.Errorf("%s: pods are nominated to %q, want %q", when, got, nominations)
	}
	promises, err := translate.PromisesOf(s.get())
	if err != nil || len(promises) != promised {
		s.t.Errorf("%s: the claim is for %d pods (%v), want %d", when, len(promises), err, promised)
	}
}

func TestPodsAreNominatedBeforeTheirNodeIsOpen(t *testing.T) {
	s := newPromise(t)
	node := s.Nodes()[0].Name
	opened := ""
	watching := interceptor.NewClient(s.Client, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			if _, ok := object.(*corev1.Node); ok && opened == "" {
				opened = s.nominations()
			}
			return c.Patch(ctx, object, patch, options...)
		},
	})
	s.reconcileWith(watching)
	if want := node + " " + node; opened != want {
		t.Errorf("when the taint goes pods are nominated to %q, want %q", opened, want)
	}
	if _, copied := s.Nodes()[0].Annotations[translate.PodsAnnotation]; copied {
		t.Error("the node has a copy of what its claim promises")
	}
}

func TestPodsAreNotNominatedToANodeThatIsNotReady(t *testing.T) {
	s := newPromise(t)
	node := s.Nodes()[0]
	node.Status.Conditions[0].Status = corev1.ConditionFalse
	s.UpdateStatus(&node)
	s.mustReconcile()
	if !s.get().StatusConditions().Get(karpv1.ConditionTypeRegistered).IsTrue() {
		t.Fatal("the node is not registered")
	}
	s.want("registered", " ", 2)
	node = s.Nodes()[0]
	node.Status.Conditions[0].Status = corev1.ConditionTrue
	node.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}}
	status := node.DeepCopy()
	s.Update(&node)
	status.ResourceVersion = node.ResourceVersion
	s.UpdateStatus(status)
	s.mustReconcile()
	s.want("ready, before the taint goes", node.Name+" "+node.Name, 2)
}

func (s *subject) reconcileWith(kube client.Client) {
	s.t.Helper()
	reconciler := &lifecycle.Reconciler{
		Client: kube, Live: kube, Cloud: s.Cloud, Events: s.Events, Clock: s.Clock,
		Metrics: metrics.New(prometheus.NewRegistry()), Log: logr.Discard(),
	}
	if _, err := reconciler.Reconcile(s.t.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Name: s.claim}}); err != nil {
		s.t.Fatal(err)
	}
}

func TestNodeRegistersWhetherOrNotPodsCanBeNominated(t *testing.T) {
	s := newPromise(t)
	s.reconcileWith(interceptor.NewClient(s.Client, interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, name string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			if _, ok := object.(*corev1.Pod); ok {
				return apierrors.NewForbidden(schema.GroupResource{Resource: "pods/status"}, object.GetName(), fmt.Errorf("no rule allows it"))
			}
			return c.SubResource(name).Patch(ctx, object, patch, options...)
		},
	}))
	if !s.get().StatusConditions().Get(karpv1.ConditionTypeInitialized).IsTrue() {
		t.Error("the node does not get ready where drover may not write to pods")
	}
	s.want("without the right to nominate", " ", 2)
}

func TestPromiseEndsWhenItsPodsAreBound(t *testing.T) {
	s := newPromise(t)
	node := s.Nodes()[0].Name
	if got := s.mustReconcile().RequeueAfter; got <= 0 || got > lifecycle.RefusedAfter {
		t.Errorf("comes back after %s, want soon", got)
	}
	s.want("on the new node", node+" "+node, 2)
	s.Bind()
	if got := s.mustReconcile().RequeueAfter; got != 0 {
		t.Errorf("comes back after %s although there is nothing to wait for", got)
	}
	s.want("after the pods are bound", " ", 0)
}

func TestPodsThatTheNodeWillNotHaveAskAgain(t *testing.T) {
	s := newPromise(t)
	node := s.Nodes()[0].Name
	s.mustReconcile()
	s.refuse("a")
	s.mustReconcile()
	s.want("refused at once", node+" "+node, 2)
	s.refuse("a")
	s.Clock.Step(lifecycle.RefusedAfter + time.Second)
	s.mustReconcile()
	s.want("refused for long", " "+node, 1)
	s.Clock.Step(lifecycle.UntriedAfter)
	s.mustReconcile()
	s.want("never tried", " ", 0)
	if got := s.mustReconcile().RequeueAfter; got != 0 {
		t.Errorf("comes back after %s although there is nothing to wait for", got)
	}
}

// TestPodsThatDependOnOthersHaveMoreTime: one that spreads is refused until
// those in other zones are bound, and their nodes may be late.
func TestPodsThatDependOnOthersHaveMoreTime(t *testing.T) {
	for name, change := range map[string]func(*corev1.Pod){
		"spread": func(p *corev1.Pod) {
			p.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.DoNotSchedule}}
		},
		"affinity": func(p *corev1.Pod) {
			p.Spec.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{
				RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: corev1.LabelTopologyZone}},
			}}
		},
		"group": func(p *corev1.Pod) { p.Spec.SchedulingGroup = &corev1.PodSchedulingGroup{PodGroupName: new("g")} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newPromise(t)
			node := s.Nodes()[0].Name
			s.mustReconcile()
			pod := s.pod("a")
			change(pod)
			s.Update(pod)
			late := claimFor(t)
			late.Annotations[translate.PodsAnnotation] = `{"other/c":"mark"}`
			s.Create(late)
			s.Clock.Step(lifecycle.DependentAfter + time.Second)
			s.refuse("a")
			s.mustReconcile()
			s.want("while a node is on its way", node+" "+node, 2)
			s.refuse("a")
			s.Delete(late)
			s.mustReconcile()
			s.want("when no node comes any more", " "+node, 1)
		})
	}
}

func TestNodesThatCameLateGiveTimeToTheOthers(t *testing.T) {
	s := newPromise(t)
	node := s.Nodes()[0].Name
	s.mustReconcile()
	pod := s.pod("a")
	pod.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.DoNotSchedule}}
	s.Update(pod)
	late := claimFor(t)
	late.StatusConditions().SetTrue(karpv1.ConditionTypeInitialized)
	for i := range late.Status.Conditions {
		late.Status.Conditions[i].LastTransitionTime = metav1.NewTime(s.Clock.Now().Add(lifecycle.DependentAfter))
	}
	s.Create(late)
	s.Clock.Step(lifecycle.DependentAfter + lifecycle.RefusedAfter)
	s.refuse("a")
	s.mustReconcile()
	s.want("shortly after the last node", node+" "+node, 2)
	s.Clock.Step(lifecycle.DependentAfter)
	s.refuse("a")
	s.mustReconcile()
	s.want("long after the last node", " "+node, 1)
	s.Clock.Step(lifecycle.UntriedAfter)
	s.mustReconcile()
	s.want("in the end", " ", 0)
}

func TestPodsForWhichThereIsNoRoomAskAtOnce(t *testing.T) {
	s := newPromise(t)
	node := s.Nodes()[0].Name
	s.mustReconcile()
	intruder := clustertest.PendingPod("intruder", "5Gi")
	intruder.Spec.NodeName = node
	s.Create(intruder)
	s.mustReconcile()
	s.want("with room for one", node+" ", 1)
	second := clustertest.PendingPod("second", "1Gi")
	second.Spec.NodeName = node
	s.Create(second)
	s.mustReconcile()
	s.want("without room", " ", 0)
}

func TestPromiseThatNobodyCanReadIsTakenAway(t *testing.T) {
	s := newPromise(t)
	claim := s.get()
	claim.Annotations[translate.PodsAnnotation] = "a b"
	s.Update(claim)
	s.mustReconcile()
	s.want("unreadable", " ", 0)
	if _, left := s.get().Annotations[translate.PodsAnnotation]; left {
		t.Error("the annotation is still there")
	}
}

func TestNominationStaysWhileOthersMakeRoom(t *testing.T) {
	s := newPromise(t)
	node := s.Nodes()[0].Name
	s.mustReconcile()
	victim := clustertest.PendingPod("victim", "1Gi")
	victim.Spec.NodeName, victim.Finalizers = node, []string{"example.com/wait"}
	s.Create(victim)
	s.Delete(victim)
	s.Clock.Step(lifecycle.UntriedAfter + time.Second)
	s.mustReconcile()
	s.want("while a pod leaves the node", node+" "+node, 2)
}

func TestCordonedNodeKeepsNoPromise(t *testing.T) {
	s := newPromise(t)
	s.mustReconcile()
	node := s.Nodes()[0]
	node.Spec.Unschedulable = true
	s.Update(&node)
	s.mustReconcile()
	s.want("on a cordoned node", " ", 0)
}

func TestNominationsOfTheSchedulerAreLeftAlone(t *testing.T) {
	s := newPromise(t)
	other := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "other"}}
	s.Create(other)
	pod := s.pod("a")
	pod.Status.NominatedNodeName = other.Name
	s.UpdateStatus(pod)
	s.mustReconcile()
	if got := s.nominations(); !strings.HasPrefix(got, other.Name+" ip-") {
		t.Errorf("pods are nominated to %q, want the first left to the scheduler", got)
	}
	s.Clock.Step(lifecycle.UntriedAfter + time.Second)
	s.mustReconcile()
	s.want("in the end", other.Name+" ", 0)
}
