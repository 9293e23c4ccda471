package lifecycle_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/lifecycle"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
)

func offering(instanceType, zone string) model.Offering {
	return model.Offering{
		OfferingKey:  model.OfferingKey{InstanceType: instanceType, Zone: zone, CapacityType: model.OnDemand},
		PricePerHour: 0.096,
	}
}

// claimFor is the claim of a launch that may be an m5.large in zone a or b.
func claimFor(t *testing.T) *karpv1.NodeClaim {
	t.Helper()
	claim := apply.NewNodeClaim(clustertest.Pool(), &model.Launch{
		NodePool:  "default",
		Offerings: []model.Offering{offering("m5.large", "us-west-2a"), offering("m5.large", "us-west-2b")},
		Requests:  model.Resources{model.Memory: 5 << 30},
	})
	return claim
}

type subject struct {
	*clustertest.Cluster
	t     *testing.T
	claim string
}

func newSubject(t *testing.T, world cloudtest.World) *subject {
	t.Helper()
	claim := claimFor(t)
	cluster := clustertest.New(t, world, clustertest.Class(), claim)
	return &subject{Cluster: cluster, t: t, claim: claim.Name}
}

func (s *subject) reconcile() (reconcile.Result, error) {
	s.t.Helper()
	reconciler := &lifecycle.Reconciler{
		Client: s.Client, Live: s.Client, Cloud: s.Cloud, Events: s.Events, Clock: s.Clock,
		Metrics: metrics.New(prometheus.NewRegistry()), Log: logr.Discard(),
	}
	return reconciler.Reconcile(s.t.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Name: s.claim}})
}

func (s *subject) mustReconcile() reconcile.Result {
	s.t.Helper()
	result, err := s.reconcile()
	if err != nil {
		s.t.Fatal(err)
	}
	return result
}

func (s *subject) get() *karpv1.NodeClaim {
	s.t.Helper()
	return clustertest.Get(s.Cluster, &karpv1.NodeClaim{}, s.claim)
}

func TestPoolWithoutCapacityIsPassedOverAndSaid(t *testing.T) {
	world := cloudtest.World{Capacity: map[model.OfferingKey]int{offering("m5.large", "us-west-2a").OfferingKey: 0}}
	s := newSubject(t, world)
	s.mustReconcile()
	claim := s.get()
	if got := claim.Labels[corev1.LabelTopologyZone]; got != "us-west-2b" {
		t.Errorf("launched in zone %q, want us-west-2b", got)
	}
	if said := <-s.Said; !strings.Contains(said, "InsufficientCapacityError") || !strings.Contains(said, "m5.large in us-west-2a") {
		t.Errorf("the event is %q", said)
	}
	for name, want := range map[corev1.ResourceName]string{corev1.ResourceMemory: "6903Mi", corev1.ResourceCPU: "1930m", corev1.ResourceEphemeralStorage: "17Gi"} {
		quantity := claim.Status.Allocatable[name]
		if got := quantity.String(); got != want {
			t.Errorf("allocatable %s is %s, want %s", name, got, want)
		}
	}
}

func TestClaimWithoutCapacityAnywhereIsGivenUp(t *testing.T) {
	s := newSubject(t, cloudtest.World{Capacity: map[model.OfferingKey]int{
		offering("m5.large", "us-west-2a").OfferingKey: 0, offering("m5.large", "us-west-2b").OfferingKey: 0,
	}})
	s.mustReconcile()
	if said := <-s.Said; !strings.HasPrefix(said, "Warning InsufficientCapacityError") {
		t.Errorf("the event is %q", said)
	}
	s.mustReconcile()
	if s.Exists(&karpv1.NodeClaim{}, s.claim) {
		t.Error("the claim is still there, so its pods are not planned anew")
	}
}

func TestRefusedLaunchKeepsTheReasonOnTheClaim(t *testing.T) {
	refusal := &cloud.TerminalError{Reason: "UnauthorizedOperation", Err: errors.New("allow ec2:CreateFleet to the controller's role")}
	s := newSubject(t, cloudtest.World{Before: func(operation string) error {
		if operation == "Launch" {
			return refusal
		}
		return nil
	}})
	if _, err := s.reconcile(); !errors.Is(err, refusal) {
		t.Fatalf("error is %v, want a retry because of %v", err, refusal)
	}
	condition := s.get().StatusConditions().Get(karpv1.ConditionTypeLaunched)
	if !condition.IsFalse() || condition.Reason != refusal.Reason || condition.Message != refusal.Error() {
		t.Errorf("condition Launched is %+v", condition)
	}
}

