package oracle

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/model"
)

// affinity writes the pod's node affinity, pod affinity and anti-affinity.
func affinity(pod *model.Pod) *corev1.Affinity {
	var node corev1.NodeAffinity
	if len(pod.RequiredNodeAffinity) > 0 {
		node.RequiredDuringSchedulingIgnoredDuringExecution = &corev1.NodeSelector{}
		for _, term := range pod.RequiredNodeAffinity {
			required := node.RequiredDuringSchedulingIgnoredDuringExecution
			required.NodeSelectorTerms = append(required.NodeSelectorTerms, nodeTerm(term))
		}
	}
	for _, wish := range pod.PreferredNodeAffinity {
		node.PreferredDuringSchedulingIgnoredDuringExecution = append(node.PreferredDuringSchedulingIgnoredDuringExecution,
			corev1.PreferredSchedulingTerm{Weight: wish.Weight, Preference: nodeTerm(wish.Term)})
	}
	var near corev1.PodAffinity
	near.RequiredDuringSchedulingIgnoredDuringExecution, near.PreferredDuringSchedulingIgnoredDuringExecution = podTerms(pod.PodAffinity)
	var away corev1.PodAntiAffinity
	away.RequiredDuringSchedulingIgnoredDuringExecution, away.PreferredDuringSchedulingIgnoredDuringExecution = podTerms(pod.PodAntiAffinity)
	return &corev1.Affinity{NodeAffinity: &node, PodAffinity: &near, PodAntiAffinity: &away}
}

func nodeTerm(term model.NodeSelectorTerm) corev1.NodeSelectorTerm {
	return corev1.NodeSelectorTerm{MatchExpressions: nodeRequirements(term.Labels), MatchFields: nodeRequirements(term.Fields)}
}

func nodeRequirements(requirements []model.Requirement) []corev1.NodeSelectorRequirement {
	var list []corev1.NodeSelectorRequirement
	for _, r := range requirements {
		list = append(list, corev1.NodeSelectorRequirement{Key: r.Key, Operator: corev1.NodeSelectorOperator(r.Operator), Values: r.Values})
	}
	return list
}

// podTerms separates required from preferred terms, which have a weight.
func podTerms(terms []model.PodAffinityTerm) (required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm) {
	for _, t := range terms {
		term := corev1.PodAffinityTerm{TopologyKey: t.TopologyKey, Namespaces: t.Namespaces, LabelSelector: selector(t.Selector)}
		if t.Weight == 0 {
			required = append(required, term)
		} else {
			preferred = append(preferred, corev1.WeightedPodAffinityTerm{Weight: t.Weight, PodAffinityTerm: term})
		}
	}
	return required, preferred
}

func selector(s *model.LabelSelector) *metav1.LabelSelector {
	if s == nil {
		return nil
	}
	object := &metav1.LabelSelector{MatchLabels: s.MatchLabels}
	for _, r := range s.Requirements {
		object.MatchExpressions = append(object.MatchExpressions,
			metav1.LabelSelectorRequirement{Key: r.Key, Operator: metav1.LabelSelectorOperator(r.Operator), Values: r.Values})
	}
	return object
}

// spread writes a topology spread constraint. As kube-apiserver does, it merges
// matchLabelKeys into the selector when the pod is created.
func spread(s model.TopologySpread, labels map[string]string) corev1.TopologySpreadConstraint {
	c := corev1.TopologySpreadConstraint{TopologyKey: s.TopologyKey, MaxSkew: s.MaxSkew, LabelSelector: selector(s.Selector),
		WhenUnsatisfiable: corev1.DoNotSchedule, MatchLabelKeys: s.MatchLabelKeys}
	if s.ScheduleAnyway {
		c.WhenUnsatisfiable = corev1.ScheduleAnyway
	}
	if s.MinDomains > 0 {
		c.MinDomains = &s.MinDomains
	}
	ignore, honor := corev1.NodeInclusionPolicyIgnore, corev1.NodeInclusionPolicyHonor
	if s.IgnoreNodeAffinity {
		c.NodeAffinityPolicy = &ignore
	}
	if s.HonorNodeTaints {
		c.NodeTaintsPolicy = &honor
	}
	if c.LabelSelector == nil {
		return c
	}
	for _, key := range s.MatchLabelKeys {
		if value, ok := labels[key]; ok {
			c.LabelSelector.MatchExpressions = append(c.LabelSelector.MatchExpressions,
				metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{value}})
		}
	}
	return c
}
