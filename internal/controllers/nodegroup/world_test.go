package nodegroup_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/nodegroup"
	"github.com/drover-project/drover/internal/controllers/provisioner"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/observe"
)

// world is a cluster whose nodes come from node groups alone.
type world struct {
	*clustertest.Cluster
	t           *testing.T
	groups      *cloudtest.Groups
	keeper      *nodegroup.Keeper
	autoscaler  *nodegroup.Autoscaler
	provisioner *provisioner.Provisioner
	log         strings.Builder
	serial      int
}

func newWorld(t *testing.T, change func(*nodegroup.Options), groups ...cloud.NodeGroup) *world {
	t.Helper()
	w := &world{Cluster: clustertest.New(t, cloudtest.World{}), t: t, groups: &cloudtest.Groups{}}
	for _, group := range groups {
		w.groups.Put(group)
	}
	w.restart(change)
	for _, group := range groups {
		w.join(group.Name)
	}
	return w
}

// restart is a process that remembers nothing.
func (w *world) restart(change func(*nodegroup.Options)) {
	options := nodegroup.Defaults()
	options.Selection = cloud.GroupSelection{Tags: map[string]string{"k8s.io/cluster-autoscaler/enabled": ""}}
	options.ScaleDown.SkipSystemPods = false
	if change != nil {
		change(&options)
	}
	log := funcr.New(func(_, args string) { w.log.WriteString(args + "\n") }, funcr.Options{})
	w.keeper = &nodegroup.Keeper{Cloud: w.groups, Options: options, Clock: w.Clock, Log: log}
	observer := &observe.Observer{Reader: w.Client, Cloud: w.Cloud, Groups: w.keeper, GroupsOnly: true}
	w.autoscaler = &nodegroup.Autoscaler{
		Keeper: w.keeper, Observer: observer, Client: w.Client, Live: w.Client, Events: w.Events,
		Metrics: metrics.NewGroups(prometheus.NewRegistry()), Clock: w.Clock, Log: log,
	}
	decider := &nodegroup.Decider{Options: options, Live: w.Client, Log: log}
	measures := metrics.New(prometheus.NewRegistry())
	w.provisioner = &provisioner.Provisioner{
		Observer: observer, Metrics: measures, Log: logr.Discard(), Decide: decider.Decide, Applied: w.autoscaler.Applied, Turn: &w.keeper.Turn,
		Applier: &apply.Applier{Client: w.Client, Live: w.Client, Metrics: measures, Events: w.Events, Log: logr.Discard(), Groups: w.groups},
		Teller:  &apply.Teller{Events: w.Events, Log: logr.Discard()},
	}
}

// grow is one decision for the pods that wait.
func (w *world) grow() {
	w.t.Helper()
	if _, err := w.provisioner.Round(w.t.Context()); err != nil {
		w.log.WriteString("error: " + err.Error() + "\n")
	}
}

// watch is one look of the autoscaler.
func (w *world) watch() {
	w.t.Helper()
	if _, err := w.autoscaler.Round(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// pass lets time go by with a look every half minute.
func (w *world) pass(duration time.Duration) {
	w.t.Helper()
	for range duration / (30 * time.Second) {
		w.Clock.Step(30 * time.Second)
		w.watch()
		w.removeNodes()
	}
}

// join lets the instances that the group still wants register.
func (w *world) join(group string) {
	w.t.Helper()
	for _, instance := range w.groups.Settle(group) {
		w.Create(nodeFor(group, instance))
	}
}

func nodeFor(group string, instance cloud.GroupInstance) *corev1.Node {
	name := "ip-" + instance.ID
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		corev1.LabelHostname: name, corev1.LabelInstanceTypeStable: instance.InstanceType, corev1.LabelTopologyZone: instance.Zone,
		corev1.LabelArchStable: "amd64", corev1.LabelOSStable: "linux", "group": group,
	}}}
	node.Spec.ProviderID = instance.ProviderID
	node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1930m"), corev1.ResourceMemory: resource.MustParse("7Gi"), corev1.ResourcePods: resource.MustParse("29")}
	node.Status.Capacity = maps.Clone(node.Status.Allocatable)
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	return node
}

// removeNodes is the cloud node controller: it removes Nodes without instance.
func (w *world) removeNodes() {
	w.t.Helper()
	for _, id := range w.groups.Shrunk {
		if node := (&corev1.Node{}); w.Exists(node, "ip-"+id) {
			w.Delete(node)
		}
	}
}

// deploy adds replicas of nginx with half a cpu and 512 MiB.
func (w *world) deploy(count int) {
	w.t.Helper()
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "nginx", UID: "set"}}
	if !w.Exists(&appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default"}}, "nginx") {
		w.Create(set)
	}
	for range count {
		w.serial++
		w.Create(w.pod(fmt.Sprintf("nginx-%d", w.serial)))
	}
}

func (w *world) pod(name string) *corev1.Pod {
	isController := true
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"app": "nginx"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "nginx", UID: "set", Controller: &isController}}}}
	pod.Spec.Containers = []corev1.Container{{Name: "nginx", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("512Mi")}}}}
	pod.Status.Phase = corev1.PodPending
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable}}
	return pod
}

// schedule binds pods to nodes with cpu left.
func (w *world) schedule() {
	w.t.Helper()
	free := map[string]int64{}
	nodes := w.Nodes()
	for i := range nodes {
		if !nodes[i].Spec.Unschedulable {
			free[nodes[i].Name] = nodes[i].Status.Allocatable.Cpu().MilliValue()
		}
	}
	pods := w.Pods()
	for i := range pods {
		free[pods[i].Spec.NodeName] -= 500
	}
	for i := range pods {
		for j := range nodes {
			if name := nodes[j].Name; pods[i].Spec.NodeName == "" && free[name] >= 500 {
				pods[i].Spec.NodeName = name
				free[name] -= 500
				w.Update(&pods[i])
				pods[i].Status.Phase = corev1.PodRunning
				pods[i].Status.Conditions = nil
				w.UpdateStatus(&pods[i])
			}
		}
	}
}

// waitingPods is how many pods are on no node.
func (w *world) waitingPods() int {
	count := 0
	for _, pod := range w.Pods() {
		if pod.Spec.NodeName == "" {
			count++
		}
	}
	return count
}

// said drains the events and returns those with the reason.
func (w *world) said(reason string) []string {
	var found []string
	for {
		select {
		case text := <-w.Said:
			if strings.Contains(text, " "+reason+" ") {
				found = append(found, text)
			}
		default:
			return found
		}
	}
}

func (w *world) status() string {
	w.t.Helper()
	config := clustertest.Get(w.Cluster, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system"}}, "cluster-autoscaler-status")
	return config.Data["status"]
}
