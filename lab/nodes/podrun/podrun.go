// Package podrun treats one pod as a kubelet does: images, init containers and
// sidecars in order, restarts with back-off, readiness, graceful termination,
// and the status that tells of it. It keeps no time and starts nothing by
// itself: Sync is called with the time, and says when to be called again.
package podrun

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Host is the node under the pod.
type Host interface {
	// Scaled turns a realistic duration into the lab's.
	Scaled(realistic time.Duration) time.Duration
	// Image says when an image is on the node, asking for it if need be.
	Image(image string, policy corev1.PullPolicy, now time.Time) Image
	// Start starts one run of a container. A ConfigError says that the
	// container cannot be configured yet; other errors that it cannot start.
	Start(request StartRequest) (Run, error)
	// Event tells of something that happened; container is empty for the pod.
	Event(pod *corev1.Pod, container string, event Event)
}

// Image is the answer to the wish for an image.
type Image struct {
	ReadyAt time.Time
	// Pulled is whether this wish started or joined a pull; else it was there.
	Pulled    bool
	PullTime  time.Duration
	SizeBytes int64
	// Problem is a waiting reason such as InvalidImageName or
	// ErrImageNeverPull when the image will never be there, with its message.
	Problem, Message string
}

// Event is what a kubelet reports about a pod.
type Event struct {
	Warning         bool
	Reason, Message string
}

// StartRequest names one run of a container.
type StartRequest struct {
	Pod       *corev1.Pod
	Container *corev1.Container
	PodIP     string
	// Attempt counts earlier runs.
	Attempt int32
	// StartedAt is now, or earlier for a run that outlived its simulator.
	StartedAt time.Time
}

// Run is one run of a container.
type Run interface {
	// Exit returns how the run ended, or nil as long as it goes on.
	Exit(now time.Time) *Exit
	Health(now time.Time) Health
	// Wake is when Exit or Health changes without further notice; zero if the
	// host tells by itself.
	Wake(now time.Time) time.Time
	// Stop asks the run to end and ends it at the deadline.
	Stop(now, deadline time.Time)
}

// Exit is the end of a run.
type Exit struct {
	At      time.Time
	Code    int32
	Signal  int32
	Reason  string // Completed or Error when empty
	Message string
}

// Health is what probes say.
type Health struct {
	Started bool // the startup probe succeeded, or there is none
	Ready   bool
	// Failure is why the run must be killed and restarted, empty if alive.
	Failure string
	// Unready is what a failing readiness probe said.
	Unready string
}

// ConfigError is a start that fails until something else exists.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return e.Err.Error() }
func (e *ConfigError) Unwrap() error { return e.Err }

// Step is the outcome of a Sync.
type Step struct {
	Status corev1.PodStatus
	// Wake is when to call again at the latest; zero if only on a change.
	Wake time.Time
	// Finished means that a deleted pod has ended: its object can go.
	Finished bool
}

// soon is how long a status may last that is not told of for the next one's sake.
const soon = time.Second

// Passing reports whether the status is one of those between the beginning of a pod
// and its first run, or between its last run and its end, that the next one will
// replace at once.
func (s *Step) Passing(now time.Time) bool {
	return s.Status.Phase != corev1.PodRunning && !s.Wake.IsZero() && s.Wake.Sub(now) <= soon
}

// sandboxTime is how long a pod's network takes.
const sandboxTime = 700 * time.Millisecond

// teardownTime is how long clean-up takes once all containers have ended.
const teardownTime = 300 * time.Millisecond

// Pod is one pod on one node. It is not safe for concurrent use.
type Pod struct {
	host       Host
	pod        *corev1.Pod
	addresses  Addresses
	startTime  time.Time
	containers []*container // init containers first, in order
	rejected   *Rejection
	stopping   *termination
	// over is a pod that had ended before it was taken on.
	over bool
}

// Addresses of a pod; PodIP equals HostIP for the host's network.
type Addresses struct{ PodIP, HostIP string }

// Rejection is a pod that the node does not admit.
type Rejection struct{ Reason, Message string }

// New takes on a pod that is bound to the node.
func New(host Host, pod *corev1.Pod, addresses Addresses, now time.Time) *Pod {
	p := &Pod{host: host, pod: pod, addresses: addresses, startTime: now}
	for i := range pod.Spec.InitContainers {
		spec := &pod.Spec.InitContainers[i]
		p.containers = append(p.containers, &container{spec: spec, init: true, sidecar: isSidecar(spec)})
	}
	for i := range pod.Spec.Containers {
		p.containers = append(p.containers, &container{spec: &pod.Spec.Containers[i]})
	}
	return p
}

