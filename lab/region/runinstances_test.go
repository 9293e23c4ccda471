package region_test

import (
	"encoding/base64"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestRunInstancesGivesWhatWasAsked(t *testing.T) {
	t.Parallel()
	l := open(t)
	in := l.runInput(2)
	in.UserData = aws.String(base64.StdEncoding.EncodeToString([]byte("hello")))
	in.BlockDeviceMappings = []types.BlockDeviceMapping{
		{DeviceName: aws.String("/dev/xvda"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(80), VolumeType: "gp3"}},
		{DeviceName: aws.String("/dev/xvdb"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(5)}},
	}
	in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpTokens: "required", HttpPutResponseHopLimit: aws.Int32(1)}
	in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: aws.String("KarpenterNodeInstanceProfile-" + clusterName)}
	in.TagSpecifications = []types.TagSpecification{tagged(types.ResourceTypeInstance, tag("Name", "web"))}
	out := must[*ec2.RunInstancesOutput](l)(l.RunInstances(ctx(), in))
	if len(out.Instances) != 2 || aws.ToString(out.ReservationId) == "" {
		t.Fatalf("%d instances in reservation %q", len(out.Instances), aws.ToString(out.ReservationId))
	}
	i := out.Instances[0]
	if i.InstanceType != "m5.large" || i.Architecture != "x86_64" || *i.SubnetId != *in.SubnetId || *i.Placement.AvailabilityZone != "us-west-2a" ||
		!i.LaunchTime.Equal(start()) || i.InstanceLifecycle != "" || *i.MetadataOptions.HttpPutResponseHopLimit != 1 || len(i.BlockDeviceMappings) != 2 {
		t.Errorf("got %+v", i)
	}
	if arn := aws.ToString(i.IamInstanceProfile.Arn); !strings.HasSuffix(arn, "instance-profile/KarpenterNodeInstanceProfile-"+clusterName) {
		t.Errorf("instance profile %q", arn)
	}
	if *out.Instances[0].AmiLaunchIndex == *out.Instances[1].AmiLaunchIndex || *out.Instances[0].PrivateIpAddress == *out.Instances[1].PrivateIpAddress {
		t.Error("both have the same launch index or address")
	}
	if !strings.HasPrefix(*i.PrivateDnsName, "ip-192-168-") || !strings.HasSuffix(*i.PrivateDnsName, ".us-west-2.compute.internal") {
		t.Errorf("host name %s", *i.PrivateDnsName)
	}
	if described := l.instance(*i.InstanceId); !reflect.DeepEqual(described, i) {
		t.Errorf("RunInstances answered\n%+v, DescribeInstances\n%+v", i, described)
	}
}

