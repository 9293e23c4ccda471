package cfnapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/region/cfn/intrinsic"
	"github.com/drover-project/drover/lab/region/cfn/stack"
)

// abandon ends an operation whose parameters turn out not to hold, before it
// made anything.
func (o *operation) abandon(complaint string) error {
	if o.s.Status == types.StackStatusCreateInProgress {
		return o.failCreation(complaint)
	}
	if o.s.Status == types.StackStatusUpdateInProgress {
		return o.rollBackUpdate(complaint)
	}
	return o.failRollback(complaint)
}

// giveUp ends an operation that failed: what is under way is cancelled. why is
// empty when resources failed.
func (o *operation) giveUp(why string) error {
	failed := o.failed()
	for i := range o.s.Resources {
		r := &o.s.Resources[i]
		if r.Step == stack.Idle {
			continue
		}
		r.Step = stack.Idle
		status, text := types.ResourceStatusCreateFailed, "Resource creation cancelled"
		if r.Verb != stack.Create {
			status, text = types.ResourceStatusUpdateFailed, "Resource update cancelled"
		}
		if err := o.mark(r, status, text); err != nil {
			return err
		}
		failed = append(failed, r.Name)
	}
	if why == "" {
		slices.Sort(failed)
		did := "create"
		if o.s.Status != types.StackStatusCreateInProgress {
			did = "update"
		}
		why = fmt.Sprintf("The following resource(s) failed to %s: [%s].", did, strings.Join(failed, ", "))
	}
	switch o.s.Status {
	case types.StackStatusCreateInProgress:
		return o.failCreation(why)
	case types.StackStatusUpdateInProgress:
		return o.rollBackUpdate(why)
	}
	return o.failRollback(why)
}

// failCreation goes on as the stack's OnFailure says.
func (o *operation) failCreation(why string) error {
	switch {
	case o.s.KeepOnFailure || o.s.OnFailure == types.OnFailureDoNothing:
		return o.enter(types.StackStatusCreateFailed, why)
	case o.s.OnFailure == types.OnFailureDelete:
		if err := o.enter(types.StackStatusDeleteInProgress, why+" Delete requested by user."); err != nil {
			return err
		}
	default:
		if err := o.enter(types.StackStatusRollbackInProgress, why+" Rollback requested by user."); err != nil {
			return err
		}
	}
	o.throwAway()
	return nil
}

// throwAway makes garbage of all resources, and of what they replaced.
func (o *operation) throwAway() {
	for _, r := range o.s.Resources {
		r.KeepOld = false
		o.discardPrior(&r)
		r.Step = stack.Idle
		o.s.Garbage = append(o.s.Garbage, r)
	}
	o.s.Resources, o.s.Outputs = nil, nil
	o.s.Due = o.after(startsAfter)
}

// rollBackUpdate makes the stack what it was before.
func (o *operation) rollBackUpdate(why string) error {
	if o.s.KeepOnFailure {
		for i := range o.s.Resources {
			o.discardPrior(&o.s.Resources[i])
		}
		return o.enter(types.StackStatusUpdateFailed, why)
	}
	if err := o.enter(types.StackStatusUpdateRollbackInProgress, why); err != nil {
		return err
	}
	o.s.Target, o.s.Before = *o.s.Before, &o.s.Target
	o.s.Round++
	o.s.Due = o.after(startsAfter)
	return nil
}

func (o *operation) failRollback(why string) error {
	return o.enter(types.StackStatusUpdateRollbackFailed, why)
}

// succeed ends making resources.
func (o *operation) succeed() error {
	if o.s.Status == types.StackStatusUpdateRollbackInProgress {
		return o.sweep(types.StackStatusUpdateRollbackCompleteCleanupInProgress)
	}
	outputs, complaint := o.outputs()
	if complaint != "" {
		return o.giveUp(complaint)
	}
	o.s.Outputs = outputs
	if o.s.Status == types.StackStatusCreateInProgress {
		return o.enter(types.StackStatusCreateComplete, "")
	}
	return o.sweep(types.StackStatusUpdateCompleteCleanupInProgress)
}

// sweep makes garbage of what the template no longer has and of what was
// replaced.
func (o *operation) sweep(status types.StackStatus) error {
	if err := o.enter(status, ""); err != nil {
		return err
	}
	var kept []stack.Resource
	for _, r := range o.s.Resources {
		if !o.plan.has(r.Name) {
			r.Prior, r.Step = nil, stack.Idle
			o.s.Garbage = append(o.s.Garbage, r)
			continue
		}
		o.discardPrior(&r)
		r.Verb = ""
		kept = append(kept, r)
	}
	o.s.Resources = kept
	o.s.Due = o.after(finishesAfter)
	return nil
}

// discardPrior makes garbage of what a resource took the place of.
func (o *operation) discardPrior(r *stack.Resource) {
	if prior := r.Prior; prior != nil && r.Verb == stack.Replace && prior.Physical != r.Physical {
		old := *r
		old.Version, old.Prior, old.Keep, old.Step = *prior, nil, r.KeepOld, stack.Idle
		o.s.Garbage = append(o.s.Garbage, old)
	}
	r.Prior = nil
}

// outputs computes the template's outputs; complaint says why that cannot be.
func (o *operation) outputs() (outputs []stack.Output, complaint string) {
	for _, declared := range o.plan.outputs() {
		v, err := o.plan.scope.Evaluate(declared.Value)
		if err != nil {
			return nil, err.Error()
		}
		text, ok := intrinsic.Text(v)
		if !ok {
			return nil, fmt.Sprintf("Template format error: Output %s is malformed. The Value field of every Outputs member must evaluate to a String.", declared.Name)
		}
		out := stack.Output{Name: declared.Name, Value: text, Description: declared.Description}
		if declared.Export != nil {
			v, err := o.plan.scope.Evaluate(declared.Export)
			if err != nil {
				return nil, err.Error()
			}
			out.Export, _ = intrinsic.Text(v)
			if owner, _, taken := o.cf.export(out.Export); taken && owner.ID != o.s.ID {
				return nil, fmt.Sprintf("Export with name %s is already exported by stack %s.", out.Export, owner.Name)
			}
		}
		outputs = append(outputs, out)
	}
	return outputs, o.lostExport(outputs)
}

// lostExport says which export would be lost or changed although others use it.
func (o *operation) lostExport(outputs []stack.Output) string {
	for _, before := range o.s.Outputs {
		if before.Export == "" {
			continue
		}
		users := o.cf.importers(before.Export)
		stays := slices.ContainsFunc(outputs, func(after stack.Output) bool {
			return after.Export == before.Export && after.Value == before.Value
		})
		if len(users) > 0 && !stays {
			return fmt.Sprintf("Export %s cannot be updated as it is in use by %s", before.Export, strings.Join(users, " and "))
		}
	}
	return ""
}
