package region_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/awserr"
)

type groupChange func(*autoscaling.CreateAutoScalingGroupInput)

func TestGroupsThatAreRefused(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("taken", 0, 0, 0))
	distribution := func(change func(*asgtypes.InstancesDistribution)) groupChange {
		return func(in *autoscaling.CreateAutoScalingGroupInput) {
			*in = *l.mixedInput("workers", 0, 0, 0, "m5.large")
			change(in.MixedInstancesPolicy.InstancesDistribution)
		}
	}
	overrides := func(list ...asgtypes.LaunchTemplateOverrides) groupChange {
		return func(in *autoscaling.CreateAutoScalingGroupInput) {
			*in = *l.mixedInput("workers", 0, 0, 0)
			in.MixedInstancesPolicy.LaunchTemplate.Overrides = list
		}
	}
	m5 := asgtypes.LaunchTemplateOverrides{InstanceType: aws.String("m5.large")}
	for name, c := range map[string]struct {
		change groupChange
		text   string
	}{
		"desired above max": {func(in *autoscaling.CreateAutoScalingGroupInput) { in.DesiredCapacity = aws.Int32(9) }, "Desired capacity:9 must be between the specified min size:0 and max size:5"},
		"max below min":     {func(in *autoscaling.CreateAutoScalingGroupInput) { in.MinSize = aws.Int32(6) }, "Max bound, 5, must be greater than or equal to min bound, 6"},
		"negative":          {func(in *autoscaling.CreateAutoScalingGroupInput) { in.MinSize = aws.Int32(-1) }, "Value '-1' at 'minSize' failed to satisfy constraint"},
		"no zones":          {func(in *autoscaling.CreateAutoScalingGroupInput) { in.VPCZoneIdentifier = nil }, "At least one Availability Zone or VPC Subnet is required."},
		"unknown subnet":    {func(in *autoscaling.CreateAutoScalingGroupInput) { in.VPCZoneIdentifier = aws.String("subnet-0123") }, "The subnet ID 'subnet-0123' does not exist"},
		"zones that differ": {func(in *autoscaling.CreateAutoScalingGroupInput) { in.AvailabilityZones = []string{"us-west-2a"} }, "The availability zones of the specified subnets and the AutoScalingGroup do not match"},
		"nothing to launch": {func(in *autoscaling.CreateAutoScalingGroupInput) { in.LaunchTemplate = nil },
			"Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter."},
		"two sources": {func(in *autoscaling.CreateAutoScalingGroupInput) { in.LaunchConfigurationName = aws.String("x") }, "only one of LaunchTemplate"},
		"unknown template": {func(in *autoscaling.CreateAutoScalingGroupInput) {
			in.LaunchTemplate.LaunchTemplateName = aws.String("none")
		},
			"You must use a valid fully-formed launch template. The specified launch template, with template name none, does not exist."},
		"unknown version": {func(in *autoscaling.CreateAutoScalingGroupInput) { in.LaunchTemplate.Version = aws.String("7") },
			"You must use a valid fully-formed launch template. Could not find the specified version 7 for the launch template with ID lt-"},
		"template without name": {func(in *autoscaling.CreateAutoScalingGroupInput) { in.LaunchTemplate.LaunchTemplateName = nil },
			"Valid requests must contain either launchTemplateId or LaunchTemplateName"},
		"unknown configuration": {func(in *autoscaling.CreateAutoScalingGroupInput) {
			in.LaunchTemplate, in.LaunchConfigurationName = nil, aws.String("none")
		}, "Launch configuration name not found - A launch configuration with the name: none does not exist"},
		"unknown policy": {func(in *autoscaling.CreateAutoScalingGroupInput) { in.TerminationPolicies = []string{"Youngest"} }, "Invalid termination policy: Youngest"},
		"load balancer":  {func(in *autoscaling.CreateAutoScalingGroupInput) { in.LoadBalancerNames = []string{"lb"} }, "LoadBalancerNames is not supported"},
		"reserved tag": {func(in *autoscaling.CreateAutoScalingGroupInput) {
			in.Tags = []asgtypes.Tag{{Key: aws.String("aws:x")}}
		}, "reserved for internal use"},
		"short lifetime":   {func(in *autoscaling.CreateAutoScalingGroupInput) { in.MaxInstanceLifetime = aws.Int32(60) }, "MaxInstanceLifetime must be 0 or at least 86400 seconds"},
		"percentage":       {distribution(func(d *asgtypes.InstancesDistribution) { d.OnDemandPercentageAboveBaseCapacity = aws.Int32(101) }), "between 0 and 100"},
		"fleet's strategy": {distribution(func(d *asgtypes.InstancesDistribution) { d.SpotAllocationStrategy = aws.String("diversified") }), "'diversified' is not a valid SpotAllocationStrategy"},
		"pools of no use": {distribution(func(d *asgtypes.InstancesDistribution) {
			d.SpotAllocationStrategy, d.SpotInstancePools = aws.String("capacity-optimized"), aws.Int32(2)
		}), "SpotInstancePools option is only available with the lowest-price allocation strategy."},
		"too many pools":     {distribution(func(d *asgtypes.InstancesDistribution) { d.SpotInstancePools = aws.Int32(21) }), "between 1 and 20"},
		"type twice":         {overrides(m5, m5), "more than once"},
		"unknown type":       {overrides(asgtypes.LaunchTemplateOverrides{InstanceType: aws.String("m5.huge")}), "You must use a valid fully-formed launch template. Invalid value 'm5.huge' for InstanceType."},
		"one weight of two":  {overrides(m5, asgtypes.LaunchTemplateOverrides{InstanceType: aws.String("c5.large"), WeightedCapacity: aws.String("1")}), "for all of the overrides or for none"},
		"weight of thousand": {overrides(asgtypes.LaunchTemplateOverrides{InstanceType: aws.String("c5.large"), WeightedCapacity: aws.String("1000")}), "between 1 and 999"},
		"requirements that nothing fits": {overrides(asgtypes.LaunchTemplateOverrides{InstanceRequirements: &asgtypes.InstanceRequirements{
			VCpuCount: &asgtypes.VCpuCountRequest{Min: aws.Int32(5000)}, MemoryMiB: &asgtypes.MemoryMiBRequest{Min: aws.Int32(1)}}}), "No instance types found that match the instance requirements."},
	} {
		in := l.groupInput("workers", 0, 0, 5)
		c.change(in)
		_, err := l.AutoScaling().CreateAutoScalingGroup(ctx(), in)
		var coded *awserr.Error
		if !errors.As(err, &coded) || coded.Code != "ValidationError" || !strings.Contains(coded.Message, c.text) {
			t.Errorf("%s: %v, want %q", name, err, c.text)
		}
	}
	check(t, "a group was made", l.hasGroup("workers"), false)
	_, err := l.AutoScaling().CreateAutoScalingGroup(ctx(), l.groupInput("taken", 0, 0, 0))
	refused(t, err, "AlreadyExists")
	check(t, "text", err.Error(), "AlreadyExists: AutoScalingGroup by this name already exists - A group with the name taken already exists")
}

