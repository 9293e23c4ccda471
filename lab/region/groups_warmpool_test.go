package region_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

type warmPool = autoscaling.PutWarmPoolInput

func (l *lab) putPool(group string, change func(*warmPool)) error {
	in := &warmPool{AutoScalingGroupName: &group}
	change(in)
	_, err := l.AutoScaling().PutWarmPool(ctx(), in)
	return err
}

func (l *lab) pool(group string) *autoscaling.DescribeWarmPoolOutput {
	l.t.Helper()
	return must[*autoscaling.DescribeWarmPoolOutput](l)(l.AutoScaling().DescribeWarmPool(ctx(), &autoscaling.DescribeWarmPoolInput{AutoScalingGroupName: &group}))
}

// warm counts the instances of a group's warm pool by state.
func (l *lab) warm(group string) string {
	l.t.Helper()
	counts := map[string]int{}
	for _, i := range l.pool(group).Instances {
		counts[string(i.LifecycleState)]++
	}
	return countText(counts)
}

// warmIDs are the instances of a group's warm pool.
func (l *lab) warmIDs(group string) (ids []string) {
	l.t.Helper()
	for _, i := range l.pool(group).Instances {
		ids = append(ids, *i.InstanceId)
	}
	return ids
}

func prepared(n int32) func(*warmPool) {
	return func(in *warmPool) { in.MaxGroupPreparedCapacity = &n }
}

// TestWarmPoolFillsAndServes: instances boot and stop; the group scales out by
// starting them, in less time than a launch; the pool fills again.
func TestWarmPoolFillsAndServes(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 1, 6))
	refused(t, l.putPool("workers", prepared(4)), "")
	l.clock.Advance(soon)
	l.reopen()
	l.clock.Advance(2 * time.Minute)
	check(t, "pool", l.warm("workers"), "Warmed:Stopped 3")
	check(t, "group", l.states("workers"), "InService 1")
	check(t, "size", *l.group("workers").WarmPoolSize, 3)
	ready := l.warmIDs("workers")
	for _, id := range ready {
		check(t, id, l.stateOf(id), types.InstanceStateNameStopped)
	}
	l.setDesired("workers", 3)
	l.clock.Advance(soon)
	check(t, "after scaling out", l.states("workers"), "InService 3")
	used := 0
	for _, id := range l.memberIDs("workers", asgtypes.LifecycleStateInService) {
		if slices.Contains(ready, id) {
			used++
		}
	}
	check(t, "from the pool", used, 2)
	texts := map[string]int{}
	for _, a := range l.activities("workers") {
		texts[strings.TrimRight(*a.Description, "0123456789abcdef")]++
	}
	check(t, "out of it", texts["Launching a new EC2 instance from warm pool: i-"], 2)
	check(t, "into it", texts["Launching a new EC2 instance into warm pool: i-"], 3)
	l.clock.Advance(2 * time.Minute)
	check(t, "prepared", l.warm("workers"), "Warmed:Stopped 1")
	l.setDesired("workers", 6)
	l.clock.Advance(2 * time.Minute)
	check(t, "more than the pool has", l.states("workers"), "InService 6")
	check(t, "nothing is prepared beyond 4", l.warm("workers"), "")
	l.setDesired("workers", 2)
	l.clock.Advance(2 * time.Minute)
	check(t, "prepared again", l.warm("workers"), "Warmed:Stopped 2")
}

// TestWarmPoolRunsHooks: on the way into the pool, on the way out of it, and on
// the way back when it may be used again.
func TestWarmPoolRunsHooks(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	in := l.groupInput("workers", 0, 0, 2)
	in.LifecycleHookSpecificationList = []asgtypes.LifecycleHookSpecification{hook("up", launching, "ABANDON", 600), hook("down", terminating, "CONTINUE", 600)}
	l.createGroup(in)
	refused(t, l.putPool("workers", func(in *warmPool) {
		in.MinSize, in.MaxGroupPreparedCapacity, in.InstanceReusePolicy = aws.Int32(1), aws.Int32(1), &asgtypes.InstanceReusePolicy{ReuseOnScaleIn: aws.Bool(true)}
	}), "")
	l.clock.Advance(soon)
	check(t, "on its way in", l.warm("workers"), "Warmed:Pending:Wait 1")
	id := l.warmIDs("workers")[0]
	check(t, "it is to be", l.machine(id).Notices.TargetLifecycle, "Warmed:Stopped")
	refused(t, l.complete("up", id, "CONTINUE"), "")
	l.clock.Advance(soon)
	check(t, "ready", l.warm("workers"), "Warmed:Stopped 1")
	l.setDesired("workers", 1)
	l.clock.Advance(soon)
	check(t, "on its way out", l.states("workers"), "Pending:Wait 1")
	check(t, "it is to be", l.machine(id).Notices.TargetLifecycle, "InService")
	refused(t, l.complete("up", id, "CONTINUE"), "")
	l.clock.Advance(soon)
	check(t, "in the group", l.memberIDs("workers", asgtypes.LifecycleStateInService)[0], id)
	refused(t, l.complete("up", l.warmIDs("workers")[0], "CONTINUE"), "")
	refused(t, l.putPool("workers", func(in *warmPool) { in.MinSize, in.MaxGroupPreparedCapacity = aws.Int32(2), aws.Int32(2) }), "")
	l.setDesired("workers", 0)
	l.clock.Advance(10 * time.Second)
	check(t, "on its way back", l.states("workers"), "Terminating:Wait 1")
	check(t, "it is to be", l.machine(id).Notices.TargetLifecycle, "Warmed:Stopped")
	l.reopen()
	refused(t, l.complete("down", id, "CONTINUE"), "")
	l.clock.Advance(time.Minute)
	check(t, "back in the pool", slices.Contains(l.warmIDs("workers"), id), true)
	check(t, "its instance", l.stateOf(id), types.InstanceStateNameStopped)
}

