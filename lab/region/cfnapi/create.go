package cfnapi

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// CreateStack begins to make a stack of a template.
func (c *CloudFormation) CreateStack(_ context.Context, in *cloudformation.CreateStackInput) (*cloudformation.CreateStackOutput, error) {
	err := supported(in, "StackName", "TemplateBody", "Parameters", "Capabilities", "Tags", "OnFailure", "DisableRollback", "RoleARN",
		"EnableTerminationProtection", "TimeoutInMinutes", "ClientRequestToken")
	if err != nil {
		return nil, err
	}
	name := aws.ToString(in.StackName)
	if err := checkStackName(name); err != nil {
		return nil, err
	}
	if in.DisableRollback != nil && in.OnFailure != "" {
		return nil, invalid("You can specify either DisableRollback or OnFailure, but not both.")
	}
	out := &cloudformation.CreateStackOutput{}
	err = c.world.Store.Update(func(tx *store.Tx) error {
		token := tokenOf("CreateStack", in.ClientRequestToken, *in)
		if found, err := c.answered(token, out); found || err != nil {
			return err
		}
		if _, exists := c.find(name); exists {
			return awserr.New("AlreadyExistsException", "Stack [%s] already exists", name)
		}
		s, err := c.newStack(tx, name)
		if err != nil {
			return err
		}
		s.Protected, s.OnFailure, s.Token = aws.ToBool(in.EnableTerminationProtection), types.OnFailureRollback, aws.ToString(in.ClientRequestToken)
		if in.OnFailure != "" {
			s.OnFailure = in.OnFailure
		}
		if aws.ToBool(in.DisableRollback) {
			s.OnFailure = types.OnFailureDoNothing
		}
		s.Target, _, err = c.define(tx, &s, wanted{body: in.TemplateBody, parameters: in.Parameters, tags: in.Tags, capability: in.Capabilities, role: in.RoleARN}, nil)
		if err != nil {
			return err
		}
		s.TimeoutMinutes = aws.ToInt32(in.TimeoutInMinutes)
		out.StackId = &s.ID
		if err := c.beginCreation(tx, &s); err != nil {
			return err
		}
		return c.world.Remember(tx, token, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *CloudFormation) newStack(tx *store.Tx, name string) (stack.Stack, error) {
	id, err := c.world.NewUUID(tx, "stack")
	if err != nil {
		return stack.Stack{}, err
	}
	return stack.Stack{Name: name, ID: c.arn("stack", name, id), Created: c.world.Clock.Now()}, nil
}

func (c *CloudFormation) arn(kind, name, id string) string {
	return fmt.Sprintf("arn:aws:cloudformation:%s:%s:%s/%s/%s", c.world.Options.Region, c.world.Options.Account, kind, name, id)
}

// userInitiated is the reason of what a request began.
const userInitiated = "User Initiated"

// quick is a step's frame for what requests do to a stack at once.
func (c *CloudFormation) quick(tx *store.Tx, s *stack.Stack) *operation {
	return &operation{cf: c, tx: tx, now: c.world.Clock.Now(), s: s, services: c.services(tx)}
}

func (c *CloudFormation) beginCreation(tx *store.Tx, s *stack.Stack) error {
	o := c.quick(tx, s)
	s.Round, s.Checked = s.Round+1, false
	if s.TimeoutMinutes > 0 {
		s.Deadline = o.after(time.Duration(s.TimeoutMinutes) * time.Minute)
	}
	s.Due = o.after(startsAfter)
	if err := o.enter(types.StackStatusCreateInProgress, userInitiated); err != nil {
		return err
	}
	return c.begin(tx, *s)
}

// tokenOf is the idempotency token of a request; the token itself is not a part
// of what it stands for.
func tokenOf(operation string, token *string, in any) world.Token {
	return world.Token{Operation: "cloudformation:" + operation, Value: aws.ToString(token), Parameters: in}
}

// answered is world.Answered with CloudFormation's code.
func (c *CloudFormation) answered(t world.Token, out any) (bool, error) {
	found, err := c.world.Answered(t, out)
	return found, awserr.Translate(err, map[string]string{"IdempotentParameterMismatch": "TokenAlreadyExistsException"})
}
