package region_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

const (
	launching   = "autoscaling:EC2_INSTANCE_LAUNCHING"
	terminating = "autoscaling:EC2_INSTANCE_TERMINATING"
)

func hook(name, transition, result string, seconds int32) asgtypes.LifecycleHookSpecification {
	return asgtypes.LifecycleHookSpecification{LifecycleHookName: &name, LifecycleTransition: &transition, DefaultResult: &result, HeartbeatTimeout: &seconds}
}

// hooked makes a group of one instance with hooks.
func (l *lab) hooked(hooks ...asgtypes.LifecycleHookSpecification) {
	l.t.Helper()
	in := l.groupInput("workers", 0, 1, 2)
	in.LifecycleHookSpecificationList = hooks
	l.createGroup(in)
	l.clock.Advance(20 * time.Second)
}

func (l *lab) complete(hook, id, result string) error {
	_, err := l.AutoScaling().CompleteLifecycleAction(ctx(), &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName: aws.String("workers"), LifecycleHookName: &hook, InstanceId: &id, LifecycleActionResult: &result,
	})
	return err
}

func TestLaunchWaitsForItsHooks(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	l.hooked(hook("one", launching, "ABANDON", 300), hook("two", launching, "ABANDON", 300))
	check(t, "state", l.states("workers"), "Pending:Wait 1")
	check(t, "activity", l.activities("workers")[0].StatusCode, asgtypes.ScalingActivityStatusCodeMidLifecycleAction)
	l.reopen()
	id := l.memberIDs("workers", asgtypes.LifecycleStatePendingWait)[0]
	refused(t, l.complete("three", id, "CONTINUE"), "ValidationError")
	refused(t, l.complete("one", id, "PERHAPS"), "ValidationError")
	refused(t, l.complete("one", "i-0123456789abcdef0", "CONTINUE"), "ValidationError")
	refused(t, l.complete("one", id, "CONTINUE"), "")
	refused(t, l.complete("one", id, "CONTINUE"), "ValidationError")
	l.clock.Advance(5 * time.Second)
	check(t, "state", l.states("workers"), "Pending:Wait 1")
	refused(t, l.complete("two", id, "CONTINUE"), "")
	l.clock.Advance(1500 * time.Millisecond)
	check(t, "state", l.states("workers"), "Pending:Proceed 1")
	l.clock.Advance(5 * time.Second)
	check(t, "state", l.states("workers"), "InService 1")
	check(t, "activity", l.activities("workers")[0].StatusCode, asgtypes.ScalingActivityStatusCodeSuccessful)
}

func TestAbandonedLaunchIsReplaced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		give func(*lab, string)
		why  string
	}{
		"completed": {func(l *lab, id string) { refused(l.t, l.complete("up", id, "ABANDON"), "") }, "Lifecycle Action Completed with ABANDON Result"},
		"timed out": {func(l *lab, _ string) { l.clock.Advance(60 * time.Second) }, "Heartbeat Timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t).withNodes("m5.large")
			l.hooked(hook("up", launching, "ABANDON", 60))
			id := l.memberIDs("workers", asgtypes.LifecycleStatePendingWait)[0]
			c.give(l, id)
			l.clock.Advance(5 * time.Second)
			var text string
			for _, a := range l.activities("workers") {
				if a.StatusCode == asgtypes.ScalingActivityStatusCodeCancelled {
					text = *a.StatusMessage
				}
			}
			check(t, "message "+text, strings.HasPrefix(text, "Lifecycle Action with token ") && strings.HasSuffix(text, " was abandoned: "+c.why), true)
			l.clock.Advance(45 * time.Second)
			check(t, "the abandoned one", string(l.stateOf(id)), "terminated")
			check(t, "another waits", l.states("workers"), "Pending:Wait 1")
		})
	}
}

func TestTerminationWaitsForItsHook(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	l.hooked(hook("down", terminating, "CONTINUE", 60))
	id := l.memberIDs("workers", asgtypes.LifecycleStateInService)[0]
	l.setDesired("workers", 0)
	l.clock.Advance(50 * time.Second)
	check(t, "state", l.states("workers"), "Terminating:Wait 1")
	check(t, "instance", string(l.stateOf(id)), "running")
	heartbeat := &autoscaling.RecordLifecycleActionHeartbeatInput{AutoScalingGroupName: aws.String("workers"), LifecycleHookName: aws.String("down"), InstanceId: &id}
	must[*autoscaling.RecordLifecycleActionHeartbeatOutput](l)(l.AutoScaling().RecordLifecycleActionHeartbeat(ctx(), heartbeat))
	l.reopen()
	l.clock.Advance(50 * time.Second)
	check(t, "state", l.states("workers"), "Terminating:Wait 1")
	l.clock.Advance(15 * time.Second)
	check(t, "state", l.states("workers"), "Terminating:Proceed 1")
	check(t, "instance", string(l.stateOf(id)), "shutting-down")
	l.clock.Advance(time.Minute)
	check(t, "state", l.states("workers"), "")
	_, err := l.AutoScaling().RecordLifecycleActionHeartbeat(ctx(), heartbeat)
	refused(t, err, "ValidationError")
}

// TestHeartbeatsEnd: an action lasts a hundred timeouts at most.
func TestHeartbeatsEnd(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.hooked(hook("down", terminating, "CONTINUE", 30))
	id := l.memberIDs("workers", asgtypes.LifecycleStateInService)[0]
	l.setDesired("workers", 0)
	l.clock.Advance(10 * time.Second)
	beats := 0
	for ; l.states("workers") == "Terminating:Wait 1"; beats++ {
		_, err := l.AutoScaling().RecordLifecycleActionHeartbeat(ctx(), &autoscaling.RecordLifecycleActionHeartbeatInput{
			AutoScalingGroupName: aws.String("workers"), LifecycleHookName: aws.String("down"), InstanceId: &id})
		refused(t, err, "")
		l.clock.Advance(20 * time.Second)
	}
	if beats < 140 || beats > 151 {
		t.Errorf("%d heartbeats of 20 s kept a hook of 30 s going", beats)
	}
}

func TestHookThatGoesLetsInstancesGoOn(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.hooked(hook("up", launching, "ABANDON", 7200))
	must[*autoscaling.DeleteLifecycleHookOutput](l)(l.AutoScaling().DeleteLifecycleHook(ctx(), &autoscaling.DeleteLifecycleHookInput{AutoScalingGroupName: aws.String("workers"), LifecycleHookName: aws.String("up")}))
	l.clock.Advance(10 * time.Second)
	check(t, "state", l.states("workers"), "InService 1")
	hooks := must[*autoscaling.DescribeLifecycleHooksOutput](l)(l.AutoScaling().DescribeLifecycleHooks(ctx(), &autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: aws.String("workers")}))
	check(t, "hooks", len(hooks.LifecycleHooks), 0)
}

// TestForcedDeletionWaitsForNobody: hooks do not run for it, and those that do
// are over.
func TestForcedDeletionWaitsForNobody(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.hooked(hook("down", terminating, "CONTINUE", 7200))
	l.setDesired("workers", 2)
	l.clock.Advance(soon)
	l.setDesired("workers", 1)
	l.clock.Advance(soon)
	check(t, "states", l.states("workers"), "InService 1, Terminating:Wait 1")
	must[*autoscaling.DeleteAutoScalingGroupOutput](l)(l.AutoScaling().DeleteAutoScalingGroup(ctx(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("workers"), ForceDelete: aws.Bool(true)}))
	l.clock.Advance(time.Minute)
	check(t, "group", l.hasGroup("workers"), false)
}
