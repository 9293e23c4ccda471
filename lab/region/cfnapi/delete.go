package cfnapi

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/store"
)

// DeleteStack begins to remove a stack with its resources. One that is not there
// is no error.
func (c *CloudFormation) DeleteStack(_ context.Context, in *cloudformation.DeleteStackInput) (*cloudformation.DeleteStackOutput, error) {
	if err := supported(in, "StackName", "RetainResources", "ClientRequestToken"); err != nil {
		return nil, err
	}
	err := c.world.Store.Update(func(tx *store.Tx) error {
		s, found := c.find(aws.ToString(in.StackName))
		if !found || !s.Deleted.IsZero() || s.Status == types.StackStatusDeleteInProgress {
			return nil
		}
		s = s.Clone()
		if err := checkDeletion(&s, in.RetainResources); err != nil {
			return err
		}
		s.Retain, s.Token = in.RetainResources, aws.ToString(in.ClientRequestToken)
		return c.beginDeletion(tx, &s)
	})
	if err != nil {
		return nil, err
	}
	return &cloudformation.DeleteStackOutput{}, nil
}

func checkDeletion(s *stack.Stack, retain []string) error {
	switch {
	case s.Protected:
		return invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", s.Name)
	case len(retain) > 0 && s.Status != types.StackStatusDeleteFailed:
		return invalid("Invalid operation on stack [%s]. The specified resources to retain must be in a valid state. Do not specify RetainResources unless the stack is in the state DELETE_FAILED", s.ID)
	case s.Busy() && s.Status != types.StackStatusCreateInProgress:
		return invalid("Stack [%s] cannot be deleted while in status %s", s.ID, s.Status)
	}
	for _, name := range retain {
		if s.Find(name) < 0 {
			return invalid("Invalid operation on stack [%s]. The resource %s to retain does not exist in the stack", s.ID, name)
		}
	}
	return nil
}

func (c *CloudFormation) beginDeletion(tx *store.Tx, s *stack.Stack) error {
	o := c.quick(tx, s)
	if s.Status == types.StackStatusReviewInProgress {
		s.Deleted = o.now
		if err := o.enter(types.StackStatusDeleteComplete, userInitiated); err != nil {
			return err
		}
		return c.stacks.Put(tx, s.ID, *s)
	}
	if err := o.enter(types.StackStatusDeleteInProgress, userInitiated); err != nil {
		return err
	}
	if why := c.inUse(s); why != "" {
		if err := o.enter(types.StackStatusDeleteFailed, why); err != nil {
			return err
		}
		return c.stacks.Put(tx, s.ID, *s)
	}
	s.Round++
	o.throwAway()
	return c.begin(tx, *s)
}

// inUse says which export keeps a stack; empty for none.
func (c *CloudFormation) inUse(s *stack.Stack) string {
	for _, out := range s.Outputs {
		if out.Export == "" {
			continue
		}
		if users := c.importers(out.Export); len(users) > 0 {
			slices.Sort(users)
			return fmt.Sprintf("Export %s cannot be deleted as it is in use by %s", out.Export, strings.Join(users, " and "))
		}
	}
	return ""
}
