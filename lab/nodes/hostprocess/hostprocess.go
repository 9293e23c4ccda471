//go:build unix

// Package hostprocess runs a container's program as a process of the host: its
// output goes to the container's log, its end is reported, and it does not
// outlive the lab.
package hostprocess

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/nodes/podlog"
	"github.com/drover-project/drover/lab/nodes/podrun"
)

// minGrace is what a real program gets to end even where a scaled-down grace
// period is shorter.
const minGrace = 5 * time.Second

// Runner starts processes from one thread that lives as long as it does, since
// Linux ties the death of a child to the thread that started it.
type Runner struct {
	starts chan func()
	done   chan struct{}

	mu      sync.Mutex
	closed  bool
	running map[*Process]struct{}
}

// NewRunner starts the thread; Close ends it and every process.
func NewRunner() *Runner {
	r := &Runner{starts: make(chan func()), done: make(chan struct{}), running: map[*Process]struct{}{}}
	go r.loop()
	return r
}

func (r *Runner) loop() {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	defer close(r.done)
	for start := range r.starts {
		start()
	}
}

// Close kills what still runs and waits until it is gone.
func (r *Runner) Close() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.closed = true
	var rest []*Process
	for p := range r.running {
		rest = append(rest, p)
	}
	r.mu.Unlock()
	now := time.Now()
	for _, p := range rest {
		p.Stop(now, now)
	}
	for _, p := range rest {
		<-p.ended
	}
	close(r.starts)
	<-r.done
}

// Spec is a process to start.
type Spec struct {
	Path string
	Args []string
	Env  []string // the whole environment
	Dir  string
	Log  *podlog.Writer // closed at the end of the process
	// Container has the probes to run.
	Container *corev1.Container
	// Changed is called when the process has ended or its health changed.
	Changed func()
}

// Process is one running process. It implements podrun.Run.
type Process struct {
	cmd     *exec.Cmd
	spec    Spec
	probes  *prober
	release func()
	ended   chan struct{}

	mu       sync.Mutex
	exit     *podrun.Exit
	stopping bool
	kill     *time.Timer
}

// Start starts a process.
func (r *Runner) Start(spec Spec) (*Process, error) {
	p := &Process{spec: spec, ended: make(chan struct{})}
	p.cmd = exec.Command(spec.Path, spec.Args...)
	p.cmd.Env, p.cmd.Dir = spec.Env, spec.Dir
	p.cmd.Stdout, p.cmd.Stderr = spec.Log.Stdout(), spec.Log.Stderr()
	p.cmd.SysProcAttr = attributes()
	// A grandchild that holds the pipe must not hide the end of the child.
	p.cmd.WaitDelay = time.Second
	if err := r.launch(p); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", spec.Path, err), spec.Log.Close())
	}
	p.probes = startProbes(spec.Container, spec.Changed)
	go p.wait(r)
	return p, nil
}

func (r *Runner) launch(p *Process) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.New("the lab is stopping")
	}
	started := make(chan error, 1)
	r.starts <- func() { started <- p.cmd.Start() }
	if err := <-started; err != nil {
		return err
	}
	release, err := guard(p.cmd)
	if err != nil {
		_ = p.cmd.Process.Kill()
		return errors.Join(err, p.cmd.Wait())
	}
	p.release = release
	r.running[p] = struct{}{}
	return nil
}

func (p *Process) wait(r *Runner) {
	err := p.cmd.Wait()
	p.release()
	p.probes.stop()
	exit := exitOf(p.cmd.ProcessState, err)
	if closing := p.spec.Log.Close(); closing != nil && exit.Message == "" {
		exit.Message = "closing the log: " + closing.Error()
	}
	p.mu.Lock()
	p.exit = exit
	if p.kill != nil {
		p.kill.Stop()
	}
	p.mu.Unlock()
	r.mu.Lock()
	delete(r.running, p)
	r.mu.Unlock()
	close(p.ended)
	p.spec.Changed()
}

func exitOf(state *os.ProcessState, err error) *podrun.Exit {
	exit := &podrun.Exit{At: time.Now()}
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) && !errors.Is(err, exec.ErrWaitDelay) {
		exit.Message = err.Error()
	}
	if state == nil {
		exit.Code = 255
		return exit
	}
	exit.Code = int32(state.ExitCode())
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		exit.Signal = int32(status.Signal())
		exit.Code = 128 + exit.Signal
	}
	return exit
}

// PID returns the process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exit implements podrun.Run.
func (p *Process) Exit(time.Time) *podrun.Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

// Health implements podrun.Run.
func (p *Process) Health(time.Time) podrun.Health { return p.probes.health() }

// Wake implements podrun.Run: changes are told by Spec.Changed.
func (p *Process) Wake(time.Time) time.Time { return time.Time{} }

// Stop implements podrun.Run: SIGTERM, and SIGKILL to the whole group when the
// time is over. A deadline that has passed kills at once; any other leaves at
// least five seconds.
func (p *Process) Stop(now, deadline time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exit != nil {
		return
	}
	if !deadline.After(now) {
		p.killGroup()
		return
	}
	if p.kill != nil {
		p.kill.Stop()
	}
	p.kill = time.AfterFunc(max(minGrace, deadline.Sub(now)), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.exit == nil {
			p.killGroup()
		}
	})
	if !p.stopping {
		p.stopping = true
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
}

func (p *Process) killGroup() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
}
