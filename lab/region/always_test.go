package region_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// expectAll fails for each of the facts that does not hold.
func expectAll(t *testing.T, facts map[string]bool) {
	t.Helper()
	for fact, holds := range facts {
		if !holds {
			t.Errorf("not so: %s", fact)
		}
	}
}

// TestInstancesSayWhatEC2AlwaysSays: scripts read these members of every instance
// without asking whether they are there.
func TestInstancesSayWhatEC2AlwaysSays(t *testing.T) {
	t.Parallel()
	l := open(t)
	must[*ec2.RunInstancesOutput](l)(l.RunInstances(ctx(), l.runInput(1)))
	l.clock.Advance(soon)
	i := l.instances(&ec2.DescribeInstancesInput{})[0]
	attached := i.NetworkInterfaces[0]
	found := must[*ec2.DescribeNetworkInterfacesOutput](l)(l.DescribeNetworkInterfaces(ctx(), &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{*attached.NetworkInterfaceId}})).NetworkInterfaces[0]
	status := must[*ec2.DescribeInstanceStatusOutput](l)(l.DescribeInstanceStatus(ctx(), &ec2.DescribeInstanceStatusInput{})).InstanceStatuses[0]
	expectAll(t, map[string]bool{
		"an interface's attachment has an id":                 aws.ToString(attached.Attachment.AttachmentId) == "eni-attach-"+(*attached.NetworkInterfaceId)[len("eni-"):],
		"which is the same where the interface is described":  aws.ToString(found.Attachment.AttachmentId) == *attached.Attachment.AttachmentId,
		"the instance is the account's":                       aws.ToString(found.Attachment.InstanceOwnerId) == account,
		"the first address has the public one, if there is":   (found.PrivateIpAddresses[0].Association == nil) == (found.Association == nil),
		"there is a description":                              attached.Description != nil,
		"it recovers by itself":                               i.MaintenanceOptions.AutoRecovery == types.InstanceAutoRecoveryStateDefault,
		"its volumes are reached":                             status.AttachedEbsStatus.Status == types.SummaryStatusOk,
		"subnets have options for names":                      l.anySubnet().PrivateDnsNameOptionsOnLaunch.HostnameType == types.HostnameTypeIpName,
		"subnets say that they are not of IPv6 only":          !aws.ToBool(l.anySubnet().Ipv6Native) && l.anySubnet().Ipv6Native != nil,
		"a network without a set of DHCP options has default": aws.ToString(must[*ec2.DescribeVpcsOutput](l)(l.DescribeVpcs(ctx(), &ec2.DescribeVpcsInput{})).Vpcs[0].DhcpOptionsId) == "default",
	})
}

func (l *lab) anySubnet() types.Subnet {
	l.t.Helper()
	return must[*ec2.DescribeSubnetsOutput](l)(l.DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{})).Subnets[0]
}

// TestSpotRequestsNameTheirGroups: a launch specification has ids and names.
func TestSpotRequestsNameTheirGroups(t *testing.T) {
	t.Parallel()
	l := open(t)
	must[*ec2.RequestSpotInstancesOutput](l)(l.RequestSpotInstances(ctx(), &ec2.RequestSpotInstancesInput{LaunchSpecification: &types.RequestSpotLaunchSpecification{
		ImageId: aws.String(l.imageOf("x86_64")), InstanceType: "m5.large", SubnetId: aws.String(l.subnets()[0])}}))
	l.clock.Advance(soon)
	launch := must[*ec2.DescribeSpotInstanceRequestsOutput](l)(l.DescribeSpotInstanceRequests(ctx(), &ec2.DescribeSpotInstanceRequestsInput{})).SpotInstanceRequests[0].LaunchSpecification
	expectAll(t, map[string]bool{
		"the group has a name":    aws.ToString(launch.SecurityGroups[0].GroupName) == "default",
		"there is no monitoring":  launch.Monitoring != nil && !*launch.Monitoring.Enabled,
		"the group still has its": aws.ToString(launch.SecurityGroups[0].GroupId) != "",
	})
}

// TestGroupsSayWhatTheyDoNotHave: Auto Scaling lists what a group has none of.
func TestGroupsSayWhatTheyDoNotHave(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("g", 0, 0, 1))
	must[*autoscaling.CreateLaunchConfigurationOutput](l)(l.AutoScaling().CreateLaunchConfiguration(ctx(), &autoscaling.CreateLaunchConfigurationInput{
		LaunchConfigurationName: aws.String("c"), ImageId: aws.String(l.imageOf("x86_64")), InstanceType: aws.String("m5.large")}))
	g := must[*autoscaling.DescribeAutoScalingGroupsOutput](l)(l.AutoScaling().DescribeAutoScalingGroups(ctx(), &autoscaling.DescribeAutoScalingGroupsInput{})).AutoScalingGroups[0]
	c := must[*autoscaling.DescribeLaunchConfigurationsOutput](l)(l.AutoScaling().DescribeLaunchConfigurations(ctx(), &autoscaling.DescribeLaunchConfigurationsInput{})).LaunchConfigurations[0]
	expectAll(t, map[string]bool{
		"no load balancers":       g.LoadBalancerNames != nil && g.TargetGroupARNs != nil && g.TrafficSources != nil,
		"nothing suspended":       g.SuspendedProcesses != nil && g.EnabledMetrics != nil,
		"no zonal shift":          !*g.AvailabilityZoneImpairmentPolicy.ZonalShiftEnabled,
		"reservations as usual":   g.CapacityReservationSpecification.CapacityReservationPreference == "default",
		"no key, no user data":    c.KeyName != nil && *c.KeyName == "" && *c.UserData == "",
		"no groups, no devices":   c.SecurityGroups != nil && c.BlockDeviceMappings != nil && c.ClassicLinkVPCSecurityGroups != nil,
		"not optimized for disks": c.EbsOptimized != nil && !*c.EbsOptimized,
	})
}

