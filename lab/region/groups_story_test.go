package region_test

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// scalingSteps are the part of the story with every operation of Auto Scaling.
func scalingSteps() []step {
	var steps []step
	for _, part := range [][]step{groupKinds(), groupBegins(), groupMoves(), groupPlans(), warmSteps(), groupEnds()} {
		steps = append(steps, part...)
	}
	return steps
}

// wait lets time pass before the next call.
func wait(d time.Duration) step { return func(*lab) any { return d } }

// groupName is the group of the story.
func groupName() *string { return aws.String("story & <group>") }

// inGroup is the first instance of the story's group.
func (l *lab) inGroup() string {
	l.t.Helper()
	return *l.group(*groupName()).Instances[0].InstanceId
}

func groupKinds() []step {
	return []step{
		always(&autoscaling.DescribeAdjustmentTypesInput{}), always(&autoscaling.DescribeTerminationPolicyTypesInput{}),
		always(&autoscaling.DescribeScalingProcessTypesInput{}), always(&autoscaling.DescribeMetricCollectionTypesInput{}),
		always(&autoscaling.DescribeLifecycleHookTypesInput{}), always(&autoscaling.DescribeAccountLimitsInput{}),
		func(l *lab) any {
			return &autoscaling.CreateLaunchConfigurationInput{
				LaunchConfigurationName: aws.String("story"), ImageId: aws.String(l.imageOf("x86_64")), InstanceType: aws.String("m5.large"), UserData: aws.String("aGVsbG8="),
			}
		},
		always(&autoscaling.DescribeLaunchConfigurationsInput{LaunchConfigurationNames: []string{"story"}}),
		always(&autoscaling.DeleteLaunchConfigurationInput{LaunchConfigurationName: aws.String("story")}),
	}
}

func groupBegins() []step {
	launching, terminating := aws.String("autoscaling:EC2_INSTANCE_LAUNCHING"), aws.String("autoscaling:EC2_INSTANCE_TERMINATING")
	tagB := asgtypes.Tag{ResourceId: groupName(), ResourceType: aws.String("auto-scaling-group"), Key: aws.String("b"), Value: aws.String("c"), PropagateAtLaunch: aws.Bool(false)}
	return []step{
		func(l *lab) any {
			in := l.mixedInput(*groupName(), 3, 1, 0, "m5.large", "c5.large")
			in.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateName = aws.String("story")
			in.Tags = []asgtypes.Tag{{Key: aws.String("a"), Value: aws.String("é"), PropagateAtLaunch: aws.Bool(true)}}
			in.LifecycleHookSpecificationList = []asgtypes.LifecycleHookSpecification{{LifecycleHookName: aws.String("up"), LifecycleTransition: launching, HeartbeatTimeout: aws.Int32(60)}}
			return in
		},
		always(&autoscaling.PutLifecycleHookInput{AutoScalingGroupName: groupName(), LifecycleHookName: aws.String("down"), LifecycleTransition: terminating, DefaultResult: aws.String("CONTINUE")}),
		always(&autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: groupName()}),
		always(&autoscaling.CreateOrUpdateTagsInput{Tags: []asgtypes.Tag{tagB}}),
		always(&autoscaling.DescribeTagsInput{Filters: []asgtypes.Filter{{Name: aws.String("key"), Values: []string{"b"}}}}),
		always(&autoscaling.DeleteTagsInput{Tags: []asgtypes.Tag{tagB}}),
		wait(20 * time.Second),
		func(l *lab) any {
			return &autoscaling.RecordLifecycleActionHeartbeatInput{AutoScalingGroupName: groupName(), LifecycleHookName: aws.String("up"), InstanceId: aws.String(l.inGroup())}
		},
		func(l *lab) any {
			return &autoscaling.CompleteLifecycleActionInput{AutoScalingGroupName: groupName(), LifecycleHookName: aws.String("up"), InstanceId: aws.String(l.inGroup()), LifecycleActionResult: aws.String("CONTINUE")}
		},
		always(&autoscaling.DescribeAutoScalingGroupsInput{}),
		always(&autoscaling.DeleteLifecycleHookInput{AutoScalingGroupName: groupName(), LifecycleHookName: aws.String("up")}),
		wait(20 * time.Second),
		always(&autoscaling.DescribeAutoScalingInstancesInput{}),
	}
}

