package translate

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"
)

// AsCreated returns the pod with what the API server fills in when it creates
// one and that decides where it may go: requests that follow from limits, and
// the ports of pods on the host's network. A pod read from an API server comes
// back equal; the template of a workload, or a pod from a file, does not.
func AsCreated(pod *corev1.Pod) *corev1.Pod {
	created := pod.DeepCopy()
	DefaultContainers(created)
	DefaultWhole(created)
	return created
}

// DefaultContainers is what the API server does to a pod that it reads, ahead of
// the admission plugins: what has a limit and no request requests its limit, and
// on the host's network a container's port is the host's. It changes the pod.
func DefaultContainers(pod *corev1.Pod) {
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range containers {
			r := &containers[i].Resources
			r.Requests = Fill(r.Requests, r.Limits)
			if pod.Spec.HostNetwork {
				takeHostPorts(containers[i].Ports)
			}
		}
	}
}

func takeHostPorts(ports []corev1.ContainerPort) {
	for i := range ports {
		if ports[i].HostPort == 0 {
			ports[i].HostPort = ports[i].ContainerPort
		}
	}
}

// DefaultWhole is what the API server does to a pod before it stores it, when
// the admission plugins have had their say: it completes what the pod requests
// as a whole. Huge pages that only containers limit count for it too; the sum of
// the containers comes before its limit, except for what cannot be
// overcommitted. It changes the pod.
func DefaultWhole(pod *corev1.Pod) {
	whole := pod.Spec.Resources
	if whole == nil || len(whole.Requests)+len(whole.Limits) == 0 {
		return
	}
	whole.Limits = fill(whole.Limits, resource.AggregateContainerLimits(pod, resource.PodResourcesOptions{}), func(name corev1.ResourceName) bool {
		_, requested := whole.Requests[name]
		return isHugePages(name) && !requested && resource.IsSupportedPodLevelResource(name)
	})
	whole.Requests = fill(whole.Requests, resource.AggregateContainerRequests(pod, resource.PodResourcesOptions{}), func(name corev1.ResourceName) bool {
		return !isHugePages(name) && resource.IsSupportedPodLevelResource(name)
	})
	whole.Requests = fill(whole.Requests, whole.Limits, resource.IsSupportedPodLevelResource)
}

func isHugePages(name corev1.ResourceName) bool {
	return strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}

// Fill adds to a list what only the other one has. It changes the list, or makes
// one.
func Fill(into, from corev1.ResourceList) corev1.ResourceList {
	return fill(into, from, func(corev1.ResourceName) bool { return true })
}

func fill(into, from corev1.ResourceList, wanted func(corev1.ResourceName) bool) corev1.ResourceList {
	for name, amount := range from {
		if _, set := into[name]; !set && wanted(name) {
			if into == nil {
				into = corev1.ResourceList{}
			}
			into[name] = amount.DeepCopy()
		}
	}
	return into
}
