package translate

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"

	"github.com/drover-project/drover/internal/model"
)

// AsCreated returns the pod with what the API server fills in when it creates
// one and that decides where it may go: requests that follow from limits, and
// the ports of pods on the host's network. A pod read from an API server comes
// back equal; the template of a workload, or a pod from a file, does not.
func AsCreated(pod *corev1.Pod) *corev1.Pod {
	created := pod.DeepCopy()
	for _, containers := range [][]corev1.Container{created.Spec.Containers, created.Spec.InitContainers} {
		for i := range containers {
			requestLimits(&containers[i].Resources)
			if created.Spec.HostNetwork {
				takeHostPorts(containers[i].Ports)
			}
		}
	}
	requestPodLimits(created)
	return created
}

// requestLimits asks for what is limited and not asked for.
func requestLimits(resources *corev1.ResourceRequirements) {
	for name, limit := range resources.Limits {
		if _, asked := resources.Requests[name]; !asked {
			if resources.Requests == nil {
				resources.Requests = corev1.ResourceList{}
			}
			resources.Requests[name] = limit.DeepCopy()
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

// requestPodLimits gives a pod with limits of its own the requests that its
// containers add up to, or else its limits. Huge pages cannot be overcommitted:
// for them the limit is the request.
func requestPodLimits(pod *corev1.Pod) {
	own := pod.Spec.Resources
	if own == nil || len(own.Limits) == 0 {
		return
	}
	if own.Requests == nil {
		own.Requests = corev1.ResourceList{}
	}
	for name, sum := range resource.AggregateContainerRequests(pod, resource.PodResourcesOptions{}) {
		_, asked := own.Requests[name]
		if overcommits := name == corev1.ResourceCPU || name == corev1.ResourceMemory; !asked && overcommits {
			own.Requests[name] = sum
		}
	}
	for name, limit := range own.Limits {
		if _, asked := own.Requests[name]; !asked && resource.IsSupportedPodLevelResource(name) {
			own.Requests[name] = limit.DeepCopy()
		}
	}
}

// Blocks says what keeps a pod from every node, by its own specification:
// scheduling gates, and rules that no plan takes into account.
func Blocks(pod *corev1.Pod) []model.Reason {
	var blocks []model.Reason
	for _, gate := range pod.Spec.SchedulingGates {
		blocks = append(blocks, model.Reason{Code: model.CodeSchedulingGated,
			Message: "the scheduling gate " + gate.Name + " is there: the pod waits until its controller takes the gate away"})
	}
	if len(pod.Spec.ResourceClaims) > 0 {
		blocks = append(blocks, model.Reason{Code: model.CodeResourceClaims,
			Message: "devices of resource claims (spec.resourceClaims) are not planned for: ask for them as an extended resource, or give the pod a node by hand"})
	}
	for name := range resource.PodRequests(pod, resource.PodResourcesOptions{}) {
		if len(name) > len(implicitClaim) && name[:len(implicitClaim)] == implicitClaim {
			blocks = append(blocks, model.Reason{Code: model.CodeResourceClaims,
				Message: "devices of a DeviceClass (" + string(name) + ") are not planned for: ask for the device plugin's resource, or give the pod a node by hand"})
		}
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.AWSElasticBlockStore != nil {
			blocks = append(blocks, model.Reason{Code: model.CodeUnsupported,
				Message: "volume " + volume.Name + " names an EBS volume in the pod itself: make it a PersistentVolume with a claim, so that its zone is known"})
		}
	}
	return blocks
}

// implicitClaim begins resource names that a DeviceClass serves without a claim
// of the pod's own.
const implicitClaim = "deviceclass.resource.kubernetes.io/"

// WithLabelKeys adds what matchLabelKeys and mismatchLabelKeys mean to a
// selector, as the API server does on creation; what it has already added is
// not added twice. The selector belongs to the caller; nil selects nothing and
// stays nil.
func WithLabelKeys(selector *model.LabelSelector, match, mismatch []string, labels map[string]string) *model.LabelSelector {
	if selector == nil {
		return nil
	}
	add := func(keys []string, operator model.Operator) {
		for _, key := range keys {
			value, ok := labels[key]
			wanted := model.Requirement{Key: key, Operator: operator, Values: []string{value}}
			if ok && !hasRequirement(selector.Requirements, wanted) {
				selector.Requirements = append(selector.Requirements, wanted)
			}
		}
	}
	add(match, model.In)
	add(mismatch, model.NotIn)
	return selector
}

func hasRequirement(list []model.Requirement, wanted model.Requirement) bool {
	for _, r := range list {
		if r.Key == wanted.Key && r.Operator == wanted.Operator && len(r.Values) == 1 && r.Values[0] == wanted.Values[0] {
			return true
		}
	}
	return false
}
