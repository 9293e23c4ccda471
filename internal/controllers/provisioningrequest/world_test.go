package provisioningrequest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientevents "k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/nodegroup"
	"github.com/drover-project/drover/internal/controllers/provisioningrequest"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/provreq"
)

// world is a cluster of one node group, and drover's part of answering requests.
type world struct {
	t          *testing.T
	client     client.Client
	clock      *clocktesting.FakeClock
	groups     *cloudtest.Groups
	cloud      *cloudtest.Fake // of NodePools; nil without them
	observer   *observe.Observer
	autoscaler *nodegroup.Autoscaler
	controller *provisioningrequest.Controller
	said       chan string
	log        strings.Builder
}

// newWorld has a group of so many nodes of 1930m cpu.
func newWorld(t *testing.T, size, most int) *world {
	t.Helper()
	return newWorldOf(t, cloudtest.Group("workers", "us-west-2a", 0, size, most))
}

func newWorldOf(t *testing.T, group cloud.NodeGroup) *world {
	t.Helper()
	w := &world{t: t, clock: clocktesting.NewFakeClock(time.Now().Truncate(time.Second)), groups: &cloudtest.Groups{}, said: make(chan string, 1000)}
	known := clustertest.Scheme()
	provreq.AddToScheme(known)
	builder := fake.NewClientBuilder().WithScheme(known).WithStatusSubresource(&provreq.ProvisioningRequest{}, &corev1.Node{}, &corev1.Pod{}, &karpv1.NodeClaim{})
	for _, each := range index.All() {
		if _, isPod := each.Object.(*corev1.Pod); isPod {
			builder = builder.WithIndex(each.Object, each.Field, each.Extract)
		}
	}
	w.client = builder.Build()
	w.groups.Put(group)
	w.restart()
	w.join()
	return w
}

// restart is a process that remembers nothing.
func (w *world) restart() {
	options := nodegroup.Defaults()
	options.Selection = cloud.GroupSelection{Tags: map[string]string{"k8s.io/cluster-autoscaler/enabled": ""}}
	options.Requests.Enabled = true
	options.ScaleDown.UnneededTime = time.Minute
	options.ScaleDown.DelayAfterAdd = 0
	log := funcr.New(func(_, args string) { w.log.WriteString(args + "\n") }, funcr.Options{})
	keeper := &nodegroup.Keeper{Cloud: w.groups, Options: options, Clock: w.clock, Log: log}
	bookings := &provisioningrequest.Bookings{Reader: w.client, NodePools: w.cloud != nil, Log: log}
	w.observer = &observe.Observer{Reader: w.client, Groups: keeper, GroupsOnly: w.cloud == nil, Mark: bookings.Mark,
		Waits: func(pod *corev1.Pod) bool { return nodegroup.Waits(pod, options, w.clock.Now()) }}
	if w.cloud != nil {
		w.observer.Cloud = w.cloud
	}
	recorder := events.New(&clientevents.FakeRecorder{Events: w.said}, w.clock)
	w.autoscaler = &nodegroup.Autoscaler{Keeper: keeper, Observer: w.observer, Client: w.client, Live: w.client, Events: recorder,
		Metrics: metrics.NewGroups(prometheus.NewRegistry()), Clock: w.clock, Log: log}
	applier := &apply.Applier{Client: w.client, Live: w.client, Metrics: metrics.New(prometheus.NewRegistry()), Events: recorder, Log: log, Groups: w.groups}
	w.controller = &provisioningrequest.Controller{Client: w.client, Bookings: bookings, Observer: w.observer,
		Decide: (&nodegroup.Decider{Options: options, Log: log}).DecideFor, Grow: applier.Launch, Applied: w.autoscaler.Applied, Turn: &keeper.Turn,
		Events: recorder, Clock: w.clock, Log: log, InitialBackoff: time.Minute, MaxBackoff: 3 * time.Minute}
}

func (w *world) create(objects ...client.Object) {
	w.t.Helper()
	for _, object := range objects {
		object.SetUID(types.UID(object.GetNamespace() + "/" + object.GetName() + "-uid"))
		object.SetCreationTimestamp(metav1.NewTime(w.clock.Now()))
		if err := w.client.Create(w.t.Context(), object); err != nil {
			w.t.Fatal(err)
		}
	}
}

// join lets the instances that the group wants register.
func (w *world) join() {
	w.t.Helper()
	for _, instance := range w.groups.Settle("workers") {
		name := "ip-" + instance.ID
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			corev1.LabelHostname: name, corev1.LabelInstanceTypeStable: instance.InstanceType, corev1.LabelTopologyZone: instance.Zone, "group": "workers"}}}
		node.Spec.ProviderID = instance.ProviderID
		node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1930m"), corev1.ResourceMemory: resource.MustParse("7Gi"), corev1.ResourcePods: resource.MustParse("29")}
		node.Status.Capacity = node.Status.Allocatable
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		w.create(node)
	}
}

func podSpec(cpu string) corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{Name: "work", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse("512Mi")}}}}}
}

// ask creates a request for so many pods, each of so much cpu.
func (w *world) ask(name, class string, count int32, cpu string, parameters ...string) {
	w.t.Helper()
	template := &corev1.PodTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Template: corev1.PodTemplateSpec{Spec: podSpec(cpu)}}
	request := &provreq.ProvisioningRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	request.Spec = provreq.Spec{ProvisioningClassName: class, PodSets: []provreq.PodSet{{PodTemplateRef: provreq.Reference{Name: name}, Count: count}}, Parameters: map[string]provreq.Parameter{}}
	for _, parameter := range parameters {
		key, value, hasValue := strings.Cut(parameter, "=")
		if !hasValue {
			value = "true"
		}
		request.Spec.Parameters[key] = provreq.Parameter(value)
	}
	w.create(template, request)
}

// pod creates one that waits; with a request, one that uses what it has booked.
func (w *world) pod(name, cpu, request string) {
	w.t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Spec: podSpec(cpu)}
	if request != "" {
		pod.Annotations = map[string]string{"autoscaling.x-k8s.io/consume-provisioning-request": request}
	}
	pod.Status.Phase = corev1.PodPending
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable}}
	w.create(pod)
}

// bind puts a pod on the first node.
func (w *world) bind(name string) {
	w.t.Helper()
	var nodes corev1.NodeList
	var pod corev1.Pod
	if err := w.client.List(w.t.Context(), &nodes); err != nil {
		w.t.Fatal(err)
	}
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: "default", Name: name}, &pod); err != nil {
		w.t.Fatal(err)
	}
	pod.Spec.NodeName = nodes.Items[0].Name
	if err := w.client.Update(w.t.Context(), &pod); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) round() {
	w.t.Helper()
	if err := w.controller.Round(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// state is the request's conditions as TYPE=STATUS/REASON, by their order.
func (w *world) state(name string) string {
	w.t.Helper()
	request := w.request(name)
	if request == nil {
		return "gone"
	}
	var parts []string
	for _, condition := range request.Status.Conditions {
		parts = append(parts, fmt.Sprintf("%s=%s/%s", condition.Type, condition.Status, condition.Reason))
	}
	return strings.Join(parts, " ")
}

func (w *world) message(name, condition string) string {
	w.t.Helper()
	if found := meta.FindStatusCondition(w.request(name).Status.Conditions, condition); found != nil {
		return found.Message
	}
	return ""
}

func (w *world) request(name string) *provreq.ProvisioningRequest {
	w.t.Helper()
	request := &provreq.ProvisioningRequest{}
	err := w.client.Get(context.Background(), client.ObjectKey{Namespace: "default", Name: name}, request)
	if client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return request
}