func TestWarmPoolThatRuns(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 0, 2))
	refused(t, l.putPool("workers", func(in *warmPool) { in.PoolState = asgtypes.WarmPoolStateRunning }), "")
	l.clock.Advance(soon)
	check(t, "pool", l.warm("workers"), "Warmed:Running 2")
	ids := l.warmIDs("workers")
	check(t, "an instance", l.stateOf(ids[0]), types.InstanceStateNameRunning)
	check(t, "not in the group", len(l.group("workers").Instances), 0)
	must[*ec2.StopInstancesOutput](l)(l.StopInstances(ctx(), &ec2.StopInstancesInput{InstanceIds: ids[:1]}))
	l.terminate(ids[1])
	l.clock.Advance(3 * time.Minute)
	check(t, "both replaced", l.warm("workers"), "Warmed:Running 2")
	for _, id := range ids {
		check(t, id, l.stateOf(id), types.InstanceStateNameTerminated)
	}
}

// TestWarmPoolEnds with hooks, by force, and with its group.
func TestWarmPoolEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*lab){
		"deleted": func(l *lab) {
			t := l.t
			must[*autoscaling.DeleteWarmPoolOutput](l)(l.AutoScaling().DeleteWarmPool(ctx(), &autoscaling.DeleteWarmPoolInput{AutoScalingGroupName: aws.String("workers")}))
			l.clock.Advance(soon)
			check(t, "hooks run", l.warm("workers"), "Warmed:Terminating:Wait 2")
			check(t, "status", l.pool("workers").WarmPoolConfiguration.Status, asgtypes.WarmPoolStatusPendingDelete)
			refused(l.t, l.putPool("workers", prepared(3)), "ValidationError")
			l.reopen()
			l.clock.Advance(2 * time.Minute)
		},
		"by force": func(l *lab) {
			t := l.t
			must[*autoscaling.DeleteWarmPoolOutput](l)(l.AutoScaling().DeleteWarmPool(ctx(), &autoscaling.DeleteWarmPoolInput{AutoScalingGroupName: aws.String("workers"), ForceDelete: aws.Bool(true)}))
			check(t, "no hooks run", l.warm("workers"), "Warmed:Terminating 2")
		},
		"with the group": func(l *lab) {
			_, err := l.AutoScaling().DeleteAutoScalingGroup(ctx(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("workers")})
			refused(l.t, err, "ResourceInUse")
			must[*autoscaling.DeleteAutoScalingGroupOutput](l)(l.AutoScaling().DeleteAutoScalingGroup(ctx(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("workers"), ForceDelete: aws.Bool(true)}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t, onDisk(t)).withNodes("m5.large")
			in := l.groupInput("workers", 0, 0, 2)
			in.LifecycleHookSpecificationList = []asgtypes.LifecycleHookSpecification{hook("down", terminating, "CONTINUE", 60)}
			l.createGroup(in)
			refused(t, l.putPool("workers", func(*warmPool) {}), "")
			l.clock.Advance(time.Minute)
			ids := l.warmIDs("workers")
			check(t, "in the pool", len(ids), 2)
			end(l)
			l.clock.Advance(2 * time.Minute)
			for _, id := range ids {
				check(t, id, l.stateOf(id), types.InstanceStateNameTerminated)
			}
			if l.hasGroup("workers") {
				check(t, "no pool is left", l.pool("workers").WarmPoolConfiguration == nil && len(l.warmIDs("workers")) == 0, true)
			}
		})
	}
}

func TestWarmPoolsRefused(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 0, 2))
	l.createGroup(l.mixedInput("spot", 0, 0, 50, "m5.large"))
	for name, c := range map[string]struct {
		group  string
		change func(*warmPool)
		text   string
	}{
		"group":     {"none", func(*warmPool) {}, "not found"},
		"Spot":      {"spot", func(*warmPool) {}, "Spot Instances"},
		"min":       {"workers", func(in *warmPool) { in.MinSize = aws.Int32(-1) }, "minSize"},
		"prepared":  {"workers", prepared(-2), "maxGroupPreparedCapacity"},
		"too few":   {"workers", func(in *warmPool) { in.MinSize, in.MaxGroupPreparedCapacity = aws.Int32(3), aws.Int32(2) }, "MaxGroupPreparedCapacity, 2"},
		"state":     {"workers", func(in *warmPool) { in.PoolState = "Cold" }, "Invalid warm pool state: Cold"},
		"hibernate": {"workers", func(in *warmPool) { in.PoolState = asgtypes.WarmPoolStateHibernated }, "Hibernated"},
	} {
		says(t, name, l.putPool(c.group, c.change), "ValidationError", c.text)
	}
	_, err := l.AutoScaling().DeleteWarmPool(ctx(), &autoscaling.DeleteWarmPoolInput{AutoScalingGroupName: aws.String("workers")})
	says(t, "no pool", err, "ValidationError", "No warm pool found")
	refused(t, l.putPool("workers", prepared(2)), "")
	_, err = l.AutoScaling().UpdateAutoScalingGroup(ctx(), &autoscaling.UpdateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("workers"), MixedInstancesPolicy: l.mixedInput("", 0, 0, 0, "m5.large").MixedInstancesPolicy})
	says(t, "Spot later", err, "ValidationError", "Spot Instances")
}
