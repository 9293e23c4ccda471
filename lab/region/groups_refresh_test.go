package region_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func (l *lab) startRefresh(preferences asgtypes.RefreshPreferences) error {
	_, err := l.AutoScaling().StartInstanceRefresh(ctx(), &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("workers"), Preferences: &preferences})
	return err
}

func (l *lab) lastRefresh() asgtypes.InstanceRefresh {
	l.t.Helper()
	return must[*autoscaling.DescribeInstanceRefreshesOutput](l)(l.AutoScaling().DescribeInstanceRefreshes(ctx(), &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("workers")})).InstanceRefreshes[0]
}

func TestRefreshReplacesEverything(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 4, 4))
	l.clock.Advance(soon)
	first := l.memberIDs("workers", asgtypes.LifecycleStateInService)
	must[*ec2.CreateLaunchTemplateVersionOutput](l)(l.CreateLaunchTemplateVersion(ctx(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateName: aws.String("nodes"), SourceVersion: aws.String("1"), LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: "c5.large"},
	}))
	refused(t, l.startRefresh(asgtypes.RefreshPreferences{MinHealthyPercentage: aws.Int32(50), InstanceWarmup: aws.Int32(30), SkipMatching: aws.Bool(true)}), "")
	refused(t, l.startRefresh(asgtypes.RefreshPreferences{}), "InstanceRefreshInProgress")
	fewest := 4
	for range 30 {
		l.clock.Advance(5 * time.Second)
		fewest = min(fewest, len(l.memberIDs("workers", asgtypes.LifecycleStateInService)))
	}
	l.reopen()
	l.clock.Advance(5 * time.Minute)
	check(t, "fewest in service", fewest, 2)
	check(t, "types", l.kinds("workers", typeOf), "c5.large 4")
	done := l.lastRefresh()
	check(t, "status", done.Status, asgtypes.InstanceRefreshStatusSuccessful)
	check(t, "percent", *done.PercentageComplete, 100)
	for _, id := range first {
		check(t, id, string(l.stateOf(id)), "terminated")
	}
	again := l.memberIDs("workers", asgtypes.LifecycleStateInService)
	refused(t, l.startRefresh(asgtypes.RefreshPreferences{SkipMatching: aws.Bool(true)}), "")
	l.clock.Advance(5 * time.Minute)
	check(t, "status", l.lastRefresh().Status, asgtypes.InstanceRefreshStatusSuccessful)
	check(t, "what matched stayed", slices.Equal(l.memberIDs("workers", asgtypes.LifecycleStateInService), again), true)
}

func TestRefreshIsCancelledOrFails(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 3, 3))
	l.clock.Advance(soon)
	first := l.memberIDs("workers", asgtypes.LifecycleStateInService)
	refused(t, l.startRefresh(asgtypes.RefreshPreferences{InstanceWarmup: aws.Int32(60)}), "")
	l.clock.Advance(40 * time.Second)
	cancel := func() error {
		_, err := l.AutoScaling().CancelInstanceRefresh(ctx(), &autoscaling.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("workers")})
		return err
	}
	refused(t, cancel(), "")
	refused(t, cancel(), "ActiveInstanceRefreshNotFound")
	l.clock.Advance(10 * time.Minute)
	check(t, "status", l.lastRefresh().Status, asgtypes.InstanceRefreshStatusCancelled)
	stayed := slices.DeleteFunc(l.memberIDs("workers", asgtypes.LifecycleStateInService), func(id string) bool { return !slices.Contains(first, id) })
	check(t, "stayed", len(stayed), 2)
	must[*autoscaling.SetInstanceProtectionOutput](l)(l.AutoScaling().SetInstanceProtection(ctx(), &autoscaling.SetInstanceProtectionInput{
		AutoScalingGroupName: aws.String("workers"), InstanceIds: stayed[:1], ProtectedFromScaleIn: aws.Bool(true)}))
	refused(t, l.startRefresh(asgtypes.RefreshPreferences{}), "")
	l.clock.Advance(30 * time.Minute)
	check(t, "status", l.lastRefresh().Status, asgtypes.InstanceRefreshStatusInProgress)
	check(t, "left", *l.lastRefresh().InstancesToUpdate, 1)
	l.clock.Advance(time.Hour)
	check(t, "status", l.lastRefresh().Status, asgtypes.InstanceRefreshStatusFailed)
	check(t, "the protected one", string(l.stateOf(stayed[0])), "running")
	check(t, "state", l.states("workers"), "InService 3")
}
