package region_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

func TestStandby(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 1, 2, 3))
	l.clock.Advance(soon)
	id := l.memberIDs("workers", asgtypes.LifecycleStateInService)[0]
	in := &autoscaling.EnterStandbyInput{AutoScalingGroupName: aws.String("workers"), InstanceIds: []string{id}, ShouldDecrementDesiredCapacity: aws.Bool(true)}
	out := must[*autoscaling.EnterStandbyOutput](l)(l.AutoScaling().EnterStandby(ctx(), in))
	check(t, "cause", *out.Activities[0].Cause, "At 2026-11-24T08:00:30Z instance "+id+" was moved to standby in response to a user request, shrinking the capacity from 2 to 1.")
	check(t, "description", *out.Activities[0].Description, "Moving EC2 instance to Standby: "+id)
	check(t, "state", l.states("workers"), "EnteringStandby 1, InService 1")
	l.reopen()
	l.clock.Advance(time.Hour)
	check(t, "state", l.states("workers"), "InService 1, Standby 1")
	check(t, "desired", *l.group("workers").DesiredCapacity, 1)
	_, err := l.AutoScaling().EnterStandby(ctx(), in)
	refused(t, err, "ValidationError")
	exit := must[*autoscaling.ExitStandbyOutput](l)(l.AutoScaling().ExitStandby(ctx(), &autoscaling.ExitStandbyInput{AutoScalingGroupName: aws.String("workers"), InstanceIds: []string{id}}))
	check(t, "status", exit.Activities[0].StatusCode, asgtypes.ScalingActivityStatusCodePreInService)
	l.clock.Advance(soon)
	check(t, "state", l.states("workers"), "InService 2")
	check(t, "desired", *l.group("workers").DesiredCapacity, 2)
	// Without a smaller desired capacity another takes the place.
	in.ShouldDecrementDesiredCapacity = aws.Bool(false)
	must[*autoscaling.EnterStandbyOutput](l)(l.AutoScaling().EnterStandby(ctx(), in))
	l.clock.Advance(soon)
	check(t, "state", l.states("workers"), "InService 2, Standby 1")
}

func TestDetachAndAttach(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 1, 2, 2))
	l.clock.Advance(soon)
	ids := l.memberIDs("workers", asgtypes.LifecycleStateInService)
	detach := &autoscaling.DetachInstancesInput{AutoScalingGroupName: aws.String("workers"), InstanceIds: ids, ShouldDecrementDesiredCapacity: aws.Bool(true)}
	_, err := l.AutoScaling().DetachInstances(ctx(), detach)
	refused(t, err, "ValidationError") // below the minimum
	detach.InstanceIds = ids[:1]
	out := must[*autoscaling.DetachInstancesOutput](l)(l.AutoScaling().DetachInstances(ctx(), detach))
	check(t, "description", *out.Activities[0].Description, "Detaching EC2 instance: "+ids[0])
	l.clock.Advance(soon)
	check(t, "state", l.states("workers"), "InService 1")
	check(t, "instance", string(l.stateOf(ids[0])), "running")
	check(t, "tag", l.tagsOf(ids[0])["aws:autoscaling:groupName"], "")
	attach := &autoscaling.AttachInstancesInput{AutoScalingGroupName: aws.String("workers"), InstanceIds: ids[:1]}
	must[*autoscaling.AttachInstancesOutput](l)(l.AutoScaling().AttachInstances(ctx(), attach))
	l.clock.Advance(soon)
	check(t, "state", l.states("workers"), "InService 2")
	check(t, "desired", *l.group("workers").DesiredCapacity, 2)
	check(t, "tag", l.tagsOf(ids[0])["aws:autoscaling:groupName"], "workers")
	_, err = l.AutoScaling().AttachInstances(ctx(), attach)
	refused(t, err, "ValidationError") // it is one already
	attach.InstanceIds = l.run(1)
	_, err = l.AutoScaling().AttachInstances(ctx(), attach)
	refused(t, err, "ValidationError") // it does not run yet
	l.clock.Advance(boot)
	_, err = l.AutoScaling().AttachInstances(ctx(), attach)
	refused(t, err, "ValidationError") // the group is full
	check(t, "desired", *l.group("workers").DesiredCapacity, 2)
}

func TestLifetimeEnds(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	in := l.groupInput("workers", 0, 3, 3)
	in.MaxInstanceLifetime = aws.Int32(86400)
	l.createGroup(in)
	l.clock.Advance(soon)
	first := l.memberIDs("workers", asgtypes.LifecycleStateInService)
	l.clock.Advance(23 * time.Hour)
	check(t, "instances", slices.Equal(l.memberIDs("workers", asgtypes.LifecycleStateInService), first), true)
	fewest := 3
	for range 60 {
		l.clock.Advance(time.Minute + 10*time.Second)
		fewest = min(fewest, len(l.memberIDs("workers", asgtypes.LifecycleStateInService)))
	}
	check(t, "state", l.states("workers"), "InService 3")
	for _, id := range l.memberIDs("workers", asgtypes.LifecycleStateInService) {
		check(t, id+" is old", slices.Contains(first, id), false)
	}
	if fewest < 2 {
		t.Errorf("%d instances in service at the least", fewest)
	}
}

func TestGracePeriod(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	in := l.groupInput("workers", 0, 1, 1)
	in.HealthCheckGracePeriod = aws.Int32(300)
	l.createGroup(in)
	l.clock.Advance(soon)
	id := l.memberIDs("workers", asgtypes.LifecycleStateInService)[0]
	mark := func(respect *bool) {
		must[*autoscaling.SetInstanceHealthOutput](l)(l.AutoScaling().SetInstanceHealth(ctx(), &autoscaling.SetInstanceHealthInput{InstanceId: &id, HealthStatus: aws.String("Unhealthy"), ShouldRespectGracePeriod: respect}))
	}
	mark(nil)
	check(t, "health", *l.group("workers").Instances[0].HealthStatus, "Healthy")
	mark(aws.Bool(false))
	check(t, "health", *l.group("workers").Instances[0].HealthStatus, "Unhealthy")
}

// TestCooldown: a call that honours it waits for what goes on and its time.
func TestCooldown(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 1, 5))
	l.clock.Advance(5 * time.Second)
	honour := func() error {
		_, err := l.AutoScaling().SetDesiredCapacity(ctx(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("workers"), DesiredCapacity: aws.Int32(2), HonorCooldown: aws.Bool(true)})
		return err
	}
	refused(t, honour(), "ScalingActivityInProgress")
	l.clock.Advance(soon)
	refused(t, honour(), "ScalingActivityInProgress")
	l.clock.Advance(5 * time.Minute)
	refused(t, honour(), "")
}
