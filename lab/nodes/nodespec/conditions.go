package nodespec

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// notReadyMessage is what a kubelet says before the CNI plugin is set up.
const notReadyMessage = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"

// Conditions returns the four conditions of a kubelet at a time.
func Conditions(ready bool, now time.Time) []corev1.NodeCondition {
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string) corev1.NodeCondition {
		at := metav1.NewTime(now).Rfc3339Copy()
		return corev1.NodeCondition{Type: kind, Status: status, Reason: reason, Message: message, LastHeartbeatTime: at, LastTransitionTime: at}
	}
	conditions := []corev1.NodeCondition{
		condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
		condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
		condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
	}
	if !ready {
		return append(conditions, condition(corev1.NodeReady, corev1.ConditionFalse, "KubeletNotReady", notReadyMessage))
	}
	return append(conditions, condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status"))
}

// SetConditions writes the kubelet's conditions into a status. The time of a
// transition stays where the status does; conditions of others stay.
func SetConditions(status *corev1.NodeStatus, wanted []corev1.NodeCondition) (changed bool) {
	for _, want := range wanted {
		at := indexOf(status.Conditions, want.Type)
		if at < 0 {
			status.Conditions = append(status.Conditions, want)
			changed = true
			continue
		}
		have := &status.Conditions[at]
		if have.Status == want.Status {
			want.LastTransitionTime = have.LastTransitionTime
		}
		changed = changed || have.Status != want.Status || have.Reason != want.Reason || have.Message != want.Message
		*have = want
	}
	return changed
}

func indexOf(conditions []corev1.NodeCondition, kind corev1.NodeConditionType) int {
	for i := range conditions {
		if conditions[i].Type == kind {
			return i
		}
	}
	return -1
}
