package cfnapi

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/region/cfn/property"
	"github.com/drover-project/drover/lab/region/cfn/resource"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/cfn/template"
)

// apply makes the resources what the template says.
func (o *operation) apply() error {
	if !o.s.Checked {
		o.s.Checked = true
		if complaint := o.complaint(); complaint != "" {
			return o.abandon(complaint)
		}
	}
	if !o.s.Deadline.IsZero() && o.isDue(o.s.Deadline) && o.s.Status == types.StackStatusCreateInProgress {
		return o.giveUp("Stack creation time exceeded the specified timeout.")
	}
	for i := range o.s.Resources {
		if r := &o.s.Resources[i]; r.Step != stack.Idle && o.isDue(r.Due) {
			if err := o.move(r); err != nil {
				return err
			}
		}
	}
	if len(o.failed()) > 0 {
		return o.giveUp("")
	}
	if err := o.start(); err != nil {
		return err
	}
	if len(o.failed()) > 0 {
		return o.giveUp("")
	}
	if o.applied() {
		return o.succeed()
	}
	return nil
}

// failed are the names of the resources that this operation could not make.
func (o *operation) failed() []string {
	var names []string
	for _, r := range o.s.Resources {
		if r.Round == o.s.Round && r.Step == stack.Idle &&
			(r.Status == types.ResourceStatusCreateFailed || r.Status == types.ResourceStatusUpdateFailed) {
			names = append(names, r.Name)
		}
	}
	return names
}

// applied reports whether every resource of the plan has been seen to.
func (o *operation) applied() bool {
	return !slices.ContainsFunc(o.plan.resources, func(r template.Resource) bool { return !o.settled(r.Name) })
}

// settled reports whether this operation is done with a resource.
func (o *operation) settled(name string) bool {
	i := o.s.Find(name)
	return i >= 0 && o.s.Resources[i].Round == o.s.Round && o.s.Resources[i].Step == stack.Idle
}

// start begins with the resources that wait for nothing any more. One that need
// not change is done at once, so that others may begin.
func (o *operation) start() error {
	for begun := true; begun; {
		begun = false
		for _, declared := range o.plan.resources {
			i := o.s.Find(declared.Name)
			if i >= 0 && o.s.Resources[i].Round == o.s.Round {
				continue
			}
			if slices.ContainsFunc(o.plan.needs[declared.Name], func(n string) bool { return !o.settled(n) }) {
				continue
			}
			begun = true
			if err := o.begin(declared, i); err != nil {
				return err
			}
			if len(o.failed()) > 0 {
				return nil
			}
		}
	}
	return nil
}

// begin announces what becomes of one resource.
func (o *operation) begin(declared template.Resource, index int) error {
	if index < 0 {
		o.s.Resources = append(o.s.Resources, stack.Resource{Name: declared.Name, Type: declared.Type})
		index = len(o.s.Resources) - 1
	}
	r := &o.s.Resources[index]
	r.Round, r.Needs, r.Memory = o.s.Round, o.plan.needs[declared.Name], nil
	r.Keep = declared.DeletionPolicy == "Retain" || declared.DeletionPolicy == "RetainExceptOnCreate" && o.s.Status != types.StackStatusCreateInProgress
	r.KeepOld = declared.UpdateReplacePolicy == "Retain"
	if slices.Contains(o.s.Skip, r.Name) {
		r.Prior = nil
		return o.mark(r, types.ResourceStatusUpdateComplete, "")
	}
	if r.Physical == "" {
		return o.announce(r, stack.Create, types.ResourceStatusCreateInProgress, "")
	}
	return o.beginChange(declared, r)
}

// beginChange decides what a resource that exists needs: nothing, a change, or a
// new one in its place.
func (o *operation) beginChange(declared template.Resource, r *stack.Resource) error {
	properties, err := o.properties(declared)
	if err != nil {
		return o.fail(r, types.ResourceStatusUpdateFailed, o.reason(err))
	}
	back := o.s.Status == types.StackStatusUpdateRollbackInProgress
	if back && r.Verb == stack.Replace && r.Prior != nil && r.Prior.Physical != r.Physical {
		return o.restore(r)
	}
	t, _ := resource.Find(r.Type)
	if same(properties, r.Properties) && !(t.Tagged && o.retagged()) {
		return o.leave(r)
	}
	r.Prior = &stack.Version{Physical: r.Physical, Properties: r.Properties, Attributes: r.Attributes}
	if !o.replaces(t, r.Properties, properties) {
		return o.announce(r, stack.Update, types.ResourceStatusUpdateInProgress, "")
	}
	return o.announce(r, stack.Replace, types.ResourceStatusUpdateInProgress,
		"Requested update requires the creation of a new physical resource; hence creating one.")
}

// leave is for a resource that is as it is to be. One whose change failed before
// it did anything is well again.
func (o *operation) leave(r *stack.Resource) error {
	r.Verb = ""
	if r.Status != types.ResourceStatusUpdateFailed && r.Status != types.ResourceStatusCreateFailed {
		return nil
	}
	if err := o.mark(r, types.ResourceStatusUpdateInProgress, ""); err != nil {
		return err
	}
	return o.mark(r, types.ResourceStatusUpdateComplete, "")
}

