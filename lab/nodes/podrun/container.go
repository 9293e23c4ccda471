package podrun

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// container is one container across its runs.
type container struct {
	spec          *corev1.Container
	init, sidecar bool

	run       Run // nil unless running
	id        string
	startedAt time.Time
	health    Health

	exit     *corev1.ContainerStateTerminated // of the latest run, when it has ended
	last     *corev1.ContainerStateTerminated // of the run before
	restarts int32

	image        *Image
	waiting      *corev1.ContainerStateWaiting
	backoff      time.Duration // what the next failure waits
	retryAt      time.Time
	backoffSaid  bool
	unreadySaid  string
	failing      bool // its liveness probe failed, it is being stopped
	neverStarted bool // and will not, since the pod ends
}

const (
	firstBackoff = 10 * time.Second
	maxBackoff   = 5 * time.Minute
	configRetry  = 10 * time.Second
	// calmRun is how long a run must last for the back-off to start anew.
	calmRun = 2 * maxBackoff
)

// poll takes note of a run that has ended or must be ended.
func (p *Pod) poll(c *container, now time.Time) {
	if c.run == nil {
		return
	}
	c.health = c.run.Health(now)
	p.heed(c, now)
	if exit := c.run.Exit(now); exit != nil {
		p.recordExit(c, exit)
	}
}

// heed acts on what probes say.
func (p *Pod) heed(c *container, now time.Time) {
	if said := c.health.Unready; said != c.unreadySaid {
		c.unreadySaid = said
		if said != "" {
			p.host.Event(p.pod, c.spec.Name, Event{Warning: true, Reason: "Unhealthy", Message: said})
		}
	}
	if c.health.Failure == "" || c.failing || p.stopping != nil {
		return
	}
	c.failing = true
	p.host.Event(p.pod, c.spec.Name, Event{Warning: true, Reason: "Unhealthy", Message: c.health.Failure})
	p.host.Event(p.pod, c.spec.Name, Event{Reason: "Killing", Message: fmt.Sprintf("Container %s failed liveness probe, will be restarted", c.spec.Name)})
	c.run.Stop(now, now.Add(p.host.Scaled(terminationGrace(p.pod))))
}

// recordExit records the end of a run and when the next may start: the first
// restart comes at once, each later one waits twice as long.
func (p *Pod) recordExit(c *container, exit *Exit) {
	c.exit = &corev1.ContainerStateTerminated{
		ExitCode: exit.Code, Signal: exit.Signal, Reason: exit.Reason, Message: exit.Message,
		StartedAt: timeOf(c.startedAt), FinishedAt: timeOf(exit.At), ContainerID: c.id,
	}
	if exit.Reason == "" {
		c.exit.Reason = map[bool]string{true: "Completed", false: "Error"}[exit.Code == 0]
	}
	if exit.At.Sub(c.startedAt) > p.host.Scaled(calmRun) {
		c.backoff = 0
	}
	c.retryAt = exit.At.Add(p.host.Scaled(c.backoff))
	c.run, c.health, c.backoffSaid = nil, Health{}, false
	c.waiting, c.unreadySaid, c.failing = nil, "", false
}

func (c *container) raiseBackoff() {
	if c.backoff == 0 {
		c.backoff = firstBackoff
		return
	}
	c.backoff = min(2*c.backoff, maxBackoff)
}

// restartable reports whether a container that ended so runs again.
func (c *container) restartable(policy corev1.RestartPolicy) bool {
	if c.sidecar {
		return true
	}
	if c.spec.RestartPolicy != nil {
		policy = corev1.RestartPolicy(*c.spec.RestartPolicy)
	}
	failed := c.exit != nil && c.exit.ExitCode != 0
	switch policy {
	case corev1.RestartPolicyNever:
		return false
	case corev1.RestartPolicyOnFailure:
		return failed
	}
	return failed || !c.init
}

// ended reports whether the container has run for the last time.
func (c *container) ended(policy corev1.RestartPolicy) bool {
	return c.neverStarted || c.run == nil && c.exit != nil && !c.restartable(policy)
}

