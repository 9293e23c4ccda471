package aws

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// fakeGroups keeps Auto Scaling groups in memory. It pages by two.
type fakeGroups struct {
	groups     []types.AutoScalingGroup
	activities []types.Activity
	templates  map[string]*ec2types.ResponseLaunchTemplateData
	nodegroups map[string]*ekstypes.Nodegroup
	// denied operations are refused.
	denied map[string]bool
	calls  map[string]int

	machine    ec2types.Instance
	lifecycles map[string]ec2types.InstanceLifecycleType
	gateway    string
	entries    []string
}

func newFakeGroups() *fakeGroups {
	return &fakeGroups{templates: map[string]*ec2types.ResponseLaunchTemplateData{}, nodegroups: map[string]*ekstypes.Nodegroup{},
		denied: map[string]bool{}, calls: map[string]int{}}
}

func (f *fakeGroups) asked(operation string) error {
	f.calls[operation]++
	if f.denied[operation] {
		return apiError("AccessDenied", "not authorized to perform "+operation)
	}
	return nil
}

// add makes a group of m5.large from the launch template that has its name.
func (f *fakeGroups) add(name string, tags map[string]string, userData string) *types.AutoScalingGroup {
	f.templates[name] = &ec2types.ResponseLaunchTemplateData{InstanceType: "m5.large", UserData: sdk.String(base64.StdEncoding.EncodeToString([]byte(userData)))}
	group := types.AutoScalingGroup{
		AutoScalingGroupName: &name, MinSize: sdk.Int32(1), MaxSize: sdk.Int32(4), DesiredCapacity: sdk.Int32(2),
		AvailabilityZones: []string{"us-west-2a"}, AvailabilityZoneIds: []string{"usw2-az1"},
		LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateName: &name},
	}
	for key, value := range tags {
		group.Tags = append(group.Tags, types.TagDescription{Key: &key, Value: &value})
	}
	for i := range 2 {
		group.Instances = append(group.Instances, types.Instance{InstanceId: sdk.String(fmt.Sprintf("i-%s-%d", name, i)), AvailabilityZone: sdk.String("us-west-2a"),
			InstanceType: sdk.String("m5.large"), LifecycleState: types.LifecycleStateInService, HealthStatus: sdk.String("Healthy")})
	}
	f.groups = append(f.groups, group)
	return &f.groups[len(f.groups)-1]
}

func (f *fakeGroups) DescribeAutoScalingGroups(_ context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	if err := f.asked("DescribeAutoScalingGroups"); err != nil {
		return nil, err
	}
	var found []types.AutoScalingGroup
	for _, group := range f.groups {
		if (len(in.AutoScalingGroupNames) == 0 || slices.Contains(in.AutoScalingGroupNames, *group.AutoScalingGroupName)) && tagged(group, in.Filters) {
			found = append(found, group)
		}
	}
	out := &autoscaling.DescribeAutoScalingGroupsOutput{}
	out.AutoScalingGroups, out.NextToken = page(found, in.NextToken)
	return out, nil
}

func tagged(group types.AutoScalingGroup, filters []types.Filter) bool {
	for _, filter := range filters {
		key, isValue := strings.CutPrefix(*filter.Name, "tag:")
		if !slices.ContainsFunc(group.Tags, func(tag types.TagDescription) bool {
			return isValue && *tag.Key == key && *tag.Value == filter.Values[0] || *filter.Name == "tag-key" && *tag.Key == filter.Values[0]
		}) {
			return false
		}
	}
	return true
}

func (f *fakeGroups) DescribeLaunchConfigurations(_ context.Context, _ *autoscaling.DescribeLaunchConfigurationsInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeLaunchConfigurationsOutput, error) {
	return &autoscaling.DescribeLaunchConfigurationsOutput{LaunchConfigurations: []types.LaunchConfiguration{{InstanceType: sdk.String("c5.large"), SpotPrice: sdk.String("0.05")}}}, nil
}

func (f *fakeGroups) DescribeScalingActivities(_ context.Context, in *autoscaling.DescribeScalingActivitiesInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeScalingActivitiesOutput, error) {
	out := &autoscaling.DescribeScalingActivitiesOutput{}
	for _, activity := range f.activities {
		if *activity.AutoScalingGroupName == *in.AutoScalingGroupName {
			out.Activities = append(out.Activities, activity)
		}
	}
	return out, f.asked("DescribeScalingActivities")
}

func (f *fakeGroups) SetDesiredCapacity(_ context.Context, in *autoscaling.SetDesiredCapacityInput, _ ...func(*autoscaling.Options)) (*autoscaling.SetDesiredCapacityOutput, error) {
	for i := range f.groups {
		if *f.groups[i].AutoScalingGroupName == *in.AutoScalingGroupName {
			f.groups[i].DesiredCapacity = in.DesiredCapacity
			return &autoscaling.SetDesiredCapacityOutput{}, f.asked("SetDesiredCapacity")
		}
	}
	return nil, apiError("ValidationError", "AutoScalingGroup name not found - AutoScalingGroup "+*in.AutoScalingGroupName+" not found")
}

