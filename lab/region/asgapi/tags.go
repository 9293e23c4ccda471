package asgapi

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

const (
	resourceType = "auto-scaling-group"
	mostTags     = 50
)

// addTags adds tags to those of a group, sorted by key. A tag that names
// another group than group, when that is set, is an error.
func addTags(before []world.GroupTag, list []types.Tag, group string) ([]world.GroupTag, error) {
	tags := slices.Clone(before)
	for _, t := range list {
		if err := checkTag(t, group); err != nil {
			return nil, err
		}
		tags = slices.DeleteFunc(tags, func(other world.GroupTag) bool { return other.Key == *t.Key })
		tags = append(tags, world.GroupTag{Key: *t.Key, Value: aws.ToString(t.Value), Propagate: aws.ToBool(t.PropagateAtLaunch)})
	}
	slices.SortFunc(tags, func(x, y world.GroupTag) int { return strings.Compare(x.Key, y.Key) })
	if len(tags) > mostTags {
		return nil, awserr.New("LimitExceeded", "More than %d tags for the Auto Scaling group", mostTags)
	}
	return tags, nil
}

func checkTag(t types.Tag, group string) error {
	const longestKey, longestValue = 128, 256
	key := aws.ToString(t.Key)
	switch {
	case key == "":
		return invalid("Tag keys must not be empty.")
	case utf8.RuneCountInString(key) > longestKey:
		return invalid("1 validation error detected: Value '%s' at 'key' failed to satisfy constraint: Member must have length less than or equal to %d", key, longestKey)
	case utf8.RuneCountInString(aws.ToString(t.Value)) > longestValue:
		return invalid("1 validation error detected: Value at 'value' of the tag '%s' failed to satisfy constraint: Member must have length less than or equal to %d", key, longestValue)
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return invalid("Tag keys may not start with \"aws:\", which is reserved for internal use: %s", key)
	case aws.ToString(t.ResourceType) != "" && *t.ResourceType != resourceType:
		return invalid("Invalid resource type: %s. The only valid value is %s", *t.ResourceType, resourceType)
	case group != "" && aws.ToString(t.ResourceId) != "" && *t.ResourceId != group:
		return invalid("The ResourceId '%s' of a tag is not the Auto Scaling group '%s'.", *t.ResourceId, group)
	}
	return nil
}

// CreateOrUpdateTags adds tags to groups or replaces those of the same key.
// Instances that run do not get them.
func (a *AutoScaling) CreateOrUpdateTags(_ context.Context, in *autoscaling.CreateOrUpdateTagsInput) (*autoscaling.CreateOrUpdateTagsOutput, error) {
	err := a.retag(in.Tags, func(before []world.GroupTag, tags []types.Tag) ([]world.GroupTag, error) {
		return addTags(before, tags, "")
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.CreateOrUpdateTagsOutput{}, nil
}

// retag changes the tags of all groups that tags name, or of none.
func (a *AutoScaling) retag(tags []types.Tag, change func([]world.GroupTag, []types.Tag) ([]world.GroupTag, error)) error {
	all := map[string][]types.Tag{}
	for _, t := range tags {
		all[aws.ToString(t.ResourceId)] = append(all[aws.ToString(t.ResourceId)], t)
	}
	return a.world.Store.Update(func(tx *store.Tx) error {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			r, err := a.round(tx, name)
			if err != nil {
				return err
			}
			if r.Group.Tags, err = change(r.Group.Tags, all[name]); err != nil {
				return err
			}
			if err := r.Finish(); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteTags removes tags from groups: those with the key, and with the value
// when one is given.
func (a *AutoScaling) DeleteTags(_ context.Context, in *autoscaling.DeleteTagsInput) (*autoscaling.DeleteTagsOutput, error) {
	err := a.retag(in.Tags, func(before []world.GroupTag, tags []types.Tag) ([]world.GroupTag, error) {
		return slices.DeleteFunc(slices.Clone(before), func(own world.GroupTag) bool {
			return slices.ContainsFunc(tags, func(t types.Tag) bool {
				return aws.ToString(t.Key) == own.Key && (aws.ToString(t.Value) == "" || *t.Value == own.Value)
			})
		}), nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.DeleteTagsOutput{}, nil
}

func describeTags(g world.Group) []types.TagDescription {
	tags := []types.TagDescription{}
	for _, t := range g.Tags {
		tags = append(tags, types.TagDescription{
			Key: aws.String(t.Key), Value: aws.String(t.Value), PropagateAtLaunch: aws.Bool(t.Propagate),
			ResourceId: aws.String(g.Name), ResourceType: aws.String(resourceType),
		})
	}
	return tags
}

// DescribeTags lists the tags of all groups that fit the filters.
func (a *AutoScaling) DescribeTags(_ context.Context, in *autoscaling.DescribeTagsInput) (*autoscaling.DescribeTagsOutput, error) {
	size, err := pageSize(in.MaxRecords, mostRecords)
	if err != nil {
		return nil, err
	}
	fields := map[string]func(types.TagDescription) string{
		"auto-scaling-group":  func(t types.TagDescription) string { return *t.ResourceId },
		"key":                 func(t types.TagDescription) string { return *t.Key },
		"value":               func(t types.TagDescription) string { return *t.Value },
		"propagate-at-launch": func(t types.TagDescription) string { return strconv.FormatBool(*t.PropagateAtLaunch) },
	}
	for _, f := range in.Filters {
		if _, known := fields[aws.ToString(f.Name)]; !known {
			return nil, invalid("Filter type %s is not correct. Allowed Filter types are: auto-scaling-group key value propagate-at-launch", aws.ToString(f.Name))
		}
	}
	var list []types.TagDescription
	a.world.Store.View(func() {
		for _, g := range a.world.Groups.All() {
			list = append(list, describeTags(g)...)
		}
	})
	list = slices.DeleteFunc(list, func(t types.TagDescription) bool {
		return slices.ContainsFunc(in.Filters, func(f types.Filter) bool { return !slices.Contains(f.Values, fields[*f.Name](t)) })
	})
	out := &autoscaling.DescribeTagsOutput{}
	if out.Tags, out.NextToken, err = awswire.Page(list, in.NextToken, size); err != nil {
		return nil, paged(err)
	}
	return out, nil
}
