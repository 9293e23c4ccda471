package podrun

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/nodes/program"
)

// IgnoreSIGTERM with the value "true" makes a pod's simulated containers run
// on until their grace period is over.
const IgnoreSIGTERM = "lab.drover.dev/ignore-sigterm"

// Simulated is a run that exists in name only.
type Simulated struct {
	program   program.Program
	startedAt time.Time
	scaled    func(time.Duration) time.Duration
	probes    delays
	print     func(at time.Time, line string)
	printed   int
	stubborn  bool
	stopped   *Exit
}

// delays are the times after which probes succeed.
type delays struct{ started, ready time.Duration }

// initTime is how long an init container takes that is not understood: it is
// there to come to an end.
const initTime = time.Second

func isInit(request StartRequest) bool {
	for i := range request.Pod.Spec.InitContainers {
		if request.Pod.Spec.InitContainers[i].Name == request.Container.Name {
			return !isSidecar(&request.Pod.Spec.InitContainers[i])
		}
	}
	return false
}

// shortestRun is how long a program takes that does nothing.
const shortestRun = 100 * time.Millisecond

// stopTime is how long a program takes to end after SIGTERM.
const stopTime = 200 * time.Millisecond

// NewSimulated starts a simulated run; printLine receives its output.
func NewSimulated(request StartRequest, scaled func(time.Duration) time.Duration, printLine func(at time.Time, line string)) (*Simulated, error) {
	plan, err := program.Of(request.Container, request.Pod.Annotations)
	if err != nil {
		return nil, err
	}
	if !plan.Ends && isInit(request) {
		plan.Ends, plan.After = true, initTime
	}
	if plan.Ends {
		plan.After = max(plan.After, shortestRun)
	}
	s := &Simulated{
		program: plan, startedAt: request.StartedAt, scaled: scaled, print: printLine,
		probes:   probeDelays(request.Container),
		stubborn: request.Pod.Annotations[IgnoreSIGTERM] == "true",
	}
	s.printUntil(request.StartedAt)
	return s, nil
}

// ResumeSimulated continues a run that has printed what was due before now.
func ResumeSimulated(request StartRequest, now time.Time, scaled func(time.Duration) time.Duration, printLine func(at time.Time, line string)) (*Simulated, error) {
	silent := func(time.Time, string) {}
	s, err := NewSimulated(request, scaled, silent)
	if err != nil {
		return nil, err
	}
	s.printUntil(now)
	s.print = printLine
	return s, nil
}

func probeDelays(container *corev1.Container) delays {
	var d delays
	if probe := container.StartupProbe; probe != nil {
		d.started = firstSuccess(probe)
	}
	d.ready = d.started
	if probe := container.ReadinessProbe; probe != nil {
		d.ready = max(d.ready, firstSuccess(probe))
	}
	return d
}

// firstSuccess is when a probe that never fails reaches its threshold.
func firstSuccess(probe *corev1.Probe) time.Duration {
	more := max(0, probe.SuccessThreshold-1) * probe.PeriodSeconds
	return time.Duration(probe.InitialDelaySeconds+more) * time.Second
}

// Exit implements Run.
func (s *Simulated) Exit(now time.Time) *Exit {
	s.printUntil(now)
	ends := s.after(s.program.After)
	if s.program.Ends && !now.Before(ends) && (s.stopped == nil || ends.Before(s.stopped.At)) {
		return &Exit{At: ends, Code: s.program.ExitCode}
	}
	if s.stopped != nil && !now.Before(s.stopped.At) {
		return s.stopped
	}
	return nil
}

// Health implements Run.
func (s *Simulated) Health(now time.Time) Health {
	return Health{
		Started: !now.Before(s.after(s.probes.started)),
		Ready:   !now.Before(s.after(s.probes.ready)),
	}
}

// Wake implements Run.
func (s *Simulated) Wake(now time.Time) time.Time {
	next := &alarm{now: now}
	next.at(s.after(s.probes.started))
	next.at(s.after(s.probes.ready))
	if s.program.Ends {
		next.at(s.after(s.program.After))
	}
	if s.printed < len(s.program.Output) {
		next.at(s.after(s.program.Output[s.printed].At))
	}
	if s.stopped != nil {
		next.at(s.stopped.At)
	}
	return next.time
}

// Stop implements Run.
func (s *Simulated) Stop(now, deadline time.Time) {
	at := now.Add(s.scaled(stopTime))
	if !s.stubborn && at.Before(deadline) {
		s.stopped = &Exit{At: at}
		return
	}
	s.stopped = &Exit{At: deadline, Code: exitLost}
}

func (s *Simulated) after(d time.Duration) time.Time {
	return s.startedAt.Add(s.scaled(d))
}

func (s *Simulated) printUntil(now time.Time) {
	for s.printed < len(s.program.Output) {
		line := s.program.Output[s.printed]
		if at := s.after(line.At); !now.Before(at) {
			s.print(at, line.Text)
			s.printed++
			continue
		}
		return
	}
}
