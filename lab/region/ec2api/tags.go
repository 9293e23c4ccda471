package ec2api

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// CreateTags adds tags to resources, or replaces those of the same key: on all
// of the resources or, when one of them does not exist, on none.
func (e *EC2) CreateTags(_ context.Context, in *ec2.CreateTagsInput) (*ec2.CreateTagsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "Resources", "Tags"); err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, missing("Tag")
	}
	err := e.retag(in.Resources, in.DryRun, func(before world.Tags) (world.Tags, error) { return readTags(before, in.Tags) })
	if err != nil {
		return nil, err
	}
	return &ec2.CreateTagsOutput{}, nil
}

// DeleteTags removes tags: those with the key, and with the value when one is
// given; all of a resource's own when no tag is named.
func (e *EC2) DeleteTags(_ context.Context, in *ec2.DeleteTagsInput) (*ec2.DeleteTagsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "Resources", "Tags"); err != nil {
		return nil, err
	}
	err := e.retag(in.Resources, in.DryRun, func(before world.Tags) (world.Tags, error) {
		after := world.Tags{}
		for key, value := range before {
			if strings.HasPrefix(key, "aws:") || !named(in.Tags, key, value) {
				after[key] = value
			}
		}
		return after, nil
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DeleteTagsOutput{}, nil
}

func named(tags []types.Tag, key, value string) bool {
	if len(tags) == 0 {
		return true
	}
	return slices.ContainsFunc(tags, func(t types.Tag) bool {
		return aws.ToString(t.Key) == key && (t.Value == nil || *t.Value == value)
	})
}

// retag changes the tags of resources in one transaction.
func (e *EC2) retag(ids []string, dry *bool, change func(world.Tags) (world.Tags, error)) error {
	if len(ids) == 0 {
		return missing("ResourceId")
	}
	return e.world.Store.Update(func(tx *store.Tx) error {
		for _, id := range ids {
			if err := e.checkTaggable(id); err != nil {
				return err
			}
		}
		if err := dryRun(dry); err != nil {
			return err
		}
		for _, id := range ids {
			tags, err := change(e.world.TagsOf(id))
			if err != nil {
				return err
			}
			if err := e.world.SetTags(tx, id, tags); err != nil {
				return err
			}
		}
		return nil
	})
}

// DescribeTags lists the tags of all resources.
func (e *EC2) DescribeTags(_ context.Context, in *ec2.DescribeTagsInput) (*ec2.DescribeTagsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	var list []types.TagDescription
	e.world.Store.View(func() {
		for _, id := range e.world.Tags.Keys() {
			for _, t := range e.tagsOf(id) {
				list = append(list, types.TagDescription{ResourceId: aws.String(id), ResourceType: resourceType(id), Key: t.Key, Value: t.Value})
			}
		}
	})
	list, err := tagFilters().Select(list, in.Filters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeTagsOutput{}
	out.Tags, out.NextToken, err = page(list, in.NextToken, in.MaxResults, usual())
	return out, err
}

func tagFilters() ec2filter.Set[types.TagDescription] {
	one := func(t types.TagDescription) []types.Tag { return []types.Tag{{Key: t.Key, Value: t.Value}} }
	return ec2filter.Set[types.TagDescription]{Tags: one, Fields: map[string]func(types.TagDescription) []string{
		"key":           func(t types.TagDescription) []string { return []string{*t.Key} },
		"value":         func(t types.TagDescription) []string { return []string{*t.Value} },
		"resource-id":   func(t types.TagDescription) []string { return []string{*t.ResourceId} },
		"resource-type": func(t types.TagDescription) []string { return []string{string(t.ResourceType)} },
	}}
}
