package cfnapi

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/region/cfn/stack"
)

// stackType is what a stack is among its own resources.
const stackType = "AWS::CloudFormation::Stack"

// eventKey orders a stack's events.
func eventKey(stackID string, number int) string { return fmt.Sprintf("%s/%08d", stackID, number) }

// emit adds an event.
func (o *operation) emit(e stack.Event) error {
	e.StackID, e.StackName, e.At, e.Token, e.Number = o.s.ID, o.s.Name, o.now, o.s.Token, o.s.Events
	if e.ID == "" {
		id, err := o.cf.world.NewUUID(o.tx, "event")
		if err != nil {
			return err
		}
		e.ID = id
	}
	o.s.Events++
	return o.cf.events.Put(o.tx, eventKey(o.s.ID, e.Number), e)
}

// enter gives the stack a status, with its event.
func (o *operation) enter(status types.StackStatus, reason string) error {
	o.s.Status, o.s.Reason = status, reason
	return o.emit(stack.Event{
		Logical: o.s.Name, Physical: o.s.ID, Type: stackType, Status: types.ResourceStatus(status), Reason: reason,
	})
}

// mark gives a resource a status, with its event.
func (o *operation) mark(r *stack.Resource, status types.ResourceStatus, reason string) error {
	if r.Status != status {
		r.Since = o.now
	}
	r.Status, r.Reason = status, reason
	properties := r.Properties
	if status == types.ResourceStatusDeleteComplete || status == types.ResourceStatusDeleteSkipped {
		properties = nil
	}
	return o.emit(stack.Event{
		ID:      fmt.Sprintf("%s-%s-%s", r.Name, status, o.uuid("event")),
		Logical: r.Name, Physical: r.Physical, Type: r.Type, Status: status, Reason: reason, Properties: properties,
	})
}
