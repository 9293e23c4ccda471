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

// inOneZone makes a group that grew by one instance in a zone at a time, and
// gives the instances, the oldest first.
func (l *lab) inOneZone(count int, policies ...string) (ids []string) {
	l.t.Helper()
	in := l.groupInput("workers", 0, 0, 10)
	in.VPCZoneIdentifier = aws.String(l.subnets()[0])
	in.TerminationPolicies = policies
	l.createGroup(in)
	for n := 1; n <= count; n++ {
		l.setDesired("workers", int32(n))
		l.clock.Advance(10 * time.Minute)
		for _, id := range l.memberIDs("workers", asgtypes.LifecycleStateInService) {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// scaledIn ends one instance and gives its place among ids.
func (l *lab) scaledIn(ids []string) int {
	l.t.Helper()
	before := l.memberIDs("workers", asgtypes.LifecycleStateInService)
	l.setDesired("workers", int32(len(before)-1))
	l.clock.Advance(2 * time.Minute)
	left := l.memberIDs("workers", asgtypes.LifecycleStateInService)
	return slices.IndexFunc(ids, func(id string) bool { return slices.Contains(before, id) && !slices.Contains(left, id) })
}

func TestTerminationPolicies(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]int{"OldestInstance": 0, "NewestInstance": 3, "ClosestToNextInstanceHour": 0} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			l := open(t).withNodes("m5.large")
			check(t, "ended", l.scaledIn(l.inOneZone(4, policy)), want)
		})
	}
}

func TestOldestTemplateGoesFirst(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"OldestLaunchTemplate", "Default"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			l := open(t).withNodes("m5.large")
			ids := l.inOneZone(2, policy)
			must[*ec2.CreateLaunchTemplateVersionOutput](l)(l.CreateLaunchTemplateVersion(ctx(), &ec2.CreateLaunchTemplateVersionInput{
				LaunchTemplateName: aws.String("nodes"), SourceVersion: aws.String("1"), LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: "c5.large"},
			}))
			l.setDesired("workers", 4)
			l.clock.Advance(time.Minute)
			check(t, "types", l.kinds("workers", typeOf), "c5.large 2, m5.large 2")
			first := l.scaledIn(ids)
			second := l.scaledIn(ids)
			check(t, "both old ones ended", first >= 0 && second >= 0 && first != second, true)
			check(t, "types", l.kinds("workers", typeOf), "c5.large 2")
		})
	}
}

