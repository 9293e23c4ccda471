package cfnapi

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/cfn/resource"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/cfn/template"
	"github.com/drover-project/drover/lab/region/store"
)

// wanted is what the requests that define a stack have in common.
type wanted struct {
	body       *string
	previous   bool
	parameters []types.Parameter
	tags       []types.Tag
	keepTags   bool
	capability []types.Capability
	role       *string
}

const (
	longestStackName = 128
	mostStackTags    = 50
	mostParameters   = 200
)

var stackNamePattern = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]*$`)

func checkStackName(name string) error {
	if !stackNamePattern.MatchString(name) {
		return invalid("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
	}
	if len(name) > longestStackName {
		return invalid("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must have length less than or equal to %d", name, longestStackName)
	}
	return nil
}

// bodyOf is a template of a request.
func bodyOf(body *string) (string, error) {
	text := aws.ToString(body)
	if text == "" {
		return "", invalid("Either Template URL or Template Body must be specified.")
	}
	if len(text) > template.Largest {
		return "", invalid("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to %d", template.Largest)
	}
	return text, nil
}

// define reads what a request says a stack is to be. before is what it is; nil
// for a new one.
func (c *CloudFormation) define(tx *store.Tx, s *stack.Stack, w wanted, before *stack.Definition) (stack.Definition, *plan, error) {
	d := stack.Definition{Role: aws.ToString(w.role)}
	var err error
	if w.previous {
		if before == nil {
			return d, nil, invalid("Template URL or Template Body must be specified.")
		}
		d.Body = before.Body
	} else if d.Body, err = bodyOf(w.body); err != nil {
		return d, nil, err
	}
	if before != nil && d.Role == "" {
		d.Role = before.Role
	}
	for _, capability := range w.capability {
		d.Capabilities = append(d.Capabilities, string(capability))
	}
	if d.Tags, err = stackTags(w.tags); err != nil {
		return d, nil, err
	}
	if w.tags == nil && before != nil && w.keepTags {
		d.Tags = before.Tags
	}
	t, err := template.Parse(d.Body)
	if err != nil {
		return d, nil, refusal(err)
	}
	if d.Parameters, err = c.parameters(tx, t, w.parameters, before); err != nil {
		return d, nil, err
	}
	p, err := c.plan(s, d)
	if err != nil {
		return d, nil, err
	}
	s.Description = t.Description
	if err := p.check(); err != nil {
		return d, nil, err
	}
	return d, p, p.checkCapabilities(d.Capabilities)
}

func stackTags(list []types.Tag) (map[string]string, error) {
	if len(list) > mostStackTags {
		return nil, invalid("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to %d", mostStackTags)
	}
	tags := map[string]string{}
	for _, t := range list {
		key, value := aws.ToString(t.Key), aws.ToString(t.Value)
		switch {
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return nil, invalid("aws: prefixed tag key names are not allowed for external use.")
		case key == "" || utf8.RuneCountInString(key) > 128:
			return nil, invalid("1 validation error detected: Value '%s' at 'tags.member.key' failed to satisfy constraint: Member must have length between 1 and 128", key)
		case utf8.RuneCountInString(value) > 256:
			return nil, invalid("1 validation error detected: Value '%s' at 'tags.member.value' failed to satisfy constraint: Member must have length less than or equal to 256", value)
		}
		// eksctl gives a change set the stack's tags and its own, which are among them.
		if before, twice := tags[key]; twice && before != value {
			return nil, invalid("Duplicate tag keys found: %s", key)
		}
		tags[key] = value
	}
	return tags, nil
}

// parameters are the values for the template's parameters: those given, those
// before, or the defaults.
func (c *CloudFormation) parameters(tx *store.Tx, t *template.Template, given []types.Parameter, before *stack.Definition) ([]stack.Parameter, error) {
	if len(t.Parameters) > mostParameters {
		return nil, invalid("Template format error: Number of parameters, %d, is greater than maximum allowed, %d", len(t.Parameters), mostParameters)
	}
	if err := checkGiven(t, given); err != nil {
		return nil, err
	}
	var list []stack.Parameter
	var missing []string
	for _, declared := range t.Parameters {
		value, found := valueOf(declared, given, before)
		if !found {
			missing = append(missing, declared.Name)
			continue
		}
		p := stack.Parameter{Name: declared.Name, Value: value}
		if declared.Stored() {
			text, exists := stored(c.services(tx), value)
			if !exists {
				return nil, invalid("Unable to fetch parameters [%s] from parameter store for this account.", value)
			}
			p.Resolved = text
		} else if err := declared.Check(value); err != nil {
			return nil, refusal(err)
		}
		list = append(list, p)
	}
	if len(missing) > 0 {
		return nil, invalid("Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	return list, nil
}

func checkGiven(t *template.Template, given []types.Parameter) error {
	var unknown []string
	seen := map[string]bool{}
	for _, p := range given {
		key := aws.ToString(p.ParameterKey)
		if seen[key] {
			return invalid("Duplicate input parameter key %s", key)
		}
		seen[key] = true
		if !slices.ContainsFunc(t.Parameters, func(d template.Parameter) bool { return d.Name == key }) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		return invalid("Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
	}
	return nil
}

func valueOf(declared template.Parameter, given []types.Parameter, before *stack.Definition) (string, bool) {
	for _, p := range given {
		if aws.ToString(p.ParameterKey) != declared.Name {
			continue
		}
		if !aws.ToBool(p.UsePreviousValue) {
			return tidy(declared, aws.ToString(p.ParameterValue)), p.ParameterValue != nil
		}
		if before == nil {
			return "", false
		}
		for _, p := range before.Parameters {
			if p.Name == declared.Name {
				return p.Value, true
			}
		}
		return "", false
	}
	if declared.Default != nil {
		return tidy(declared, *declared.Default), true
	}
	return "", false
}

// tidy takes the spaces off that come with pasted identifiers.
func tidy(declared template.Parameter, value string) string {
	if declared.ResourceType() == "" {
		return value
	}
	if declared.List() {
		return strings.Join(template.Split(value), ",")
	}
	return strings.TrimSpace(value)
}

// checkCapabilities refuses a template that makes roles or policies which the
// request does not acknowledge.
func (p *plan) checkCapabilities(given []string) error {
	need, _ := p.capabilities()
	if need == "" || slices.Contains(given, string(need)) || slices.Contains(given, string(types.CapabilityCapabilityNamedIam)) {
		return nil
	}
	return awserr.New("InsufficientCapabilitiesException", "Requires capabilities : [%s]", need)
}

// capabilities is the acknowledgement that a template needs, and the types that
// need it; empty for none.
func (p *plan) capabilities() (need types.Capability, because []string) {
	for _, r := range p.template.Resources {
		t, _ := resource.Find(r.Type)
		if !t.NeedsIAM {
			continue
		}
		if need == "" {
			need = types.CapabilityCapabilityIam
		}
		if t.NamedBy != "" && r.Properties.Get(t.NamedBy) != nil {
			need = types.CapabilityCapabilityNamedIam
		}
		if !slices.Contains(because, r.Type) {
			because = append(because, r.Type)
		}
	}
	return need, because
}