func TestCapacityOutOfBounds(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 1, 1, 3))
	for desired, want := range map[int32]string{
		0: "ValidationError: New SetDesiredCapacity value 0 is below min value 1 for the AutoScalingGroup.",
		4: "ValidationError: New SetDesiredCapacity value 4 is above max value 3 for the AutoScalingGroup.",
	} {
		_, err := l.AutoScaling().SetDesiredCapacity(ctx(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("workers"), DesiredCapacity: &desired})
		if err == nil || err.Error() != want {
			t.Errorf("%d: %v, want %s", desired, err, want)
		}
	}
	l.updateGroup(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("workers"), MinSize: aws.Int32(2)})
	check(t, "desired", *l.group("workers").DesiredCapacity, 2)
	l.updateGroup(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("workers"), MinSize: aws.Int32(0), MaxSize: aws.Int32(1)})
	check(t, "desired", *l.group("workers").DesiredCapacity, 1)
	_, err := l.AutoScaling().UpdateAutoScalingGroup(ctx(), &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("workers"), DesiredCapacity: aws.Int32(2)})
	refused(t, err, "ValidationError")
	_, err = l.AutoScaling().UpdateAutoScalingGroup(ctx(), &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("none"), DesiredCapacity: aws.Int32(2)})
	check(t, "unknown group", err.Error(), "ValidationError: AutoScalingGroup name not found - AutoScalingGroup 'none' not found")
	_, err = l.AutoScaling().TerminateInstanceInAutoScalingGroup(ctx(), &autoscaling.TerminateInstanceInAutoScalingGroupInput{InstanceId: aws.String("i-0123"), ShouldDecrementDesiredCapacity: aws.Bool(true)})
	check(t, "unknown instance", err.Error(), "ValidationError: Instance Id not found - No managed instance found for instance ID: i-0123")
}
