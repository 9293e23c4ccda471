package podrun

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/nodes/program"
)

// termination is the pod's ordered end: main containers first, then sidecars
// in the reverse of their order; preStop hooks count towards the grace period.
type termination struct {
	deadline time.Time
	reason   string // why the pod fails, empty when its containers decide
	asked    map[*container]bool
	hookEnds map[*container]time.Time
	// endedAt is when the last container ended.
	endedAt time.Time
}

const defaultGrace = 30 * time.Second

// minimumGrace is what a kubelet gives where a deletion asks for less.
const minimumGrace = 2 * time.Second

func deletionGrace(pod *corev1.Pod) time.Duration {
	if seconds := pod.DeletionGracePeriodSeconds; seconds != nil {
		return max(minimumGrace, time.Duration(*seconds)*time.Second)
	}
	return terminationGrace(pod)
}

func terminationGrace(pod *corev1.Pod) time.Duration {
	if seconds := pod.Spec.TerminationGracePeriodSeconds; seconds != nil {
		return max(minimumGrace, time.Duration(*seconds)*time.Second)
	}
	return defaultGrace
}

// beginStop may come again with a shorter grace period, never a longer one.
func (p *Pod) beginStop(now time.Time, grace time.Duration, reason string) {
	deadline := now.Add(p.host.Scaled(grace))
	if p.stopping == nil {
		p.stopping = &termination{
			deadline: deadline, reason: reason,
			asked: map[*container]bool{}, hookEnds: map[*container]time.Time{},
		}
		return
	}
	if deadline.Before(p.stopping.deadline) {
		p.stopping.deadline = deadline
		p.stopping.asked = map[*container]bool{}
	}
}

// stop moves the termination on and reports whether the pod has ended.
func (p *Pod) stop(now time.Time, wake *alarm) bool {
	if p.stopRuns(now, wake, p.mains()) {
		for i := len(p.containers) - 1; i >= 0; i-- {
			if c := p.containers[i]; c.init && !p.stopRuns(now, wake, []*container{c}) {
				break
			}
		}
	}
	if p.anyRunning() {
		return false
	}
	if p.stopping.endedAt.IsZero() {
		p.stopping.endedAt = now
		p.abandon(now)
	}
	gone := p.stopping.endedAt.Add(p.host.Scaled(teardownTime))
	wake.at(gone)
	return !now.Before(gone)
}

func (p *Pod) mains() []*container {
	var mains []*container
	for _, c := range p.containers {
		if !c.init {
			mains = append(mains, c)
		}
	}
	return mains
}

// stopRuns reports whether none of the containers runs any more.
func (p *Pod) stopRuns(now time.Time, wake *alarm, containers []*container) bool {
	ended := true
	for _, c := range containers {
		if c.run == nil {
			continue
		}
		p.stopRun(c, now, wake)
		p.poll(c, now)
		ended = ended && c.run == nil
	}
	return ended
}

func (p *Pod) stopRun(c *container, now time.Time, wake *alarm) {
	hookEnds, known := p.stopping.hookEnds[c]
	if !known {
		p.host.Event(p.pod, c.spec.Name, Event{Reason: "Killing", Message: fmt.Sprintf("Stopping container %s", c.spec.Name)})
		hookEnds = now
		if c.spec.Lifecycle != nil {
			hookEnds = now.Add(p.host.Scaled(program.PreStop(c.spec.Lifecycle.PreStop)))
		}
		p.stopping.hookEnds[c] = hookEnds
	}
	if p.stopping.deadline.Before(hookEnds) {
		hookEnds = p.stopping.deadline
	}
	if now.Before(hookEnds) {
		wake.at(hookEnds)
		return
	}
	if !p.stopping.asked[c] {
		p.stopping.asked[c] = true
		c.run.Stop(now, p.stopping.deadline)
	}
}

// abandon marks the containers that never came to run.
func (p *Pod) abandon(now time.Time) {
	for _, c := range p.containers {
		c.waiting = nil
		if c.exit != nil {
			continue
		}
		c.neverStarted = true
		if p.pod.DeletionTimestamp != nil || p.stopping.reason != "" {
			c.exit = &corev1.ContainerStateTerminated{
				ExitCode: 137, Reason: "ContainerStatusUnknown", FinishedAt: timeOf(now),
				Message: "The container could not be located when the pod was terminated",
			}
		}
	}
}
