//go:build unix

package hostprocess

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func startSleeper(t *testing.T) (*exec.Cmd, chan error) {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, ended
}

func TestWatchdogLetsGoWhenReleased(t *testing.T) {
	cmd, ended := startSleeper(t)
	release, err := watchdog(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	release() // returns once the watchdog itself has ended
	select {
	case err := <-ended:
		t.Fatalf("the released process ended: %v", err)
	default:
	}
}

func TestWatchdogKillsWhenItsPipeCloses(t *testing.T) {
	cmd, ended := startSleeper(t)
	hold, err := watchdogPipe(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	hold.pipe.Close()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the process lives on")
	}
	_ = hold.cmd.Wait()
}
