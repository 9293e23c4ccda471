// Package process runs the lab's long-lived children: the running executable
// started again with other arguments, restarted when it dies, and never left
// behind when the lab itself dies, however it dies.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	// lifelineFD is the descriptor at which a child finds the reading end of
	// the pipe that the lab holds open for as long as it lives.
	lifelineFD = 3
	// FirstFileFD is the descriptor of Spec.Files[0] in the child.
	FirstFileFD = 4

	stopGrace    = 10 * time.Second
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
	// steadyAfter is how long a child must have lived for its death to count
	// as the first one again.
	steadyAfter = time.Minute
)

// Spec describes a child.
type Spec struct {
	Name string
	// Args follow the path of the running executable.
	Args []string
	// Dir is the child's working directory; empty means the parent's.
	Dir string
	// Env is the child's whole environment, as KEY=value.
	Env []string
	// Files are inherited; the first is descriptor FirstFileFD in the child.
	// They are closed when supervision ends.
	Files []*os.File
	// Log receives what the child writes to its standard output and error.
	Log io.Writer
}

// Status is what is known of a child at one moment.
type Status struct {
	Name string `json:"name"`
	// PID is 0 while the child is not running.
	PID      int       `json:"pid"`
	Since    time.Time `json:"since"`
	Restarts int       `json:"restarts"`
	// LastExit says how the previous run ended; empty before the first restart.
	LastExit string `json:"lastExit,omitempty"`
}

// Child is a supervised process.
type Child struct {
	spec    Spec
	exe     string
	changed func()
	cancel  context.CancelFunc
	done    chan struct{}

	mu     sync.Mutex
	status Status
}

// Supervise starts the child and starts it again each time it ends, until Stop.
// changed, which may be nil, is called after each change of Status.
func Supervise(spec Spec, changed func()) (*Child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the running executable to start %s from: %w", spec.Name, err)
	}
	if changed == nil {
		changed = func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Child{spec: spec, exe: exe, changed: changed, cancel: cancel, done: make(chan struct{})}
	c.status.Name = spec.Name
	go c.loop(ctx)
	return c, nil
}

// Status returns the present status.
func (c *Child) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Stop ends the child (SIGTERM, then SIGKILL after 10 s) and waits until it is
// gone.
func (c *Child) Stop() {
	c.cancel()
	<-c.done
}

func (c *Child) loop(ctx context.Context) {
	// Pdeathsig fires when the thread that forked ends, not the process, so
	// that thread must live as long as its children.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(c.done)
	defer c.closeFiles()
	backoff := firstBackoff
	for {
		started := time.Now()
		err := c.runOnce(ctx)
		if ctx.Err() != nil {
			c.update(func(s *Status) { s.PID = 0 })
			return
		}
		if time.Since(started) > steadyAfter {
			backoff = firstBackoff
		}
		c.update(func(s *Status) {
			s.PID, s.LastExit = 0, exitText(err)
			s.Restarts++
		})
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

func (c *Child) closeFiles() {
	for _, file := range c.spec.Files {
		_ = file.Close()
	}
}

func (c *Child) runOnce(ctx context.Context) error {
	lifeline, hold, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("opening the lifeline pipe: %w", err)
	}
	defer hold.Close()
	cmd := exec.CommandContext(ctx, c.exe, c.spec.Args...)
	cmd.Dir, cmd.Env = c.spec.Dir, c.spec.Env
	cmd.Stdout, cmd.Stderr = c.spec.Log, c.spec.Log
	cmd.ExtraFiles = append([]*os.File{lifeline}, c.spec.Files...)
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	err = cmd.Start()
	lifeline.Close()
	if err != nil {
		return err
	}
	c.update(func(s *Status) { s.PID, s.Since = cmd.Process.Pid, time.Now() })
	return cmd.Wait()
}

func (c *Child) update(f func(*Status)) {
	c.mu.Lock()
	f(&c.status)
	c.mu.Unlock()
	c.changed()
}

func exitText(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "exit status 0"
	case errors.As(err, &exit):
		return exit.String()
	default:
		return err.Error()
	}
}

// ExitWithParent is called first thing in a child: the child exits as soon as
// the process that supervises it is gone. It covers what Pdeathsig does not:
// systems other than Linux.
func ExitWithParent() error {
	lifeline := os.NewFile(lifelineFD, "lifeline")
	info, err := lifeline.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return errors.New("this command is started by drover-lab itself, not by hand")
	}
	go func() {
		// The parent never writes: Read returns only when it is gone.
		_, _ = lifeline.Read(make([]byte, 1))
		os.Exit(1)
	}()
	return nil
}
