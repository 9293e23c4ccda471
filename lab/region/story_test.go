package region_test

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	pricingtypes "github.com/aws/aws-sdk-go-v2/service/pricing/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// step makes the input of one call, from the region as it is then, or says how
// long to wait.
type step func(*lab) any

// always is a step that does not depend on the region.
func always(input any) step { return func(*lab) any { return input } }

// story is a sequence of calls with every operation of every service in it.
func story(s signer) []step {
	var steps []step
	for _, part := range [][]step{
		templateSteps(), launchSteps(), describeSteps(), typeSteps(), scalingSteps(), addressSteps(), endSteps(), profileSteps(), roleSteps(), otherSteps(),
		vpcSteps(), routeSteps(), groupSteps(), keySteps(), clearSteps(), stackSteps(), policySteps(), identitySteps(s), eksSteps(), messageSteps(),
	} {
		steps = append(steps, part...)
	}
	return steps
}

func templateSteps() []step {
	name := aws.String("story")
	return []step{
		func(l *lab) any {
			return &ec2.CreateLaunchTemplateInput{
				LaunchTemplateName: name, ClientToken: aws.String("t1"), VersionDescription: aws.String("first & <best>"),
				TagSpecifications: []types.TagSpecification{tagged(types.ResourceTypeLaunchTemplate, tag("a", "é <&>"))},
				LaunchTemplateData: &types.RequestLaunchTemplateData{
					ImageId: aws.String(l.imageOf("x86_64")), UserData: aws.String("aGVsbG8="),
					SecurityGroupIds: []string{*must[*ec2.DescribeSecurityGroupsOutput](l)(l.DescribeSecurityGroups(ctx(), &ec2.DescribeSecurityGroupsInput{})).SecurityGroups[0].GroupId},
					MetadataOptions:  &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: "required"},
					BlockDeviceMappings: []types.LaunchTemplateBlockDeviceMappingRequest{{
						DeviceName: aws.String("/dev/xvda"), Ebs: &types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: aws.Int32(30), Encrypted: aws.Bool(true), VolumeType: "gp3"},
					}},
				},
			}
		},
		always(&ec2.CreateLaunchTemplateVersionInput{
			LaunchTemplateName: name, SourceVersion: aws.String("1"), ClientToken: aws.String("t2"), LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: "m5.large"},
		}),
		always(&ec2.ModifyLaunchTemplateInput{LaunchTemplateName: name, DefaultVersion: aws.String("2"), ClientToken: aws.String("t3")}),
		always(&ec2.DescribeLaunchTemplatesInput{}),
		always(&ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: name}),
	}
}

func launchSteps() []step {
	return []step{
		func(l *lab) any {
			in := l.fleet("story", spot, 3, anyOrder("m5.large", "a"), anyOrder("c5.large", "b"))
			in.ClientToken = aws.String("f1")
			in.SpotOptions = &types.SpotOptionsRequest{AllocationStrategy: "price-capacity-optimized"}
			in.TagSpecifications = []types.TagSpecification{tagged(types.ResourceTypeInstance, tag("Name", "node")), tagged(types.ResourceTypeFleet, tag("x", "y"))}
			return in
		},
		func(l *lab) any {
			// The last zone does not sell the type, so the answer has an error.
			instanceType, zone := l.notOffered()
			in := l.fleet("story", onDemand, 1, anyOrder("m5.large", "c"), anyOrder(instanceType, zone))
			in.ClientToken = aws.String("f2")
			return in
		},
		func(l *lab) any {
			in := l.runInput(2)
			in.ClientToken = aws.String("r1")
			in.TagSpecifications = []types.TagSpecification{tagged(types.ResourceTypeInstance, tag("Name", "run"))}
			return in
		},
		func(l *lab) any {
			return &ec2.CreateTagsInput{Resources: instanceIDs(l.named("run")), Tags: []types.Tag{tag("team", "blue"), tag("gone", "")}}
		},
		func(l *lab) any {
			return &ec2.DeleteTagsInput{Resources: instanceIDs(l.named("run")), Tags: []types.Tag{{Key: aws.String("gone")}}}
		},
		always(&ec2.DescribeTagsInput{}),
		always(&ec2.DescribeInstancesInput{}),
		always(&ec2.DescribeInstanceStatusInput{IncludeAllInstances: aws.Bool(true)}),
	}
}

