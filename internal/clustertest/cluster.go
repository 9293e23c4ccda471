// Package clustertest is a small cluster for the tests of controllers: an
// API server in memory, a fake cloud, a clock that stands still, and hands that
// do what kubelet and scheduler would.
package clustertest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientevents "k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/index"
)

// Cluster is the world around the controllers.
type Cluster struct {
	t      testing.TB
	Client client.WithWatch
	Cloud  *cloudtest.Fake
	Clock  *clocktesting.FakeClock
	// Said receives every event as "TYPE REASON NOTE".
	Said   chan string
	Events *events.Recorder

	serial    atomic.Int64
	evictions evictions
}

// New makes a cluster with the given cloud, whose clock it sets, and objects.
func New(t testing.TB, world cloudtest.World, objects ...client.Object) *Cluster {
	t.Helper()
	// Conditions are stamped with the real time, so the clock starts there.
	c := &Cluster{t: t, Clock: clocktesting.NewFakeClock(time.Now()), Said: make(chan string, 10_000)}
	world.Now = c.Clock.Now
	c.Cloud = cloudtest.New(world)
	c.Events = events.New(&clientevents.FakeRecorder{Events: c.Said}, c.Clock)
	subResource := func(ctx context.Context, underlying client.Client, name string, object, sub client.Object, options ...client.SubResourceCreateOption) error {
		if eviction, ok := sub.(*policyv1.Eviction); ok {
			return c.evict(ctx, underlying, object, eviction)
		}
		return underlying.SubResource(name).Create(ctx, object, sub, options...)
	}
	builder := fake.NewClientBuilder().WithScheme(Scheme()).
		WithStatusSubresource(&karpv1.NodePool{}, &karpv1.NodeClaim{}, &ec2v1.EC2NodeClass{}, &corev1.Node{}, &corev1.Pod{}).
		WithInterceptorFuncs(interceptor.Funcs{Create: c.create, SubResourceCreate: subResource})
	for _, each := range index.All() {
		builder = builder.WithIndex(each.Object, each.Field, each.Extract)
	}
	c.Client = builder.Build()
	for _, object := range objects {
		c.Create(object)
	}
	return c
}

// create gives objects what an API server gives them.
func (c *Cluster) create(ctx context.Context, underlying client.WithWatch, object client.Object, options ...client.CreateOption) error {
	if object.GetUID() == "" {
		object.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", c.serial.Add(1))))
	}
	if created := object.GetCreationTimestamp(); created.IsZero() {
		object.SetCreationTimestamp(metav1.NewTime(c.Clock.Now()))
	}
	return underlying.Create(ctx, object, options...)
}

// Create stores an object, its status included.
func (c *Cluster) Create(object client.Object) {
	c.t.Helper()
	withStatus := object.DeepCopyObject().(client.Object)
	if err := c.Client.Create(c.t.Context(), object); err != nil {
		c.t.Fatalf("creating %T %s: %v", object, object.GetName(), err)
	}
	withStatus.SetResourceVersion(object.GetResourceVersion())
	withStatus.SetUID(object.GetUID())
	withStatus.SetCreationTimestamp(object.GetCreationTimestamp())
	if err := c.Client.Status().Update(c.t.Context(), withStatus); err != nil && !isNotFound(err) {
		c.t.Fatalf("storing the status of %T %s: %v", object, object.GetName(), err)
	}
}

// Get reads an object by its name (and namespace), or fails the test.
func Get[T client.Object](c *Cluster, object T, name string) T {
	c.t.Helper()
	key := client.ObjectKey{Namespace: object.GetNamespace(), Name: name}
	if err := c.Client.Get(c.t.Context(), key, object); err != nil {
		c.t.Fatalf("reading %T %s: %v", object, name, err)
	}
	return object
}

// Exists reports whether an object is there.
func (c *Cluster) Exists(object client.Object, name string) bool {
	c.t.Helper()
	err := c.Client.Get(c.t.Context(), client.ObjectKey{Namespace: object.GetNamespace(), Name: name}, object)
	if err != nil && !isNotFound(err) {
		c.t.Fatalf("reading %T %s: %v", object, name, err)
	}
	return err == nil
}