func groupMoves() []step {
	group, one := groupName(), func(l *lab) []string { return []string{l.inGroup()} }
	return []step{
		always(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: group, MaxSize: aws.Int32(9), DefaultCooldown: aws.Int32(10)}),
		always(&autoscaling.SuspendProcessesInput{AutoScalingGroupName: group, ScalingProcesses: []string{"AZRebalance"}}),
		func(l *lab) any {
			return &autoscaling.EnterStandbyInput{AutoScalingGroupName: group, InstanceIds: one(l), ShouldDecrementDesiredCapacity: aws.Bool(true)}
		},
		wait(10 * time.Second),
		func(l *lab) any {
			return &autoscaling.ExitStandbyInput{AutoScalingGroupName: group, InstanceIds: one(l)}
		},
		wait(10 * time.Second),
		func(l *lab) any {
			return &autoscaling.SetInstanceProtectionInput{AutoScalingGroupName: group, InstanceIds: one(l), ProtectedFromScaleIn: aws.Bool(true)}
		},
		func(l *lab) any {
			return &autoscaling.DetachInstancesInput{AutoScalingGroupName: group, InstanceIds: one(l), ShouldDecrementDesiredCapacity: aws.Bool(true)}
		},
		wait(10 * time.Second),
		func(l *lab) any {
			return &autoscaling.AttachInstancesInput{AutoScalingGroupName: group, InstanceIds: []string{l.outOfGroups()}}
		},
		wait(10 * time.Second),
		always(&autoscaling.ResumeProcessesInput{AutoScalingGroupName: group}),
	}
}

// groupPlans are the policies and scheduled actions of the story's group.
func groupPlans() []step {
	group, grow, stepped, nightly := groupName(), aws.String("grow <&>"), aws.String("steps"), aws.String("nightly é")
	return []step{
		always(&autoscaling.PutScalingPolicyInput{AutoScalingGroupName: group, PolicyName: grow, AdjustmentType: aws.String("PercentChangeInCapacity"),
			ScalingAdjustment: aws.Int32(10), MinAdjustmentMagnitude: aws.Int32(1), Cooldown: aws.Int32(30)}),
		always(&autoscaling.PutScalingPolicyInput{AutoScalingGroupName: group, PolicyName: stepped, PolicyType: aws.String("StepScaling"), AdjustmentType: aws.String("ChangeInCapacity"),
			StepAdjustments: []asgtypes.StepAdjustment{{ScalingAdjustment: aws.Int32(0), MetricIntervalLowerBound: aws.Float64(0), MetricIntervalUpperBound: aws.Float64(12.5)}}}),
		always(&autoscaling.DescribePoliciesInput{AutoScalingGroupName: group}),
		always(&autoscaling.ExecutePolicyInput{AutoScalingGroupName: group, PolicyName: stepped, MetricValue: aws.Float64(60.5), BreachThreshold: aws.Float64(50)}),
		always(&autoscaling.DeletePolicyInput{AutoScalingGroupName: group, PolicyName: stepped}),
		always(&autoscaling.PutScheduledUpdateGroupActionInput{AutoScalingGroupName: group, ScheduledActionName: nightly, Recurrence: aws.String("0 3 * * *"),
			TimeZone: aws.String("Asia/Seoul"), MaxSize: aws.Int32(9)}),
		always(&autoscaling.BatchPutScheduledUpdateGroupActionInput{AutoScalingGroupName: group, ScheduledUpdateGroupActions: []asgtypes.ScheduledUpdateGroupActionRequest{
			{ScheduledActionName: aws.String("a"), Recurrence: aws.String("0 4 * * *"), MinSize: aws.Int32(0)}, {ScheduledActionName: aws.String("b")}}}),
		always(&autoscaling.DescribeScheduledActionsInput{}),
		always(&autoscaling.BatchDeleteScheduledActionInput{AutoScalingGroupName: group, ScheduledActionNames: []string{"a", "b"}}),
		always(&autoscaling.DeleteScheduledActionInput{AutoScalingGroupName: group, ScheduledActionName: nightly}),
	}
}

