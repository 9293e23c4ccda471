package region_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

func TestGroupLaunchesAndTellsWhy(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 1, 3, 5))
	check(t, "instances at once", l.states("workers"), "")
	l.clock.Advance(4 * time.Second)
	check(t, "instances that start", l.states("workers"), "Pending 3")
	running := l.activities("workers")[0]
	check(t, "status", running.StatusCode, asgtypes.ScalingActivityStatusCodePreInService)
	l.clock.Advance(soon)
	check(t, "instances", l.states("workers"), "InService 3")
	check(t, "zones", l.kinds("workers", zoneOf), "a 1, b 1, c 1")
	done := l.activities("workers")
	check(t, "activities", len(done), 3)
	check(t, "cause", *done[0].Cause, "At 2026-11-24T08:00:00Z a user request created an AutoScalingGroup changing the desired capacity from 0 to 3.  "+
		"At 2026-11-24T08:00:03Z an instance was started in response to a difference between desired and actual capacity, increasing the capacity from 0 to 3.")
	check(t, "status", done[0].StatusCode, asgtypes.ScalingActivityStatusCodeSuccessful)
	ids := l.memberIDs("workers", asgtypes.LifecycleStateInService)
	check(t, "description", strings.HasPrefix(*done[0].Description, "Launching a new EC2 instance: i-"), true)
	check(t, "details", strings.Contains(*done[0].Details, `"Availability Zone":"us-west-2`), true)
	l.setDesired("workers", 1)
	l.clock.Advance(4 * time.Second)
	check(t, "instances that end", l.states("workers"), "InService 1, Terminating 2")
	l.clock.Advance(time.Minute)
	check(t, "instances", l.states("workers"), "InService 1")
	left := l.memberIDs("workers", asgtypes.LifecycleStateInService)[0]
	ended := l.activities("workers")[0]
	check(t, "cause", strings.HasPrefix(*ended.Cause, "At 2026-11-24T08:00:34Z a user request explicitly set group desired capacity changing the desired capacity from 3 to 1.  "+
		"At 2026-11-24T08:00:37Z an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from 3 to 1.  "+
		"At 2026-11-24T08:00:37Z instance i-"), true)
	for _, id := range ids {
		want := "terminated"
		if id == left {
			want = "running"
		}
		check(t, id, string(l.stateOf(id)), want)
	}
}

func TestGroupTagsItsInstances(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	in := l.groupInput("workers", 0, 1, 1)
	in.Tags = []asgtypes.Tag{
		{Key: aws.String("team"), Value: aws.String("blue"), PropagateAtLaunch: aws.Bool(true)},
		{Key: aws.String("only-group"), Value: aws.String("x"), PropagateAtLaunch: aws.Bool(false)},
		{Key: aws.String("from"), Value: aws.String("group"), PropagateAtLaunch: aws.Bool(true)},
	}
	l.createGroup(in)
	l.clock.Advance(soon)
	id := l.memberIDs("workers", asgtypes.LifecycleStateInService)[0]
	tags := l.tagsOf(id)
	template := *l.group("workers").LaunchTemplate
	for key, want := range map[string]string{
		"team": "blue", "from": "group", "only-group": "", "aws:autoscaling:groupName": "workers",
		"aws:ec2launchtemplate:id": *template.LaunchTemplateId, "aws:ec2launchtemplate:version": "1", "aws:ec2:fleet-id": "",
	} {
		check(t, key, tags[key], want)
	}
	check(t, "user data", string(l.machine(id).UserData), "#!/bin/sh")
	check(t, "version of the group", *template.Version, "$Latest")
	member := l.group("workers").Instances[0]
	check(t, "version of the instance", *member.LaunchTemplate.Version, "1")
	check(t, "name of the template", *member.LaunchTemplate.LaunchTemplateName, "nodes")
}

