package asgapi

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/world"
)

const (
	mostPolicies = 50 // of a group
	mostSteps    = 20 // of a policy
)

// PutScalingPolicy makes a simple or step scaling policy or replaces one. It runs
// when it is executed: there are no alarms that would do so, and no metrics for
// target tracking and prediction, which are refused.
func (a *AutoScaling) PutScalingPolicy(_ context.Context, in *autoscaling.PutScalingPolicyInput) (*autoscaling.PutScalingPolicyOutput, error) {
	out := &autoscaling.PutScalingPolicyOutput{Alarms: []types.Alarm{}}
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		p, err := readPolicy(in)
		if err != nil {
			return err
		}
		p.ARN = a.world.PartARN(r.Group, "scalingPolicy", "policyName", p.Name)
		list := slices.DeleteFunc(slices.Clone(r.Group.ScalingPolicies), func(other world.ScalingPolicy) bool { return other.Name == p.Name })
		if len(list) >= mostPolicies {
			return awserr.New("LimitExceeded", "You have reached the limit of %d scaling policies for the Auto Scaling group", mostPolicies)
		}
		list = append(list, p)
		slices.SortFunc(list, func(x, y world.ScalingPolicy) int { return strings.Compare(x.Name, y.Name) })
		r.Group.ScalingPolicies, out.PolicyARN = list, aws.String(p.ARN)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func readPolicy(in *autoscaling.PutScalingPolicyInput) (world.ScalingPolicy, error) {
	p := world.ScalingPolicy{
		Name: aws.ToString(in.PolicyName), Kind: text(in.PolicyType, groups.SimpleScaling), Adjustment: aws.ToString(in.AdjustmentType),
		Least: in.MinAdjustmentMagnitude, Disabled: in.Enabled != nil && !*in.Enabled,
	}
	if err := checkPartName("policyName", p.Name); err != nil {
		return p, err
	}
	honoured, read := []string{"ScalingAdjustment", "Cooldown"}, readSimple
	switch p.Kind {
	case groups.SimpleScaling:
	case groups.StepScaling:
		honoured, read = []string{"StepAdjustments", "EstimatedInstanceWarmup", "MetricAggregationType"}, readSteps
	case "TargetTrackingScaling", "PredictiveScaling":
		return p, unsupported("PolicyType " + p.Kind + ": it follows CloudWatch metrics, which the region does not have")
	default:
		return p, invalid("Invalid policy type: %s. Valid values are SimpleScaling, StepScaling, TargetTrackingScaling and PredictiveScaling", p.Kind)
	}
	common := []string{"AutoScalingGroupName", "PolicyName", "AdjustmentType", "Enabled", "MinAdjustmentMagnitude", "PolicyType"}
	if err := supported(in, append(common, honoured...)...); err != nil {
		return p, invalid("A parameter is not supported for the policy type %s: %s", p.Kind, messageOf(err))
	}
	kinds := []string{groups.ChangeInCapacity, groups.ExactCapacity, groups.PercentChangeInCapacity}
	switch {
	case p.Adjustment == "":
		return p, invalid("AdjustmentType is required for policy type %s", p.Kind)
	case !slices.Contains(kinds, p.Adjustment):
		return p, invalid("Invalid adjustment type: %s. Valid values are %s", p.Adjustment, strings.Join(kinds, ", "))
	case p.Least != nil && p.Adjustment != groups.PercentChangeInCapacity:
		return p, invalid("MinAdjustmentMagnitude is only supported for the adjustment type PercentChangeInCapacity")
	case p.Least != nil && *p.Least < 1:
		return p, below(*p.Least, "minAdjustmentMagnitude", 1)
	}
	return p, read(&p, in)
}

func readSimple(p *world.ScalingPolicy, in *autoscaling.PutScalingPolicyInput) error {
	if in.ScalingAdjustment == nil {
		return invalid("ScalingAdjustment is required for policy type %s", p.Kind)
	}
	if in.Cooldown != nil && *in.Cooldown < 0 {
		return below(*in.Cooldown, "cooldown", 0)
	}
	p.By, p.CooldownSeconds = int(*in.ScalingAdjustment), in.Cooldown
	if p.Adjustment == groups.ExactCapacity && p.By < 0 {
		return invalid("ScalingAdjustment must not be negative for the adjustment type ExactCapacity")
	}
	return nil
}

func readSteps(p *world.ScalingPolicy, in *autoscaling.PutScalingPolicyInput) error {
	p.Steps, p.WarmupSeconds, p.Aggregation = in.StepAdjustments, in.EstimatedInstanceWarmup, text(in.MetricAggregationType, "Average")
	switch {
	case len(p.Steps) == 0:
		return invalid("StepAdjustments are required for policy type %s", p.Kind)
	case len(p.Steps) > mostSteps:
		return awserr.New("LimitExceeded", "A scaling policy can have %d step adjustments, not %d", mostSteps, len(p.Steps))
	case p.WarmupSeconds != nil && *p.WarmupSeconds < 0:
		return below(*p.WarmupSeconds, "estimatedInstanceWarmup", 0)
	case !slices.Contains([]string{"Minimum", "Maximum", "Average"}, p.Aggregation):
		return invalid("Invalid metric aggregation type: %s. Valid values are Minimum, Maximum and Average", p.Aggregation)
	}
	for _, s := range p.Steps {
		if s.ScalingAdjustment == nil {
			return invalid("A step adjustment needs a ScalingAdjustment")
		}
		if p.Adjustment == groups.ExactCapacity && *s.ScalingAdjustment < 0 {
			return invalid("ScalingAdjustment must not be negative for the adjustment type ExactCapacity")
		}
	}
	return checkIntervals(p.Steps)
}

// checkIntervals refuses steps that overlap or leave a gap between them: they are
// one run of intervals, open at its ends or not.
func checkIntervals(steps []types.StepAdjustment) error {
	sorted := slices.Clone(steps)
	slices.SortStableFunc(sorted, func(x, y types.StepAdjustment) int {
		a, _ := groups.Bounds(x)
		b, _ := groups.Bounds(y)
		return cmp.Compare(a, b)
	})
	before := math.Inf(-1)
	for i, s := range sorted {
		lower, upper := groups.Bounds(s)
		switch {
		case lower >= upper:
			return invalid("The upper bound of a step adjustment must be greater than its lower bound")
		case math.IsInf(lower, -1) && math.IsInf(upper, 1):
			return invalid("A step adjustment needs a lower or an upper bound")
		case i > 0 && lower < before:
			return invalid("StepAdjustment intervals can't overlap")
		case i > 0 && lower > before:
			return invalid("StepAdjustment intervals can't have gaps between them")
		}
		before = upper
	}
	return nil
}

// DescribePolicies lists the scaling policies of one group or of all.
func (a *AutoScaling) DescribePolicies(_ context.Context, in *autoscaling.DescribePoliciesInput) (*autoscaling.DescribePoliciesOutput, error) {
	if err := supported(in, "AutoScalingGroupName", "MaxRecords", "NextToken", "PolicyNames", "PolicyTypes"); err != nil {
		return nil, err
	}
	size, err := pageSize(in.MaxRecords, mostRecords)
	if err != nil {
		return nil, err
	}
	list := []types.ScalingPolicy{}
	err = a.eachGroup(in.AutoScalingGroupName, func(g world.Group) {
		for _, p := range g.ScalingPolicies {
			named := len(in.PolicyNames) == 0 || slices.Contains(in.PolicyNames, p.Name) || slices.Contains(in.PolicyNames, p.ARN)
			if named && (len(in.PolicyTypes) == 0 || slices.Contains(in.PolicyTypes, p.Kind)) {
				list = append(list, describePolicy(g, p))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	out := &autoscaling.DescribePoliciesOutput{}
	if out.ScalingPolicies, out.NextToken, err = awswire.Page(list, in.NextToken, size); err != nil {
		return nil, paged(err)
	}
	return out, nil
}

func describePolicy(g world.Group, p world.ScalingPolicy) types.ScalingPolicy {
	out := types.ScalingPolicy{
		AutoScalingGroupName: aws.String(g.Name), PolicyName: aws.String(p.Name), PolicyARN: aws.String(p.ARN), PolicyType: aws.String(p.Kind),
		AdjustmentType: aws.String(p.Adjustment), MinAdjustmentMagnitude: p.Least, Enabled: aws.Bool(!p.Disabled),
		Alarms: []types.Alarm{}, StepAdjustments: append([]types.StepAdjustment{}, p.Steps...),
		Cooldown: p.CooldownSeconds, EstimatedInstanceWarmup: p.WarmupSeconds, MetricAggregationType: optional(p.Aggregation),
	}
	if p.Kind == groups.SimpleScaling {
		out.ScalingAdjustment = number(p.By)
	}
	return out
}

// policy finds a policy of a group by its name or ARN.
func policy(r *groups.Round, name string) (int, error) {
	at := slices.IndexFunc(r.Group.ScalingPolicies, func(p world.ScalingPolicy) bool { return p.Name == name || p.ARN == name })
	if at < 0 {
		return 0, invalid("No policy found with name %s for AutoScalingGroup %s", name, r.Group.Name)
	}
	return at, nil
}

// groupOfPolicy is the group that a request about a policy means: the one that it
// names, or the one in the policy's ARN.
func groupOfPolicy(group, name *string) (*string, error) {
	if aws.ToString(group) != "" {
		return group, nil
	}
	_, rest, _ := strings.Cut(aws.ToString(name), ":autoScalingGroupName/")
	of, _, found := strings.Cut(rest, ":policyName/")
	if !found {
		return nil, invalid("The group name is required when the policy is not identified by its ARN")
	}
	return &of, nil
}

// DeletePolicy deletes a scaling policy.
func (a *AutoScaling) DeletePolicy(_ context.Context, in *autoscaling.DeletePolicyInput) (*autoscaling.DeletePolicyOutput, error) {
	group, err := groupOfPolicy(in.AutoScalingGroupName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	err = a.change(group, func(r *groups.Round) error {
		at, err := policy(r, aws.ToString(in.PolicyName))
		if err != nil {
			return err
		}
		r.Group.ScalingPolicies = slices.Delete(slices.Clone(r.Group.ScalingPolicies), at, at+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.DeletePolicyOutput{}, nil
}

// ExecutePolicy changes the desired capacity as a policy says, within the group's
// bounds.
func (a *AutoScaling) ExecutePolicy(_ context.Context, in *autoscaling.ExecutePolicyInput) (*autoscaling.ExecutePolicyOutput, error) {
	group, err := groupOfPolicy(in.AutoScalingGroupName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	err = a.change(group, func(r *groups.Round) error {
		at, err := policy(r, aws.ToString(in.PolicyName))
		if err != nil {
			return err
		}
		p := r.Group.ScalingPolicies[at]
		if p.Disabled {
			return invalid("The policy %s is disabled and cannot be executed", p.Name)
		}
		if p.Kind == groups.StepScaling {
			return executeStep(r, p, in)
		}
		return executeSimple(r, p, in)
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.ExecutePolicyOutput{}, nil
}

func executeSimple(r *groups.Round, p world.ScalingPolicy, in *autoscaling.ExecutePolicyInput) error {
	if in.BreachThreshold != nil || in.MetricValue != nil {
		return invalid("MetricValue and BreachThreshold are only supported for policies of type StepScaling")
	}
	seconds := r.Group.CooldownSeconds
	if p.CooldownSeconds != nil {
		seconds = int(*p.CooldownSeconds)
	}
	if aws.ToBool(in.HonorCooldown) {
		if why := r.CoolsDown(time.Duration(seconds) * time.Second); why != "" {
			return awserr.New("ScalingActivityInProgress", "%s", why)
		}
	}
	r.Execute(p, p.By)
	return nil
}

func executeStep(r *groups.Round, p world.ScalingPolicy, in *autoscaling.ExecutePolicyInput) error {
	switch {
	case in.BreachThreshold == nil || in.MetricValue == nil:
		return invalid("MetricValue and BreachThreshold are required for policies of type StepScaling")
	case in.HonorCooldown != nil:
		return invalid("HonorCooldown is only supported for policies of type SimpleScaling")
	}
	step, found := groups.Step(p, *in.MetricValue-*in.BreachThreshold)
	if !found {
		return invalid("No step adjustment found for metric value [%v] and breach threshold %v", *in.MetricValue, *in.BreachThreshold)
	}
	r.Execute(p, int(*step.ScalingAdjustment))
	return nil
}