// passed reports whether the containers after this init container may start.
func (c *container) passed() bool {
	if c.sidecar {
		return c.run != nil && c.health.Started
	}
	return c.run == nil && c.exit != nil && c.exit.ExitCode == 0
}

// ensure starts the container if it should run and can.
func (p *Pod) ensure(c *container, now time.Time, wake *alarm) {
	if c.run != nil || c.exit != nil && !c.restartable(p.pod.Spec.RestartPolicy) {
		return
	}
	if now.Before(c.retryAt) {
		p.backOff(c)
		wake.at(c.retryAt)
		return
	}
	if !p.imageReady(c, now, wake) {
		return
	}
	p.start(c, now, wake)
}

func (p *Pod) backOff(c *container) {
	if c.exit == nil || c.backoffSaid {
		return
	}
	c.backoffSaid = true
	name := fmt.Sprintf("%s_%s(%s)", p.pod.Name, p.pod.Namespace, p.pod.UID)
	c.waiting = &corev1.ContainerStateWaiting{
		Reason:  "CrashLoopBackOff",
		Message: fmt.Sprintf("back-off %s restarting failed container=%s pod=%s", c.backoff, c.spec.Name, name),
	}
	p.host.Event(p.pod, c.spec.Name, Event{Warning: true, Reason: "BackOff",
		Message: fmt.Sprintf("Back-off restarting failed container %s in pod %s", c.spec.Name, name)})
}

func (p *Pod) imageReady(c *container, now time.Time, wake *alarm) bool {
	if c.image == nil {
		image := p.host.Image(c.spec.Image, c.spec.ImagePullPolicy, now)
		c.image = &image
		if image.Pulled {
			p.host.Event(p.pod, c.spec.Name, Event{Reason: "Pulling", Message: fmt.Sprintf("Pulling image %q", c.spec.Image)})
		}
	}
	if c.image.Problem != "" {
		c.waiting = &corev1.ContainerStateWaiting{Reason: c.image.Problem, Message: c.image.Message}
		return false
	}
	if now.Before(c.image.ReadyAt) {
		wake.at(c.image.ReadyAt)
		return false
	}
	return true
}

func (p *Pod) start(c *container, now time.Time, wake *alarm) {
	attempt := c.restarts
	if c.exit != nil {
		attempt++
	}
	run, err := p.host.Start(StartRequest{Pod: p.pod, Container: c.spec, PodIP: p.addresses.PodIP, Attempt: attempt, StartedAt: now})
	var config *ConfigError
	if errors.As(err, &config) {
		c.waiting = &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError", Message: err.Error()}
		p.host.Event(p.pod, c.spec.Name, Event{Warning: true, Reason: "Failed", Message: "Error: " + err.Error()})
		c.retryAt = now.Add(p.host.Scaled(configRetry))
		wake.at(c.retryAt)
		return
	}
	p.saySource(c)
	if c.exit != nil {
		c.last, c.exit = c.exit, nil
		c.restarts = attempt
		c.raiseBackoff()
	}
	c.id, c.startedAt, c.waiting, c.image = containerID(p.pod, c.spec.Name, attempt), now, nil, nil
	if err != nil {
		p.host.Event(p.pod, c.spec.Name, Event{Warning: true, Reason: "Failed", Message: "Error: " + err.Error()})
		p.recordExit(c, &Exit{At: now, Code: 128, Reason: "StartError", Message: err.Error()})
		wake.at(now.Add(time.Millisecond))
		return
	}
	c.run = run
	c.health = run.Health(now)
	p.host.Event(p.pod, c.spec.Name, Event{Reason: "Created", Message: "Container created"})
	p.host.Event(p.pod, c.spec.Name, Event{Reason: "Started", Message: "Container started"})
}

func (p *Pod) saySource(c *container) {
	message := fmt.Sprintf("Container image %q already present on machine and can be accessed by the pod", c.spec.Image)
	if c.image.Pulled {
		took := c.image.PullTime.Round(time.Millisecond)
		message = fmt.Sprintf("Successfully pulled image %q in %s (%s including waiting). Image size: %d bytes.", c.spec.Image, took, took, c.image.SizeBytes)
	}
	p.host.Event(p.pod, c.spec.Name, Event{Reason: "Pulled", Message: message})
}
