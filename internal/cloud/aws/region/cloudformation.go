package region

import (
	"context"
	"errors"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	domain "github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/stack"
)

var _ stack.Service = (*Region)(nil)

// CreateStack begins to make a stack.
func (r *Region) CreateStack(ctx context.Context, request stack.Request) (string, error) {
	capability := types.CapabilityCapabilityIam
	if request.NamedRoles {
		capability = types.CapabilityCapabilityNamedIam
	}
	input := &cloudformation.CreateStackInput{
		StackName: &request.Name, TemplateBody: &request.Template, Capabilities: []types.Capability{capability},
		EnableTerminationProtection: &request.Protected,
	}
	for key, value := range request.Tags {
		input.Tags = append(input.Tags, types.Tag{Key: sdk.String(key), Value: sdk.String(value)})
	}
	slices.SortFunc(input.Tags, func(a, b types.Tag) int { return cmpStrings(*a.Key, *b.Key) })
	output, err := r.cloudformation.CreateStack(ctx, input)
	if err != nil {
		return "", meaning(err)
	}
	return sdk.ToString(output.StackId), nil
}

func cmpStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// DescribeStack describes a stack by its name or id.
func (r *Region) DescribeStack(ctx context.Context, name string) (*stack.Stack, error) {
	output, err := r.cloudformation.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		return nil, meaning(err)
	}
	if len(output.Stacks) == 0 {
		return nil, domain.ErrNotFound
	}
	return toStack(&output.Stacks[0]), nil
}

func toStack(s *types.Stack) *stack.Stack {
	result := &stack.Stack{
		ID: sdk.ToString(s.StackId), Name: sdk.ToString(s.StackName), Status: string(s.StackStatus), StatusReason: sdk.ToString(s.StackStatusReason),
		Tags: map[string]string{}, Outputs: map[string]string{}, Created: sdk.ToTime(s.CreationTime), Protected: sdk.ToBool(s.EnableTerminationProtection),
	}
	for _, tag := range s.Tags {
		result.Tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
	}
	for _, output := range s.Outputs {
		result.Outputs[sdk.ToString(output.OutputKey)] = sdk.ToString(output.OutputValue)
	}
	return result
}

// ListStacks lists the stacks that were not deleted.
func (r *Region) ListStacks(ctx context.Context) ([]stack.Stack, error) {
	var all []stack.Stack
	pages := cloudformation.NewDescribeStacksPaginator(r.cloudformation, &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, meaning(err)
		}
		for i := range page.Stacks {
			if page.Stacks[i].StackStatus != types.StackStatusDeleteComplete {
				all = append(all, *toStack(&page.Stacks[i]))
			}
		}
	}
	return all, nil
}

// StackEvents lists the events of a stack, oldest first.
func (r *Region) StackEvents(ctx context.Context, name string) ([]stack.Event, error) {
	var all []stack.Event
	pages := cloudformation.NewDescribeStackEventsPaginator(r.cloudformation, &cloudformation.DescribeStackEventsInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, meaning(err)
		}
		for i := range page.StackEvents {
			e := &page.StackEvents[i]
			all = append(all, stack.Event{
				LogicalID: sdk.ToString(e.LogicalResourceId), Type: sdk.ToString(e.ResourceType), Status: string(e.ResourceStatus),
				Reason: sdk.ToString(e.ResourceStatusReason), Time: sdk.ToTime(e.Timestamp),
			})
		}
	}
	slices.Reverse(all)
	return all, nil
}

// StackResources lists what a stack's resources became.
func (r *Region) StackResources(ctx context.Context, name string) ([]stack.Physical, error) {
	output, err := r.cloudformation.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &name})
	if err != nil {
		return nil, meaning(err)
	}
	var all []stack.Physical
	for i := range output.StackResources {
		one := &output.StackResources[i]
		all = append(all, stack.Physical{
			LogicalID: sdk.ToString(one.LogicalResourceId), PhysicalID: sdk.ToString(one.PhysicalResourceId),
			Type: sdk.ToString(one.ResourceType), Status: string(one.ResourceStatus),
		})
	}
	return all, nil
}

// ProtectStack sets or takes away termination protection.
func (r *Region) ProtectStack(ctx context.Context, name string, protected bool) error {
	_, err := r.cloudformation.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
		StackName: &name, EnableTerminationProtection: &protected,
	})
	return meaning(err)
}

// DeleteStack begins to delete a stack.
func (r *Region) DeleteStack(ctx context.Context, name string) error {
	_, err := r.cloudformation.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &name})
	if err = meaning(err); errors.Is(err, domain.ErrNotFound) {
		return nil
	}
	return err
}
