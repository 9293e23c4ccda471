package translate

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
)

// zoneOfEBS is the zone label of the EBS CSI driver; it always equals the
// node's topology.kubernetes.io/zone.
const zoneOfEBS = "topology.ebs.csi.aws.com/zone"

// Key is the label's present-day name: the beta names of zone, region,
// architecture, operating system and instance type mean the same labels.
func Key(key string) string {
	if key == zoneOfEBS {
		return corev1.LabelTopologyZone
	}
	if normalized, ok := karpv1.NormalizedLabels[key]; ok {
		return normalized
	}
	return key
}

// Selector is a node selector with present-day keys.
func Selector(labels map[string]string) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	selector := make(map[string]string, len(labels))
	for key, value := range labels {
		selector[Key(key)] = value
	}
	return selector
}

// Taints converts taints.
func Taints(taints []corev1.Taint) []model.Taint {
	var converted []model.Taint
	for _, taint := range taints {
		converted = append(converted, model.Taint{Key: taint.Key, Value: taint.Value, Effect: model.TaintEffect(taint.Effect)})
	}
	return converted
}

// Tolerations converts tolerations. How long a NoExecute taint is tolerated
// does not matter for finding a place.
func Tolerations(tolerations []corev1.Toleration) []model.Toleration {
	var converted []model.Toleration
	for _, toleration := range tolerations {
		converted = append(converted, model.Toleration{
			Key: toleration.Key, Operator: string(toleration.Operator),
			Value: toleration.Value, Effect: model.TaintEffect(toleration.Effect),
		})
	}
	return converted
}

// Requirements converts a NodePool's or NodeClaim's requirements.
func Requirements(requirements []karpv1.NodeSelectorRequirementWithMinValues) []model.Requirement {
	var converted []model.Requirement
	for _, requirement := range requirements {
		minValues := 0
		if requirement.MinValues != nil {
			minValues = *requirement.MinValues
		}
		converted = append(converted, model.Requirement{
			Key: Key(requirement.Key), Operator: model.Operator(requirement.Operator),
			Values: requirement.Values, MinValues: minValues,
		})
	}
	return converted
}

// KarpenterRequirements converts back, for the spec of a NodeClaim.
func KarpenterRequirements(requirements []model.Requirement) []karpv1.NodeSelectorRequirementWithMinValues {
	var converted []karpv1.NodeSelectorRequirementWithMinValues
	for _, requirement := range requirements {
		one := karpv1.NodeSelectorRequirementWithMinValues{
			Key: requirement.Key, Operator: corev1.NodeSelectorOperator(requirement.Operator), Values: requirement.Values,
		}
		if requirement.MinValues > 0 {
			minValues := requirement.MinValues
			one.MinValues = &minValues
		}
		converted = append(converted, one)
	}
	return converted
}

// NodeSelectorTerms converts alternatives of required node affinity. A term
// without any condition matches no node in Kubernetes and is kept as such.
func NodeSelectorTerms(terms []corev1.NodeSelectorTerm) []model.NodeSelectorTerm {
	var converted []model.NodeSelectorTerm
	for _, term := range terms {
		converted = append(converted, model.NodeSelectorTerm{
			Labels: nodeSelectorRequirements(term.MatchExpressions),
			Fields: nodeSelectorRequirements(term.MatchFields),
		})
	}
	return converted
}

func nodeSelectorRequirements(requirements []corev1.NodeSelectorRequirement) []model.Requirement {
	var converted []model.Requirement
	for _, requirement := range requirements {
		converted = append(converted, model.Requirement{
			Key: Key(requirement.Key), Operator: model.Operator(requirement.Operator), Values: requirement.Values,
		})
	}
	return converted
}

// LabelSelector converts a selector of objects; nil stays nil and selects none.
func LabelSelector(selector *metav1.LabelSelector) *model.LabelSelector {
	if selector == nil {
		return nil
	}
	converted := &model.LabelSelector{MatchLabels: selector.MatchLabels}
	for _, expression := range selector.MatchExpressions {
		converted.Requirements = append(converted.Requirements, model.Requirement{
			Key: expression.Key, Operator: model.Operator(expression.Operator), Values: expression.Values,
		})
	}
	return converted
}
