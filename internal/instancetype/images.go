package instancetype

import (
	"slices"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	corev1 "k8s.io/api/core/v1"
)

// ImageFor is the first AMI that runs on a type with these labels, nil if none.
func ImageFor(amis []ec2v1.AMI, labels map[string]string) *ec2v1.AMI {
	for i := range amis {
		if !slices.ContainsFunc(amis[i].Requirements, func(r corev1.NodeSelectorRequirement) bool { return !meets(labels, r) }) {
			return &amis[i]
		}
	}
	return nil
}

func meets(labels map[string]string, requirement corev1.NodeSelectorRequirement) bool {
	value, present := labels[requirement.Key]
	switch requirement.Operator {
	case corev1.NodeSelectorOpIn:
		return present && slices.Contains(requirement.Values, value)
	case corev1.NodeSelectorOpNotIn:
		return !slices.Contains(requirement.Values, value)
	case corev1.NodeSelectorOpExists:
		return present
	case corev1.NodeSelectorOpDoesNotExist:
		return !present
	}
	return false
}
