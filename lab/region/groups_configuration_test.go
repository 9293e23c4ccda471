package region_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
)

func (l *lab) configuration() *autoscaling.CreateLaunchConfigurationInput {
	l.t.Helper()
	return &autoscaling.CreateLaunchConfigurationInput{
		LaunchConfigurationName: aws.String("old"), ImageId: aws.String(l.imageOf("x86_64")), InstanceType: aws.String("c5.large"), UserData: aws.String("aGVsbG8="),
		AssociatePublicIpAddress: aws.Bool(true), EbsOptimized: aws.Bool(true), SpotPrice: aws.String("1.00"),
		IamInstanceProfile:  aws.String("arn:aws:iam::" + account + ":instance-profile/KarpenterNodeInstanceProfile-" + clusterName),
		InstanceMonitoring:  &asgtypes.InstanceMonitoring{Enabled: aws.Bool(false)},
		MetadataOptions:     &asgtypes.InstanceMetadataOptions{HttpTokens: "required", HttpPutResponseHopLimit: aws.Int32(3)},
		BlockDeviceMappings: []asgtypes.BlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &asgtypes.Ebs{VolumeSize: aws.Int32(50), VolumeType: aws.String("gp3")}}},
	}
}

func TestGroupOfALaunchConfiguration(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	must[*autoscaling.CreateLaunchConfigurationOutput](l)(l.AutoScaling().CreateLaunchConfiguration(ctx(), l.configuration()))
	l.reopen()
	in := l.groupInput("workers", 0, 1, 1)
	in.LaunchTemplate, in.LaunchConfigurationName = nil, aws.String("old")
	l.createGroup(in)
	l.clock.Advance(soon)
	member := l.group("workers").Instances[0]
	check(t, "configuration of the instance", *member.LaunchConfigurationName, "old")
	i := l.instance(*member.InstanceId)
	check(t, "type", i.InstanceType, types.InstanceTypeC5Large)
	check(t, "lifecycle", i.InstanceLifecycle, types.InstanceLifecycleTypeSpot)
	check(t, "public address", aws.ToString(i.PublicIpAddress) != "", true)
	check(t, "profile", strings.HasSuffix(*i.IamInstanceProfile.Arn, "/KarpenterNodeInstanceProfile-"+clusterName), true)
	check(t, "tokens", i.MetadataOptions.HttpTokens, types.HttpTokensStateRequired)
	check(t, "root volume", l.machine(*member.InstanceId).RootVolumeGiB, 50)
	check(t, "user data", string(l.machine(*member.InstanceId).UserData), "hello")
	described := must[*autoscaling.DescribeLaunchConfigurationsOutput](l)(l.AutoScaling().DescribeLaunchConfigurations(ctx(), &autoscaling.DescribeLaunchConfigurationsInput{}))
	check(t, "name", *described.LaunchConfigurations[0].LaunchConfigurationName, "old")
	check(t, "volume", *described.LaunchConfigurations[0].BlockDeviceMappings[0].Ebs.VolumeSize, 50)
}

