// Package evacuate empties one node: which pods go now, which wait for a place
// elsewhere, and what happens to those that budgets hold when time runs out.
// Next decides and does nothing; Drainer carries it out, one look at a time, and
// needs nobody's plan: without Rules.HasPlace the pods go at once.
package evacuate

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
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
	// least is the shortest grace period: containers get their signal.
	least = time.Second
)

// Force says what is done about pods that are still there when time runs out.
type Force string

// Ways to deal with pods that PodDisruptionBudgets hold.
const (
	// ForceNever leaves them: they end with the node.
	ForceNever Force = "never"
	// ForceDelete deletes them Rules.ForceBefore the deadline, whatever their
	// budgets say, with what is left of their grace period.
	ForceDelete Force = "delete"
	// ForceGrace deletes them as soon as their grace period reaches the deadline:
	// what terminationGracePeriod of a NodePool means.
	ForceGrace Force = "grace"
)

// Rules of one drain. The zero value evicts everything tier by tier and has no
// deadline.
type Rules struct {
	// Deadline is when the node ends; zero when it may take as long as it needs.
	Deadline time.Time
	// HasPlace, when set, says whether a place waits for the pod on a node that
	// is ready. The others wait until it would be too late.
	HasPlace func(*corev1.Pod) bool
	// Margin is kept between the end of the last grace period and Deadline.
	Margin time.Duration
	// Force counts with a Deadline only; empty is ForceNever.
	Force       Force
	ForceBefore time.Duration
	// KeepDaemonSets leaves the pods of DaemonSets where they are.
	KeepDaemonSets bool
	// Self is the pod that empties the node, if it is one: it goes after all others,
	// for until its successor leads nobody does its work.
	Self client.ObjectKey
}

// Step is what to do next about the pods of a node that ends.
type Step struct {
	// Evict these now.
	Evict []Removal
	// Remove these now, past their budgets.
	Remove []Removal
	// Waiting is how many pods have to leave before the node is drained.
	Waiting int
	// Blocked are pods that may not be evicted (karpenter.sh/do-not-disrupt),
	// Held those that have no place elsewhere yet.
	Blocked, Held []*corev1.Pod
	// Recheck is when something changes by itself; zero for never.
	Recheck time.Duration
}

// Removal is a pod to go; Grace shortens its grace period, nil leaves it its own.
type Removal struct {
	Pod   *corev1.Pod
	Grace *time.Duration
}

// Next decides about the pods on a node.
func Next(pods []corev1.Pod, now time.Time, rules Rules) Step {
	var step Step
	tiers := make([][]*corev1.Pod, tierCount)
	for i := range pods {
		pod := &pods[i]
		if !rules.mustLeave(pod, now) {
			continue
		}
		step.Waiting++
		if !rules.Deadline.IsZero() && step.overrun(pod, now, &rules) {
			continue
		}
		switch {
		case pod.DeletionTimestamp != nil:
		case MayNotBeDisturbed(pod, now):
			step.Blocked = append(step.Blocked, pod)
		case rules.HasPlace != nil && observe.ComesBack(pod) && !rules.HasPlace(pod):
			step.Held = append(step.Held, pod)
		default:
			tiers[rules.tier(pod)] = append(tiers[rules.tier(pod)], pod)
		}
	}
	for _, pod := range firstUnfinished(tiers, pods, now, &rules) {
		step.Evict = append(step.Evict, rules.eviction(pod, now))
	}
	return step
}

// firstUnfinished is the lowest tier that still has pods; later tiers wait for
// its pods to have left, those that are leaving included.
func firstUnfinished(tiers [][]*corev1.Pod, pods []corev1.Pod, now time.Time, rules *Rules) []*corev1.Pod {
	lowest := len(tiers)
	for i := range pods {
		if rules.mustLeave(&pods[i], now) {
			lowest = min(lowest, rules.tier(&pods[i]))
		}
	}
	if lowest == len(tiers) {
		return nil
	}
	return tiers[lowest]
}

// overrun deals with a pod that cannot wait any longer.
func (s *Step) overrun(pod *corev1.Pod, now time.Time, rules *Rules) bool {
	if s.isForced(pod, now, rules) {
		if pod.DeletionTimestamp == nil || pod.DeletionTimestamp.After(rules.Deadline) {
			grace := max(0, rules.Deadline.Sub(now))
			s.Remove = append(s.Remove, Removal{Pod: pod, Grace: &grace})
		}
		return true
	}
	if rules.Force == ForceGrace {
		return false
	}
	if pod.DeletionTimestamp != nil {
		return false
	}
	if s.later(rules.Deadline.Add(-gracePeriod(pod)-rules.Margin), now) {
		return false
	}
	s.Evict = append(s.Evict, rules.eviction(pod, now))
	return true
}

// isForced reports whether the time of budgets is over for the pod.
func (s *Step) isForced(pod *corev1.Pod, now time.Time, rules *Rules) bool {
	switch rules.Force {
	case ForceGrace:
		return !s.later(rules.Deadline.Add(-gracePeriod(pod)), now)
	case ForceDelete:
		return !s.later(rules.Deadline.Add(-rules.ForceBefore), now)
	}
	return false
}

// later reports whether a moment is still to come, and has it looked at then.
func (s *Step) later(at, now time.Time) bool {
	if !now.Before(at) {
		return false
	}
	if left := at.Sub(now); s.Recheck == 0 || left < s.Recheck {
		s.Recheck = left
	}
	return true
}

// eviction gives the pod as much of its grace period as ends before the
// deadline.
func (r *Rules) eviction(pod *corev1.Pod, now time.Time) Removal {
	if r.Deadline.IsZero() {
		return Removal{Pod: pod}
	}
	left := max(least, r.Deadline.Add(-min(r.Margin, r.Deadline.Sub(now)/10)).Sub(now).Truncate(time.Second))
	if gracePeriod(pod) <= left {
		return Removal{Pod: pod}
	}
	return Removal{Pod: pod, Grace: &left}
}

func gracePeriod(pod *corev1.Pod) time.Duration {
	if seconds := pod.Spec.TerminationGracePeriodSeconds; seconds != nil {
		return time.Duration(*seconds) * time.Second
	}
	return corev1.DefaultTerminationGracePeriodSeconds * time.Second
}

// mustLeave reports whether the node has to wait for the pod.
func (r *Rules) mustLeave(pod *corev1.Pod, now time.Time) bool {
	if observe.StaysToTheEnd(pod) || (r.KeepDaemonSets && observe.IsOwnedByDaemonSet(pod)) {
		return false
	}
	return pod.DeletionTimestamp == nil || now.Before(pod.DeletionTimestamp.Add(stuck))
}

// MayNotBeDisturbed reports whether karpenter.sh/do-not-disrupt holds for the
// pod: "true", or for a duration from its start.
func MayNotBeDisturbed(pod *corev1.Pod, now time.Time) bool {
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

// tierCount is how many tiers there are.
const tierCount = 5

// tier orders the drain: others' pods before those of DaemonSets, critical ones
// last of each, and whoever does it last of all.
func (r *Rules) tier(pod *corev1.Pod) int {
	if client.ObjectKeyFromObject(pod) == r.Self {
		return tierCount - 1
	}
	tier := 0
	if observe.IsOwnedByDaemonSet(pod) {
		tier++
	}
	if pod.Spec.Priority != nil && *pod.Spec.Priority >= systemCritical {
		tier += 2
	}
	return tier
}
