// Package admission is a kubelet's last check of a pod that was bound to it:
// the scheduler may have known less.
package admission

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/component-helpers/resource"
	v1helper "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"

	"github.com/drover-project/drover/lab/nodes/podrun"
)

// Requests is what a pod takes of a node.
func Requests(pod *corev1.Pod) corev1.ResourceList {
	return resource.PodRequests(pod, resource.PodResourcesOptions{})
}

// Check says why the node does not admit the pod, or returns nil. Used holds
// the requests of the pods that the node has, one list each.
func Check(pod *corev1.Pod, node *corev1.Node, used []corev1.ResourceList) *podrun.Rejection {
	if rejection := checkResources(pod, node.Status.Allocatable, used); rejection != nil {
		return rejection
	}
	if matches, err := nodeaffinity.GetRequiredNodeAffinity(pod).Match(node); err != nil || !matches {
		return predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
	}
	_, untolerated := v1helper.FindMatchingUntoleratedTaint(klog.Background(), node.Spec.Taints, pod.Spec.Tolerations,
		func(taint *corev1.Taint) bool { return taint.Effect == corev1.TaintEffectNoExecute }, true)
	if untolerated {
		return predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate")
	}
	return nil
}

func predicate(name, reason string) *podrun.Rejection {
	return &podrun.Rejection{Reason: name, Message: fmt.Sprintf("Predicate %s failed: %s", name, reason)}
}

func checkResources(pod *corev1.Pod, allocatable corev1.ResourceList, used []corev1.ResourceList) *podrun.Rejection {
	if room := allocatable.Pods().Value(); int64(len(used)) >= room {
		return outOf(corev1.ResourcePods, 1, int64(len(used)), room)
	}
	requests := Requests(pod)
	names := make([]corev1.ResourceName, 0, len(requests))
	for name := range requests {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		room, known := allocatable[name]
		// A resource that the node does not know is someone else's to grant.
		if !known {
			continue
		}
		taken := int64(0)
		for _, list := range used {
			taken += amount(name, list)
		}
		if wanted := amount(name, requests); wanted > 0 && taken+wanted > value(name, room) {
			return outOf(name, wanted, taken, value(name, room))
		}
	}
	return nil
}

func outOf(name corev1.ResourceName, wanted, taken, room int64) *podrun.Rejection {
	return &podrun.Rejection{
		Reason:  "OutOf" + string(name),
		Message: fmt.Sprintf("Node didn't have enough resource: %s, requested: %d, used: %d, capacity: %d", name, wanted, taken, room),
	}
}

func amount(name corev1.ResourceName, list corev1.ResourceList) int64 {
	quantity, known := list[name]
	if !known {
		return 0
	}
	return value(name, quantity)
}

// value is in millicores for CPU and in whole units for all else.
func value(name corev1.ResourceName, quantity apiresource.Quantity) int64 {
	if name == corev1.ResourceCPU {
		return quantity.MilliValue()
	}
	return quantity.Value()
}