func TestGroupReplacesWhatEnds(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 2, 2, 2))
	l.clock.Advance(soon)
	first := l.memberIDs("workers", asgtypes.LifecycleStateInService)
	l.terminate(first[0])
	l.clock.Advance(2 * time.Minute)
	check(t, "instances", l.states("workers"), "InService 2")
	now := l.memberIDs("workers", asgtypes.LifecycleStateInService)
	check(t, "the ended one is out", slices.Contains(now, first[0]), false)
	check(t, "the other stays", slices.Contains(now, first[1]), true)
	all := l.activities("workers")
	check(t, "launch", strings.HasSuffix(*all[0].Cause, "an instance was launched in response to an unhealthy instance needing to be replaced."), true)
	check(t, "end", strings.HasSuffix(*all[1].Cause, "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped."), true)

	must[*autoscaling.SetInstanceHealthOutput](l)(l.AutoScaling().SetInstanceHealth(ctx(), &autoscaling.SetInstanceHealthInput{InstanceId: &now[0], HealthStatus: aws.String("Unhealthy")}))
	check(t, "health", *l.group("workers").Instances[slices.Index(now, now[0])].HealthStatus, "Unhealthy")
	l.clock.Advance(time.Minute)
	check(t, "instances", l.states("workers"), "InService 2")
	check(t, "cause", strings.HasSuffix(*l.activities("workers")[1].Cause, "an instance was taken out of service in response to a user health-check."), true)
}

func TestGroupWithoutCapacity(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.limit("m5.large", "a", "on-demand", 0)
	l.createGroup(l.groupInput("workers", 0, 3, 3))
	l.clock.Advance(soon)
	check(t, "zones", l.kinds("workers", zoneOf), "b 2, c 1")
	var failed []asgtypes.Activity
	for _, a := range l.activities("workers") {
		if a.StatusCode == asgtypes.ScalingActivityStatusCodeFailed {
			failed = append(failed, a)
		}
	}
	check(t, "failures", len(failed), 1)
	const message = "We currently do not have sufficient m5.large capacity in the Availability Zone you requested (us-west-2a). " +
		"Our system will be working on provisioning additional capacity. You can currently get m5.large capacity by not specifying an " +
		"Availability Zone in your request or choosing us-west-2b, us-west-2c. Launching EC2 instance failed."
	check(t, "message", *failed[0].StatusMessage, message)
	check(t, "description", *failed[0].Description, "Launching a new EC2 instance.  Status Reason: "+message)
	check(t, "progress", *failed[0].Progress, 100)
}

func TestGroupTriesAgainLaterAndLater(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.limit("m5.large", "*", "on-demand", 0)
	l.createGroup(l.groupInput("workers", 0, 1, 3))
	var times []time.Duration
	for before := 0; len(times) < 7; l.clock.Advance(time.Second) {
		if n := len(l.activities("workers")); n > before {
			before = n
			times = append(times, l.clock.Now().Sub(start()))
		}
	}
	for i := 2; i < len(times); i++ {
		if a, b := times[i-1]-times[i-2], times[i]-times[i-1]; b < a {
			t.Errorf("tried after %v, then after %v", a, b)
		}
	}
	check(t, "state", l.states("workers"), "")
	l.limit("m5.large", "*", "on-demand", 5)
	l.clock.Advance(10 * time.Minute)
	check(t, "state", l.states("workers"), "InService 1")
}

func TestMixedGroupKeepsItsShares(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.mixedInput("mixed", 8, 1, 25, "m5.large", "c5.large", "m4.large"))
	l.clock.Advance(soon)
	check(t, "shares", l.kinds("mixed", marketOf), "on-demand 3, spot 5")
	check(t, "zones", l.kinds("mixed", zoneOf), "a 3, b 3, c 2")
	for _, c := range []struct {
		desired int32
		want    string
	}{{3, "on-demand 2, spot 1"}, {1, "on-demand 1"}, {12, "on-demand 4, spot 8"}} {
		l.setDesired("mixed", c.desired)
		l.clock.Advance(2 * time.Minute)
		check(t, "shares", l.kinds("mixed", marketOf), c.want)
	}
	l.updateGroup(&autoscaling.UpdateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("mixed"),
		MixedInstancesPolicy: &asgtypes.MixedInstancesPolicy{InstancesDistribution: &asgtypes.InstancesDistribution{OnDemandPercentageAboveBaseCapacity: aws.Int32(100)}},
	})
	l.clock.Advance(20 * time.Minute)
	check(t, "shares", l.kinds("mixed", marketOf), "on-demand 12")
	check(t, "base", *l.group("mixed").MixedInstancesPolicy.InstancesDistribution.OnDemandBaseCapacity, 1)
	check(t, "overrides", len(l.group("mixed").MixedInstancesPolicy.LaunchTemplate.Overrides), 3)
}