func TestOldestConfigurationGoesFirst(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	for _, name := range []string{"one", "two"} {
		must[*autoscaling.CreateLaunchConfigurationOutput](l)(l.AutoScaling().CreateLaunchConfiguration(ctx(), &autoscaling.CreateLaunchConfigurationInput{
			LaunchConfigurationName: aws.String(name), ImageId: aws.String(l.imageOf("x86_64")), InstanceType: aws.String("c5.large"), UserData: aws.String("aGVsbG8="),
		}))
		l.clock.Advance(time.Minute)
	}
	ids := l.inOneZone(1)
	for n, name := range []string{"two", "one"} {
		l.updateGroup(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("workers"), LaunchConfigurationName: aws.String(name), DesiredCapacity: aws.Int32(int32(n + 2))})
		l.clock.Advance(time.Minute)
		for _, id := range l.memberIDs("workers", asgtypes.LifecycleStateInService) {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	check(t, "user data", string(l.machine(ids[2]).UserData), "hello")
	_, err := l.AutoScaling().DeleteLaunchConfiguration(ctx(), &autoscaling.DeleteLaunchConfigurationInput{LaunchConfigurationName: aws.String("one")})
	refused(t, err, "ResourceInUse")
	check(t, "ended first", l.scaledIn(ids), 2)
	check(t, "ended next", l.scaledIn(ids), 1)
	check(t, "left", l.kinds("workers", typeOf), "m5.large 1")
}

func TestProtectedInstancesStay(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	ids := l.inOneZone(3, "OldestInstance")
	must[*autoscaling.SetInstanceProtectionOutput](l)(l.AutoScaling().SetInstanceProtection(ctx(), &autoscaling.SetInstanceProtectionInput{
		AutoScalingGroupName: aws.String("workers"), InstanceIds: ids[:2], ProtectedFromScaleIn: aws.Bool(true),
	}))
	check(t, "ended", l.scaledIn(ids), 2)
	check(t, "ended", l.scaledIn(ids), -1)
	told := l.activities("workers")[0]
	check(t, "message", *told.StatusMessage, "Could not scale to desired capacity because all remaining instances are protected from scale in.")
	check(t, "status", told.StatusCode, asgtypes.ScalingActivityStatusCodeCancelled)
	n := len(l.activities("workers"))
	l.clock.Advance(time.Hour)
	check(t, "activities", len(l.activities("workers")), n)
	// Protection does not keep what is not healthy.
	l.terminate(ids[0])
	l.clock.Advance(3 * time.Minute)
	check(t, "gone", slices.Contains(l.memberIDs("workers", asgtypes.LifecycleStateInService), ids[0]), false)
}

func TestZonesAreBalanced(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.limit("m5.large", "a", "on-demand", 0)
	l.createGroup(l.groupInput("workers", 0, 6, 6))
	l.clock.Advance(time.Minute)
	check(t, "zones", l.kinds("workers", zoneOf), "b 3, c 3")
	l.limit("m5.large", "a", "on-demand", 10)
	most := 0
	for range 60 {
		l.clock.Advance(time.Minute)
		most = max(most, len(l.memberIDs("workers", asgtypes.LifecycleStateInService)))
	}
	check(t, "zones", l.kinds("workers", zoneOf), "a 2, b 2, c 2")
	if most > 7 {
		t.Errorf("%d instances at once", most)
	}
	balanced := slices.ContainsFunc(l.activities("workers"), func(a asgtypes.Activity) bool {
		return strings.HasSuffix(*a.Cause, "instances were launched to balance instances in zones us-west-2a with other zones resulting in more than desired number of instances in the group.")
	})
	check(t, "cause", balanced, true)
	l.updateGroup(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("workers"), VPCZoneIdentifier: aws.String(strings.Join(l.subnets()[1:], ","))})
	l.clock.Advance(time.Hour)
	check(t, "zones", l.kinds("workers", zoneOf), "b 3, c 3")
}

func TestSuspendedProcessesDoNotRun(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 2, 9))
	l.clock.Advance(soon)
	suspend := func(names ...string) {
		must[*autoscaling.SuspendProcessesOutput](l)(l.AutoScaling().SuspendProcesses(ctx(), &autoscaling.SuspendProcessesInput{AutoScalingGroupName: aws.String("workers"), ScalingProcesses: names}))
	}
	resume := func(names ...string) {
		must[*autoscaling.ResumeProcessesOutput](l)(l.AutoScaling().ResumeProcesses(ctx(), &autoscaling.ResumeProcessesInput{AutoScalingGroupName: aws.String("workers"), ScalingProcesses: names}))
	}
	suspend("Launch")
	check(t, "reason", *l.group("workers").SuspendedProcesses[0].SuspensionReason, "User suspended at 2026-11-24T08:00:30Z")
	l.setDesired("workers", 3)
	l.clock.Advance(time.Minute)
	check(t, "without Launch", l.states("workers"), "InService 2")
	resume("Launch")
	l.clock.Advance(time.Minute)
	check(t, "with Launch", l.states("workers"), "InService 3")
	suspend("Terminate")
	l.setDesired("workers", 1)
	l.clock.Advance(time.Minute)
	check(t, "without Terminate", l.states("workers"), "InService 3")
	resume()
	l.clock.Advance(2 * time.Minute)
	check(t, "with Terminate", l.states("workers"), "InService 1")
	suspend("ReplaceUnhealthy")
	l.terminate(l.memberIDs("workers", asgtypes.LifecycleStateInService)[0])
	l.clock.Advance(2 * time.Minute)
	check(t, "health", *l.group("workers").Instances[0].HealthStatus, "Unhealthy")
	resume("ReplaceUnhealthy")
	l.clock.Advance(2 * time.Minute)
	check(t, "health", *l.group("workers").Instances[0].HealthStatus, "Healthy")
}