func isSidecar(init *corev1.Container) bool {
	return init.RestartPolicy != nil && *init.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// Reject makes the pod fail with a reason such as OutOfcpu.
func (p *Pod) Reject(rejection Rejection) { p.rejected = &rejection }

// Active reports whether the pod takes resources of its node.
func (p *Pod) Active() bool {
	if p.over {
		return false
	}
	phase := p.phase()
	return p.rejected == nil && phase != corev1.PodSucceeded && phase != corev1.PodFailed
}

// Object returns the pod as last given to Sync.
func (p *Pod) Object() *corev1.Pod { return p.pod }

// Addresses returns the pod's addresses.
func (p *Pod) Addresses() Addresses { return p.addresses }

// Sync moves the pod on to now. The object is the newest one known.
func (p *Pod) Sync(object *corev1.Pod, now time.Time) Step {
	p.pod = object
	if p.over {
		return Step{Status: object.Status, Finished: object.DeletionTimestamp != nil}
	}
	wake := &alarm{now: now}
	for _, c := range p.containers {
		p.poll(c, now)
	}
	deleted := object.DeletionTimestamp != nil
	finished := false
	switch {
	case p.rejected != nil:
		finished = true
	case deleted:
		p.beginStop(now, deletionGrace(object), "")
		finished = p.stop(now, wake)
	case p.stopping != nil:
		p.stop(now, wake)
	case p.pastDeadline(now, wake):
		p.beginStop(now, terminationGrace(object), reasonDeadlineExceeded)
		p.stop(now, wake)
	case !p.terminal():
		p.progress(now, wake)
	}
	for _, c := range p.containers {
		if c.run != nil {
			wake.at(c.run.Wake(now))
		}
	}
	return Step{Status: p.status(now), Wake: wake.time, Finished: deleted && finished}
}

// Kill ends every run at once, as the end of the machine does.
func (p *Pod) Kill(now time.Time) {
	for _, c := range p.containers {
		if c.run != nil {
			c.run.Stop(now, now)
		}
	}
}

// progress starts what may start: init containers one after the other, each
// sidecar as soon as its turn comes, then all main containers.
func (p *Pod) progress(now time.Time, wake *alarm) {
	if ready := p.startTime.Add(p.host.Scaled(sandboxTime)); now.Before(ready) {
		wake.at(ready)
		return
	}
	for _, c := range p.containers {
		if !c.init {
			continue
		}
		p.ensure(c, now, wake)
		if !c.passed() {
			p.endIf(p.initFailed(), now, wake)
			return
		}
	}
	for _, c := range p.containers {
		if !c.init {
			p.ensure(c, now, wake)
		}
	}
	p.endIf(p.mainsEnded(), now, wake)
}

// endIf stops the sidecars of a pod whose work is over.
func (p *Pod) endIf(over bool, now time.Time, wake *alarm) {
	if !over {
		return
	}
	p.beginStop(now, terminationGrace(p.pod), "")
	p.stop(now, wake)
}

// mainsEnded reports whether no main container runs or will run again.
func (p *Pod) mainsEnded() bool {
	for _, c := range p.containers {
		if !c.init && !c.ended(p.pod.Spec.RestartPolicy) {
			return false
		}
	}
	return true
}

// initFailed reports whether an init container failed for good.
func (p *Pod) initFailed() bool {
	for _, c := range p.containers {
		if c.init && !c.sidecar && c.exit != nil && c.exit.ExitCode != 0 && c.ended(p.pod.Spec.RestartPolicy) {
			return true
		}
	}
	return false
}

// terminal reports whether everything has ended for good.
func (p *Pod) terminal() bool {
	if p.anyRunning() {
		return false
	}
	return p.mainsEnded() || p.initFailed()
}

func (p *Pod) anyRunning() bool {
	for _, c := range p.containers {
		if c.run != nil {
			return true
		}
	}
	return false
}

const reasonDeadlineExceeded = "DeadlineExceeded"

func (p *Pod) pastDeadline(now time.Time, wake *alarm) bool {
	seconds := p.pod.Spec.ActiveDeadlineSeconds
	if seconds == nil || p.terminal() {
		return false
	}
	deadline := p.startTime.Add(p.host.Scaled(time.Duration(*seconds) * time.Second))
	wake.at(deadline)
	return !now.Before(deadline)
}

// alarm keeps the earliest time after now.
type alarm struct{ now, time time.Time }

func (a *alarm) at(t time.Time) {
	if t.IsZero() || !t.After(a.now) {
		return
	}
	if a.time.IsZero() || t.Before(a.time) {
		a.time = t
	}
}

// timeOf has whole seconds, as a time that has been stored has.
func timeOf(t time.Time) metav1.Time { return metav1.NewTime(t).Rfc3339Copy() }