// named are the instances with a name.
func (l *lab) named(name string) []types.Instance {
	return l.instances(&ec2.DescribeInstancesInput{Filters: []types.Filter{filter("tag:Name", name)}})
}

func describeSteps() []step {
	return []step{
		always(&ec2.DescribeAvailabilityZonesInput{}), always(&ec2.DescribeRegionsInput{}), always(&ec2.DescribeVpcsInput{}),
		always(&ec2.DescribeSubnetsInput{}), always(&ec2.DescribeSecurityGroupsInput{}), always(&ec2.DescribeImagesInput{}),
		always(&ec2.DescribeCapacityReservationsInput{Filters: []types.Filter{filter("state", "active")}}),
		always(&ec2.DescribePlacementGroupsInput{Filters: []types.Filter{filter("state", "available")}}),
		func(l *lab) any { return &ec2.GetConsoleOutputInput{InstanceId: l.named("run")[0].InstanceId} },
	}
}

func typeSteps() []step {
	return []step{
		always(&ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"m5.large", "m5.metal", "m7g.large", "g5.12xlarge", "inf2.xlarge", "p4d.24xlarge", "m4.large", "t3.micro"}}),
		always(&ec2.DescribeInstanceTypesInput{}),
		always(&ec2.GetInstanceTypesFromInstanceRequirementsInput{
			ArchitectureTypes: []types.ArchitectureType{"x86_64"}, VirtualizationTypes: []types.VirtualizationType{"hvm"},
			InstanceRequirements: &types.InstanceRequirementsRequest{
				VCpuCount: &types.VCpuCountRangeRequest{Min: aws.Int32(2), Max: aws.Int32(4)}, MemoryMiB: &types.MemoryMiBRequest{Min: aws.Int32(4096)},
				CpuManufacturers: []types.CpuManufacturer{types.CpuManufacturerIntel}, ExcludedInstanceTypes: []string{"m4.*"},
			},
		}),
		always(&ec2.DescribeInstanceTypeOfferingsInput{LocationType: "availability-zone"}),
		func(l *lab) any {
			return &ec2.DescribeSpotPriceHistoryInput{StartTime: aws.Time(l.clock.Now()), ProductDescriptions: []string{"Linux/UNIX"}, InstanceTypes: []types.InstanceType{"m5.large", "c5.large"}}
		},
	}
}

func endSteps() []step {
	return []step{
		func(l *lab) any {
			return &ec2.RequestSpotInstancesInput{InstanceCount: aws.Int32(1), Type: types.SpotInstanceTypePersistent, InstanceInterruptionBehavior: "stop",
				LaunchSpecification: &types.RequestSpotLaunchSpecification{ImageId: aws.String(l.imageOf("x86_64")), InstanceType: "m5.large", SubnetId: aws.String(l.subnets()[0])}}
		},
		always(&ec2.DescribeSpotInstanceRequestsInput{Filters: []types.Filter{filter("state", "active")}}),
		func(l *lab) any {
			found := must[*ec2.DescribeSpotInstanceRequestsOutput](l)(l.DescribeSpotInstanceRequests(ctx(), &ec2.DescribeSpotInstanceRequestsInput{Filters: []types.Filter{filter("type", "persistent")}}))
			return &ec2.CancelSpotInstanceRequestsInput{SpotInstanceRequestIds: []string{*found.SpotInstanceRequests[0].SpotInstanceRequestId}}
		},
		func(l *lab) any {
			return &ec2.RebootInstancesInput{InstanceIds: []string{*l.named("run")[0].InstanceId}}
		},
		func(l *lab) any {
			return &ec2.ModifyInstanceMetadataOptionsInput{InstanceId: l.named("run")[0].InstanceId, HttpTokens: "required"}
		},
		func(l *lab) any { return &ec2.StopInstancesInput{InstanceIds: []string{*l.named("run")[0].InstanceId}} },
		func(l *lab) any {
			return &ec2.StartInstancesInput{InstanceIds: []string{*l.named("run")[1].InstanceId}}
		},
		func(l *lab) any {
			return &ec2.TerminateInstancesInput{InstanceIds: instanceIDs(l.instances(&ec2.DescribeInstancesInput{}))}
		},
		always(&ec2.DescribeInstancesInput{}),
		always(&ec2.DeleteLaunchTemplateInput{LaunchTemplateName: aws.String("story")}),
	}
}