func TestRunInstancesThatAreRefused(t *testing.T) {
	t.Parallel()
	type request = ec2.RunInstancesInput
	for name, c := range map[string]struct {
		change func(*lab, *request)
		code   string
	}{
		"no type":           {func(_ *lab, in *request) { in.InstanceType = "" }, "MissingParameter"},
		"unknown type":      {func(_ *lab, in *request) { in.InstanceType = "m5.huge" }, "InvalidParameterValue"},
		"no image":          {func(_ *lab, in *request) { in.ImageId = nil }, "MissingParameter"},
		"unknown image":     {func(_ *lab, in *request) { in.ImageId = aws.String("ami-0123456789abcdef0") }, "InvalidAMIID.NotFound"},
		"malformed image":   {func(_ *lab, in *request) { in.ImageId = aws.String("debian") }, "InvalidAMIID.Malformed"},
		"unknown parameter": {func(_ *lab, in *request) { in.ImageId = aws.String("resolve:ssm:/none") }, "InvalidParameterValue"},
		"arm image":         {func(l *lab, in *request) { in.ImageId = aws.String(l.imageOf("arm64")) }, "InvalidParameterValue"},
		"no subnet":         {func(_ *lab, in *request) { in.SubnetId = nil }, "VPCIdNotSpecified"},
		"unknown subnet":    {func(_ *lab, in *request) { in.SubnetId = aws.String("subnet-0123456789abcdef0") }, "InvalidSubnetID.NotFound"},
		"no count":          {func(_ *lab, in *request) { in.MaxCount = nil }, "MissingParameter"},
		"zero":              {func(_ *lab, in *request) { in.MinCount = aws.Int32(0) }, "InvalidParameterValue"},
		"min over max":      {func(_ *lab, in *request) { in.MinCount = aws.Int32(3) }, "InvalidParameterValue"},
		"key pair":          {func(_ *lab, in *request) { in.KeyName = aws.String("mine") }, "InvalidKeyPair.NotFound"},
		"unknown group":     {func(_ *lab, in *request) { in.SecurityGroupIds = []string{"sg-0123456789abcdef0"} }, "InvalidGroup.NotFound"},
		"unknown profile": {func(_ *lab, in *request) {
			in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: aws.String("none")}
		}, "InvalidParameterValue"},
		"user data": {func(_ *lab, in *request) { in.UserData = aws.String("%") }, "InvalidUserData.Malformed"},
		"long user data": {func(_ *lab, in *request) {
			in.UserData = aws.String(base64.StdEncoding.EncodeToString(make([]byte, 16385)))
		}, "InvalidParameterValue"},
		"small volume": {func(_ *lab, in *request) {
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(1)}}}
		}, "InvalidBlockDeviceMapping"},
		"volume of no size": {func(_ *lab, in *request) {
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/xvdb"), Ebs: &types.EbsBlockDevice{}}}
		}, "MissingParameter"},
		"groups and interfaces": {func(_ *lab, in *request) {
			in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), SubnetId: in.SubnetId}}
			in.SubnetId, in.SecurityGroupIds = nil, []string{"sg-0123456789abcdef0"}
		}, "InvalidParameterCombination"},
		"subnet and interfaces": {func(l *lab, in *request) {
			in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), SubnetId: aws.String(l.subnets()[1])}}
		}, "InvalidParameterCombination"},
		"dedicated":         {func(_ *lab, in *request) { in.Placement = &types.Placement{Tenancy: "dedicated"} }, "UnsupportedOperation"},
		"zone not subnet's": {func(_ *lab, in *request) { in.Placement = &types.Placement{AvailabilityZone: aws.String("us-west-2c")} }, "InvalidParameterValue"},
		"tags of a fleet": {func(_ *lab, in *request) {
			in.TagSpecifications = []types.TagSpecification{tagged(types.ResourceTypeFleet, tag("a", "b"))}
		}, "InvalidParameterValue"},
		"dry run": {func(_ *lab, in *request) { in.DryRun = aws.Bool(true) }, "DryRunOperation"},
		"Spot price": {func(_ *lab, in *request) {
			in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: "spot", SpotOptions: &types.SpotMarketOptions{MaxPrice: aws.String("0.0001")}}
		}, "SpotMaxPriceTooLow"},
		"not sold in the zone": {func(l *lab, in *request) {
			instanceType, zone := l.notOffered()
			in.InstanceType, in.SubnetId = types.InstanceType(instanceType), aws.String(l.subnets()[zoneIndex(zone)])
		}, "Unsupported"},
		"no capacity": {func(l *lab, in *request) {
			l.limit("m5.large", "a", "on-demand", 1)
			in.MinCount = aws.Int32(2)
		}, "InsufficientInstanceCapacity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			in := l.runInput(2)
			c.change(l, in)
			_, err := l.RunInstances(ctx(), in)
			refused(t, err, c.code)
			if n := len(l.instances(&ec2.DescribeInstancesInput{})); n != 0 {
				t.Errorf("%d instances are there all the same", n)
			}
		})
	}
}

func TestRunInstancesBetweenMinAndMax(t *testing.T) {
	t.Parallel()
	l := open(t, quota(8, 0))
	l.limit("m5.large", "a", "on-demand", 3)
	if got := l.run(5); len(got) != 3 {
		t.Errorf("of 1 to 5, with 3 left in the pool, %d were launched", len(got))
	}
	in := l.runInput(5)
	in.SubnetId = aws.String(l.subnets()[1])
	in.MinCount = aws.Int32(2)
	_, err := l.RunInstances(ctx(), in)
	refused(t, err, "VcpuLimitExceeded")
}

