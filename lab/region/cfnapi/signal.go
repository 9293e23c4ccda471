package cfnapi

import (
	"fmt"
	"slices"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/cfn/resource"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/store"
)

// Signal takes a signal for a resource that is being made or changed. The same
// machine counts once.
func (c *CloudFormation) Signal(signal machine.Signal) error {
	logical, uniqueID := signal.Resource, signal.UniqueID
	return c.change(&signal.Stack, func(tx *store.Tx, s *stack.Stack) error {
		if !s.Applying() {
			return invalid("Stack:%s is in %s state and can not be signaled", s.ID, s.Status)
		}
		i := s.Find(logical)
		if i < 0 {
			return invalid("Resource %s does not exist for stack %s", logical, s.Name)
		}
		r := &s.Resources[i]
		if r.Step == stack.Idle {
			return invalid("Resource %s is in %s state and can not be signaled", logical, r.Status)
		}
		if slices.ContainsFunc(r.Signals, func(s resource.Signal) bool { return s.UniqueID == uniqueID }) {
			return nil
		}
		o := c.quick(tx, s)
		r.Signals = append(slices.Clone(r.Signals), resource.Signal{UniqueID: uniqueID, Success: signal.Success, At: o.now})
		word := "SUCCESS"
		if !signal.Success {
			word = "FAILURE"
		}
		if err := o.mark(r, r.Status, fmt.Sprintf("Received %s signal with UniqueId %s", word, uniqueID)); err != nil {
			return err
		}
		if r.Step == stack.Settling && r.Due.After(o.after(callsAfter)) {
			r.Due = o.after(callsAfter)
		}
		return c.begin(tx, *s)
	})
}
