package region_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region"
)

// machineOf is an instance as the software on it sees it now.
func (l *lab) machineOf(id string) (found machine.Machine) {
	l.t.Helper()
	stop := l.Watch(func(m machine.Machine) {
		if m.ID == id {
			found = m
		}
	})
	stop()
	if found.ID == "" {
		l.t.Fatalf("nobody is told of instance %s", id)
	}
	return found
}

func TestModifyInstanceMetadataOptions(t *testing.T) {
	t.Parallel()
	l := open(t)
	id := l.run(1)[0]
	if before := l.machineOf(id).Metadata; before != (machine.MetadataOptions{TokensRequired: true, HopLimit: 2}) {
		t.Errorf("at first %+v", before)
	}
	out := must[*ec2.ModifyInstanceMetadataOptionsOutput](l)(l.ModifyInstanceMetadataOptions(ctx(), &ec2.ModifyInstanceMetadataOptionsInput{
		InstanceId: &id, HttpTokens: types.HttpTokensStateOptional, InstanceMetadataTags: types.InstanceMetadataTagsStateEnabled, HttpPutResponseHopLimit: aws.Int32(1),
	}))
	if o := out.InstanceMetadataOptions; *out.InstanceId != id || o.State != "pending" || o.HttpTokens != "optional" || o.HttpEndpoint != "enabled" || *o.HttpPutResponseHopLimit != 1 {
		t.Errorf("answered %+v", o)
	}
	if after := l.machineOf(id).Metadata; after != (machine.MetadataOptions{Tags: true, HopLimit: 1}) {
		t.Errorf("then %+v", after)
	}
	if o := l.instance(id).MetadataOptions; o.State != "applied" || o.InstanceMetadataTags != "enabled" {
		t.Errorf("described as %+v", o)
	}
	for code, in := range map[string]*ec2.ModifyInstanceMetadataOptionsInput{
		"InvalidInstanceID.NotFound": {InstanceId: aws.String("i-0123456789abcdef0")},
		"MissingParameter":           {},
		"InvalidParameterValue":      {InstanceId: &id, HttpPutResponseHopLimit: aws.Int32(65)},
		"DryRunOperation":            {InstanceId: &id, DryRun: aws.Bool(true), HttpEndpoint: types.InstanceMetadataEndpointStateDisabled},
	} {
		_, err := l.ModifyInstanceMetadataOptions(ctx(), in)
		refused(t, err, code)
	}
	if l.machineOf(id).Metadata.Disabled {
		t.Error("a dry run turned the service off")
	}
}

// TestAMachineKnowsWhereItsGroupMovesIt: as long as it has a group; who watches
// is told of the change.
func TestAMachineKnowsWhereItsGroupMovesIt(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	if target := l.machineOf(l.run(1)[0]).Notices.TargetLifecycle; target != "" {
		t.Errorf("without a group: %q", target)
	}
	l.hooked(hook("last", terminating, "CONTINUE", 300))
	id := l.memberIDs("workers", asgtypes.LifecycleStateInService)[0]
	check(t, "target", l.machineOf(id).Notices.TargetLifecycle, "InService")
	told := make(chan string, 100)
	stop := l.Watch(func(m machine.Machine) {
		if m.ID == id {
			told <- m.Notices.TargetLifecycle
		}
	})
	defer stop()
	check(t, "told first", <-told, "InService")
	_, err := l.AutoScaling().TerminateInstanceInAutoScalingGroup(ctx(), &autoscaling.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: &id, ShouldDecrementDesiredCapacity: aws.Bool(true),
	})
	refused(t, err, "")
	l.clock.Advance(5 * time.Second)
	check(t, "state", l.states("workers"), "Terminating:Wait 1")
	check(t, "target", l.machineOf(id).Notices.TargetLifecycle, "Terminated")
	check(t, "told then", <-told, "Terminated")
}

// TestAMachineKnowsItsNetworkAndRole: what its metadata service shows is what EC2
// describes.
func TestAMachineKnowsItsNetworkAndRole(t *testing.T) {
	t.Parallel()
	l := open(t, func(o *region.Options) { o.BaseNodes = 1 })
	out := must[*ec2.DescribeInstancesOutput](l)(l.DescribeInstances(ctx(), &ec2.DescribeInstancesInput{}))
	i := out.Reservations[0].Instances[0]
	m, n := l.machineOf(*i.InstanceId), i.NetworkInterfaces[0]
	check(t, "account", m.Account, account)
	check(t, "reservation", m.Launch.Reservation, *out.Reservations[0].ReservationId)
	check(t, "profile", m.Profile, machine.Profile{ARN: *i.IamInstanceProfile.Arn, ID: *i.IamInstanceProfile.Id})
	check(t, "interface", m.Network.InterfaceID+" "+m.Network.MAC+" "+m.Network.SubnetID+" "+m.Network.VPCID,
		*n.NetworkInterfaceId+" "+*n.MacAddress+" "+*n.SubnetId+" "+*n.VpcId)
	check(t, "security groups", len(m.Network.SecurityGroups), len(i.SecurityGroups))
	check(t, "volumes", m.Launch.Devices[0], *i.RootDeviceName)
}

// TestCredentialsOfAMachine: a session of its role, if that trusts EC2.
func TestCredentialsOfAMachine(t *testing.T) {
	t.Parallel()
	l := open(t, func(o *region.Options) { o.BaseNodes = 1 })
	out := must[*ec2.DescribeInstancesOutput](l)(l.DescribeInstances(ctx(), &ec2.DescribeInstancesInput{}))
	id := *out.Reservations[0].Instances[0].InstanceId
	c, err := l.Credentials(id)
	if err != nil || c.Expires.Sub(c.Updated) != 6*time.Hour {
		t.Fatalf("%+v, %v", c, err)
	}
	session, expired, found := l.Session(c.AccessKeyID)
	if !found || expired || session.Secret != c.Secret || session.Token != c.Token || session.Name != id {
		t.Errorf("session %+v, expired %t, found %t", session, expired, found)
	}
	if _, err := l.Credentials("i-0123456789abcdef0"); err == nil {
		t.Error("an instance that there is not has credentials")
	}
	if _, err := l.Credentials(l.run(1)[0]); err == nil {
		t.Error("an instance without a profile has credentials")
	}
	role := l.machineOf(id).RoleARN
	name := role[strings.LastIndex(role, "/")+1:]
	must[*iam.UpdateAssumeRolePolicyOutput](l)(l.IAM().UpdateAssumeRolePolicy(ctx(), &iam.UpdateAssumeRolePolicyInput{RoleName: &name, PolicyDocument: aws.String(accountTrust)}))
	if _, err := l.Credentials(id); !errors.Is(err, machine.ErrRoleRefusesEC2) {
		t.Errorf("a role that does not trust EC2: %v", err)
	}
}
