package podrun

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// exitLost is the code of a run that ended with its machine or simulator.
const exitLost = 137

// Adopt continues a pod by the status it has, after a restart of the simulator
// or, with rebooted, of the machine. Runs that outlive a simulator go on; the
// others ended now and are subject to the restart policy.
func Adopt(host Host, pod *corev1.Pod, addresses Addresses, rebooted bool, now time.Time) *Pod {
	p := New(host, pod, addresses, now)
	if pod.Status.StartTime != nil {
		p.startTime = pod.Status.StartTime.Time
	}
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		p.over = true
		return p
	}
	statuses := map[string]corev1.ContainerStatus{}
	for _, status := range pod.Status.InitContainerStatuses {
		statuses[status.Name] = status
	}
	for _, status := range pod.Status.ContainerStatuses {
		statuses[status.Name] = status
	}
	for _, c := range p.containers {
		if status, known := statuses[c.spec.Name]; known {
			p.adoptContainer(c, status, rebooted, now)
		}
	}
	return p
}

// Resumer is a Host some of whose runs outlive the simulator.
type Resumer interface {
	// Resume continues a run, or returns nil when it ended with the simulator.
	Resume(request StartRequest) Run
}

func (p *Pod) adoptContainer(c *container, status corev1.ContainerStatus, rebooted bool, now time.Time) {
	c.restarts, c.last, c.id = status.RestartCount, status.LastTerminationState.Terminated, status.ContainerID
	switch {
	case status.State.Terminated != nil:
		c.exit = status.State.Terminated
	case status.State.Running != nil:
		c.startedAt = status.State.Running.StartedAt.Time
		if resumer, can := p.host.(Resumer); can && !rebooted {
			c.run = resumer.Resume(StartRequest{Pod: p.pod, Container: c.spec, PodIP: p.addresses.PodIP, Attempt: c.restarts, StartedAt: c.startedAt})
		}
		if c.run == nil {
			p.recordExit(c, &Exit{At: now, Code: exitLost})
			return
		}
		c.health = c.run.Health(now)
	case status.State.Waiting != nil && c.last != nil:
		c.exit, c.last = c.last, nil
	}
}
