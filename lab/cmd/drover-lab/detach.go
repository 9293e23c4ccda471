package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-project/drover/lab/datadir"
)

const pollInterval = 50 * time.Millisecond

// detach starts the same command again in a session of its own, in the
// foreground there, and returns when that lab is ready.
func detach(cmd *cobra.Command) error {
	path, err := dataDir(cmd)
	if err != nil {
		return err
	}
	if pid, running, err := datadir.Holder(path); err != nil || running {
		if running {
			err = &datadir.InUseError{Path: path, PID: pid}
		}
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding drover-lab itself: %w", err)
	}
	output, err := os.CreateTemp("", "drover-lab-up-*.log")
	if err != nil {
		return fmt.Errorf("making a file for the lab's output: %w", err)
	}
	defer os.Remove(output.Name())
	defer output.Close()
	child := exec.Command(self, append(os.Args[1:], "--detach=false")...)
	child.Args[0] = os.Args[0] // the lab's hints repeat what the user typed
	child.Stdout, child.Stderr = output, output
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return fmt.Errorf("starting the lab in the background: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	if err := waitDetached(path, child.Process.Pid, ended); err != nil {
		said, _ := os.ReadFile(output.Name())
		return fmt.Errorf("%w:\n%s", err, strings.TrimSpace(string(said)))
	}
	said, err := os.ReadFile(output.Name())
	if err != nil {
		return fmt.Errorf("reading the lab's output: %w", err)
	}
	fmt.Fprint(cmd.OutOrStdout(), string(said))
	fmt.Fprintf(cmd.OutOrStdout(), "the lab runs in the background (pid %d); its log is %s\n", child.Process.Pid, filepath.Join(path, "logs", "drover-lab.log"))
	return nil
}

// waitDetached returns nil when the lab with this PID is ready.
func waitDetached(path string, pid int, ended <-chan error) error {
	for {
		run, ok, err := datadir.ReadRun(path)
		if err == nil && ok && run.PID == pid && run.Ready {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("the lab did not start")
		case <-time.After(pollInterval):
		}
	}
}
