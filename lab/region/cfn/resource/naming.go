package resource

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/cfn/property"
	"github.com/drover-project/drover/lab/region/world"
)

// Longest names that services allow.
const (
	longestIAM      = 64
	longestPolicy   = 128
	longestResource = 255
)

// NameFor is the name that a resource gets when the template gives none: the
// stack's, the logical one and a suffix, cut where it would be too long.
func (c *Call) NameFor(longest int) string {
	suffix := c.World.Suffix(fmt.Sprint(c.Stack.ID, "/", c.Name, "/", c.Attempt))
	const shortestStack, dashes = 8, 2
	name := c.Name[:min(len(c.Name), longest-shortestStack-dashes-len(suffix))]
	stack := c.Stack.Name[:min(len(c.Stack.Name), longest-dashes-len(name)-len(suffix))]
	return stack + "-" + name + "-" + suffix
}

// named is the name that a property gives, or NameFor.
func (c *Call) named(property string, longest int) string {
	if name := c.Properties.Text(property); name != "" {
		return name
	}
	return c.NameFor(longest)
}

// SystemTags are the tags by which AWS tells what belongs to a stack.
func (c *Call) SystemTags() world.Tags {
	return world.Tags{
		"aws:cloudformation:logical-id": c.Name,
		"aws:cloudformation:stack-id":   c.Stack.ID,
		"aws:cloudformation:stack-name": c.Stack.Name,
	}
}

// userTags are the stack's tags with the resource's own, which win.
func (c *Call) userTags() world.Tags { return tagsIn(c.Stack.Tags, c.Properties) }

// tagsBefore are userTags of the properties as they were.
func (c *Call) tagsBefore() world.Tags { return tagsIn(nil, c.Before) }

func tagsIn(stack map[string]string, p property.Set) world.Tags {
	tags := world.Tags{}
	maps.Copy(tags, stack)
	for _, t := range p.Objects("Tags") {
		tags[t.Text("Key")] = t.Text("Value")
	}
	return tags
}

// codeOf is the service's code of an error; empty when it has none.
func codeOf(err error) string {
	var coded *awserr.Error
	if errors.As(err, &coded) {
		return coded.Code
	}
	return ""
}

// notThere is how Auto Scaling says so.
var notThere = regexp.MustCompile(`not found|No [A-Za-z ]+ found`)

// IsGone reports whether an error says that a thing is not there.
func IsGone(err error) bool {
	code := codeOf(err)
	if strings.HasSuffix(code, ".NotFound") || strings.HasSuffix(code, ".NotFoundException") ||
		slices.Contains([]string{"NoSuchEntity", "ResourceNotFoundException", "QueueDoesNotExist", "NatGatewayNotFound", "Gateway.NotAttached"}, code) {
		return true
	}
	return code == "ValidationError" && err != nil && notThere.MatchString(err.Error())
}

// IsBusy reports whether an error says that something else is still in the way,
// and may go.
func IsBusy(err error) bool {
	return slices.Contains([]string{"DependencyViolation", "DeleteConflict", "ResourceInUse", "ResourceInUseException",
		"ResourceInUseFault", "ScalingActivityInProgress", "ResourceContention", "InvalidIPAddress.InUse"}, codeOf(err))
}

// unlessGone is the error of a removal: what is not there is removed.
func unlessGone(err error) error {
	if IsGone(err) {
		return nil
	}
	return err
}

// difference tells two lists apart.
func difference(before, after []string) (added, removed []string) {
	for _, item := range after {
		if !slices.Contains(before, item) {
			added = append(added, item)
		}
	}
	for _, item := range before {
		if !slices.Contains(after, item) {
			removed = append(removed, item)
		}
	}
	return added, removed
}

// lost are the keys of tags that are no longer there.
func lost(before, after world.Tags) []string {
	_, removed := difference(before.Keys(), after.Keys())
	return removed
}