func TestDeleteGroup(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 2, 2))
	l.clock.Advance(soon)
	ids := l.memberIDs("workers", asgtypes.LifecycleStateInService)
	name := aws.String("workers")
	_, err := l.AutoScaling().DeleteAutoScalingGroup(ctx(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: name})
	refused(t, err, "ResourceInUse")
	must[*autoscaling.DeleteAutoScalingGroupOutput](l)(l.AutoScaling().DeleteAutoScalingGroup(ctx(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: name, ForceDelete: aws.Bool(true)}))
	check(t, "status", *l.group("workers").Status, "Delete in progress")
	_, err = l.AutoScaling().SetDesiredCapacity(ctx(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: name, DesiredCapacity: aws.Int32(0)})
	refused(t, err, "ValidationError")
	l.clock.Advance(time.Minute)
	check(t, "group", l.hasGroup("workers"), false)
	for _, id := range ids {
		check(t, id, string(l.stateOf(id)), "terminated")
	}
	check(t, "activities", len(l.activities("workers")), 4)
	_, err = l.AutoScaling().DescribeScalingActivities(ctx(), &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: name})
	refused(t, err, "ValidationError")
	l.createGroup(l.groupInput("workers", 0, 0, 2))
	must[*autoscaling.DeleteAutoScalingGroupOutput](l)(l.AutoScaling().DeleteAutoScalingGroup(ctx(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: name}))
	check(t, "group", l.hasGroup("workers"), false)
}

func TestTerminateInstanceInGroup(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 1, 2, 2))
	l.clock.Advance(soon)
	ids := l.memberIDs("workers", asgtypes.LifecycleStateInService)
	out := must[*autoscaling.TerminateInstanceInAutoScalingGroupOutput](l)(l.AutoScaling().TerminateInstanceInAutoScalingGroup(ctx(),
		&autoscaling.TerminateInstanceInAutoScalingGroupInput{InstanceId: &ids[0], ShouldDecrementDesiredCapacity: aws.Bool(true)}))
	check(t, "cause", *out.Activity.Cause, "At 2026-11-24T08:00:30Z instance "+ids[0]+" was taken out of service in response to a user request, shrinking the capacity from 2 to 1.")
	check(t, "description", *out.Activity.Description, "Terminating EC2 instance: "+ids[0])
	check(t, "desired", *l.group("workers").DesiredCapacity, 1)
	_, err := l.AutoScaling().TerminateInstanceInAutoScalingGroup(ctx(),
		&autoscaling.TerminateInstanceInAutoScalingGroupInput{InstanceId: &ids[1], ShouldDecrementDesiredCapacity: aws.Bool(true)})
	refused(t, err, "ValidationError")
	must[*autoscaling.TerminateInstanceInAutoScalingGroupOutput](l)(l.AutoScaling().TerminateInstanceInAutoScalingGroup(ctx(),
		&autoscaling.TerminateInstanceInAutoScalingGroupInput{InstanceId: &ids[1], ShouldDecrementDesiredCapacity: aws.Bool(false)}))
	l.clock.Advance(2 * time.Minute)
	check(t, "instances", l.states("workers"), "InService 1")
	check(t, "both are out", slices.Contains(append(ids, ""), l.memberIDs("workers", asgtypes.LifecycleStateInService)[0]), false)
}

func TestGroupsContinueAfterAKill(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 3, 3))
	l.reopen()
	l.clock.Advance(4 * time.Second)
	check(t, "instances", l.states("workers"), "Pending 3")
	l.reopen()
	l.clock.Advance(soon)
	check(t, "instances", l.states("workers"), "InService 3")
	l.setDesired("workers", 1)
	l.clock.Advance(4 * time.Second)
	l.reopen()
	l.clock.Advance(time.Minute)
	check(t, "instances", l.states("workers"), "InService 1")
	check(t, "activities", len(l.activities("workers")), 5)
}

// TestActivitiesAreForgotten: after six weeks, as on AWS.
func TestActivitiesAreForgotten(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 0, 40))
	for range 2 {
		l.setDesired("workers", 40)
		l.clock.Advance(soon)
		l.setDesired("workers", 0)
		l.clock.Advance(time.Minute)
		l.clock.Advance(43 * 24 * time.Hour)
	}
	for _, a := range l.activities("workers") {
		if l.clock.Now().Sub(*a.StartTime) > 44*24*time.Hour {
			t.Fatalf("an activity of %v is still listed", a.StartTime)
		}
	}
}
