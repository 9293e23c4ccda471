package resource

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

func ec2Tags(tags world.Tags) []types.Tag {
	var list []types.Tag
	for _, key := range tags.Keys() {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

// specification is the user's tags as a request that makes something has them.
func (c *Call) specification(resource types.ResourceType) []types.TagSpecification {
	tags := c.userTags()
	if len(tags) == 0 {
		return nil
	}
	return []types.TagSpecification{{ResourceType: resource, Tags: ec2Tags(tags)}}
}

// mark adds the tags that only AWS itself may give.
func (c *Call) mark(id string) error {
	return c.World.Store.Update(func(tx *store.Tx) error {
		return c.World.SetTags(tx, id, c.World.TagsOf(id).With(c.SystemTags()))
	})
}

// retag brings the user's tags from what they were to what they are to be.
func (c *Call) retag(ctx context.Context, id string) error {
	tags := c.userTags()
	var gone []types.Tag
	for _, key := range lost(c.tagsBefore(), tags) {
		gone = append(gone, types.Tag{Key: aws.String(key)})
	}
	if len(gone) > 0 {
		if _, err := c.EC2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{id}, Tags: gone}); err != nil {
			return err
		}
	}
	if len(tags) == 0 {
		return nil
	}
	_, err := c.EC2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: ec2Tags(tags)})
	return err
}
