package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
)

// pageSize of the Describe operations that allow it.
const pageSize = 500

// Resolve implements cloud.Provider. Subnets and security groups are in order
// of id, AMIs newest first.
func (p *Provider) Resolve(ctx context.Context, class *ec2v1.EC2NodeClass) (cloud.Resolved, error) {
	subnets, err := p.resolveSubnets(ctx, class.Spec.SubnetSelectorTerms)
	if err != nil {
		return cloud.Resolved{}, err
	}
	groups, err := p.resolveSecurityGroups(ctx, class.Spec.SecurityGroupSelectorTerms)
	if err != nil {
		return cloud.Resolved{}, err
	}
	images, err := p.resolveImages(ctx, class)
	if err != nil {
		return cloud.Resolved{}, err
	}
	return cloud.Resolved{Subnets: subnets, SecurityGroups: groups, AMIs: images}, nil
}

func (p *Provider) resolveSubnets(ctx context.Context, terms []ec2v1.SubnetSelectorTerm) ([]ec2v1.Subnet, error) {
	queries := make([][]types.Filter, 0, len(terms))
	for _, term := range terms {
		queries = append(queries, append(tagFilters(term.Tags), filterIf("subnet-id", term.ID)...))
	}
	found := map[string]ec2v1.Subnet{}
	for _, filters := range queries {
		pages := ec2.NewDescribeSubnetsPaginator(p.clients.EC2, &ec2.DescribeSubnetsInput{Filters: filters, MaxResults: sdk.Int32(pageSize)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, classify(err, "describing subnets for "+describeFilters(filters))
			}
			for _, subnet := range page.Subnets {
				id := sdk.ToString(subnet.SubnetId)
				found[id] = ec2v1.Subnet{ID: id, Zone: sdk.ToString(subnet.AvailabilityZone), ZoneID: sdk.ToString(subnet.AvailabilityZoneId)}
			}
		}
	}
	return inOrder(found), nil
}

func (p *Provider) resolveSecurityGroups(ctx context.Context, terms []ec2v1.SecurityGroupSelectorTerm) ([]ec2v1.SecurityGroup, error) {
	found := map[string]ec2v1.SecurityGroup{}
	for _, term := range terms {
		filters := append(tagFilters(term.Tags), filterIf("group-id", term.ID)...)
		filters = append(filters, filterIf("group-name", term.Name)...)
		pages := ec2.NewDescribeSecurityGroupsPaginator(p.clients.EC2, &ec2.DescribeSecurityGroupsInput{Filters: filters, MaxResults: sdk.Int32(pageSize)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, classify(err, "describing security groups for "+describeFilters(filters))
			}
			for _, group := range page.SecurityGroups {
				id := sdk.ToString(group.GroupId)
				found[id] = ec2v1.SecurityGroup{ID: id, Name: sdk.ToString(group.GroupName)}
			}
		}
	}
	return inOrder(found), nil
}

// tagFilters asks for tags; the value * asks for the key alone.
func tagFilters(tags map[string]string) []types.Filter {
	var filters []types.Filter
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if tags[key] == "*" {
			filters = append(filters, filterIf("tag-key", key)...)
		} else {
			filters = append(filters, types.Filter{Name: sdk.String("tag:" + key), Values: []string{tags[key]}})
		}
	}
	return filters
}

// filterIf asks for a value unless it is empty.
func filterIf(name, value string) []types.Filter {
	if value == "" {
		return nil
	}
	return []types.Filter{{Name: sdk.String(name), Values: []string{value}}}
}

func describeFilters(filters []types.Filter) string {
	parts := make([]string, 0, len(filters))
	for _, filter := range filters {
		parts = append(parts, fmt.Sprintf("%s=%s", sdk.ToString(filter.Name), strings.Join(filter.Values, ",")))
	}
	return strings.Join(parts, " ")
}

func inOrder[V any](found map[string]V) []V {
	values := make([]V, 0, len(found))
	for _, id := range slices.Sorted(maps.Keys(found)) {
		values = append(values, found[id])
	}
	return values
}

// ec2Tags puts tags into EC2's form, in order of key.
func ec2Tags(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for key, value := range tags {
		list = append(list, types.Tag{Key: sdk.String(key), Value: sdk.String(value)})
	}
	sort.Slice(list, func(i, j int) bool { return *list[i].Key < *list[j].Key })
	return list
}