func TestRunInstancesIsIdempotent(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	in := l.runInput(2)
	in.ClientToken = aws.String("once")
	first := instanceIDs(must[*ec2.RunInstancesOutput](l)(l.RunInstances(ctx(), in)).Instances)
	l.reopen()
	second := instanceIDs(must[*ec2.RunInstancesOutput](l)(l.RunInstances(ctx(), in)).Instances)
	if !slices.Equal(first, second) || len(first) != 2 || len(l.instances(&ec2.DescribeInstancesInput{})) != 2 {
		t.Errorf("first %v, then %v", first, second)
	}
	in.InstanceType = "m5.xlarge"
	_, err := l.RunInstances(ctx(), in)
	refused(t, err, "IdempotentParameterMismatch")
}

func TestRunInstancesOverTemplate(t *testing.T) {
	t.Parallel()
	l := open(t)
	must[*ec2.CreateLaunchTemplateOutput](l)(l.CreateLaunchTemplate(ctx(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("base"), LaunchTemplateData: &types.RequestLaunchTemplateData{
			ImageId: aws.String(l.imageOf("x86_64")), InstanceType: "m5.large", EbsOptimized: aws.Bool(true),
			TagSpecifications: []types.LaunchTemplateTagSpecificationRequest{
				{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{tag("a", "template"), tag("b", "template")}},
			},
		},
	}))
	out := must[*ec2.RunInstancesOutput](l)(l.RunInstances(ctx(), &ec2.RunInstancesInput{
		LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String("base")},
		MinCount:       aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: aws.String(l.subnets()[2]), InstanceType: "c5.large", EbsOptimized: aws.Bool(false),
		TagSpecifications: []types.TagSpecification{tagged(types.ResourceTypeInstance, tag("b", "call"))},
	}))
	i := out.Instances[0]
	tags := l.tagsOf(*i.InstanceId)
	if i.InstanceType != "c5.large" || *i.EbsOptimized || *i.Placement.AvailabilityZone != "us-west-2c" {
		t.Errorf("%s, EBS optimized %v, in %s", i.InstanceType, *i.EbsOptimized, *i.Placement.AvailabilityZone)
	}
	if tags["a"] != "template" || tags["b"] != "call" || tags["aws:ec2launchtemplate:version"] != "1" {
		t.Errorf("tags %v", tags)
	}
}

func TestRunInstancesByParameter(t *testing.T) {
	t.Parallel()
	l := open(t)
	in := l.runInput(1)
	want := *in.ImageId
	in.ImageId = aws.String("resolve:ssm:/aws/service/eks/optimized-ami/1.37/amazon-linux-2023/x86_64/standard/recommended/image_id")
	out := must[*ec2.RunInstancesOutput](l)(l.RunInstances(ctx(), in))
	if got := *out.Instances[0].ImageId; got != want {
		t.Errorf("image %s, want %s", got, want)
	}
}

func TestPublicSubnetsGivePublicAddresses(t *testing.T) {
	t.Parallel()
	l := open(t)
	public := must[*ec2.DescribeSubnetsOutput](l)(l.DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{
		Filters: []types.Filter{filter("map-public-ip-on-launch", "true")},
	})).Subnets
	in := l.runInput(1)
	in.SubnetId = public[0].SubnetId
	withPublic := must[*ec2.RunInstancesOutput](l)(l.RunInstances(ctx(), in)).Instances[0]
	private := l.instance(l.run(1)[0])
	if withPublic.PublicIpAddress == nil || private.PublicIpAddress != nil {
		t.Errorf("public subnet: %s, private subnet: %s", aws.ToString(withPublic.PublicIpAddress), aws.ToString(private.PublicIpAddress))
	}
}

func TestConsoleOutput(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	id := l.run(1)[0]
	l.WriteConsole(id, "Linux version 6.12")
	l.WriteConsole("i-0123456789abcdef0", "nobody")
	l.WriteConsole(id, "login:")
	l.reopen()
	out := must[*ec2.GetConsoleOutputOutput](l)(l.GetConsoleOutput(ctx(), &ec2.GetConsoleOutputInput{InstanceId: &id}))
	text, err := base64.StdEncoding.DecodeString(*out.Output)
	if err != nil || string(text) != "Linux version 6.12\r\nlogin:\r\n" {
		t.Errorf("got %q, %v", text, err)
	}
	_, err = l.GetConsoleOutput(ctx(), &ec2.GetConsoleOutputInput{InstanceId: aws.String("i-0123456789abcdef0")})
	refused(t, err, "InvalidInstanceID.NotFound")
}
