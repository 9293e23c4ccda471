package nodes

import (
	"context"
	"time"
)

// admissionRetry is how often a kubelet that is not let in tries again.
const admissionRetry = 10 * time.Second

// admitted reports whether the API server knows who a kubelet is. One that it
// does not know goes on trying: its role may be mapped later. A node that was
// there before the simulator is not asked again.
func (s *Simulator) admitted(ctx context.Context, n *node) bool {
	p := n.power
	if s.opts.Admit == nil || p.continued {
		return true
	}
	err := s.opts.Admit(ctx, n.machine, p.name)
	if err == nil {
		p.refusal = ""
		return true
	}
	if text := err.Error(); text != p.refusal {
		p.refusal = text
		s.console(n.machine.ID, "kubelet: Unable to register node with API server, err=Unauthorized node="+p.name+" ("+text+")")
		s.log.Warn("instance runs but is not let into the cluster", "instance", n.machine.ID, "reason", text)
	}
	return false
}
