package process

import "syscall"

// attributes put the child in a process group of its own, so that Ctrl-C in the
// terminal reaches only the lab, which then stops its children in order.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