// warmSteps are the warm pool of the story's group, which launches only on-demand
// meanwhile.
func warmSteps() []step {
	group := groupName()
	return []step{
		func(l *lab) any {
			in := l.mixedInput(*groupName(), 0, 0, 100, "m5.large")
			in.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateName = aws.String("story")
			return &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: group, MixedInstancesPolicy: in.MixedInstancesPolicy}
		},
		always(&autoscaling.PutWarmPoolInput{AutoScalingGroupName: group, MinSize: aws.Int32(1), MaxGroupPreparedCapacity: aws.Int32(1), PoolState: asgtypes.WarmPoolStateStopped,
			InstanceReusePolicy: &asgtypes.InstanceReusePolicy{ReuseOnScaleIn: aws.Bool(true)}}),
		wait(2 * time.Minute),
		always(&autoscaling.DescribeWarmPoolInput{AutoScalingGroupName: group}),
		always(&autoscaling.DescribeAutoScalingGroupsInput{}),
		always(&autoscaling.DeleteWarmPoolInput{AutoScalingGroupName: group, ForceDelete: aws.Bool(true)}),
		wait(2 * time.Minute),
	}
}

// outOfGroups is a running instance of the story's template in no group.
func (l *lab) outOfGroups() string {
	l.t.Helper()
	taken := map[string]bool{}
	for _, i := range must[*autoscaling.DescribeAutoScalingInstancesOutput](l)(l.AutoScaling().DescribeAutoScalingInstances(ctx(), &autoscaling.DescribeAutoScalingInstancesInput{})).AutoScalingInstances {
		taken[*i.InstanceId] = true
	}
	for _, i := range l.instances(&ec2.DescribeInstancesInput{Filters: []types.Filter{filter("instance-state-name", "running"), filter("tag:a", "é")}}) {
		if !taken[*i.InstanceId] {
			return *i.InstanceId
		}
	}
	l.t.Fatal("no running instance is out of the groups")
	return ""
}

func groupEnds() []step {
	group := groupName()
	return []step{
		always(&autoscaling.EnableMetricsCollectionInput{AutoScalingGroupName: group, Granularity: aws.String("1Minute")}),
		always(&autoscaling.DisableMetricsCollectionInput{AutoScalingGroupName: group, Metrics: []string{"GroupMinSize"}}),
		always(&autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: group, DesiredCapacity: aws.Int32(4)}),
		wait(20 * time.Second),
		func(l *lab) any {
			return &autoscaling.SetInstanceHealthInput{InstanceId: aws.String(l.inGroup()), HealthStatus: aws.String("Unhealthy")}
		},
		wait(20 * time.Second),
		func(l *lab) any {
			return &autoscaling.TerminateInstanceInAutoScalingGroupInput{InstanceId: aws.String(l.inGroup()), ShouldDecrementDesiredCapacity: aws.Bool(true)}
		},
		wait(20 * time.Second),
		always(&autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: group}),
		wait(10 * time.Second),
		always(&autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: group}),
		always(&autoscaling.CancelInstanceRefreshInput{AutoScalingGroupName: group}),
		always(&autoscaling.DescribeAutoScalingGroupsInput{Filters: []asgtypes.Filter{{Name: aws.String("tag:a"), Values: []string{"é"}}}}),
		always(&autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: group}),
		always(&autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: group, ForceDelete: aws.Bool(true)}),
		wait(time.Minute),
	}
}