// Claims lists all NodeClaims by name.
func (c *Cluster) Claims() []karpv1.NodeClaim {
	c.t.Helper()
	var claims karpv1.NodeClaimList
	c.list(&claims)
	return claims.Items
}

// Pods lists all pods by name.
func (c *Cluster) Pods() []corev1.Pod {
	c.t.Helper()
	var pods corev1.PodList
	c.list(&pods)
	return pods.Items
}

// Nodes lists all Nodes by name.
func (c *Cluster) Nodes() []corev1.Node {
	c.t.Helper()
	var nodes corev1.NodeList
	c.list(&nodes)
	return nodes.Items
}

func (c *Cluster) list(list client.ObjectList) {
	c.t.Helper()
	if err := c.Client.List(c.t.Context(), list); err != nil {
		c.t.Fatalf("listing %T: %v", list, err)
	}
}

// Class is an EC2NodeClass named default whose selectors match the default
// world and whose status says so.
func Class() *ec2v1.EC2NodeClass {
	class := cloudtest.NodeClass()
	class.Status.Subnets = []ec2v1.Subnet{
		{ID: "subnet-a", Zone: "us-west-2a", ZoneID: "usw2-az1"},
		{ID: "subnet-b", Zone: "us-west-2b", ZoneID: "usw2-az2"},
		{ID: "subnet-c", Zone: "us-west-2c", ZoneID: "usw2-az3"},
	}
	class.Status.SecurityGroups = []ec2v1.SecurityGroup{{ID: "sg-nodes", Name: "nodes"}}
	class.Status.AMIs = []ec2v1.AMI{{ID: "ami-amd64", Name: "al2023-amd64", Requirements: []corev1.NodeSelectorRequirement{
		{Key: corev1.LabelArchStable, Operator: corev1.NodeSelectorOpIn, Values: []string{"amd64"}},
	}}}
	class.Status.InstanceProfile = "nodes"
	for _, condition := range []string{
		ec2v1.ConditionTypeAMIsReady, ec2v1.ConditionTypeSubnetsReady, ec2v1.ConditionTypeSecurityGroupsReady,
		ec2v1.ConditionTypeInstanceProfileReady, ec2v1.ConditionTypeValidationSucceeded, ec2v1.ConditionTypePlacementGroupReady,
	} {
		class.StatusConditions().SetTrue(condition)
	}
	return class
}

// Pool is a ready NodePool named default of on-demand c5, m5 and r5 instances,
// whose empty nodes go after 30 seconds.
func Pool() *karpv1.NodePool {
	pool := &karpv1.NodePool{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	pool.Spec.Template.Labels = map[string]string{"type": "karpenter"}
	pool.Spec.Template.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"}
	pool.Spec.Template.Spec.Requirements = []karpv1.NodeSelectorRequirementWithMinValues{
		{Key: karpv1.CapacityTypeLabelKey, Operator: corev1.NodeSelectorOpIn, Values: []string{"on-demand"}},
		{Key: corev1.LabelInstanceTypeStable, Operator: corev1.NodeSelectorOpIn, Values: []string{"c5.large", "m5.large", "r5.large", "m5.xlarge"}},
	}
	pool.Spec.Disruption.ConsolidationPolicy = karpv1.ConsolidationPolicyWhenEmpty
	pool.Spec.Disruption.ConsolidateAfter = karpv1.MustParseNillableDuration("30s")
	pool.Spec.Disruption.Budgets = []karpv1.Budget{{Nodes: "10%"}}
	pool.StatusConditions().SetTrue(karpv1.ConditionTypeNodeClassReady)
	pool.StatusConditions().SetTrue(karpv1.ConditionTypeValidationSucceeded)
	return pool
}

// PendingPod is a pod that asks for memory and that the scheduler found no node
// for.
func PendingPod(name, memory string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: name, Labels: map[string]string{"app": "inflate"}}}
	pod.Spec.NodeSelector = map[string]string{"type": "karpenter"}
	pod.Spec.Containers = []corev1.Container{{Name: "pause", Resources: corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memory)},
	}}}
	pod.Status.Phase = corev1.PodPending
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable}}
	return pod
}
