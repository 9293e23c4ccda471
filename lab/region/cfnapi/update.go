package cfnapi

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/store"
)

// UpdateStack begins to make a stack what a template or parameters say.
func (c *CloudFormation) UpdateStack(_ context.Context, in *cloudformation.UpdateStackInput) (*cloudformation.UpdateStackOutput, error) {
	err := supported(in, "StackName", "TemplateBody", "UsePreviousTemplate", "Parameters", "Capabilities", "Tags", "DisableRollback", "RoleARN", "ClientRequestToken")
	if err != nil {
		return nil, err
	}
	out := &cloudformation.UpdateStackOutput{}
	err = c.world.Store.Update(func(tx *store.Tx) error {
		token := tokenOf("UpdateStack", in.ClientRequestToken, *in)
		if found, err := c.answered(token, out); found || err != nil {
			return err
		}
		s, found := c.find(aws.ToString(in.StackName))
		if !found || !s.Deleted.IsZero() {
			return invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
		}
		s = s.Clone()
		if !s.Updatable() {
			return invalid("Stack:%s is in %s state and can not be updated.", s.ID, s.Status)
		}
		w := wanted{body: in.TemplateBody, previous: aws.ToBool(in.UsePreviousTemplate), parameters: in.Parameters, tags: in.Tags,
			keepTags: true, capability: in.Capabilities, role: in.RoleARN}
		d, p, err := c.define(tx, &s, w, &s.Target)
		if err != nil {
			return err
		}
		if err := c.checkUpdate(tx, &s, d, p); err != nil {
			return err
		}
		s.KeepOnFailure, s.Token = aws.ToBool(in.DisableRollback), aws.ToString(in.ClientRequestToken)
		out.StackId = &s.ID
		if err := c.beginUpdate(tx, &s, d); err != nil {
			return err
		}
		return c.world.Remember(tx, token, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// checkUpdate refuses an update that changes nothing, and what no update can do.
func (c *CloudFormation) checkUpdate(tx *store.Tx, s *stack.Stack, d stack.Definition, p *plan) error {
	var retyped []string
	for _, r := range p.resources {
		if i := s.Find(r.Name); i >= 0 && s.Resources[i].Type != r.Type {
			retyped = append(retyped, r.Name)
		}
	}
	if len(retyped) > 0 {
		slices.Sort(retyped)
		return invalid("Update of resource type is not permitted. The new template modifies resource type of the following resources: [%s]", strings.Join(retyped, ", "))
	}
	unfinished := s.Status == types.StackStatusCreateFailed || s.Status == types.StackStatusUpdateFailed
	changes, err := c.changes(tx, s, d, p)
	if err != nil {
		return err
	}
	if unfinished || len(changes) > 0 || !reflect.DeepEqual(nonNil(s.Target.Tags), nonNil(d.Tags)) || c.outputsDiffer(s, p) {
		return nil
	}
	return invalid("No updates are to be performed.")
}

func nonNil(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}

func (c *CloudFormation) outputsDiffer(s *stack.Stack, p *plan) bool {
	o := &operation{cf: c, s: s, plan: p, now: c.world.Clock.Now()}
	p.scope.Resource, p.scope.Attribute = o.ref, o.attribute
	outputs, complaint := o.outputs()
	return complaint != "" || !slices.Equal(outputs, s.Outputs)
}

func (c *CloudFormation) beginUpdate(tx *store.Tx, s *stack.Stack, d stack.Definition) error {
	o := c.quick(tx, s)
	// What a failed operation left is nothing to go back to: a failed update goes
	// back to what was before that, a failed creation nowhere.
	if s.Status != types.StackStatusUpdateFailed || s.Before == nil {
		before := s.Target
		s.Before = &before
	}
	s.KeepOnFailure = s.KeepOnFailure || s.Status == types.StackStatusCreateFailed
	s.Target, s.Updated, s.Checked, s.Skip = d, o.now, false, nil
	s.Round++
	s.Due = o.after(startsAfter)
	for i := range s.Resources {
		s.Resources[i].Prior, s.Resources[i].Verb = nil, ""
	}
	if err := o.enter(types.StackStatusUpdateInProgress, userInitiated); err != nil {
		return err
	}
	return c.begin(tx, *s)
}

// CancelUpdateStack rolls an update back that is under way.
func (c *CloudFormation) CancelUpdateStack(_ context.Context, in *cloudformation.CancelUpdateStackInput) (*cloudformation.CancelUpdateStackOutput, error) {
	err := c.change(in.StackName, func(tx *store.Tx, s *stack.Stack) error {
		if s.Status != types.StackStatusUpdateInProgress {
			return invalid("CancelUpdateStack cannot be called from current stack status")
		}
		s.KeepOnFailure = false
		s.Token = aws.ToString(in.ClientRequestToken)
		o, err := c.operation(tx, s)
		if err != nil {
			return err
		}
		if err := o.giveUp(userInitiated); err != nil {
			return err
		}
		return c.begin(tx, *s)
	})
	if err != nil {
		return nil, err
	}
	return &cloudformation.CancelUpdateStackOutput{}, nil
}

// ContinueUpdateRollback tries again to roll an update back, without the
// resources that it names.
func (c *CloudFormation) ContinueUpdateRollback(_ context.Context, in *cloudformation.ContinueUpdateRollbackInput) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	if err := supported(in, "StackName", "ResourcesToSkip", "ClientRequestToken"); err != nil {
		return nil, err
	}
	err := c.change(in.StackName, func(tx *store.Tx, s *stack.Stack) error {
		if s.Status != types.StackStatusUpdateRollbackFailed {
			return invalid("Stack:%s is in %s state and can not continue its rollback.", s.ID, s.Status)
		}
		for _, name := range in.ResourcesToSkip {
			if i := s.Find(name); i < 0 || s.Resources[i].Status != types.ResourceStatusUpdateFailed {
				return invalid("The resource %s to skip is not in the state UPDATE_FAILED", name)
			}
		}
		o := c.quick(tx, s)
		s.Skip, s.Due, s.Token = in.ResourcesToSkip, o.after(startsAfter), aws.ToString(in.ClientRequestToken)
		s.Round++
		if err := o.enter(types.StackStatusUpdateRollbackInProgress, userInitiated); err != nil {
			return err
		}
		return c.begin(tx, *s)
	})
	if err != nil {
		return nil, err
	}
	return &cloudformation.ContinueUpdateRollbackOutput{}, nil
}

// change finds a stack and lets edit change a copy of it.
func (c *CloudFormation) change(name *string, edit func(*store.Tx, *stack.Stack) error) error {
	return c.world.Store.Update(func(tx *store.Tx) error {
		s, found := c.find(aws.ToString(name))
		if !found || !s.Deleted.IsZero() {
			return noStack(aws.ToString(name))
		}
		s = s.Clone()
		return edit(tx, &s)
	})
}

// UpdateTerminationProtection says whether a stack can be deleted.
func (c *CloudFormation) UpdateTerminationProtection(_ context.Context, in *cloudformation.UpdateTerminationProtectionInput) (*cloudformation.UpdateTerminationProtectionOutput, error) {
	out := &cloudformation.UpdateTerminationProtectionOutput{}
	err := c.change(in.StackName, func(tx *store.Tx, s *stack.Stack) error {
		s.Protected = aws.ToBool(in.EnableTerminationProtection)
		out.StackId = &s.ID
		return c.stacks.Put(tx, s.ID, *s)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