// refusedWith checks code and text of an error.
func refusedWith(t *testing.T, what string, err error, code, text string) {
	t.Helper()
	var coded *awserr.Error
	if !errors.As(err, &coded) || coded.Code != code || !strings.Contains(coded.Message, text) {
		t.Errorf("%s: %v, want %s %q", what, err, code, text)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	l := open(t)
	for name, c := range map[string]struct {
		change func(*autoscaling.CreateLaunchConfigurationInput)
		text   string
	}{
		"no type":            {func(in *autoscaling.CreateLaunchConfigurationInput) { in.InstanceType = nil }, "both the ImageId and InstanceType parameters"},
		"unknown image":      {func(in *autoscaling.CreateLaunchConfigurationInput) { in.ImageId = aws.String("ami-0123") }, "The image id '[ami-0123]' does not exist"},
		"other architecture": {func(in *autoscaling.CreateLaunchConfigurationInput) { in.InstanceType = aws.String("m6g.large") }, "does not match the architecture"},
		"user data":          {func(in *autoscaling.CreateLaunchConfigurationInput) { in.UserData = aws.String("#!") }, "it must be base64"},
		"kernel":             {func(in *autoscaling.CreateLaunchConfigurationInput) { in.KernelId = aws.String("aki-1") }, "KernelId is not supported"},
		"virtual disk": {func(in *autoscaling.CreateLaunchConfigurationInput) {
			in.BlockDeviceMappings[0].VirtualName = aws.String("ephemeral0")
		}, "VirtualName is not supported"},
		"snapshot": {func(in *autoscaling.CreateLaunchConfigurationInput) {
			in.BlockDeviceMappings[0].Ebs.SnapshotId = aws.String("snap-1")
		}, "SnapshotId is not supported"},
	} {
		in := l.configuration()
		c.change(in)
		_, err := l.AutoScaling().CreateLaunchConfiguration(ctx(), in)
		refusedWith(t, name, err, "ValidationError", c.text)
	}
	must[*autoscaling.CreateLaunchConfigurationOutput](l)(l.AutoScaling().CreateLaunchConfiguration(ctx(), l.configuration()))
	_, err := l.AutoScaling().CreateLaunchConfiguration(ctx(), l.configuration())
	refusedWith(t, "the same again", err, "AlreadyExists", "A launch configuration already exists with the name old")
	_, err = l.AutoScaling().DeleteLaunchConfiguration(ctx(), &autoscaling.DeleteLaunchConfigurationInput{LaunchConfigurationName: aws.String("none")})
	refusedWith(t, "none", err, "ValidationError", "A launch configuration with the name: none does not exist")
}

func TestHooksAndTagsThatAreRefused(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 0, 1))
	for name, c := range map[string]struct {
		change func(*autoscaling.PutLifecycleHookInput)
		text   string
	}{
		"name":       {func(in *autoscaling.PutLifecycleHookInput) { in.LifecycleHookName = aws.String("a b") }, "regular expression pattern"},
		"transition": {func(in *autoscaling.PutLifecycleHookInput) { in.LifecycleTransition = aws.String("up") }, "Lifecycle transition 'up' is not valid"},
		"result":     {func(in *autoscaling.PutLifecycleHookInput) { in.DefaultResult = aws.String("STOP") }, "Default result 'STOP' is not valid"},
		"timeout":    {func(in *autoscaling.PutLifecycleHookInput) { in.HeartbeatTimeout = aws.Int32(29) }, "between 30 and 7200 seconds, not 29"},
		"target": {func(in *autoscaling.PutLifecycleHookInput) {
			in.NotificationTargetARN, in.RoleARN = aws.String("arn:aws:sqs:us-west-2:1:q"), aws.String("arn:role")
		}, "Unable to publish test message to notification target arn:aws:sqs:us-west-2:1:q using IAM role arn:role."},
	} {
		in := &autoscaling.PutLifecycleHookInput{AutoScalingGroupName: aws.String("workers"), LifecycleHookName: aws.String("up"), LifecycleTransition: aws.String(launching)}
		c.change(in)
		_, err := l.AutoScaling().PutLifecycleHook(ctx(), in)
		refusedWith(t, name, err, "ValidationError", c.text)
	}
	for name, tag := range map[string]asgtypes.Tag{
		"must not be empty": groupTag("", ""), "less than or equal to 128": groupTag(strings.Repeat("k", 129), ""), "less than or equal to 256": groupTag("k", strings.Repeat("v", 257)),
		"Invalid resource type: instance": {Key: aws.String("k"), ResourceType: aws.String("instance")},
	} {
		tag.ResourceId = aws.String("workers")
		_, err := l.AutoScaling().CreateOrUpdateTags(ctx(), &autoscaling.CreateOrUpdateTagsInput{Tags: []asgtypes.Tag{tag}})
		refusedWith(t, "tag", err, "ValidationError", name)
	}
}

// TestLaunchThatIsLost: an instance that ends before it serves is a failed
// activity, and another comes.
func TestLaunchThatIsLost(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 1, 1))
	l.clock.Advance(5 * time.Second)
	id := l.memberIDs("workers", asgtypes.LifecycleStatePending)[0]
	l.terminate(id)
	l.clock.Advance(soon)
	check(t, "state", l.states("workers"), "InService 1")
	all := l.activities("workers")
	lost := all[len(all)-1]
	check(t, "status", lost.StatusCode, asgtypes.ScalingActivityStatusCodeFailed)
	check(t, "message", *lost.StatusMessage, "Instance became unhealthy while waiting for instance to be in InService state. "+
		"Termination Reason: Client.UserInitiatedShutdown: User initiated shutdown")
	check(t, "another", l.memberIDs("workers", asgtypes.LifecycleStateInService)[0] != id, true)
}

// TestZonesWithoutSubnets: a region without a default VPC needs subnets, which
// may be named in the template.
func TestZonesWithoutSubnets(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	in := l.groupInput("workers", 0, 0, 1)
	in.VPCZoneIdentifier, in.AvailabilityZones = nil, []string{"us-west-2a"}
	_, err := l.AutoScaling().CreateAutoScalingGroup(ctx(), in)
	refusedWith(t, "no default VPC", err, "ValidationError", "No default VPC for this user")
	in.AvailabilityZones = []string{"us-west-2z"}
	_, err = l.AutoScaling().CreateAutoScalingGroup(ctx(), in)
	refusedWith(t, "unknown zone", err, "ValidationError", "us-west-2z")
}
