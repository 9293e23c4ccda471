package cfnapi

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/region/cfn/resource"
	"github.com/drover-project/drover/lab/region/cfn/stack"
)

// cleanup removes the garbage: what nothing else was made after first.
func (o *operation) cleanup() error {
	for i := range o.s.Garbage {
		if r := &o.s.Garbage[i]; r.Step != stack.Idle && o.isDue(r.Due) {
			if err := o.remove(r); err != nil {
				return err
			}
		}
	}
	o.collect()
	if len(o.undeletable()) == 0 {
		if err := o.beginRemovals(); err != nil {
			return err
		}
		o.collect()
	}
	if o.removing() {
		return nil
	}
	return o.cleaned()
}

// beginRemovals announces what can go now.
func (o *operation) beginRemovals() error {
	for begun := true; begun; {
		begun = false
		for _, i := range o.s.Free() {
			r := &o.s.Garbage[i]
			if r.Step != stack.Idle || r.Verb == stack.Delete && r.Round == o.s.Round {
				continue
			}
			r.Verb, r.Round, r.Memory = stack.Delete, o.s.Round, nil
			switch {
			case r.Physical == "":
				r.Status, r.Reason, r.Since = types.ResourceStatusDeleteComplete, "", o.now
			case r.Keep || slices.Contains(o.s.Retain, r.Name):
				if err := o.mark(r, types.ResourceStatusDeleteSkipped, ""); err != nil {
					return err
				}
			default:
				r.Step, r.Due = stack.Announced, o.after(callsAfter)
				if err := o.mark(r, types.ResourceStatusDeleteInProgress, ""); err != nil {
					return err
				}
				continue
			}
			begun = true
		}
		if begun {
			o.collect()
		}
	}
	return nil
}

// collect takes what is gone out of the garbage.
func (o *operation) collect() {
	all := o.removesAll()
	o.s.Garbage = slices.DeleteFunc(o.s.Garbage, func(r stack.Resource) bool {
		gone := r.Step == stack.Idle && (r.Status == types.ResourceStatusDeleteComplete || r.Status == types.ResourceStatusDeleteSkipped)
		if gone && all {
			o.s.Gone = append(o.s.Gone, r)
		}
		return gone
	})
}

// removesAll reports whether nothing is to be left of the stack.
func (o *operation) removesAll() bool {
	return o.s.Status == types.StackStatusDeleteInProgress || o.s.Status == types.StackStatusRollbackInProgress
}

func (o *operation) removing() bool {
	return slices.ContainsFunc(o.s.Garbage, func(r stack.Resource) bool { return r.Step != stack.Idle })
}

// undeletable are the names of what could not be removed in this operation.
func (o *operation) undeletable() []string {
	var names []string
	for _, r := range o.s.Garbage {
		if r.Status == types.ResourceStatusDeleteFailed && r.Round == o.s.Round {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names
}

// remove does the next step of one removal.
func (o *operation) remove(r *stack.Resource) error {
	c, err := o.call(r)
	if err != nil {
		return o.fail(r, types.ResourceStatusDeleteFailed, o.reason(err))
	}
	done := false
	err = o.attempt(func(ctx context.Context) (err error) {
		if r.Step == stack.Announced {
			return handler(r).Delete(ctx, c)
		}
		done, err = handler(r).Gone(ctx, c)
		return err
	})
	switch {
	case resource.IsBusy(err) && o.since(r) < patience:
		r.Due = o.after(looksEvery)
		return nil
	case err != nil:
		return o.fail(r, types.ResourceStatusDeleteFailed, o.reason(err))
	case r.Step == stack.Announced:
		t, _ := resource.Find(r.Type)
		r.Step, r.Due = stack.Settling, o.after(t.Deletes)
		return nil
	case !done:
		r.Due = o.after(looksEvery)
		return nil
	}
	r.Step = stack.Idle
	return o.mark(r, types.ResourceStatusDeleteComplete, "")
}

// cleaned ends a cleanup in which nothing is under way any more.
func (o *operation) cleaned() error {
	left := o.undeletable()
	why := fmt.Sprintf("The following resource(s) failed to delete: [%s]. ", strings.Join(left, ", "))
	switch o.s.Status {
	case types.StackStatusUpdateCompleteCleanupInProgress:
		return o.endUpdate(types.StackStatusUpdateComplete)
	case types.StackStatusUpdateRollbackCompleteCleanupInProgress:
		return o.endUpdate(types.StackStatusUpdateRollbackComplete)
	case types.StackStatusRollbackInProgress:
		if len(left) > 0 {
			o.keepLeft()
			return o.enter(types.StackStatusRollbackFailed, why)
		}
		return o.enter(types.StackStatusRollbackComplete, "")
	}
	if len(left) > 0 {
		o.keepLeft()
		return o.enter(types.StackStatusDeleteFailed, why)
	}
	o.s.Deleted = o.now
	return o.enter(types.StackStatusDeleteComplete, "")
}

// keepLeft makes resources again of what could not be removed, for the next try.
func (o *operation) keepLeft() {
	for _, r := range o.s.Garbage {
		r.Step = stack.Idle
		o.s.Resources = append(o.s.Resources, r)
	}
	o.s.Garbage = nil
}

// endUpdate lets go of what could not be removed, as CloudFormation does.
func (o *operation) endUpdate(status types.StackStatus) error {
	o.s.Garbage, o.s.Before, o.s.Skip = nil, nil, nil
	return o.enter(status, "")
}
