package asgapi

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/world"
)

var hookName = regexp.MustCompile(`^[A-Za-z0-9\-_/]{1,255}$`)

// Bounds and default of how long a hook waits, in seconds.
const (
	shortestHook = 30
	longestHook  = 7200
	defaultHook  = 3600
	mostHooks    = 50
)

// hookRequest is a hook as requests describe it.
type hookRequest struct {
	name, transition, result, metadata, target, role *string
	seconds                                          *int32
}

// readHook lays a request over a hook.
func readHook(in hookRequest, before world.Hook) (world.Hook, error) {
	h := before
	h.Name = aws.ToString(in.name)
	if !hookName.MatchString(h.Name) {
		return h, invalid("1 validation error detected: Value '%s' at 'lifecycleHookName' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9\\-_\\/]+", h.Name)
	}
	if in.target != nil {
		h.Target = *in.target // an empty one takes it away
	}
	if h.Role = text(in.role, h.Role); h.Target == "" {
		h.Role = ""
	}
	h.Transition, h.Result = text(in.transition, h.Transition), text(in.result, text(&h.Result, groups.Abandon))
	h.Metadata = text(in.metadata, h.Metadata)
	if !slices.Contains(transitions(), h.Transition) {
		return h, invalid("Lifecycle transition '%s' is not valid. Valid values are %s.", h.Transition, strings.Join(transitions(), ", "))
	}
	if h.Result != groups.Continue && h.Result != groups.Abandon {
		return h, invalid("Default result '%s' is not valid. Valid values are CONTINUE and ABANDON.", h.Result)
	}
	if h.Seconds == 0 {
		h.Seconds = defaultHook
	}
	if in.seconds != nil {
		h.Seconds = int(*in.seconds)
	}
	if h.Seconds < shortestHook || h.Seconds > longestHook {
		return h, invalid("Heartbeat timeout must be between %d and %d seconds, not %d.", shortestHook, longestHook, h.Seconds)
	}
	return h, nil
}

// testHook has a hook's target notified for a test, when it has one.
func testHook(r *groups.Round, h world.Hook) error {
	if h.Target == "" || r.TestHook(h) {
		return nil
	}
	return invalid("Unable to publish test message to notification target %s using IAM role %s. Please check your target and role configuration and try to put lifecycle hook again.",
		h.Target, h.Role)
}

// text is a value of the request, or another when that is not set.
func text(asked *string, otherwise string) string {
	if aws.ToString(asked) == "" {
		return otherwise
	}
	return *asked
}

func transitions() []string { return []string{groups.Launching, groups.Terminating} }

// putHook adds a hook to those of a group, sorted by name.
func putHook(before []world.Hook, h world.Hook) []world.Hook {
	hooks := slices.DeleteFunc(slices.Clone(before), func(other world.Hook) bool { return other.Name == h.Name })
	hooks = append(hooks, h)
	slices.SortFunc(hooks, func(x, y world.Hook) int { return strings.Compare(x.Name, y.Name) })
	return hooks
}

