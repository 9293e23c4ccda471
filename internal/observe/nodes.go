package observe

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

// modelNodes lists the nodes there are and those on their way, by name, without
// their pods.
func (v *view) modelNodes() []model.Node {
	claims := make(map[string]*karpv1.NodeClaim, len(v.claims))
	for i := range v.claims {
		if id := v.claims[i].Status.ProviderID; id != "" {
			claims[id] = &v.claims[i]
		}
	}
	var nodes []model.Node
	joined := map[string]bool{}
	for i := range v.nodes {
		node := &v.nodes[i]
		claim := claims[node.Spec.ProviderID]
		if node.Spec.ProviderID == "" {
			claim = nil
		}
		translated := v.node(node, claim)
		if expected, starting := v.groups.Starting[node.Spec.ProviderID]; starting && claim == nil {
			startingGroupNode(node, &expected, &translated)
		}
		nodes = append(nodes, translated)
		if claim != nil {
			joined[claim.Name] = true
		}
	}
	for i := range v.claims {
		claim := &v.claims[i]
		if claim.DeletionTimestamp == nil && !joined[claim.Name] {
			nodes = append(nodes, v.launching(claim))
		}
	}
	return nodes
}

// node translates a Node; claim is nil when drover did not buy it.
func (v *view) node(node *corev1.Node, claim *karpv1.NodeClaim) model.Node {
	translated := model.Node{
		Name:        node.Name,
		NodePool:    node.Labels[karpv1.NodePoolLabelKey],
		Labels:      node.Labels,
		Allocatable: translate.Resources(node.Status.Allocatable),
		Capacity:    translate.Resources(node.Status.Capacity),
	}
	settling := claim != nil && node.Labels[karpv1.NodeInitializedLabelKey] != "true"
	translated.Launching = settling
	taints := withoutCandidacy(node.Spec.Taints)
	if settling {
		taints, translated.StartupTaints = splitStartup(taints, claim.Spec.StartupTaints)
		// Devices register late; until then the claim knows what will come.
		translated.AttachLimits = v.planned(claim).limits
		translated.Allocatable = promised(translated.Allocatable, claim.Status.Allocatable)
		translated.Capacity = promised(translated.Capacity, claim.Status.Capacity)
	}
	translated.Taints = translate.Taints(taints)
	translated.Unschedulable = !TakesPods(node) || (!settling && !IsReady(node))
	if claim != nil {
		translated.NodeClaim = claim.Name
		translated.Unschedulable = translated.Unschedulable || claim.DeletionTimestamp != nil
		translated.Labels = merged(claim.Labels, node.Labels)
		translated.PricePerHour, translated.PriceKnown = v.price(claim, translated.Labels)
	}
	return translated
}

// startingGroupNode fills in what a group's node that is not ready yet is
// expected to be: its pods wait for it rather than for another one.
func startingGroupNode(node *corev1.Node, expected, translated *model.Node) {
	lasting, startup := splitStartup(withoutCandidacy(node.Spec.Taints), nil)
	translated.Launching = true
	translated.Taints, translated.StartupTaints = translate.Taints(lasting), append(startup, expected.StartupTaints...)
	translated.Labels = merged(expected.Labels, node.Labels)
	for name, amount := range expected.Allocatable {
		if translated.Allocatable[name] == 0 {
			translated.Allocatable = translated.Allocatable.Add(model.Resources{name: amount})
		}
	}
	translated.Unschedulable = node.Spec.Unschedulable || node.DeletionTimestamp != nil || slices.ContainsFunc(lasting, isDisrupted)
}