// restore puts a replaced resource back in its place; its successor goes.
func (o *operation) restore(r *stack.Resource) error {
	successor := *r
	successor.Prior = nil
	o.s.Garbage = append(o.s.Garbage, successor)
	if err := o.mark(r, types.ResourceStatusUpdateInProgress, ""); err != nil {
		return err
	}
	r.Version, r.Prior, r.Verb = *r.Prior, nil, ""
	return o.mark(r, types.ResourceStatusUpdateComplete, "")
}

// retagged reports whether the operation changes the stack's own tags.
func (o *operation) retagged() bool {
	if o.s.Before == nil {
		return false
	}
	before, _ := json.Marshal(o.s.Before.Tags)
	after, _ := json.Marshal(o.s.Target.Tags)
	return !bytes.Equal(before, after)
}

// same compares what json.Marshal made of maps, which is in the order of keys.
func same(a, b json.RawMessage) bool { return bytes.Equal(a, b) }

// replaces reports whether a change of properties needs a new resource.
func (o *operation) replaces(t resource.Type, before, after json.RawMessage) bool {
	was, err := property.Parse(before)
	if err != nil {
		return false
	}
	is, err := property.Parse(after)
	if err != nil {
		return false
	}
	for name, change := range t.Properties {
		if change == resource.Replaces && was.JSON(name) != is.JSON(name) {
			return true
		}
	}
	return false
}

func (o *operation) announce(r *stack.Resource, verb stack.Verb, status types.ResourceStatus, reason string) error {
	r.Verb, r.Step, r.Due = verb, stack.Announced, o.after(callsAfter)
	return o.mark(r, status, reason)
}

// move does the next step of one resource.
func (o *operation) move(r *stack.Resource) error {
	if r.Step == stack.Announced {
		return o.act(r)
	}
	return o.look(r)
}

// act calls the service.
func (o *operation) act(r *stack.Resource) error {
	declared, _ := o.plan.resource(r.Name)
	failedStatus, inProgress := types.ResourceStatusCreateFailed, types.ResourceStatusCreateInProgress
	if r.Verb != stack.Create {
		failedStatus, inProgress = types.ResourceStatusUpdateFailed, types.ResourceStatusUpdateInProgress
	}
	properties, err := o.properties(declared)
	if err != nil {
		return o.fail(r, failedStatus, o.reason(err))
	}
	next := *r
	next.Properties = properties
	if r.Verb != stack.Update {
		next.Physical, next.Attributes, next.Signals, next.Attempt = "", nil, nil, r.Attempt+1
	}
	c, err := o.call(&next)
	if err != nil {
		return o.fail(r, failedStatus, o.reason(err))
	}
	var made resource.Made
	err = o.attempt(func(ctx context.Context) (err error) {
		if r.Verb == stack.Update {
			made, err = handler(&next).Update(ctx, c)
		} else {
			made, err = handler(&next).Create(ctx, c)
		}
		return err
	})
	if err != nil {
		if r.Verb == stack.Update && resource.IsBusy(err) && o.since(r) < patience {
			r.Due = o.after(looksEvery)
			return nil
		}
		return o.fail(r, failedStatus, o.reason(err))
	}
	*r = next
	r.Physical, r.Attributes, r.Memory = made.Physical, made.Attributes, c.Memory
	t, _ := resource.Find(r.Type)
	r.Step, r.Due = stack.Settling, o.after(t.Takes)
	if r.Verb != stack.Update {
		if err := o.mark(r, inProgress, "Resource creation Initiated"); err != nil {
			return err
		}
	}
	return o.told(r, c)
}

// told gives the events that a handler asked for.
func (o *operation) told(r *stack.Resource, c *resource.Call) error {
	for _, reason := range c.Events {
		if err := o.mark(r, r.Status, reason); err != nil {
			return err
		}
	}
	return nil
}

// look asks whether the service is done.
func (o *operation) look(r *stack.Resource) error {
	complete, failed := types.ResourceStatusCreateComplete, types.ResourceStatusCreateFailed
	if r.Verb != stack.Create {
		complete, failed = types.ResourceStatusUpdateComplete, types.ResourceStatusUpdateFailed
	}
	c, err := o.call(r)
	if err != nil {
		return o.fail(r, failed, o.reason(err))
	}
	done := false
	err = o.attempt(func(ctx context.Context) (err error) {
		done, err = handler(r).Settled(ctx, c)
		return err
	})
	if err != nil {
		return o.fail(r, failed, o.reason(err))
	}
	r.Memory = c.Memory
	if err := o.told(r, c); err != nil {
		return err
	}
	if !done {
		r.Due = o.after(looksEvery)
		return nil
	}
	r.Step, r.Memory = stack.Idle, nil
	return o.mark(r, complete, "")
}

func (o *operation) fail(r *stack.Resource, status types.ResourceStatus, reason string) error {
	r.Step = stack.Idle
	return o.mark(r, status, reason)
}
