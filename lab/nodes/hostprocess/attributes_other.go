//go:build unix && !linux

package hostprocess

import (
	"os/exec"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func guard(cmd *exec.Cmd) (release func(), err error) { return watchdog(cmd.Process.Pid) }
