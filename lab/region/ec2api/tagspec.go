package ec2api

import (
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/world"
)

const mostTags = 50

// readTags are tags from a request, added to others, which stay as they are.
func readTags(before world.Tags, list []types.Tag) (world.Tags, error) {
	tags := before.With(nil)
	for _, t := range list {
		key, value := aws.ToString(t.Key), aws.ToString(t.Value)
		switch {
		case key == "":
			return nil, invalid("Tag key cannot be null or empty")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return nil, invalid("Tag keys starting with 'aws:' are reserved for internal use")
		case utf8.RuneCountInString(key) > 128:
			return nil, invalid("Tag key exceeds the maximum length of 128 characters")
		case utf8.RuneCountInString(value) > 256:
			return nil, invalid("Tag value exceeds the maximum length of 256 characters")
		}
		tags[key] = value
	}
	return tags, countTags(tags)
}

// countTags checks the limit, which those of AWS itself do not count against.
func countTags(tags world.Tags) error {
	own := 0
	for key := range tags {
		if !strings.HasPrefix(key, "aws:") {
			own++
		}
	}
	if own > mostTags {
		return awserr.New("TagLimitExceeded", "More than %d tags specified", mostTags)
	}
	return nil
}

// tagSpec is the tags of one resource type in a request.
type tagSpec struct {
	resource types.ResourceType
	tags     []types.Tag
}

func tagSpecs(list []types.TagSpecification) []tagSpec {
	var specs []tagSpec
	for _, s := range list {
		specs = append(specs, tagSpec{s.ResourceType, s.Tags})
	}
	return specs
}

func templateTagSpecs(list []types.LaunchTemplateTagSpecificationRequest) []tagSpec {
	var specs []tagSpec
	for _, s := range list {
		specs = append(specs, tagSpec{s.ResourceType, s.Tags})
	}
	return specs
}

// tagsFor are the tags that a request gives to resources of one type.
func tagsFor(resource types.ResourceType, specs []tagSpec) (world.Tags, error) {
	var tags world.Tags
	for _, s := range specs {
		if s.resource != resource {
			continue
		}
		var err error
		if tags, err = readTags(tags, s.tags); err != nil {
			return nil, err
		}
	}
	return tags, nil
}

// checkTagSpecs refuses tags for types of resources that the call does not make.
func checkTagSpecs(specs []tagSpec, allowed ...types.ResourceType) error {
	for _, s := range specs {
		known := false
		for _, a := range allowed {
			known = known || s.resource == a
		}
		if !known {
			return invalid("'%s' is not a valid taggable resource type for this operation.", s.resource)
		}
		if _, err := readTags(nil, s.tags); err != nil {
			return err
		}
	}
	return nil
}

// launchTags are the tags of everything that comes with an instance.
func launchTags(specs []tagSpec) (tags world.LaunchTags, err error) {
	for _, t := range []struct {
		resource types.ResourceType
		into     *world.Tags
	}{
		{types.ResourceTypeInstance, &tags.Instance}, {types.ResourceTypeVolume, &tags.Volume},
		{types.ResourceTypeNetworkInterface, &tags.Interface}, {types.ResourceTypeSpotInstancesRequest, &tags.SpotRequest},
	} {
		if *t.into, err = tagsFor(t.resource, specs); err != nil {
			return tags, err
		}
	}
	return tags, nil
}
