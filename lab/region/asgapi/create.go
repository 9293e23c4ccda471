package asgapi

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// Defaults of a group.
const (
	defaultCooldown = 300
	healthEC2       = "EC2"
)

// CreateAutoScalingGroup makes a group, which then launches its instances.
func (a *AutoScaling) CreateAutoScalingGroup(_ context.Context, in *autoscaling.CreateAutoScalingGroupInput) (*autoscaling.CreateAutoScalingGroupOutput, error) {
	if err := supported(in, "AutoScalingGroupName", "MaxSize", "MinSize", "AvailabilityZoneDistribution", "AvailabilityZoneIds", "AvailabilityZones",
		"CapacityRebalance", "Context", "DefaultCooldown", "DefaultInstanceWarmup", "DesiredCapacity", "DesiredCapacityType", "HealthCheckGracePeriod",
		"HealthCheckType", "LaunchConfigurationName", "LaunchTemplate", "LifecycleHookSpecificationList", "MaxInstanceLifetime", "MixedInstancesPolicy",
		"NewInstancesProtectedFromScaleIn", "ServiceLinkedRoleARN", "Tags", "TerminationPolicies", "VPCZoneIdentifier"); err != nil {
		return nil, err
	}
	err := a.world.Store.Update(func(tx *store.Tx) error {
		g, err := a.newGroup(tx, in)
		if err != nil {
			return err
		}
		if err := a.world.Groups.Put(tx, g.Name, g); err != nil {
			return err
		}
		r, _ := a.keeper.Round(tx, g.Name)
		for _, h := range g.Hooks {
			if err := testHook(r, h); err != nil {
				return err
			}
		}
		desired := g.Min
		if in.DesiredCapacity != nil {
			desired = int(*in.DesiredCapacity)
		}
		if err := checkDesired(desired, g); err != nil {
			return err
		}
		r.SetDesired(desired, "a user request created an AutoScalingGroup")
		a.keeper.Changed(tx, g.Name)
		return r.Finish()
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.CreateAutoScalingGroupOutput{}, nil
}

// newGroup is a group as the request describes it, without any capacity.
func (a *AutoScaling) newGroup(tx *store.Tx, in *autoscaling.CreateAutoScalingGroupInput) (g world.Group, err error) {
	name := aws.ToString(in.AutoScalingGroupName)
	if err := checkName(name); err != nil {
		return g, err
	}
	if _, exists := a.world.Groups.Get(name); exists {
		return g, awserr.New("AlreadyExists", "AutoScalingGroup by this name already exists - A group with the name %s already exists", name)
	}
	id, err := a.world.NewUUID(tx, "group")
	if err != nil {
		return g, err
	}
	o := a.world.Options
	g = world.Group{
		Name: name, Created: a.world.Clock.Now(), CooldownSeconds: defaultCooldown, HealthCheckType: healthEC2,
		ARN:                  fmt.Sprintf("arn:aws:autoscaling:%s:%s:autoScalingGroup:%s:autoScalingGroupName/%s", o.Region, o.Account, id, name),
		TerminationPolicies:  []string{groups.PolicyDefault},
		ServiceLinkedRoleARN: fmt.Sprintf("arn:aws:iam::%s:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", o.Account),
	}
	if sources(in.LaunchConfigurationName, in.LaunchTemplate != nil, in.MixedInstancesPolicy != nil) == 0 {
		return g, invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
	}
	if err := a.apply(&g, updateOf(in)); err != nil {
		return g, err
	}
	if g.Tags, err = addTags(nil, in.Tags, name); err != nil {
		return g, err
	}
	for _, h := range in.LifecycleHookSpecificationList {
		hook, err := readHook(hookRequest{
			name: h.LifecycleHookName, transition: h.LifecycleTransition, result: h.DefaultResult, seconds: h.HeartbeatTimeout,
			metadata: h.NotificationMetadata, target: h.NotificationTargetARN, role: h.RoleARN,
		}, world.Hook{})
		if err != nil {
			return g, err
		}
		g.Hooks = putHook(g.Hooks, hook)
	}
	return g, nil
}

// updateOf is what a new group has in common with a changed one.
func updateOf(in *autoscaling.CreateAutoScalingGroupInput) *autoscaling.UpdateAutoScalingGroupInput {
	return &autoscaling.UpdateAutoScalingGroupInput{
		AvailabilityZoneDistribution: in.AvailabilityZoneDistribution, AvailabilityZoneIds: in.AvailabilityZoneIds, AvailabilityZones: in.AvailabilityZones,
		CapacityRebalance: in.CapacityRebalance, Context: in.Context, DefaultCooldown: in.DefaultCooldown, DefaultInstanceWarmup: in.DefaultInstanceWarmup,
		DesiredCapacityType: in.DesiredCapacityType, HealthCheckGracePeriod: in.HealthCheckGracePeriod, HealthCheckType: in.HealthCheckType,
		LaunchConfigurationName: in.LaunchConfigurationName, LaunchTemplate: in.LaunchTemplate, MaxInstanceLifetime: in.MaxInstanceLifetime,
		MaxSize: in.MaxSize, MinSize: in.MinSize, MixedInstancesPolicy: in.MixedInstancesPolicy,
		NewInstancesProtectedFromScaleIn: in.NewInstancesProtectedFromScaleIn, ServiceLinkedRoleARN: in.ServiceLinkedRoleARN,
		TerminationPolicies: in.TerminationPolicies, VPCZoneIdentifier: in.VPCZoneIdentifier,
	}
}

func sources(configuration *string, others ...bool) (count int) {
	for _, set := range append(slices.Clone(others), aws.ToString(configuration) != "") {
		if set {
			count++
		}
	}
	return count
}
