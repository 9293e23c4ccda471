package cfnapi

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/cfn/template"
)

// How much one answer holds.
const (
	stacksPerPage = 50
	itemsPerPage  = 100
)

// page is awswire.Page with CloudFormation's code.
func page[T any](items []T, token *string, size int32) ([]T, *string, error) {
	part, next, err := awswire.Page(items, token, &size)
	return part, next, awserr.Translate(err, map[string]string{"InvalidNextToken": "ValidationError", "InvalidParameterValue": "ValidationError"})
}

// newestFirst are stacks in the order that answers have.
func (c *CloudFormation) newestFirst(want func(stack.Stack) bool) []stack.Stack {
	list := slices.DeleteFunc(c.stacks.All(), func(s stack.Stack) bool { return !want(s) })
	slices.SortStableFunc(list, func(a, b stack.Stack) int {
		if order := b.Created.Compare(a.Created); order != 0 {
			return order
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// DescribeStacks describes one stack or all that are not deleted.
func (c *CloudFormation) DescribeStacks(_ context.Context, in *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
	if err := supported(in, "StackName", "NextToken"); err != nil {
		return nil, err
	}
	var list []types.Stack
	var err error
	c.world.Store.View(func() {
		if in.StackName != nil {
			s, found := c.find(*in.StackName)
			if !found {
				err = noStack(*in.StackName)
				return
			}
			list = append(list, c.describe(s))
			return
		}
		for _, s := range c.newestFirst(func(s stack.Stack) bool { return s.Deleted.IsZero() }) {
			list = append(list, c.describe(s))
		}
	})
	if err != nil {
		return nil, err
	}
	out := &cloudformation.DescribeStacksOutput{}
	out.Stacks, out.NextToken, err = page(list, in.NextToken, stacksPerPage)
	return out, err
}

func (c *CloudFormation) describe(s stack.Stack) types.Stack {
	out := types.Stack{
		StackId: &s.ID, StackName: &s.Name, CreationTime: &s.Created, StackStatus: s.Status, StackStatusReason: optional(s.Reason),
		Description: optional(s.Description), EnableTerminationProtection: &s.Protected, RoleARN: optional(s.Target.Role), NotificationARNs: []string{},
		DisableRollback: aws.Bool(s.OnFailure == types.OnFailureDoNothing), RollbackConfiguration: &types.RollbackConfiguration{},
		DriftInformation: &types.StackDriftInformation{StackDriftStatus: types.StackDriftStatusNotChecked}, Tags: tagList(s.Target.Tags),
		ChangeSetId: optional(s.ChangeSet),
	}
	if !s.Updated.IsZero() {
		out.LastUpdatedTime = &s.Updated
	}
	if !s.Deleted.IsZero() {
		out.DeletionTime = &s.Deleted
	}
	if s.TimeoutMinutes > 0 {
		out.TimeoutInMinutes = &s.TimeoutMinutes
	}
	for _, capability := range s.Target.Capabilities {
		out.Capabilities = append(out.Capabilities, types.Capability(capability))
	}
	out.Parameters = shown(s.Target)
	for _, o := range s.Outputs {
		out.Outputs = append(out.Outputs, types.Output{
			OutputKey: aws.String(o.Name), OutputValue: aws.String(o.Value), Description: optional(o.Description), ExportName: optional(o.Export),
		})
	}
	return out
}

// shown are parameters as answers have them: what must not be echoed is not.
func shown(d stack.Definition) []types.Parameter {
	hidden := map[string]bool{}
	if t, err := template.Parse(d.Body); err == nil {
		for _, p := range t.Parameters {
			hidden[p.Name] = p.NoEcho
		}
	}
	var list []types.Parameter
	for _, p := range d.Parameters {
		value := p.Value
		if hidden[p.Name] {
			value = "****"
		}
		list = append(list, types.Parameter{ParameterKey: aws.String(p.Name), ParameterValue: &value, ResolvedValue: optional(p.Resolved)})
	}
	return list
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func tagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, key := range sortedKeys(tags) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

// ListStacks lists stacks, the deleted ones too, by their status.
func (c *CloudFormation) ListStacks(_ context.Context, in *cloudformation.ListStacksInput) (*cloudformation.ListStacksOutput, error) {
	var list []types.StackSummary
	c.world.Store.View(func() {
		want := func(s stack.Stack) bool {
			return len(in.StackStatusFilter) == 0 || slices.Contains(in.StackStatusFilter, s.Status)
		}
		for _, s := range c.newestFirst(want) {
			d := c.describe(s)
			list = append(list, types.StackSummary{
				StackId: d.StackId, StackName: d.StackName, CreationTime: d.CreationTime, LastUpdatedTime: d.LastUpdatedTime,
				DeletionTime: d.DeletionTime, StackStatus: d.StackStatus, StackStatusReason: d.StackStatusReason, TemplateDescription: d.Description,
				DriftInformation: &types.StackDriftInformationSummary{StackDriftStatus: types.StackDriftStatusNotChecked},
			})
		}
	})
	out := &cloudformation.ListStacksOutput{}
	var err error
	out.StackSummaries, out.NextToken, err = page(list, in.NextToken, itemsPerPage)
	return out, err
}

// DescribeStackEvents lists what happened to a stack, latest first.
func (c *CloudFormation) DescribeStackEvents(_ context.Context, in *cloudformation.DescribeStackEventsInput) (*cloudformation.DescribeStackEventsOutput, error) {
	name, found := aws.ToString(in.StackName), false
	var list []types.StackEvent
	c.world.Store.View(func() {
		var s stack.Stack
		if s, found = c.find(name); !found {
			return
		}
		for n := s.Events - 1; n >= 0; n-- {
			if e, exists := c.events.Get(eventKey(s.ID, n)); exists {
				list = append(list, describeEvent(e))
			}
		}
	})
	if !found {
		return nil, invalid("Stack [%s] does not exist", name)
	}
	out := &cloudformation.DescribeStackEventsOutput{}
	var err error
	out.StackEvents, out.NextToken, err = page(list, in.NextToken, itemsPerPage)
	return out, err
}

func describeEvent(e stack.Event) types.StackEvent {
	return types.StackEvent{
		EventId: &e.ID, StackId: &e.StackID, StackName: &e.StackName, Timestamp: &e.At, LogicalResourceId: &e.Logical,
		PhysicalResourceId: &e.Physical, ResourceType: &e.Type, ResourceStatus: e.Status, ResourceStatusReason: optional(e.Reason),
		ResourceProperties: optional(string(e.Properties)), ClientRequestToken: optional(e.Token),
	}
}
