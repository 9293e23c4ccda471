package translate

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"

	"github.com/drover-project/drover/internal/model"
)

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
