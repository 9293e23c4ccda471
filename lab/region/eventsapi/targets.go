package eventsapi

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/world"
)

// Bounds of targets.
const (
	mostTargets = 5
	mostEntries = 10
)

var (
	targetID   = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)
	arnPattern = regexp.MustCompile(`^arn:[^:]+:([^:]+):[^:]*:[^:]*:.+$`)
)

// PutTargets adds queues to a rule, or replaces those of the same id.
func (e *Events) PutTargets(_ context.Context, in *eventbridge.PutTargetsInput) (*eventbridge.PutTargetsOutput, error) {
	var targets []world.EventTarget
	for i, t := range in.Targets {
		target, err := e.readTarget(t, fmt.Sprintf("targets.%d.member", i+1))
		if err != nil {
			return nil, err
		}
		targets = append(targets, target)
	}
	err := e.change(in.Rule, in.EventBusName, func(r *world.Rule) error {
		for _, target := range targets {
			r.Targets = slices.DeleteFunc(slices.Clone(r.Targets), func(other world.EventTarget) bool { return other.ID == target.ID })
			r.Targets = append(r.Targets, target)
		}
		slices.SortFunc(r.Targets, func(a, b world.EventTarget) int { return strings.Compare(a.ID, b.ID) })
		if len(r.Targets) > mostTargets {
			return awserr.New("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &eventbridge.PutTargetsOutput{}, nil
}

func (e *Events) readTarget(t types.Target, place string) (target world.EventTarget, err error) {
	if err := supported(&t, "Arn", "Id", "DeadLetterConfig", "Input", "InputPath", "InputTransformer", "RetryPolicy", "RoleArn"); err != nil {
		return target, err
	}
	target = world.EventTarget{
		ID: aws.ToString(t.Id), ARN: aws.ToString(t.Arn), RoleARN: aws.ToString(t.RoleArn),
		Input: aws.ToString(t.Input), InputPath: aws.ToString(t.InputPath), Retry: t.RetryPolicy,
	}
	if !targetID.MatchString(target.ID) {
		return target, invalid("1 validation error detected: Value '%s' at '%s.id' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+", target.ID, place)
	}
	if err := e.checkQueue(target.ARN); err != nil {
		return target, err
	}
	if t.DeadLetterConfig != nil && aws.ToString(t.DeadLetterConfig.Arn) != "" {
		target.DeadLetters = *t.DeadLetterConfig.Arn
		if err := e.checkQueue(target.DeadLetters); err != nil {
			return target, err
		}
	}
	if t.InputTransformer != nil {
		target.Paths, target.Template = t.InputTransformer.InputPathsMap, aws.ToString(t.InputTransformer.InputTemplate)
	}
	return target, checkInput(target, t.InputTransformer != nil)
}

// checkQueue checks that an ARN is that of a standard queue of this region. The
// queue need not be there.
func (e *Events) checkQueue(arn string) error {
	parts := arnPattern.FindStringSubmatch(arn)
	switch {
	case parts == nil:
		return invalid("Provided Arn is not in correct format. (%s)", arn)
	case !strings.HasPrefix(arn, e.world.QueueARN("")):
		return invalid("Targets of this endpoint are SQS queues of %s in account %s: %s is none.", e.world.Options.Region, e.world.Options.Account, arn)
	case strings.HasSuffix(arn, ".fifo"):
		return invalid("This endpoint has no FIFO queues, only standard ones.")
	}
	return nil
}

func checkInput(t world.EventTarget, transforms bool) error {
	ways := 0
	for _, used := range []bool{t.Input != "", t.InputPath != "", transforms} {
		if used {
			ways++
		}
	}
	switch {
	case ways > 1:
		return invalid("Only one of Input, InputPath, or InputTransformer must be provided for target %s.", t.ID)
	case t.Input != "" && !json.Valid([]byte(t.Input)):
		return invalid("JSON syntax error in input for target %s", t.ID)
	case t.InputPath != "":
		if _, err := parsePath(t.InputPath); err != nil {
			return invalid("Invalid InputPath for target %s: %v", t.ID, err)
		}
	case transforms:
		if err := checkTemplate(t.Paths, t.Template); err != nil {
			return invalid("Invalid InputTemplate for target %s: %v", t.ID, err)
		}
	}
	return nil
}

// RemoveTargets takes targets from a rule; ids that it does not have are ignored.
func (e *Events) RemoveTargets(_ context.Context, in *eventbridge.RemoveTargetsInput) (*eventbridge.RemoveTargetsOutput, error) {
	err := e.change(in.Rule, in.EventBusName, func(r *world.Rule) error {
		r.Targets = slices.DeleteFunc(slices.Clone(r.Targets), func(t world.EventTarget) bool { return slices.Contains(in.Ids, t.ID) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &eventbridge.RemoveTargetsOutput{}, nil
}

// ListTargetsByRule lists the targets of a rule.
func (e *Events) ListTargetsByRule(_ context.Context, in *eventbridge.ListTargetsByRuleInput) (*eventbridge.ListTargetsByRuleOutput, error) {
	rule, err := e.rule(in.Rule, in.EventBusName)
	if err != nil {
		return nil, err
	}
	var list []types.Target
	for _, t := range rule.Targets {
		list = append(list, describeTarget(t))
	}
	out := &eventbridge.ListTargetsByRuleOutput{}
	out.Targets, out.NextToken, err = page(list, in.NextToken, in.Limit)
	return out, err
}

func describeTarget(t world.EventTarget) types.Target {
	out := types.Target{
		Id: aws.String(t.ID), Arn: aws.String(t.ARN), RoleArn: optional(t.RoleARN), Input: optional(t.Input), InputPath: optional(t.InputPath), RetryPolicy: t.Retry,
	}
	if t.Template != "" {
		out.InputTransformer = &types.InputTransformer{InputPathsMap: t.Paths, InputTemplate: aws.String(t.Template)}
	}
	if t.DeadLetters != "" {
		out.DeadLetterConfig = &types.DeadLetterConfig{Arn: aws.String(t.DeadLetters)}
	}
	return out
}

// ListRuleNamesByTarget lists the rules that send to a queue.
func (e *Events) ListRuleNamesByTarget(_ context.Context, in *eventbridge.ListRuleNamesByTargetInput) (*eventbridge.ListRuleNamesByTargetOutput, error) {
	if err := e.checkBus(in.EventBusName); err != nil {
		return nil, err
	}
	var names []string
	e.world.Store.View(func() {
		for _, rule := range e.world.Rules.All() {
			if slices.ContainsFunc(rule.Targets, func(t world.EventTarget) bool { return t.ARN == aws.ToString(in.TargetArn) }) {
				names = append(names, rule.Name)
			}
		}
	})
	out := &eventbridge.ListRuleNamesByTargetOutput{}
	var err error
	out.RuleNames, out.NextToken, err = page(names, in.NextToken, in.Limit)
	return out, err
}