// PutLifecycleHook makes a hook or changes one; the actions that run keep what
// they began with.
func (a *AutoScaling) PutLifecycleHook(_ context.Context, in *autoscaling.PutLifecycleHookInput) (*autoscaling.PutLifecycleHookOutput, error) {
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		var before world.Hook
		if i := slices.IndexFunc(r.Group.Hooks, func(h world.Hook) bool { return h.Name == aws.ToString(in.LifecycleHookName) }); i >= 0 {
			before = r.Group.Hooks[i]
		}
		hook, err := readHook(hookRequest{
			name: in.LifecycleHookName, transition: in.LifecycleTransition, result: in.DefaultResult, seconds: in.HeartbeatTimeout,
			metadata: in.NotificationMetadata, target: in.NotificationTargetARN, role: in.RoleARN,
		}, before)
		if err != nil {
			return err
		}
		if err := testHook(r, hook); err != nil {
			return err
		}
		if r.Group.Hooks = putHook(r.Group.Hooks, hook); len(r.Group.Hooks) > mostHooks {
			return awserr.New("LimitExceeded", "You have reached the limit of %d lifecycle hooks for the Auto Scaling group", mostHooks)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.PutLifecycleHookOutput{}, nil
}

// DescribeLifecycleHooks lists the hooks of a group.
func (a *AutoScaling) DescribeLifecycleHooks(_ context.Context, in *autoscaling.DescribeLifecycleHooksInput) (*autoscaling.DescribeLifecycleHooksOutput, error) {
	var g world.Group
	var exists bool
	a.world.Store.View(func() { g, exists = a.world.Groups.Get(aws.ToString(in.AutoScalingGroupName)) })
	if !exists {
		return nil, noGroup(aws.ToString(in.AutoScalingGroupName))
	}
	out := &autoscaling.DescribeLifecycleHooksOutput{LifecycleHooks: []types.LifecycleHook{}}
	for _, h := range g.Hooks {
		if len(in.LifecycleHookNames) > 0 && !slices.Contains(in.LifecycleHookNames, h.Name) {
			continue
		}
		out.LifecycleHooks = append(out.LifecycleHooks, types.LifecycleHook{
			AutoScalingGroupName: aws.String(g.Name), LifecycleHookName: aws.String(h.Name), LifecycleTransition: aws.String(h.Transition),
			DefaultResult: aws.String(h.Result), HeartbeatTimeout: number(h.Seconds), GlobalTimeout: number(int(groups.LongestAction(h.Seconds) / time.Second)),
			NotificationMetadata: optional(h.Metadata), NotificationTargetARN: optional(h.Target), RoleARN: optional(h.Role),
		})
	}
	return out, nil
}

// DeleteLifecycleHook forgets a hook; instances that wait for it go on.
func (a *AutoScaling) DeleteLifecycleHook(_ context.Context, in *autoscaling.DeleteLifecycleHookInput) (*autoscaling.DeleteLifecycleHookOutput, error) {
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		name := aws.ToString(in.LifecycleHookName)
		if !slices.ContainsFunc(r.Group.Hooks, func(h world.Hook) bool { return h.Name == name }) {
			return invalid("No Lifecycle Hook found with name %s for AutoScalingGroup %s", name, r.Group.Name)
		}
		r.DropHook(name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.DeleteLifecycleHookOutput{}, nil
}

// CompleteLifecycleAction ends an action: the instance goes on, or its launch is
// given up.
func (a *AutoScaling) CompleteLifecycleAction(_ context.Context, in *autoscaling.CompleteLifecycleActionInput) (*autoscaling.CompleteLifecycleActionOutput, error) {
	result := aws.ToString(in.LifecycleActionResult)
	if result != groups.Continue && result != groups.Abandon {
		return nil, invalid("Lifecycle action result '%s' is not valid. Valid values are CONTINUE and ABANDON.", result)
	}
	if err := a.answer(in.AutoScalingGroupName, in.LifecycleHookName, in.InstanceId, in.LifecycleActionToken, result); err != nil {
		return nil, err
	}
	return &autoscaling.CompleteLifecycleActionOutput{}, nil
}

// RecordLifecycleActionHeartbeat has an action wait for its timeout once more.
func (a *AutoScaling) RecordLifecycleActionHeartbeat(_ context.Context, in *autoscaling.RecordLifecycleActionHeartbeatInput) (*autoscaling.RecordLifecycleActionHeartbeatOutput, error) {
	if err := a.answer(in.AutoScalingGroupName, in.LifecycleHookName, in.InstanceId, in.LifecycleActionToken, ""); err != nil {
		return nil, err
	}
	return &autoscaling.RecordLifecycleActionHeartbeatOutput{}, nil
}

func (a *AutoScaling) answer(group, hook, instance, token *string, result string) error {
	if aws.ToString(instance) == "" && aws.ToString(token) == "" {
		return invalid("Either an instance ID or a lifecycle action token must be specified")
	}
	return a.change(group, func(r *groups.Round) error {
		if !slices.ContainsFunc(r.Group.Hooks, func(h world.Hook) bool { return h.Name == aws.ToString(hook) }) {
			return invalid("No Lifecycle Hook found with name %s for AutoScalingGroup %s", aws.ToString(hook), r.Group.Name)
		}
		for _, m := range r.Members {
			if aws.ToString(instance) != "" && m.InstanceID != *instance {
				continue
			}
			if r.Answer(m, aws.ToString(hook), aws.ToString(token), result) {
				return nil
			}
		}
		if aws.ToString(instance) != "" {
			return invalid("No active Lifecycle Action found with instance ID %s", *instance)
		}
		return invalid("No active Lifecycle Action found with token %s", *token)
	})
}
