package cfnapi

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/cfn/intrinsic"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/cfn/template"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// byName are a stack's resources in the order that answers have.
func byName(s stack.Stack) []stack.Resource {
	list := s.Listed()
	slices.SortStableFunc(list, func(a, b stack.Resource) int {
		switch {
		case a.Name < b.Name:
			return -1
		case a.Name > b.Name:
			return 1
		}
		return 0
	})
	return list
}

// DescribeStackResources describes the resources of a stack, or of the one that
// a resource belongs to.
func (c *CloudFormation) DescribeStackResources(_ context.Context, in *cloudformation.DescribeStackResourcesInput) (*cloudformation.DescribeStackResourcesOutput, error) {
	if (in.StackName == nil) == (in.PhysicalResourceId == nil) {
		return nil, invalid("You must specify either StackName or PhysicalResourceId, but not both.")
	}
	out := &cloudformation.DescribeStackResourcesOutput{}
	var err error
	c.world.Store.View(func() {
		var s stack.Stack
		if s, err = c.owner(in.StackName, in.PhysicalResourceId); err != nil {
			return
		}
		for _, r := range byName(s) {
			if in.LogicalResourceId == nil || *in.LogicalResourceId == r.Name {
				out.StackResources = append(out.StackResources, types.StackResource{
					StackId: &s.ID, StackName: &s.Name, LogicalResourceId: aws.String(r.Name), PhysicalResourceId: optional(r.Physical),
					ResourceType: aws.String(r.Type), ResourceStatus: r.Status, ResourceStatusReason: optional(r.Reason), Timestamp: aws.Time(r.Since),
					DriftInformation: &types.StackResourceDriftInformation{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked},
				})
			}
		}
		if in.LogicalResourceId != nil && len(out.StackResources) == 0 {
			err = invalid("Resource %s does not exist for stack %s", *in.LogicalResourceId, s.Name)
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *CloudFormation) owner(name, physical *string) (stack.Stack, error) {
	if name != nil {
		if s, found := c.find(*name); found {
			return s, nil
		}
		return stack.Stack{}, noStack(*name)
	}
	for _, s := range c.stacks.All() {
		for _, r := range s.Resources {
			if r.Physical == *physical && s.Deleted.IsZero() {
				return s, nil
			}
		}
	}
	return stack.Stack{}, invalid("Stack for %s does not exist", *physical)
}

// DescribeStackResource describes one resource of a stack.
func (c *CloudFormation) DescribeStackResource(_ context.Context, in *cloudformation.DescribeStackResourceInput) (*cloudformation.DescribeStackResourceOutput, error) {
	out := &cloudformation.DescribeStackResourceOutput{}
	var err error
	c.world.Store.View(func() {
		s, found := c.find(aws.ToString(in.StackName))
		if !found {
			err = invalid("Stack '%s' does not exist", aws.ToString(in.StackName))
			return
		}
		for _, r := range byName(s) {
			if r.Name != aws.ToString(in.LogicalResourceId) {
				continue
			}
			out.StackResourceDetail = &types.StackResourceDetail{
				StackId: &s.ID, StackName: &s.Name, LogicalResourceId: &r.Name, PhysicalResourceId: optional(r.Physical), ResourceType: &r.Type,
				ResourceStatus: r.Status, ResourceStatusReason: optional(r.Reason), LastUpdatedTimestamp: &r.Since, Metadata: c.metadata(s, r.Name),
				DriftInformation: &types.StackResourceDriftInformation{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked},
			}
			return
		}
		err = invalid("Resource %s does not exist for stack %s", aws.ToString(in.LogicalResourceId), s.Name)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// metadata is a resource's Metadata as JSON.
func (c *CloudFormation) metadata(s stack.Stack, name string) *string {
	p, err := c.plan(&s, s.Target)
	if err != nil {
		return nil
	}
	r, _ := p.resource(name)
	if r.Metadata == nil {
		return aws.String("{}")
	}
	return p.document(r.Metadata)
}

// document is a node as JSON, its functions computed where that can be.
func (p *plan) document(n *template.Node) *string {
	v, err := p.scope.Evaluate(n)
	if err != nil || intrinsic.IsNoValue(v) {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return aws.String(string(text))
}

// ListStackResources lists the resources of a stack, a hundred on a page.
func (c *CloudFormation) ListStackResources(_ context.Context, in *cloudformation.ListStackResourcesInput) (*cloudformation.ListStackResourcesOutput, error) {
	var list []types.StackResourceSummary
	found := false
	c.world.Store.View(func() {
		var s stack.Stack
		if s, found = c.find(aws.ToString(in.StackName)); !found {
			return
		}
		for _, r := range byName(s) {
			list = append(list, types.StackResourceSummary{
				LogicalResourceId: &r.Name, PhysicalResourceId: optional(r.Physical), ResourceType: &r.Type, ResourceStatus: r.Status,
				ResourceStatusReason: optional(r.Reason), LastUpdatedTimestamp: &r.Since,
				DriftInformation: &types.StackResourceDriftInformationSummary{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked},
			})
		}
	})
	if !found {
		return nil, noStack(aws.ToString(in.StackName))
	}
	out := &cloudformation.ListStackResourcesOutput{}
	var err error
	out.StackResourceSummaries, out.NextToken, err = page(list, in.NextToken, itemsPerPage)
	return out, err
}

// SignalResource tells that a machine works, or does not, to a resource that
// waits for it.
func (c *CloudFormation) SignalResource(_ context.Context, in *cloudformation.SignalResourceInput) (*cloudformation.SignalResourceOutput, error) {
	err := c.Signal(machine.Signal{
		Stack: aws.ToString(in.StackName), Resource: aws.ToString(in.LogicalResourceId), UniqueID: aws.ToString(in.UniqueId),
		Success: in.Status == types.ResourceSignalStatusSuccess,
	})
	if err != nil {
		return nil, err
	}
	return &cloudformation.SignalResourceOutput{}, nil
}

// ListExports lists what stacks export.
func (c *CloudFormation) ListExports(_ context.Context, in *cloudformation.ListExportsInput) (*cloudformation.ListExportsOutput, error) {
	var list []types.Export
	c.world.Store.View(func() {
		for _, s := range c.stacks.All() {
			for _, o := range s.Outputs {
				if o.Export != "" && s.Deleted.IsZero() {
					list = append(list, types.Export{ExportingStackId: aws.String(s.ID), Name: aws.String(o.Export), Value: aws.String(o.Value)})
				}
			}
		}
	})
	slices.SortFunc(list, func(a, b types.Export) int {
		if *a.Name < *b.Name {
			return -1
		}
		return 1
	})
	out := &cloudformation.ListExportsOutput{}
	var err error
	out.Exports, out.NextToken, err = page(list, in.NextToken, itemsPerPage)
	return out, err
}

// ListImports names the stacks that use an export.
func (c *CloudFormation) ListImports(_ context.Context, in *cloudformation.ListImportsInput) (*cloudformation.ListImportsOutput, error) {
	var names []string
	exported := false
	c.world.Store.View(func() {
		if _, _, exported = c.export(aws.ToString(in.ExportName)); exported {
			names = c.importers(aws.ToString(in.ExportName))
		}
	})
	switch {
	case !exported:
		return nil, invalid("No export named %s found", aws.ToString(in.ExportName))
	case len(names) == 0:
		return nil, invalid("Export '%s' is not imported by any stack.", aws.ToString(in.ExportName))
	}
	slices.Sort(names)
	out := &cloudformation.ListImportsOutput{}
	var err error
	out.Imports, out.NextToken, err = page(names, in.NextToken, itemsPerPage)
	return out, err
}
