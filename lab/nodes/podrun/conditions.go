package podrun

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// setConditions writes the kubelet's five conditions.
func (p *Pod) setConditions(status *corev1.PodStatus, now time.Time) {
	completed := status.Phase == corev1.PodSucceeded
	networked := p.networked(now) && !completed && status.Phase != corev1.PodFailed
	p.setCondition(status, now, condition{kind: corev1.PodReadyToStartContainers, holds: networked})
	p.setCondition(status, now, p.initializedCondition(completed))
	containers := p.containersReady(completed)
	p.setCondition(status, now, containers)
	p.setCondition(status, now, p.podReady(status, containers))
}

type condition struct {
	kind            corev1.PodConditionType
	holds           bool
	reason, message string
}

func (p *Pod) setCondition(status *corev1.PodStatus, now time.Time, want condition) {
	next := corev1.PodCondition{
		Type: want.kind, Status: corev1.ConditionFalse, Reason: want.reason, Message: want.message,
		ObservedGeneration: p.pod.Generation, LastTransitionTime: timeOf(now),
	}
	if want.holds {
		next.Status = corev1.ConditionTrue
	}
	at := slices.IndexFunc(status.Conditions, func(c corev1.PodCondition) bool { return c.Type == want.kind })
	if at < 0 {
		status.Conditions = append(status.Conditions, next)
		return
	}
	if before := status.Conditions[at]; before.Status == next.Status {
		next.LastTransitionTime = before.LastTransitionTime
	}
	status.Conditions[at] = next
}

func (p *Pod) initializedCondition(completed bool) condition {
	want := condition{kind: corev1.PodInitialized, holds: true}
	if completed {
		want.reason = "PodCompleted"
		return want
	}
	var waiting []string
	for _, c := range p.containers {
		if c.init && !c.passed() {
			waiting = append(waiting, c.spec.Name)
		}
	}
	if len(waiting) > 0 && !p.initialized() {
		want.holds, want.reason = false, "ContainersNotInitialized"
		want.message = fmt.Sprintf("containers with incomplete status: [%s]", strings.Join(waiting, " "))
	}
	return want
}

func (p *Pod) containersReady(completed bool) condition {
	want := condition{kind: corev1.ContainersReady, holds: true}
	if completed {
		want.holds, want.reason = false, "PodCompleted"
		return want
	}
	var unready []string
	for _, c := range p.containers {
		if (!c.init || c.sidecar) && !p.containerReady(c) {
			unready = append(unready, c.spec.Name)
		}
	}
	if len(unready) > 0 {
		want.holds, want.reason = false, "ContainersNotReady"
		want.message = fmt.Sprintf("containers with unready status: [%s]", strings.Join(unready, " "))
	}
	return want
}

func (p *Pod) podReady(status *corev1.PodStatus, containers condition) condition {
	want := containers
	want.kind = corev1.PodReady
	if !want.holds {
		return want
	}
	for _, gate := range p.pod.Spec.ReadinessGates {
		holds := slices.ContainsFunc(status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == gate.ConditionType && c.Status == corev1.ConditionTrue
		})
		if !holds {
			want.holds, want.reason = false, "ReadinessGatesNotReady"
			want.message = fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", gate.ConditionType)
		}
	}
	return want
}