func (f *fakeGroups) TerminateInstanceInAutoScalingGroup(_ context.Context, in *autoscaling.TerminateInstanceInAutoScalingGroupInput, _ ...func(*autoscaling.Options)) (*autoscaling.TerminateInstanceInAutoScalingGroupOutput, error) {
	for i := range f.groups {
		group := &f.groups[i]
		at := slices.IndexFunc(group.Instances, func(instance types.Instance) bool { return *instance.InstanceId == *in.InstanceId })
		switch {
		case at < 0:
			continue
		case *group.DesiredCapacity <= *group.MinSize:
			return nil, apiError("ValidationError", "Currently, desiredSize equals minSize (1). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.")
		}
		group.DesiredCapacity = sdk.Int32(*group.DesiredCapacity - 1)
		group.Instances[at].LifecycleState = types.LifecycleStateTerminating
		return &autoscaling.TerminateInstanceInAutoScalingGroupOutput{Activity: &types.Activity{}}, nil
	}
	return nil, apiError("ValidationError", "Instance Id not found - No managed instance found for instance ID: "+*in.InstanceId)
}

func (f *fakeGroups) DescribeLaunchTemplateVersions(_ context.Context, in *ec2.DescribeLaunchTemplateVersionsInput, _ ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplateVersionsOutput, error) {
	if err := f.asked("DescribeLaunchTemplateVersions"); err != nil {
		return nil, err
	}
	data, ok := f.templates[*in.LaunchTemplateName]
	if !ok || in.Versions[0] != "$Default" {
		return nil, apiError("InvalidLaunchTemplateName.NotFoundException", *in.LaunchTemplateName)
	}
	return &ec2.DescribeLaunchTemplateVersionsOutput{LaunchTemplateVersions: []ec2types.LaunchTemplateVersion{
		{LaunchTemplateId: sdk.String("lt-1"), VersionNumber: sdk.Int64(3), LaunchTemplateData: data}}}, nil
}

func (f *fakeGroups) DescribeNodegroup(_ context.Context, in *eks.DescribeNodegroupInput, _ ...func(*eks.Options)) (*eks.DescribeNodegroupOutput, error) {
	found, ok := f.nodegroups[*in.ClusterName+"/"+*in.NodegroupName]
	if err := f.asked("DescribeNodegroup"); err != nil || !ok {
		return nil, cmpErr(err, apiError("ResourceNotFoundException", "No node group found"))
	}
	return &eks.DescribeNodegroupOutput{Nodegroup: found}, nil
}

func (f *fakeGroups) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	if len(in.Filters) > 0 {
		var found []ec2types.Instance
		for _, id := range in.Filters[0].Values {
			found = append(found, ec2types.Instance{InstanceId: &id, InstanceLifecycle: f.lifecycles[id]})
		}
		return &ec2.DescribeInstancesOutput{Reservations: []ec2types.Reservation{{Instances: found}}}, f.asked("DescribeInstances")
	}
	return &ec2.DescribeInstancesOutput{Reservations: []ec2types.Reservation{{Instances: []ec2types.Instance{f.machine}}}}, f.asked("DescribeInstances")
}

func (f *fakeGroups) DescribeRouteTables(_ context.Context, _ *ec2.DescribeRouteTablesInput, _ ...func(*ec2.Options)) (*ec2.DescribeRouteTablesOutput, error) {
	return &ec2.DescribeRouteTablesOutput{RouteTables: []ec2types.RouteTable{{Routes: []ec2types.Route{{DestinationCidrBlock: sdk.String("0.0.0.0/0"), GatewayId: &f.gateway}}}}}, f.asked("DescribeRouteTables")
}

func (f *fakeGroups) GetInstanceProfile(_ context.Context, in *iam.GetInstanceProfileInput, _ ...func(*iam.Options)) (*iam.GetInstanceProfileOutput, error) {
	role := iamtypes.Role{Arn: sdk.String("arn:aws:iam::111122223333:role/" + *in.InstanceProfileName)}
	return &iam.GetInstanceProfileOutput{InstanceProfile: &iamtypes.InstanceProfile{Roles: []iamtypes.Role{role}}}, f.asked("GetInstanceProfile")
}

func (f *fakeGroups) ListAccessEntries(_ context.Context, _ *eks.ListAccessEntriesInput, _ ...func(*eks.Options)) (*eks.ListAccessEntriesOutput, error) {
	return &eks.ListAccessEntriesOutput{AccessEntries: f.entries}, f.asked("ListAccessEntries")
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// groupWorld is node groups in a world whose types are known.
func groupWorld(t *testing.T) (*world, *fakeGroups, *Groups) {
	t.Helper()
	w := newWorld(t)
	fake := newFakeGroups()
	return w, fake, w.Provider.NodeGroups(GroupClients{AutoScaling: fake, EC2: fake, EKS: fake, IAM: fake})
}
