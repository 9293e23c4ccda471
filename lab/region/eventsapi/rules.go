package eventsapi

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// PutRule makes a rule with an event pattern, or changes one, which keeps its targets and tags.
func (e *Events) PutRule(_ context.Context, in *eventbridge.PutRuleInput) (*eventbridge.PutRuleOutput, error) {
	if err := supported(in, "Name", "Description", "EventBusName", "EventPattern", "RoleArn", "State", "Tags"); err != nil {
		return nil, err
	}
	name := aws.ToString(in.Name)
	if err := e.checkRule(in); err != nil {
		return nil, err
	}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		rule, exists := e.world.Rules.Get(name)
		if !exists {
			rule = world.Rule{Name: name, Created: e.world.Clock.Now(), Tags: tagsOf(in.Tags)}
		}
		rule.Description, rule.Pattern, rule.RoleARN = aws.ToString(in.Description), aws.ToString(in.EventPattern), aws.ToString(in.RoleArn)
		rule.Disabled = in.State == types.RuleStateDisabled
		return e.world.Rules.Put(tx, name, rule)
	})
	if err != nil {
		return nil, err
	}
	return &eventbridge.PutRuleOutput{RuleArn: aws.String(e.world.RuleARN(name))}, nil
}

func (e *Events) checkRule(in *eventbridge.PutRuleInput) error {
	if name := aws.ToString(in.Name); !rulePattern.MatchString(name) {
		return invalid("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+", name)
	}
	if err := e.checkBus(in.EventBusName); err != nil {
		return err
	}
	if in.State == types.RuleStateEnabledWithAllCloudtrailManagementEvents {
		return invalid("There is no CloudTrail at this endpoint: the state must be ENABLED or DISABLED.")
	}
	if aws.ToString(in.EventPattern) == "" {
		return invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	_, err := e.patterns.of(*in.EventPattern)
	return err
}

func stateOf(rule world.Rule) types.RuleState {
	if rule.Disabled {
		return types.RuleStateDisabled
	}
	return types.RuleStateEnabled
}

// DescribeRule describes a rule without its targets.
func (e *Events) DescribeRule(_ context.Context, in *eventbridge.DescribeRuleInput) (*eventbridge.DescribeRuleOutput, error) {
	rule, err := e.rule(in.Name, in.EventBusName)
	if err != nil {
		return nil, err
	}
	return &eventbridge.DescribeRuleOutput{
		Arn: aws.String(e.world.RuleARN(rule.Name)), Name: &rule.Name, Description: optional(rule.Description), EventBusName: aws.String(busName),
		EventPattern: &rule.Pattern, RoleArn: optional(rule.RoleARN), State: stateOf(rule), CreatedBy: aws.String(e.world.Options.Account),
	}, nil
}

// DeleteRule deletes a rule that has no targets; one that is not there is no error.
func (e *Events) DeleteRule(_ context.Context, in *eventbridge.DeleteRuleInput) (*eventbridge.DeleteRuleOutput, error) {
	if err := e.checkBus(in.EventBusName); err != nil {
		return nil, err
	}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		if rule, _ := e.world.Rules.Get(aws.ToString(in.Name)); len(rule.Targets) > 0 {
			return invalid("Rule can't be deleted since it has targets.")
		}
		e.world.Rules.Delete(tx, aws.ToString(in.Name))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &eventbridge.DeleteRuleOutput{}, nil
}

// ListRules lists rules, all or those whose name begins so.
func (e *Events) ListRules(_ context.Context, in *eventbridge.ListRulesInput) (*eventbridge.ListRulesOutput, error) {
	if err := e.checkBus(in.EventBusName); err != nil {
		return nil, err
	}
	var list []types.Rule
	e.world.Store.View(func() {
		for _, rule := range e.world.Rules.All() {
			if strings.HasPrefix(rule.Name, aws.ToString(in.NamePrefix)) {
				list = append(list, types.Rule{
					Arn: aws.String(e.world.RuleARN(rule.Name)), Name: &rule.Name, Description: optional(rule.Description), EventBusName: aws.String(busName),
					EventPattern: &rule.Pattern, RoleArn: optional(rule.RoleARN), State: stateOf(rule),
				})
			}
		}
	})
	out := &eventbridge.ListRulesOutput{}
	var err error
	out.Rules, out.NextToken, err = page(list, in.NextToken, in.Limit)
	return out, err
}

// EnableRule has a rule send events.
func (e *Events) EnableRule(_ context.Context, in *eventbridge.EnableRuleInput) (*eventbridge.EnableRuleOutput, error) {
	err := e.change(in.Name, in.EventBusName, func(r *world.Rule) error { r.Disabled = false; return nil })
	if err != nil {
		return nil, err
	}
	return &eventbridge.EnableRuleOutput{}, nil
}

// DisableRule has a rule send nothing.
func (e *Events) DisableRule(_ context.Context, in *eventbridge.DisableRuleInput) (*eventbridge.DisableRuleOutput, error) {
	err := e.change(in.Name, in.EventBusName, func(r *world.Rule) error { r.Disabled = true; return nil })
	if err != nil {
		return nil, err
	}
	return &eventbridge.DisableRuleOutput{}, nil
}

// TestEventPattern says whether a pattern wants an event.
func (e *Events) TestEventPattern(_ context.Context, in *eventbridge.TestEventPatternInput) (*eventbridge.TestEventPatternOutput, error) {
	pattern, err := e.patterns.of(aws.ToString(in.EventPattern))
	if err != nil {
		return nil, err
	}
	var event map[string]json.RawMessage
	if err := json.Unmarshal([]byte(aws.ToString(in.Event)), &event); err != nil {
		return nil, invalid("Parameter Event is not valid. Reason: %v", err)
	}
	for _, name := range []string{"id", "account", "source", "time", "region", "resources", "detail-type"} {
		if _, given := event[name]; !given {
			return nil, invalid("Parameter Event is not valid. Reason: it has no field %q.", name)
		}
	}
	return &eventbridge.TestEventPatternOutput{Result: pattern.Matches([]byte(*in.Event))}, nil
}

// DescribeEventBus describes the default bus, the only one here.
func (e *Events) DescribeEventBus(_ context.Context, in *eventbridge.DescribeEventBusInput) (*eventbridge.DescribeEventBusOutput, error) {
	if err := e.checkBus(in.Name); err != nil {
		return nil, err
	}
	created := e.world.Created()
	return &eventbridge.DescribeEventBusOutput{Arn: aws.String(e.busARN()), Name: aws.String(busName), CreationTime: &created, LastModifiedTime: &created}, nil
}

// ListEventBuses lists the default bus.
func (e *Events) ListEventBuses(_ context.Context, in *eventbridge.ListEventBusesInput) (*eventbridge.ListEventBusesOutput, error) {
	var list []types.EventBus
	if strings.HasPrefix(busName, aws.ToString(in.NamePrefix)) {
		created := e.world.Created()
		list = append(list, types.EventBus{Arn: aws.String(e.busARN()), Name: aws.String(busName), CreationTime: &created, LastModifiedTime: &created})
	}
	out := &eventbridge.ListEventBusesOutput{}
	var err error
	out.EventBuses, out.NextToken, err = page(list, in.NextToken, in.Limit)
	return out, err
}

func tagsOf(list []types.Tag) world.Tags {
	tags := world.Tags{}
	for _, t := range list {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags
}

// TagResource adds tags to a rule or replaces those of the same key.
func (e *Events) TagResource(_ context.Context, in *eventbridge.TagResourceInput) (*eventbridge.TagResourceOutput, error) {
	err := e.change(aws.String(e.ruleOf(aws.ToString(in.ResourceARN))), nil, func(r *world.Rule) error {
		r.Tags = r.Tags.With(tagsOf(in.Tags))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &eventbridge.TagResourceOutput{}, nil
}

// UntagResource removes tags of a rule by their keys.
func (e *Events) UntagResource(_ context.Context, in *eventbridge.UntagResourceInput) (*eventbridge.UntagResourceOutput, error) {
	err := e.change(aws.String(e.ruleOf(aws.ToString(in.ResourceARN))), nil, func(r *world.Rule) error {
		kept := world.Tags{}
		for key, value := range r.Tags {
			if !slices.Contains(in.TagKeys, key) {
				kept[key] = value
			}
		}
		r.Tags = kept
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &eventbridge.UntagResourceOutput{}, nil
}

// ListTagsForResource lists the tags of a rule.
func (e *Events) ListTagsForResource(_ context.Context, in *eventbridge.ListTagsForResourceInput) (*eventbridge.ListTagsForResourceOutput, error) {
	rule, err := e.rule(aws.String(e.ruleOf(aws.ToString(in.ResourceARN))), nil)
	if err != nil {
		return nil, err
	}
	out := &eventbridge.ListTagsForResourceOutput{Tags: []types.Tag{}}
	for _, key := range rule.Tags.Keys() {
		out.Tags = append(out.Tags, types.Tag{Key: aws.String(key), Value: aws.String(rule.Tags[key])})
	}
	return out, nil
}
