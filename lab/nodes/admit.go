package nodes

import (
	"context"
	"time"

	"github.com/drover-project/drover/lab/machine"
)

// admissionRetry is how often a kubelet that is not let in tries again.
const admissionRetry = 10 * time.Second

// admitted reports whether a kubelet reaches the API server and is known to it. One
// that is not goes on trying: its network may get a way out, its role may be mapped
// later. A node that was there before the simulator is not asked again.
func (s *Simulator) admitted(ctx context.Context, n *node) bool {
	p := n.power
	if p.continued {
		return true
	}
	var refusal, line string
	if err := s.reach(n.machine); err != nil {
		refusal = err.Error()
		line = "nodeadm: Failed to describe instance, err=dial tcp: i/o timeout (" + refusal + ")"
	} else if err := s.letIn(ctx, n.machine, p.name); err != nil {
		refusal = err.Error()
		line = "kubelet: Unable to register node with API server, err=Unauthorized node=" + p.name + " (" + refusal + ")"
	}
	if refusal != "" && refusal != p.refusal {
		s.console(n.machine.ID, line)
		s.log.Warn("instance runs but does not get into the cluster", "instance", n.machine.ID, "reason", refusal)
	}
	p.refusal = refusal
	return refusal == ""
}

func (s *Simulator) reach(m machine.Machine) error {
	if s.opts.Reach == nil {
		return nil
	}
	return s.opts.Reach(m)
}

func (s *Simulator) letIn(ctx context.Context, m machine.Machine, name string) error {
	if s.opts.Admit == nil {
		return nil
	}
	return s.opts.Admit(ctx, m, name)
}
