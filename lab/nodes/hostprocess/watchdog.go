//go:build unix

package hostprocess

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// watchdog starts a small shell that kills a process group as soon as the lab
// dies: it reads from a pipe that only the lab holds open. It is for systems
// whose kernel does not do this.
func watchdog(group int) (release func(), err error) {
	held, err := watchdogPipe(group)
	if err != nil {
		return nil, fmt.Errorf("starting the watchdog of process %d: %w", group, err)
	}
	return func() {
		// Without the word the watchdog would kill whoever has the number next.
		_, _ = held.pipe.WriteString("released\n")
		held.pipe.Close()
		_ = held.cmd.Wait()
	}, nil
}

type held struct {
	pipe *os.File
	cmd  *exec.Cmd
}

func watchdogPipe(group int) (*held, error) {
	reading, holding, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", `read -r word; [ "$word" = released ] || kill -9 -"$1"`, "watchdog", strconv.Itoa(group))
	cmd.Stdin = reading
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	reading.Close()
	if err != nil {
		holding.Close()
		return nil, err
	}
	return &held{pipe: holding, cmd: cmd}, nil
}