func profileSteps() []step {
	profile, role := aws.String("story"), aws.String("KarpenterNodeRole-"+clusterName)
	return []step{
		always(&iam.CreateInstanceProfileInput{InstanceProfileName: profile, Path: aws.String("/nodes/"), Tags: []iamtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}),
		always(&iam.AddRoleToInstanceProfileInput{InstanceProfileName: profile, RoleName: role}),
		always(&iam.TagInstanceProfileInput{InstanceProfileName: profile, Tags: []iamtypes.Tag{{Key: aws.String("c"), Value: aws.String("")}}}),
		always(&iam.UntagInstanceProfileInput{InstanceProfileName: profile, TagKeys: []string{"a"}}),
		always(&iam.GetInstanceProfileInput{InstanceProfileName: profile}),
		always(&iam.ListInstanceProfileTagsInput{InstanceProfileName: profile}),
		always(&iam.ListInstanceProfilesInput{MaxItems: aws.Int32(1)}),
		always(&iam.ListInstanceProfilesForRoleInput{RoleName: role}),
		always(&iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: profile, RoleName: role}),
		always(&iam.DeleteInstanceProfileInput{InstanceProfileName: profile}),
	}
}

func roleSteps() []step {
	role, policy := aws.String("story"), aws.String("arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy")
	return []step{
		always(&iam.CreateRoleInput{RoleName: role, AssumeRolePolicyDocument: aws.String(trust), Description: aws.String("of a story")}),
		always(&iam.AttachRolePolicyInput{RoleName: role, PolicyArn: policy}),
		always(&iam.PutRolePolicyInput{RoleName: role, PolicyName: aws.String("in"), PolicyDocument: aws.String(permissions)}),
		always(&iam.GetRoleInput{RoleName: role}), always(&iam.ListRolesInput{}),
		always(&iam.ListAttachedRolePoliciesInput{RoleName: role}), always(&iam.ListRolePoliciesInput{RoleName: role}),
		always(&iam.DeleteRolePolicyInput{RoleName: role, PolicyName: aws.String("in")}),
		always(&iam.DetachRolePolicyInput{RoleName: role, PolicyArn: policy}),
		always(&iam.DeleteRoleInput{RoleName: role}),
	}
}

func otherSteps() []step {
	image := "/aws/service/eks/optimized-ami/1.37/amazon-linux-2023/x86_64/standard/recommended"
	code := aws.String("AmazonEC2")
	return []step{
		always(&ssm.GetParameterInput{Name: aws.String(image)}),
		always(&ssm.GetParametersInput{Names: []string{image + "/image_id", "/none"}}),
		always(&ssm.GetParametersByPathInput{Path: aws.String("/aws/service/bottlerocket"), Recursive: aws.Bool(true), MaxResults: aws.Int32(3)}),
		always(&pricing.DescribeServicesInput{ServiceCode: code}),
		always(&pricing.GetAttributeValuesInput{ServiceCode: code, AttributeName: aws.String("location")}),
		always(&pricing.GetProductsInput{ServiceCode: code, MaxResults: aws.Int32(5), Filters: []pricingtypes.Filter{match("regionCode", "us-west-2"), match("vcpu", "2")}}),
		always(&eks.DescribeClusterInput{Name: aws.String(clusterName)}), always(&eks.ListClustersInput{}),
		always(&sts.GetCallerIdentityInput{}),
	}
}