func TestClaimOfAClassThatIsNotReadyIsGivenUp(t *testing.T) {
	s := newSubject(t, cloudtest.World{})
	class := clustertest.Get(s.Cluster, &ec2v1.EC2NodeClass{}, "default")
	class.StatusConditions().SetFalse(ec2v1.ConditionTypeSubnetsReady, "SubnetsNotFound", "no subnet")
	s.UpdateStatus(class)
	s.mustReconcile()
	s.mustReconcile()
	if s.Exists(&karpv1.NodeClaim{}, s.claim) || s.Cloud.Calls("Launch") != 0 {
		t.Errorf("claim exists: %t, launches: %d; want neither", s.Exists(&karpv1.NodeClaim{}, s.claim), s.Cloud.Calls("Launch"))
	}
}

func TestClaimThatDoesNotRegisterInTimeIsDeleted(t *testing.T) {
	s := newSubject(t, cloudtest.World{})
	if got := s.mustReconcile().RequeueAfter; got <= 0 || got > lifecycle.RegistrationTimeout {
		t.Errorf("comes back after %s, want within the registration timeout", got)
	}
	s.Clock.Step(lifecycle.RegistrationTimeout - time.Second)
	s.mustReconcile()
	if s.get().DeletionTimestamp != nil {
		t.Fatal("deleted before its time")
	}
	s.Clock.Step(2 * time.Second)
	s.mustReconcile()
	if s.get().DeletionTimestamp == nil {
		t.Error("not deleted after its time")
	}
}

func TestNodeTakesOverWhatItsClaimPromises(t *testing.T) {
	s := newSubject(t, cloudtest.World{})
	s.mustReconcile()
	s.Join()
	s.mustReconcile()
	node := s.Nodes()[0]
	for key, want := range map[string]string{
		karpv1.NodeRegisteredLabelKey: "true", karpv1.NodeInitializedLabelKey: "true", karpv1.NodePoolLabelKey: "default",
		karpv1.CapacityTypeLabelKey: "on-demand", "karpenter.k8s.aws/ec2nodeclass": "default", "karpenter.k8s.aws/instance-memory": "8192",
	} {
		if got := node.Labels[key]; got != want {
			t.Errorf("label %s = %q, want %q", key, got, want)
		}
	}
	if len(node.Spec.Taints) != 0 || len(node.Finalizers) != 1 || len(node.OwnerReferences) != 1 {
		t.Errorf("taints %v, finalizers %v, owners %v", node.Spec.Taints, node.Finalizers, node.OwnerReferences)
	}
	if _, ok := node.Annotations["drover.sh/offerings"]; ok {
		t.Error("the list of offerings was copied to the node")
	}
	if claim := s.get(); claim.Status.NodeName != node.Name || !claim.StatusConditions().Root().IsTrue() {
		t.Errorf("claim has node %q and is Ready: %t", claim.Status.NodeName, claim.StatusConditions().Root().IsTrue())
	}
}

func TestClaimWhoseNodeWasRemovedIsDeleted(t *testing.T) {
	s := newSubject(t, cloudtest.World{})
	s.mustReconcile()
	s.Join()
	s.mustReconcile()
	node := s.Nodes()[0]
	node.Finalizers = nil
	s.Update(&node)
	s.Delete(&node)
	// Initialized claims are only woken by the node's end.
	s.mustReconcile()
	if s.get().DeletionTimestamp == nil {
		t.Error("the claim stays although nobody can use its machine")
	}
}

func TestBlocker(t *testing.T) {
	startup := corev1.Taint{Key: "cni", Effect: corev1.TaintEffectNoSchedule}
	ready := []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	for _, test := range []struct {
		name  string
		node  corev1.Node
		claim karpv1.NodeClaim
		want  string
	}{
		{name: "not ready", want: "NodeNotReady"},
		{name: "all set", node: corev1.Node{Status: corev1.NodeStatus{Conditions: ready}}},
		{
			name:  "startup taint",
			node:  corev1.Node{Spec: corev1.NodeSpec{Taints: []corev1.Taint{startup}}, Status: corev1.NodeStatus{Conditions: ready}},
			claim: karpv1.NodeClaim{Spec: karpv1.NodeClaimSpec{StartupTaints: []corev1.Taint{startup}}},
			want:  "StartupTaintsExist",
		},
		{
			name: "taint of the node lifecycle",
			node: corev1.Node{
				Spec:   corev1.NodeSpec{Taints: []corev1.Taint{{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}}},
				Status: corev1.NodeStatus{Conditions: ready},
			},
			want: "KnownEphemeralTaintsExist",
		},
		{
			name: "GPU that its plugin has not reported",
			node: corev1.Node{Status: corev1.NodeStatus{Conditions: ready}},
			claim: karpv1.NodeClaim{
				Spec:   karpv1.NodeClaimSpec{Resources: karpv1.ResourceRequirements{Requests: corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("1")}}},
				Status: karpv1.NodeClaimStatus{Allocatable: corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("4")}},
			},
			want: "ResourceNotRegistered",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, message := lifecycle.Blocker(&test.node, &test.claim); got != test.want {
				t.Errorf("blocked by %q (%s), want %q", got, message, test.want)
			}
		})
	}
}
