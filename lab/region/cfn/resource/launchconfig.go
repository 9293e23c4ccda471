package resource

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// launchConfiguration is AWS::AutoScaling::LaunchConfiguration.
type launchConfiguration struct{ base }

func (launchConfiguration) Create(ctx context.Context, c *Call) (Made, error) {
	in := &autoscaling.CreateLaunchConfigurationInput{}
	properties := c.Properties.Without("InstanceMonitoring")
	if err := properties.Decode(in); err != nil {
		return Made{}, err
	}
	if c.Properties.Has("InstanceMonitoring") {
		in.InstanceMonitoring = &types.InstanceMonitoring{Enabled: aws.Bool(c.Properties.Text("InstanceMonitoring") == "true")}
	}
	in.LaunchConfigurationName = aws.String(c.named("LaunchConfigurationName", longestResource))
	_, err := c.ASG.CreateLaunchConfiguration(ctx, in)
	return Made{*in.LaunchConfigurationName, nil}, err
}

func (launchConfiguration) Delete(ctx context.Context, c *Call) error {
	_, err := c.ASG.DeleteLaunchConfiguration(ctx, &autoscaling.DeleteLaunchConfigurationInput{LaunchConfigurationName: &c.Physical})
	return unlessGone(err)
}

// lifecycleHook is AWS::AutoScaling::LifecycleHook.
type lifecycleHook struct{ base }

func (h lifecycleHook) Create(ctx context.Context, c *Call) (Made, error) {
	c.Physical = c.named("LifecycleHookName", longestResource)
	return Made{c.Physical, nil}, h.put(ctx, c)
}

func (lifecycleHook) put(ctx context.Context, c *Call) error {
	in := &autoscaling.PutLifecycleHookInput{}
	if err := c.Properties.Decode(in); err != nil {
		return err
	}
	in.LifecycleHookName = &c.Physical
	if in.NotificationTargetARN == nil {
		in.NotificationTargetARN = aws.String("") // not the one of before
	}
	_, err := c.ASG.PutLifecycleHook(ctx, in)
	return err
}

func (h lifecycleHook) Update(ctx context.Context, c *Call) (Made, error) {
	return Made{c.Physical, c.Attributes}, h.put(ctx, c)
}

func (lifecycleHook) Delete(ctx context.Context, c *Call) error {
	_, err := c.ASG.DeleteLifecycleHook(ctx, &autoscaling.DeleteLifecycleHookInput{
		AutoScalingGroupName: aws.String(c.Properties.Text("AutoScalingGroupName")), LifecycleHookName: &c.Physical})
	return unlessGone(err)
}
