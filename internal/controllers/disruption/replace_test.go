package disruption_test

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/disruption"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/observe"
)

var request = reconcile.Request{}

// replacing is a cluster with one on-demand node that works, in a pool that may buy
// Spot again.
type replacing struct {
	*clustertest.Cluster
	t          *testing.T
	reconciler *disruption.Reconciler
	serial     int
}

func newReplacing(t *testing.T, change func(*karpv1.NodePool, *corev1.Pod)) *replacing {
	t.Helper()
	return newReplacingIn(t, cloudtest.World{}, change)
}

func newReplacingIn(t *testing.T, world cloudtest.World, change func(*karpv1.NodePool, *corev1.Pod)) *replacing {
	t.Helper()
	pool := clustertest.Pool()
	pool.Spec.Template.Spec.Requirements[0].Values = []string{"on-demand", "spot"}
	pool.Spec.Disruption.ConsolidationPolicy = karpv1.ConsolidationPolicyWhenEmptyOrUnderutilized
	pod := podOn("node-0", func(p *corev1.Pod) {
		p.Labels = map[string]string{"app": "web"}
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", UID: "web", Controller: new(true)}}
		p.Spec.Containers = []corev1.Container{{Name: "web", Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}}}}
	})
	if change != nil {
		change(pool, pod)
	}
	w := &replacing{Cluster: clustertest.New(t, world, clustertest.Class(), pool), t: t}
	restingNodes(w.Cluster, 1)
	w.Create(pod)
	measures := metrics.New(prometheus.NewRegistry())
	w.reconciler = &disruption.Reconciler{
		Client: w.Client, Live: w.Client, Observer: &observe.Observer{Reader: w.Client, Cloud: w.Cloud},
		Events: w.Events, Metrics: measures, Clock: w.Clock, Log: logr.Discard(),
		Launcher: &apply.Applier{Client: w.Client, Live: w.Client, Metrics: measures, Events: w.Events, Log: logr.Discard()},
	}
	return w
}

func (w *replacing) look() {
	w.t.Helper()
	if _, err := w.reconciler.Reconcile(w.t.Context(), request); err != nil {
		w.t.Fatal(err)
	}
}

// replacement is the claim that was launched, nil when there is none.
func (w *replacing) replacement() *karpv1.NodeClaim {
	for _, claim := range w.Claims() {
		if claim.Name != "default-0" {
			return &claim
		}
	}
	return nil
}

func (w *replacing) replacedBy() string {
	return clustertest.Get(w.Cluster, &karpv1.NodeClaim{}, "default-0").Annotations[disruption.ReplacedByAnnotation]
}

func TestNodeOnDemandGoesBackToSpot(t *testing.T) {
	w := newReplacing(t, nil)
	w.look()
	next := w.replacement()
	if next == nil || w.replacedBy() != next.Name {
		t.Fatalf("launched %v, noted %q: want a claim that is noted on the old one", next, w.replacedBy())
	}
	for _, requirement := range next.Spec.Requirements {
		if requirement.Key == karpv1.CapacityTypeLabelKey && (len(requirement.Values) != 1 || requirement.Values[0] != "spot") {
			t.Errorf("the new node may be %v, want Spot alone: on demand saves nothing", requirement.Values)
		}
	}
	w.Clock.Step(time.Hour)
	w.look()
	if got := ending(w.Cluster); got != "" || len(w.Claims()) != 2 {
		t.Fatalf("%d claims, ending %q: the old node goes when the new one is ready, and only one is launched", len(w.Claims()), got)
	}
	next.StatusConditions().SetTrue(karpv1.ConditionTypeLaunched)
	next.StatusConditions().SetTrue(karpv1.ConditionTypeRegistered)
	next.StatusConditions().SetTrue(karpv1.ConditionTypeInitialized)
	w.UpdateStatus(next)
	w.look()
	if got := ending(w.Cluster); got != "default-0" {
		t.Errorf("ending claims are %q, want the old one", got)
	}
	if taints := clustertest.Get(w.Cluster, &corev1.Node{}, "node-0").Spec.Taints; len(taints) != 1 {
		t.Errorf("the old node has the taints %v, want the one that keeps pods away", taints)
	}
}

func TestReplacementThatFailsIsForgotten(t *testing.T) {
	w := newReplacing(t, nil)
	w.look()
	next := w.replacement()
	next.Finalizers = nil
	w.Update(next)
	w.Delete(next)
	w.look()
	if w.replacedBy() != "" || ending(w.Cluster) != "" {
		t.Errorf("the old claim notes %q, ending %q: want it to work on", w.replacedBy(), ending(w.Cluster))
	}
}

// TestWhatIsNotReplaced: each for a reason of its own.
func TestWhatIsNotReplaced(t *testing.T) {
	for name, change := range map[string]func(*karpv1.NodePool, *corev1.Pod){
		"a pool that lets empty nodes go only": func(p *karpv1.NodePool, _ *corev1.Pod) {
			p.Spec.Disruption.ConsolidationPolicy = karpv1.ConsolidationPolicyWhenEmpty
		},
		"a budget that is closed": func(p *karpv1.NodePool, _ *corev1.Pod) {
			p.Spec.Disruption.Budgets = []karpv1.Budget{{Nodes: "0", Reasons: []karpv1.DisruptionReason{karpv1.DisruptionReasonUnderutilized}}}
		},
		"a pool that buys on demand only": func(p *karpv1.NodePool, _ *corev1.Pod) {
			p.Spec.Template.Spec.Requirements[0].Values = []string{"on-demand"}
		},
		"a pool whose share is on demand": func(p *karpv1.NodePool, _ *corev1.Pod) {
			p.Annotations = map[string]string{observe.OnDemandBaseAnnotation: "1"}
		},
		"a pod that must not be disturbed": func(_ *karpv1.NodePool, p *corev1.Pod) {
			p.Annotations = map[string]string{karpv1.DoNotDisruptAnnotationKey: "true"}
		},
		"a pod that nothing makes anew": func(_ *karpv1.NodePool, p *corev1.Pod) { p.OwnerReferences = nil },
		"a pod with a claim that is not there": func(_ *karpv1.NodePool, p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
		},
		"a pod that wants on demand": func(_ *karpv1.NodePool, p *corev1.Pod) {
			p.Spec.NodeSelector = map[string]string{karpv1.CapacityTypeLabelKey: "on-demand"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newReplacing(t, change)
			w.look()
			if next := w.replacement(); next != nil || ending(w.Cluster) != "" {
				t.Errorf("launched %v, ending %q: want nothing to happen", next, ending(w.Cluster))
			}
		})
	}
}

func TestBudgetOfThePodsHoldsTheirNode(t *testing.T) {
	w := newReplacing(t, nil)
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "web"}}
	budget.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	w.Create(budget)
	w.look()
	if w.replacement() != nil {
		t.Error("a node is bought although the pod may not be evicted now")
	}
	budget = clustertest.Get(w.Cluster, &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: "other"}}, "web")
	budget.Status.DisruptionsAllowed = 1
	w.UpdateStatus(budget)
	w.Clock.Step(time.Hour)
	w.look()
	if w.replacement() == nil {
		t.Error("no node is bought although the pod may be evicted again")
	}
}

func TestPodsThatWaitComeFirst(t *testing.T) {
	w := newReplacing(t, nil)
	w.Create(clustertest.PendingPod("inflate", "60Gi"))
	w.look()
	if w.replacement() != nil {
		t.Error("a node is replaced while a pod waits")
	}
}