// launching translates a NodeClaim whose Node has not joined yet.
func (v *view) launching(claim *karpv1.NodeClaim) model.Node {
	planned := v.planned(claim)
	labels := merged(planned.labels, claim.Labels)
	// Every node has a hostname of its own; it is only not known yet.
	labels[corev1.LabelHostname] = claim.Name
	node := model.Node{
		AttachLimits:  planned.limits,
		Name:          claim.Name,
		NodeClaim:     claim.Name,
		NodePool:      claim.Labels[karpv1.NodePoolLabelKey],
		Labels:        labels,
		Taints:        translate.Taints(claim.Spec.Taints),
		StartupTaints: translate.Taints(claim.Spec.StartupTaints),
		Allocatable:   promised(translate.Resources(claim.Status.Allocatable), nil),
		Capacity:      translate.Resources(claim.Status.Capacity),
		Launching:     true,
	}
	if len(node.Allocatable) == 0 {
		node.Allocatable, node.Capacity = planned.allocatable, planned.capacity
	}
	node.PricePerHour, node.PriceKnown = v.price(claim, node.Labels)
	return node
}

// TakesPods reports whether the node, once it is there, may get pods that it has
// not: it is neither cordoned nor on its way out.
func TakesPods(node *corev1.Node) bool {
	return !node.Spec.Unschedulable && node.DeletionTimestamp == nil && !slices.ContainsFunc(node.Spec.Taints, isDisrupted)
}

// IsReady reports whether the kubelet says that the node can run pods.
func IsReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// EphemeralTaints are put on nodes that start and go away without anyone's
// doing; they keep no pod from being planned there.
func EphemeralTaints() []corev1.Taint {
	return []corev1.Taint{
		{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule},
		{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoExecute},
		{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoSchedule},
		{Key: corev1.TaintNodeNetworkUnavailable, Effect: corev1.TaintEffectNoSchedule},
		{Key: "node.cloudprovider.kubernetes.io/uninitialized", Effect: corev1.TaintEffectNoSchedule},
		karpv1.UnregisteredNoExecuteTaint,
	}
}

// splitStartup takes ephemeral and startup taints out of a starting node's.
func splitStartup(taints, startup []corev1.Taint) (lasting []corev1.Taint, expected []model.Taint) {
	ephemeral := EphemeralTaints()
	for _, taint := range taints {
		same := func(other corev1.Taint) bool { return taint.MatchTaint(&other) }
		switch {
		case slices.ContainsFunc(startup, same):
			expected = append(expected, translate.Taints([]corev1.Taint{taint})...)
		case !slices.ContainsFunc(ephemeral, same):
			lasting = append(lasting, taint)
		}
	}
	return lasting, expected
}

// ToBeDeletedTaint is the key that cluster-autoscaler puts on nodes that it is
// about to take away.
const ToBeDeletedTaint = "ToBeDeletedByClusterAutoscaler"

// DeletionCandidateTaint is the key that cluster-autoscaler puts, with the effect
// PreferNoSchedule, on nodes that it could do without.
const DeletionCandidateTaint = "DeletionCandidateOfClusterAutoscaler"

// withoutCandidacy leaves out the taint that says of a node that nobody needs it: it
// goes once somebody does, so nothing is bought to stay off it.
func withoutCandidacy(taints []corev1.Taint) []corev1.Taint {
	isCandidacy := func(taint corev1.Taint) bool { return taint.Key == DeletionCandidateTaint }
	if !slices.ContainsFunc(taints, isCandidacy) {
		return taints
	}
	return slices.DeleteFunc(slices.Clone(taints), isCandidacy)
}

func isDisrupted(taint corev1.Taint) bool {
	return taint.MatchTaint(&karpv1.DisruptedNoScheduleTaint) || taint.Key == ToBeDeletedTaint || taint.Key == InterruptionTaint
}

// promised fills what a node does not report yet with what its claim expects.
func promised(reported model.Resources, expected corev1.ResourceList) model.Resources {
	resources := reported.Add(nil)
	for name, amount := range translate.Resources(expected) {
		if resources[name] == 0 {
			resources[name] = amount
		}
	}
	return resources
}

func merged(base, winner map[string]string) map[string]string {
	labels := make(map[string]string, len(base)+len(winner))
	for key, value := range base {
		labels[key] = value
	}
	for key, value := range winner {
		labels[key] = value
	}
	return labels
}
