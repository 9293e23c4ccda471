// Package cfnapi is the region's CloudFormation: stacks, change sets, events and
// exports. Each step of an operation, with what it calls of other services and
// the events it gives, is one transaction: a process that is killed has done a
// step or not, never a part of it or the same one twice.
package cfnapi

import (
	"errors"
	"fmt"
	"time"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/cfn/resource"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// CloudFormation implements the operations of the service, one method for each.
type CloudFormation struct {
	world    *world.World
	services func(*store.Tx) resource.Services

	stacks     *store.Table[stack.Stack]
	events     *store.Table[stack.Event]
	changeSets *store.Table[ChangeSet]
}

// Open opens the service of a region and goes on with the operations that were
// under way. services gives the region's services as parts of a transaction.
func Open(w *world.World, services func(*store.Tx) resource.Services) (*CloudFormation, error) {
	c := &CloudFormation{world: w, services: services}
	err := errors.Join(
		open(w.Store, "stacks", &c.stacks),
		open(w.Store, "stack-events", &c.events),
		open(w.Store, "change-sets", &c.changeSets),
	)
	if err != nil {
		return nil, fmt.Errorf("stacks: %w", err)
	}
	return c, w.Store.Update(func(tx *store.Tx) error {
		// Stacks stay after they were deleted: none at all is a new region.
		if c.stacks.Len() == 0 {
			return c.seed(tx)
		}
		return c.resume(tx)
	})
}

func open[T any](s *store.Store, name string, table **store.Table[T]) (err error) {
	*table, err = store.NewTable[T](s, name)
	return err
}

// resume arms the timers of what was under way when the state was stored.
func (c *CloudFormation) resume(tx *store.Tx) error {
	for _, s := range c.stacks.All() {
		if s.Busy() {
			c.arm(tx, s)
		}
	}
	return nil
}

// arm arranges for an operation to go on when it is due.
func (c *CloudFormation) arm(tx *store.Tx, s stack.Stack) {
	wait := c.world.Unscaled(max(s.NextDue().Sub(c.world.Clock.Now()), 0))
	tx.OnCommit(func() { c.world.After(wait, func() { c.step(s.ID, s.Alarm) }) })
}

// retryAfter is when a step that could not be stored is tried again.
const retryAfter = time.Second

// step does what is due of one operation. A timer that another one has taken the
// place of does nothing.
func (c *CloudFormation) step(id string, alarm int) {
	err := c.world.Store.Update(func(tx *store.Tx) error {
		s, found := c.stacks.Get(id)
		if !found || s.Alarm != alarm || !s.Busy() {
			return nil
		}
		s = s.Clone()
		s.Alarm++
		o, err := c.operation(tx, &s)
		if err != nil {
			return err
		}
		if err := o.advance(); err != nil {
			return err
		}
		if s.Busy() {
			c.arm(tx, s)
		}
		return c.stacks.Put(tx, s.ID, s)
	})
	if err != nil {
		c.world.Options.Log.Error("a stack does not go on, trying again", "stack", id, "error", err)
		c.world.After(retryAfter, func() { c.step(id, alarm) })
	}
}

// begin stores a stack whose operation has just begun and arranges for it to go on.
func (c *CloudFormation) begin(tx *store.Tx, s stack.Stack) error {
	s.Alarm++
	c.arm(tx, s)
	return c.stacks.Put(tx, s.ID, s)
}

func invalid(format string, args ...any) error {
	return awserr.New("ValidationError", format, args...)
}

// supported is awswire.Supported with CloudFormation's code.
func supported(in any, honoured ...string) error {
	return awserr.Translate(awswire.Supported(in, honoured...), map[string]string{"UnsupportedOperation": "ValidationError"})
}

// find gives a stack by its name, which only one that is not deleted has, or by
// its identifier.
func (c *CloudFormation) find(nameOrID string) (stack.Stack, bool) {
	if s, found := c.stacks.Get(nameOrID); found {
		return s, true
	}
	for _, s := range c.stacks.All() {
		if s.Name == nameOrID && s.Deleted.IsZero() {
			return s, true
		}
	}
	return stack.Stack{}, false
}

func noStack(nameOrID string) error { return invalid("Stack with id %s does not exist", nameOrID) }