// TestClusterSaysWhatEKSAlwaysSays: what is off is said to be off.
func TestClusterSaysWhatEKSAlwaysSays(t *testing.T) {
	t.Parallel()
	l := open(t)
	c := must[*eks.DescribeClusterOutput](l)(l.EKS().DescribeCluster(ctx(), &eks.DescribeClusterInput{Name: aws.String(clusterName)})).Cluster
	expectAll(t, map[string]bool{
		"nothing is logged":          len(c.Logging.ClusterLogging) == 1 && len(c.Logging.ClusterLogging[0].Types) == 5 && !*c.Logging.ClusterLogging[0].Enabled,
		"it can be deleted":          !aws.ToBool(c.DeletionProtection) && c.DeletionProtection != nil,
		"it makes no load balancers": !*c.KubernetesNetworkConfig.ElasticLoadBalancing.Enabled,
	})
	// The operations on tags have an error of their own.
	none := aws.String(*c.Arn + "x")
	_, err := l.EKS().TagResource(ctx(), &eks.TagResourceInput{ResourceArn: none, Tags: map[string]string{"a": "b"}})
	refused(t, err, "NotFoundException")
	_, err = l.EKS().UntagResource(ctx(), &eks.UntagResourceInput{ResourceArn: none, TagKeys: []string{"a"}})
	refused(t, err, "NotFoundException")
	_, err = l.EKS().ListTagsForResource(ctx(), &eks.ListTagsForResourceInput{ResourceArn: none})
	refused(t, err, "NotFoundException")
}

// TestListsOfIAMLeaveOut: tags and boundaries are in the answers about one role
// or profile only.
func TestListsOfIAMLeaveOut(t *testing.T) {
	t.Parallel()
	l := open(t)
	tags := []iamtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
	boundary := aws.String("arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy")
	must[*iam.CreateRoleOutput](l)(l.IAM().CreateRole(ctx(), &iam.CreateRoleInput{RoleName: aws.String("r"), Path: aws.String("/p/"), AssumeRolePolicyDocument: aws.String(trust), Tags: tags, PermissionsBoundary: boundary}))
	must[*iam.CreateInstanceProfileOutput](l)(l.IAM().CreateInstanceProfile(ctx(), &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String("i"), Path: aws.String("/p/"), Tags: tags}))
	role := must[*iam.GetRoleOutput](l)(l.IAM().GetRole(ctx(), &iam.GetRoleInput{RoleName: aws.String("r")})).Role
	listed := must[*iam.ListRolesOutput](l)(l.IAM().ListRoles(ctx(), &iam.ListRolesInput{PathPrefix: aws.String("/p/")})).Roles[0]
	profile := must[*iam.GetInstanceProfileOutput](l)(l.IAM().GetInstanceProfile(ctx(), &iam.GetInstanceProfileInput{InstanceProfileName: aws.String("i")})).InstanceProfile
	profiles := must[*iam.ListInstanceProfilesOutput](l)(l.IAM().ListInstanceProfiles(ctx(), &iam.ListInstanceProfilesInput{PathPrefix: aws.String("/p/")})).InstanceProfiles[0]
	expectAll(t, map[string]bool{
		"a role has them":          len(role.Tags) == 1 && role.PermissionsBoundary != nil && role.RoleLastUsed != nil,
		"the list of roles not":    listed.Tags == nil && listed.PermissionsBoundary == nil && listed.RoleLastUsed == nil,
		"a profile has them":       len(profile.Tags) == 1,
		"the list of profiles not": profiles.Tags == nil,
	})
}

// TestIDsAndNamesThatCannotBe: what has the wrong form is told apart from what
// is not there.
func TestIDsAndNamesThatCannotBe(t *testing.T) {
	t.Parallel()
	l := open(t)
	for _, c := range []struct{ id, groups, templates string }{
		{"nonsense", "InvalidGroupId.Malformed", "InvalidLaunchTemplateId.Malformed"},
		{"-00000000000000000", "InvalidGroup.NotFound", "InvalidLaunchTemplateId.NotFound"},
	} {
		_, err := l.DescribeSecurityGroups(ctx(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{strings.Replace(c.id, "-", "sg-", 1)}})
		refused(t, err, c.groups)
		_, err = l.DescribeLaunchTemplates(ctx(), &ec2.DescribeLaunchTemplatesInput{LaunchTemplateIds: []string{strings.Replace(c.id, "-", "lt-", 1)}})
		refused(t, err, c.templates)
	}
	_, err := l.DeleteSecurityGroup(ctx(), &ec2.DeleteSecurityGroupInput{GroupId: aws.String("default")})
	refused(t, err, "InvalidGroupId.Malformed")
	_, err = l.IAM().CreateInstanceProfile(ctx(), &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String("a b")})
	refused(t, err, "ValidationError")
}
