package termination

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/observe"
)

const (
	// systemCritical is the lowest priority that Kubernetes' own critical pods
	// have (system-cluster-critical).
	systemCritical = 2_000_000_000
	// stuck is how long after the end of its grace period a pod is waited for;
	// a kubelet that does not answer will not end it.
	stuck = time.Minute
)

// step is what to do next about the pods of a node that ends.
type step struct {
	// evict these now; they are of one tier.
	evict []*corev1.Pod
	// remove these now, because their grace period would outlast the deadline.
	remove []removal
	// waiting is how many pods have to leave before the node is drained.
	waiting int
	// blocked are pods that may not be evicted (karpenter.sh/do-not-disrupt).
	blocked []*corev1.Pod
	// recheck is when a pod will have to be removed; zero for never.
	recheck time.Duration
}

type removal struct {
	pod   *corev1.Pod
	grace time.Duration
}

// nextStep decides about the pods on a node. deadline is nil when the drain may
// take as long as it needs.
func nextStep(pods []corev1.Pod, now time.Time, deadline *time.Time) step {
	var next step
	tiers := make([][]*corev1.Pod, 4)
	for i := range pods {
		pod := &pods[i]
		if !mustLeave(pod, now) {
			continue
		}
		next.waiting++
		if deadline != nil && next.overrun(pod, now, *deadline) {
			continue
		}
		switch {
		case pod.DeletionTimestamp != nil:
		case mayNotBeDisturbed(pod, now):
			next.blocked = append(next.blocked, pod)
		default:
			tiers[tier(pod)] = append(tiers[tier(pod)], pod)
		}
	}
	next.evict = firstUnfinished(tiers, pods, now)
	return next
}

// firstUnfinished is the lowest tier that still has pods; later tiers wait for
// its pods to have left, those that are leaving included.
func firstUnfinished(tiers [][]*corev1.Pod, pods []corev1.Pod, now time.Time) []*corev1.Pod {
	lowest := len(tiers)
	for i := range pods {
		if mustLeave(&pods[i], now) {
			lowest = min(lowest, tier(&pods[i]))
		}
	}
	if lowest == len(tiers) {
		return nil
	}
	return tiers[lowest]
}

// overrun plans the removal of a pod whose grace period reaches the deadline.
func (s *step) overrun(pod *corev1.Pod, now, deadline time.Time) bool {
	grace := gracePeriod(pod)
	start := deadline.Add(-grace)
	if now.Before(start) {
		if left := start.Sub(now); s.recheck == 0 || left < s.recheck {
			s.recheck = left
		}
		return false
	}
	if pod.DeletionTimestamp == nil || pod.DeletionTimestamp.After(deadline) {
		s.remove = append(s.remove, removal{pod: pod, grace: max(0, deadline.Sub(now))})
	}
	return true
}

func gracePeriod(pod *corev1.Pod) time.Duration {
	if seconds := pod.Spec.TerminationGracePeriodSeconds; seconds != nil {
		return time.Duration(*seconds) * time.Second
	}
	return corev1.DefaultTerminationGracePeriodSeconds * time.Second
}

// mustLeave reports whether the node has to wait for the pod. Pods that tolerate
// the taint chose to stay to the end.
func mustLeave(pod *corev1.Pod, now time.Time) bool {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return false
	}
	if owner := metav1.GetControllerOfNoCopy(pod); owner != nil && owner.Kind == "Node" {
		return false
	}
	if toleratesDisruption(pod) {
		return false
	}
	return pod.DeletionTimestamp == nil || now.Before(pod.DeletionTimestamp.Add(stuck))
}

func toleratesDisruption(pod *corev1.Pod) bool {
	taint := karpv1.DisruptedNoScheduleTaint
	return slices.ContainsFunc(pod.Spec.Tolerations, func(toleration corev1.Toleration) bool {
		keyed := toleration.Key == taint.Key || (toleration.Key == "" && toleration.Operator == corev1.TolerationOpExists)
		effect := toleration.Effect == "" || toleration.Effect == taint.Effect
		return keyed && effect && (toleration.Operator == corev1.TolerationOpExists || toleration.Value == taint.Value)
	})
}

// mayNotBeDisturbed reports whether karpenter.sh/do-not-disrupt holds for the
// pod: "true", or for a duration from its start.
func mayNotBeDisturbed(pod *corev1.Pod, now time.Time) bool {
	value := pod.Annotations[karpv1.DoNotDisruptAnnotationKey]
	if value == "" || value == "true" {
		return value == "true"
	}
	period, err := time.ParseDuration(value)
	if err != nil || pod.Status.StartTime == nil {
		return false
	}
	return now.Before(pod.Status.StartTime.Add(period))
}

// MayNotBeDisturbed is the same question for other duties.
func MayNotBeDisturbed(pod *corev1.Pod, now time.Time) bool { return mayNotBeDisturbed(pod, now) }

// tier orders the drain: others' pods before those of DaemonSets, critical ones
// last of each.
func tier(pod *corev1.Pod) int {
	tier := 0
	if observe.IsOwnedByDaemonSet(pod) {
		tier++
	}
	if pod.Spec.Priority != nil && *pod.Spec.Priority >= systemCritical {
		tier += 2
	}
	return tier
}
