package observe

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// InterruptionTaint is the key of the taint on nodes that AWS takes back, or
// may: with the effect NoSchedule the node is given up, with PreferNoSchedule it
// works on until its pods have a place elsewhere. The value is the notice's kind.
const InterruptionTaint = "drover.sh/interruption"

// IsLeaving reports whether a Node is on its way out, so that its pods need
// another place: it is being deleted, or AWS takes it back. claim is its
// NodeClaim, nil when there is none.
func IsLeaving(node *corev1.Node, claim *karpv1.NodeClaim) bool {
	if node.DeletionTimestamp != nil || (claim != nil && claim.DeletionTimestamp != nil) {
		return true
	}
	return isTakenBack(node)
}

func isTakenBack(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Spec.Taints, func(taint corev1.Taint) bool { return taint.Key == InterruptionTaint })
}

// StaysToTheEnd reports whether nobody has to wait for a pod before its node
// ends: it is over, the kubelet's own, or tolerates the taint of nodes that go,
// which is to say that it chose so.
func StaysToTheEnd(pod *corev1.Pod) bool {
	if isOver(pod) || toleratesDisruption(pod) {
		return true
	}
	owner := metav1.GetControllerOfNoCopy(pod)
	return owner != nil && owner.Kind == "Node"
}

// ComesBack reports whether a pod that leaves its node will need a place
// elsewhere: something makes it anew, and not only on that node.
func ComesBack(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil || StaysToTheEnd(pod) || IsOwnedByDaemonSet(pod) {
		return false
	}
	return metav1.GetControllerOfNoCopy(pod) != nil && (pod.Spec.SchedulerName == "" || pod.Spec.SchedulerName == corev1.DefaultSchedulerName)
}

func toleratesDisruption(pod *corev1.Pod) bool {
	taint := karpv1.DisruptedNoScheduleTaint
	return slices.ContainsFunc(pod.Spec.Tolerations, func(toleration corev1.Toleration) bool {
		keyed := toleration.Key == taint.Key || (toleration.Key == "" && toleration.Operator == corev1.TolerationOpExists)
		effect := toleration.Effect == "" || toleration.Effect == taint.Effect
		return keyed && effect && (toleration.Operator == corev1.TolerationOpExists || toleration.Value == taint.Value)
	})
}
