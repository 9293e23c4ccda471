package region_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/machine"
)

// soon is longer than a group takes to act on a request and its instances to
// start.
const soon = 30 * time.Second

// typedTemplate makes a launch template with an instance type and gives its id.
func (l *lab) typedTemplate(name, instanceType string) string {
	l.t.Helper()
	out := must[*ec2.CreateLaunchTemplateOutput](l)(l.CreateLaunchTemplate(ctx(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: &name,
		LaunchTemplateData: &types.RequestLaunchTemplateData{
			ImageId: aws.String(l.imageOf("x86_64")), InstanceType: types.InstanceType(instanceType), UserData: aws.String("IyEvYmluL3No"),
			TagSpecifications: []types.LaunchTemplateTagSpecificationRequest{{ResourceType: "instance", Tags: []types.Tag{tag("from", "template")}}},
		},
	}))
	return *out.LaunchTemplate.LaunchTemplateId
}

// groupInput is a group over three zones with the template "nodes", $Latest.
func (l *lab) groupInput(name string, least, desired, most int32) *autoscaling.CreateAutoScalingGroupInput {
	l.t.Helper()
	return &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: &name, MinSize: &least, DesiredCapacity: &desired, MaxSize: &most,
		VPCZoneIdentifier: aws.String(strings.Join(l.subnets(), ",")),
		LaunchTemplate:    &asgtypes.LaunchTemplateSpecification{LaunchTemplateName: aws.String("nodes"), Version: aws.String("$Latest")},
	}
}

// mixedInput is groupInput with a mixed instances policy over types.
func (l *lab) mixedInput(name string, desired, base, percent int32, instanceTypes ...string) *autoscaling.CreateAutoScalingGroupInput {
	l.t.Helper()
	in := l.groupInput(name, 0, desired, 100)
	in.MixedInstancesPolicy = &asgtypes.MixedInstancesPolicy{
		LaunchTemplate:        &asgtypes.LaunchTemplate{LaunchTemplateSpecification: in.LaunchTemplate},
		InstancesDistribution: &asgtypes.InstancesDistribution{OnDemandBaseCapacity: &base, OnDemandPercentageAboveBaseCapacity: &percent},
	}
	in.LaunchTemplate = nil
	for _, t := range instanceTypes {
		in.MixedInstancesPolicy.LaunchTemplate.Overrides = append(in.MixedInstancesPolicy.LaunchTemplate.Overrides, asgtypes.LaunchTemplateOverrides{InstanceType: aws.String(t)})
	}
	return in
}

func (l *lab) createGroup(in *autoscaling.CreateAutoScalingGroupInput) {
	l.t.Helper()
	must[*autoscaling.CreateAutoScalingGroupOutput](l)(l.AutoScaling().CreateAutoScalingGroup(ctx(), in))
}

// group is a group as it is described.
func (l *lab) group(name string) asgtypes.AutoScalingGroup {
	l.t.Helper()
	out := must[*autoscaling.DescribeAutoScalingGroupsOutput](l)(l.AutoScaling().DescribeAutoScalingGroups(ctx(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}}))
	if len(out.AutoScalingGroups) != 1 {
		l.t.Fatalf("%d groups of the name %s", len(out.AutoScalingGroups), name)
	}
	return out.AutoScalingGroups[0]
}

func (l *lab) hasGroup(name string) bool {
	l.t.Helper()
	out := must[*autoscaling.DescribeAutoScalingGroupsOutput](l)(l.AutoScaling().DescribeAutoScalingGroups(ctx(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}}))
	return len(out.AutoScalingGroups) == 1
}

// states counts a group's instances by life cycle state.
func (l *lab) states(name string) string {
	l.t.Helper()
	counts := map[string]int{}
	for _, i := range l.group(name).Instances {
		counts[string(i.LifecycleState)]++
	}
	return countText(counts)
}

func countText(counts map[string]int) string {
	var texts []string
	for what, n := range counts {
		texts = append(texts, fmt.Sprint(what, " ", n))
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

// kinds counts the instances of a group in service by a property.
func (l *lab) kinds(name string, of func(types.Instance) string) string {
	l.t.Helper()
	counts := map[string]int{}
	for _, i := range l.group(name).Instances {
		if i.LifecycleState == asgtypes.LifecycleStateInService {
			counts[of(l.instance(*i.InstanceId))]++
		}
	}
	return countText(counts)
}

func zoneOf(i types.Instance) string {
	zone := *i.Placement.AvailabilityZone
	return zone[len(zone)-1:]
}

func marketOf(i types.Instance) string {
	if i.InstanceLifecycle == types.InstanceLifecycleTypeSpot {
		return "spot"
	}
	return "on-demand"
}

func typeOf(i types.Instance) string { return string(i.InstanceType) }

// memberIDs are the instances of a group in a state, in order.
func (l *lab) memberIDs(name string, state asgtypes.LifecycleState) (ids []string) {
	l.t.Helper()
	for _, i := range l.group(name).Instances {
		if i.LifecycleState == state {
			ids = append(ids, *i.InstanceId)
		}
	}
	return ids
}

// activities are those of a group, the latest first.
func (l *lab) activities(name string) []asgtypes.Activity {
	l.t.Helper()
	return must[*autoscaling.DescribeScalingActivitiesOutput](l)(l.AutoScaling().DescribeScalingActivities(ctx(),
		&autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: &name, IncludeDeletedGroups: aws.Bool(true), MaxRecords: aws.Int32(100)})).Activities
}

func (l *lab) setDesired(name string, desired int32) {
	l.t.Helper()
	must[*autoscaling.SetDesiredCapacityOutput](l)(l.AutoScaling().SetDesiredCapacity(ctx(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: &name, DesiredCapacity: &desired}))
}

func (l *lab) updateGroup(in *autoscaling.UpdateAutoScalingGroupInput) {
	l.t.Helper()
	must[*autoscaling.UpdateAutoScalingGroupOutput](l)(l.AutoScaling().UpdateAutoScalingGroup(ctx(), in))
}

// check compares what is with what is to be.
func check[T comparable](t tester, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// machine is an instance as the software on it sees it.
func (l *lab) machine(id string) (found machine.Machine) {
	l.t.Helper()
	stop := l.Watch(func(m machine.Machine) {
		if m.ID == id {
			found = m
		}
	})
	stop()
	return found
}

// withNodes gives the lab the launch template "nodes" of a type.
func (l *lab) withNodes(instanceType string) *lab {
	l.t.Helper()
	l.typedTemplate("nodes", instanceType)
	return l
}
