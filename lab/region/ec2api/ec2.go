// Package ec2api is the region's EC2: instances, fleets, launch templates and
// what they are made of, and the networks that they are in.
package ec2api

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/world"
)

// EC2 implements the operations of the service, one method for each.
type EC2 struct {
	world      *world.World
	parameters map[string]world.Parameter
}

// New makes the service of a region.
func New(w *world.World) *EC2 { return &EC2{world: w, parameters: w.Parameters()} }

// dryRun is what a request that would have succeeded is told instead.
func dryRun(asked *bool) error {
	if aws.ToBool(asked) {
		return awserr.WithStatus(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	return nil
}

// tagList is tags in EC2's form, in the order of their keys.
func tagList(tags world.Tags) []types.Tag {
	list := []types.Tag{}
	for _, key := range tags.Keys() {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

// tagsOf is the accessor for filters by tag. Use it within View or Update.
func (e *EC2) tagsOf(id string) []types.Tag { return tagList(e.world.TagsOf(id)) }

// optional is nil for the empty string.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
