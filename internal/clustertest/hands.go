package clustertest

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
)

func isNotFound(err error) bool { return apierrors.IsNotFound(err) }

// Join lets every instance that runs and has no Node register one, as its
// kubelet would with drover's user data.
func (c *Cluster) Join() {
	c.t.Helper()
	joined := map[string]bool{}
	for _, node := range c.Nodes() {
		joined[node.Spec.ProviderID] = true
	}
	instances, err := c.Cloud.List(c.t.Context())
	if err != nil {
		c.t.Fatalf("listing instances: %v", err)
	}
	for _, instance := range instances {
		if instance.State == cloud.Running && !joined[instance.ProviderID] {
			c.Create(nodeOf(instance))
		}
	}
}

// nodeOf has 6 GiB for pods, less than any m5 promises and more than four 1 GiB
// pods need.
func nodeOf(instance cloud.Instance) *corev1.Node {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "ip-" + instance.ID, Labels: map[string]string{
		corev1.LabelHostname:           "ip-" + instance.ID,
		corev1.LabelInstanceTypeStable: instance.InstanceType,
		corev1.LabelTopologyZone:       instance.Zone,
		corev1.LabelArchStable:         "amd64",
		corev1.LabelOSStable:           "linux",
		"type":                         "karpenter",
	}}}
	node.Spec.ProviderID = instance.ProviderID
	node.Spec.Taints = []corev1.Taint{karpv1.UnregisteredNoExecuteTaint}
	node.Status.Allocatable = corev1.ResourceList{
		corev1.ResourceCPU: quantity.MustParse("1930m"), corev1.ResourceMemory: quantity.MustParse("6Gi"), corev1.ResourcePods: quantity.MustParse("29"),
	}
	node.Status.Capacity = maps.Clone(node.Status.Allocatable)
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	return node
}

// Bind puts pending pods on nodes that have memory left for them, as the
// scheduler would: a pod's nominated node comes first, what is nominated counts
// as taken for everyone else, and a nomination that comes to nothing is cleared.
func (c *Cluster) Bind() {
	c.t.Helper()
	nodes := c.Nodes()
	pods := c.Pods()
	free := map[string]int64{}
	for i := range nodes {
		if len(nodes[i].Spec.Taints) == 0 && nodes[i].DeletionTimestamp == nil && !nodes[i].Spec.Unschedulable {
			free[nodes[i].Name] = nodes[i].Status.Allocatable.Memory().Value()
		}
	}
	for i := range pods {
		free[pods[i].Spec.NodeName] -= memory(&pods[i])
		free[pods[i].Status.NominatedNodeName] -= memory(&pods[i])
	}
	for i := range pods {
		pod := &pods[i]
		if pod.Spec.NodeName != "" {
			continue
		}
		nominated := pod.Status.NominatedNodeName
		free[nominated] += memory(pod)
		names := []string{nominated}
		for j := range nodes {
			names = append(names, nodes[j].Name)
		}
		fits := slices.IndexFunc(names, func(name string) bool { return name != "" && free[name] >= memory(pod) })
		switch {
		case fits >= 0:
			free[names[fits]] -= memory(pod)
			c.bind(pod, names[fits])
		case nominated != "":
			pod.Status.NominatedNodeName = ""
			c.UpdateStatus(pod)
		}
	}
}

func memory(pod *corev1.Pod) int64 {
	requests := resource.PodRequests(pod, resource.PodResourcesOptions{})
	return requests.Memory().Value()
}

func (c *Cluster) bind(pod *corev1.Pod, node string) {
	c.t.Helper()
	pod.Spec.NodeName = node
	if err := c.Client.Update(c.t.Context(), pod); err != nil {
		c.t.Fatalf("binding %s: %v", pod.Name, err)
	}
	pod.Status.Phase = corev1.PodRunning
	pod.Status.NominatedNodeName = "" // as the API server does
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}}
	if err := c.Client.Status().Update(c.t.Context(), pod); err != nil {
		c.t.Fatalf("starting %s: %v", pod.Name, err)
	}
}

// Delete deletes an object, or fails the test.
func (c *Cluster) Delete(object client.Object) {
	c.t.Helper()
	if err := c.Client.Delete(c.t.Context(), object); err != nil {
		c.t.Fatalf("deleting %T %s: %v", object, object.GetName(), err)
	}
}

// Update stores an object without its status, or fails the test.
func (c *Cluster) Update(object client.Object) {
	c.t.Helper()
	if err := c.Client.Update(c.t.Context(), object); err != nil {
		c.t.Fatalf("updating %T %s: %v", object, object.GetName(), err)
	}
}

// UpdateStatus stores an object's status, or fails the test.
func (c *Cluster) UpdateStatus(object client.Object) {
	c.t.Helper()
	if err := c.Client.Status().Update(c.t.Context(), object); err != nil {
		c.t.Fatalf("updating the status of %T %s: %v", object, object.GetName(), err)
	}
}
