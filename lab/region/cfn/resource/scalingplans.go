package resource

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
)

// scalingPlanTypes are what a stack adds to an Auto Scaling group.
func scalingPlanTypes() []Type {
	group := []string{"AutoScalingGroupName"}
	return []Type{
		{
			Name: "AWS::AutoScaling::ScalingPolicy", Handler: scalingPolicy{},
			Properties: props([]string{"AdjustmentType", "Cooldown", "EstimatedInstanceWarmup", "MetricAggregationType", "MinAdjustmentMagnitude", "PolicyType",
				"PredictiveScalingConfiguration", "ScalingAdjustment", "StepAdjustments", "TargetTrackingConfiguration"}, group),
			Required: group, Attributes: []string{"Arn", "PolicyName"}, Takes: time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::AutoScaling::ScheduledAction", Handler: scheduledAction{},
			Properties: props([]string{"DesiredCapacity", "EndTime", "MaxSize", "MinSize", "Recurrence", "StartTime", "TimeZone"}, group),
			Required:   group, Attributes: []string{"ScheduledActionName"}, Takes: time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::AutoScaling::WarmPool", Handler: warmPool{},
			Properties: props([]string{"InstanceReusePolicy", "MaxGroupPreparedCapacity", "MinSize", "PoolState"}, group),
			Required:   group, Takes: time.Second, Deletes: time.Second,
		},
	}
}

func (c *Call) ofGroup() *string { return aws.String(c.Properties.Text("AutoScalingGroupName")) }

// scalingPolicy is AWS::AutoScaling::ScalingPolicy, whose physical id is the
// policy's ARN.
type scalingPolicy struct{ base }

func (p scalingPolicy) Create(ctx context.Context, c *Call) (Made, error) {
	return p.put(ctx, c, c.NameFor(longestResource))
}

func (p scalingPolicy) Update(ctx context.Context, c *Call) (Made, error) {
	name, _ := c.Attributes["PolicyName"].(string)
	return p.put(ctx, c, name)
}

func (scalingPolicy) put(ctx context.Context, c *Call, name string) (Made, error) {
	in := &autoscaling.PutScalingPolicyInput{}
	if err := c.Properties.Decode(in); err != nil {
		return Made{}, err
	}
	in.PolicyName = &name
	out, err := c.ASG.PutScalingPolicy(ctx, in)
	if err != nil {
		return Made{c.Physical, c.Attributes}, err
	}
	arn := aws.ToString(out.PolicyARN)
	return Made{arn, map[string]any{"Arn": arn, "PolicyName": name}}, nil
}

func (scalingPolicy) Delete(ctx context.Context, c *Call) error {
	_, err := c.ASG.DeletePolicy(ctx, &autoscaling.DeletePolicyInput{AutoScalingGroupName: c.ofGroup(), PolicyName: &c.Physical})
	return unlessGone(err)
}

// scheduledAction is AWS::AutoScaling::ScheduledAction.
type scheduledAction struct{ base }

func (s scheduledAction) Create(ctx context.Context, c *Call) (Made, error) {
	c.Physical = c.NameFor(longestResource)
	return Made{c.Physical, map[string]any{"ScheduledActionName": c.Physical}}, s.put(ctx, c)
}

func (s scheduledAction) Update(ctx context.Context, c *Call) (Made, error) {
	return Made{c.Physical, c.Attributes}, s.put(ctx, c)
}

func (scheduledAction) put(ctx context.Context, c *Call) error {
	in := &autoscaling.PutScheduledUpdateGroupActionInput{}
	if err := c.Properties.Decode(in); err != nil {
		return err
	}
	in.ScheduledActionName = &c.Physical
	_, err := c.ASG.PutScheduledUpdateGroupAction(ctx, in)
	return err
}

func (scheduledAction) Delete(ctx context.Context, c *Call) error {
	_, err := c.ASG.DeleteScheduledAction(ctx, &autoscaling.DeleteScheduledActionInput{AutoScalingGroupName: c.ofGroup(), ScheduledActionName: &c.Physical})
	return unlessGone(err)
}

// warmPool is AWS::AutoScaling::WarmPool, whose physical id is the group's name.
type warmPool struct{ base }

func (w warmPool) Create(ctx context.Context, c *Call) (Made, error) {
	return Made{*c.ofGroup(), nil}, w.put(ctx, c)
}

func (w warmPool) Update(ctx context.Context, c *Call) (Made, error) {
	return Made{c.Physical, c.Attributes}, w.put(ctx, c)
}

// put says all of the pool: what the template leaves out is as in a new one.
func (warmPool) put(ctx context.Context, c *Call) error {
	in := &autoscaling.PutWarmPoolInput{MinSize: aws.Int32(0), MaxGroupPreparedCapacity: aws.Int32(-1), PoolState: "Stopped"}
	if err := c.Properties.Decode(in); err != nil {
		return err
	}
	_, err := c.ASG.PutWarmPool(ctx, in)
	return err
}

func (warmPool) Delete(ctx context.Context, c *Call) error {
	_, err := c.ASG.DeleteWarmPool(ctx, &autoscaling.DeleteWarmPoolInput{AutoScalingGroupName: &c.Physical, ForceDelete: aws.Bool(true)})
	return unlessGone(err)
}

func (warmPool) Gone(ctx context.Context, c *Call) (bool, error) {
	out, err := c.ASG.DescribeWarmPool(ctx, &autoscaling.DescribeWarmPoolInput{AutoScalingGroupName: &c.Physical})
	if err != nil {
		return unlessGone(err) == nil, unlessGone(err)
	}
	return out.WarmPoolConfiguration == nil && len(out.Instances) == 0, nil
}
