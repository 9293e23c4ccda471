package controllers_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/interruption"
	notices "github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
)

// spotWorld is a cluster of Spot nodes with a ReplicaSet, under drover with a queue.
type spotWorld struct {
	*process
	queue    *cloudtest.Queue
	away     *cloudtest.Interruptions
	policy   interruption.Policy
	replicas int
	serial   int
	watch    func() // looks at every beat, when pods have been told to go

	places     *interruption.Places
	recorder   *interruption.Recorder
	listener   *interruption.Listener
	reconciler *interruption.Reconciler
}

// newSpotWorld has the given number of pods on Spot nodes, all of them running.
func newSpotWorld(t *testing.T, replicas int) *spotWorld {
	t.Helper()
	pool := clustertest.Pool()
	pool.Spec.Template.Spec.Requirements[0].Values = []string{"spot", "on-demand"}
	cluster := clustertest.New(t, cloudtest.World{ShutdownTime: 10 * time.Second}, clustertest.Class(), pool)
	w := &spotWorld{queue: &cloudtest.Queue{}, away: &cloudtest.Interruptions{Cloud: cluster.Cloud}, policy: interruption.DefaultPolicy(), replicas: replicas}
	w.process = start(t, cluster, &clustertest.Faults{})
	w.take(&clustertest.Faults{})
	w.scale()
	w.settleSpot(3)
	for _, pod := range cluster.Pods() {
		if pod.Spec.NodeName == "" {
			t.Fatalf("pod %s does not run at the start", pod.Name)
		}
	}
	return w
}

// take has a new process with the given faults take over.
func (w *spotWorld) take(faults *clustertest.Faults) {
	t, cluster := w.t, w.cluster
	w.process = start(t, cluster, faults)
	kube := faults.Client(cluster.Client)
	measures := metrics.NewInterruption(prometheus.NewRegistry())
	w.places = &interruption.Places{}
	w.provisioner.Decided = w.places.Decided
	w.recorder = &interruption.Recorder{
		Client: kube, Live: kube, Cloud: faults.Interruptions(w.away), Policy: w.policy, Cluster: "test", Events: cluster.Events,
		Metrics: measures, Clock: cluster.Clock, Log: w.provisioner.Log,
	}
	w.listener = &interruption.Listener{
		Queue: faults.Queue(w.queue), Recorder: w.recorder, Events: cluster.Events, Metrics: measures, Clock: cluster.Clock, Log: w.provisioner.Log,
	}
	w.reconciler = &interruption.Reconciler{Recorder: w.recorder, Places: w.places, Pods: w.provisioner.Metrics}
}

// scale is the ReplicaSet's controller: it makes pods until there are enough that
// are not on their way out.
func (w *spotWorld) scale() {
	w.t.Helper()
	have := 0
	for _, pod := range w.cluster.Pods() {
		if pod.DeletionTimestamp == nil && pod.Labels["app"] == "web" {
			have++
		}
	}
	for ; have < w.replicas; have++ {
		w.serial++
		w.cluster.Create(webPod(fmt.Sprintf("web-%d", w.serial)))
	}
}

func webPod(name string) *corev1.Pod {
	pod := clustertest.PendingPod(name, "1Gi")
	pod.Labels["app"] = "web"
	pod.Finalizers = []string{clustertest.Running}
	pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", UID: "web", Controller: new(true)}}
	return pod
}

// protect gives the pods a budget.
func (w *spotWorld) protect(minAvailable int) {
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "web"}}
	budget.Spec.MinAvailable = new(intstr.FromInt32(int32(minAvailable)))
	budget.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	w.cluster.Create(budget)
}

// hear empties the queue as far as it can be.
func (w *spotWorld) hear() {
	w.t.Helper()
	for range 20 {
		if w.faults.Dead() || w.queue.Len() == 0 {
			return
		}
		w.mind(w.listener.Round(w.t.Context()))
	}
}

func (w *spotWorld) act() {
	w.t.Helper()
	for _, node := range w.cluster.Nodes() {
		_, err := w.reconciler.Reconcile(w.t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&node)})
		w.mind(err)
	}
}

// beat is a moment of everybody's life.
func (w *spotWorld) beat() {
	w.t.Helper()
	w.hear()
	w.act()
	w.live()
	w.act()
	if w.watch != nil {
		w.watch()
	}
	w.cluster.Reap()
	w.scale()
}

// settleSpot lets time go by.
func (w *spotWorld) settleSpot(beats int) {
	w.t.Helper()
	for range beats {
		w.beat()
		w.cluster.Clock.Step(10 * time.Second)
	}
}

// instanceOf is the instance of a node.
func instanceOf(node *corev1.Node) string { return notices.InstanceOf(node.Spec.ProviderID) }

// warn sends the interruption warning about a node.
func (w *spotWorld) warn(node *corev1.Node) {
	w.queue.Send(fmt.Sprintf(`{"version":"0","id":"x","detail-type":"EC2 Spot Instance Interruption Warning","source":"aws.ec2","account":"1","time":%q,"region":"us-west-2","detail":{"instance-id":%q,"instance-action":"terminate"}}`,
		w.cluster.Clock.Now().UTC().Format(time.RFC3339), instanceOf(node)))
}

// advise sends the rebalance recommendation about a node.
func (w *spotWorld) advise(node *corev1.Node) {
	w.queue.Send(fmt.Sprintf(`{"version":"0","id":"x","detail-type":"EC2 Instance Rebalance Recommendation","source":"aws.ec2","account":"1","time":%q,"region":"us-west-2","detail":{"instance-id":%q}}`,
		w.cluster.Clock.Now().UTC().Format(time.RFC3339), instanceOf(node)))
}

// running counts pods that run and are not on their way out.
func (w *spotWorld) running() int {
	count := 0
	for _, pod := range w.cluster.Pods() {
		if pod.Spec.NodeName != "" && pod.DeletionTimestamp == nil {
			count++
		}
	}
	return count
}

// node reads a node anew.
func (w *spotWorld) node(name string) *corev1.Node {
	return clustertest.Get(w.cluster, &corev1.Node{}, name)
}

// requireEvictedOnce checks that no pod was told to go twice.
func (w *spotWorld) requireEvictedOnce() {
	w.t.Helper()
	for uid, times := range w.cluster.Evictions() {
		if times > 1 {
			w.t.Errorf("pod %s was evicted %d times", uid, times)
		}
	}
}

// lasting are the NodeClaims that are not on their way out.
func (w *spotWorld) lasting() []karpv1.NodeClaim {
	var lasting []karpv1.NodeClaim
	for _, claim := range w.cluster.Claims() {
		if claim.DeletionTimestamp == nil {
			lasting = append(lasting, claim)
		}
	}
	return lasting
}

// sellOut leaves nothing to buy in a zone.
func (w *spotWorld) sellOut(zone string) {
	for _, kind := range []string{"c5.large", "m5.large", "r5.large", "m5.xlarge"} {
		for _, how := range []model.CapacityType{model.Spot, model.OnDemand} {
			w.cluster.Cloud.SetCapacity(model.OfferingKey{InstanceType: kind, Zone: zone, CapacityType: how}, 0)
		}
	}
}
