package aws

import (
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/google/go-cmp/cmp"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/model"
)

const bootstrap = "#!/bin/bash\n/etc/eks/bootstrap.sh demo --kubelet-extra-args '--node-labels=team=red --register-with-taints=dedicated=db:NoSchedule'\n"

func TestGroupsConform(t *testing.T) {
	cloudtest.RunGroups(t, func(t *testing.T) (cloud.NodeGroups, cloudtest.GroupsFixture) {
		_, fake, groups := groupWorld(t)
		fake.add("first", map[string]string{"team": "red"}, bootstrap)
		fake.add("second", nil, bootstrap)
		return groups, cloudtest.GroupsFixture{First: "first", Second: "second", Tag: "team", Value: "red"}
	})
}

func only(t *testing.T, groups *Groups) cloud.NodeGroup {
	t.Helper()
	found, err := groups.Groups(t.Context(), cloud.GroupSelection{Tags: map[string]string{"mine": ""}})
	if err != nil || len(found) != 1 {
		t.Fatalf("found %d groups: %v", len(found), err)
	}
	return found[0]
}

func TestGroupIsReadFromTemplateEKSAndTags(t *testing.T) {
	_, fake, groups := groupWorld(t)
	fake.add("managed", map[string]string{"mine": "", tagCluster: "demo", tagNodegroup: "workers",
		templateTag + "label/team": "blue", templateTag + "taint/gpu": "true:NoSchedule", templateTag + "taint/dedicated": "db",
		templateTag + "resources/nvidia.com/gpu": "2"}, bootstrap)
	fake.nodegroups["demo/workers"] = &ekstypes.Nodegroup{Labels: map[string]string{"tier": "front"}, CapacityType: ekstypes.CapacityTypesOnDemand,
		Taints: []ekstypes.Taint{{Key: sdk.String("eks"), Value: sdk.String("x"), Effect: ekstypes.TaintEffectPreferNoSchedule}}}
	group := only(t, groups)
	want := map[string]string{"team": "blue", "tier": "front", "eks.amazonaws.com/nodegroup": "workers", "eks.amazonaws.com/capacityType": "ON_DEMAND",
		"eks.amazonaws.com/sourceLaunchTemplateId": "lt-1", "eks.amazonaws.com/sourceLaunchTemplateVersion": "3"}
	if diff := cmp.Diff(want, group.Labels); diff != "" {
		t.Error(diff)
	}
	taints := []model.Taint{{Key: "dedicated", Value: "db", Effect: model.NoSchedule}, {Key: "eks", Value: "x", Effect: model.PreferNoSchedule},
		{Key: "gpu", Value: "true", Effect: model.NoSchedule}}
	if diff := cmp.Diff(taints, group.Taints); diff != "" {
		t.Errorf("taints (a tag without effect, as eksctl writes it, adds nothing to what is known): %s", diff)
	}
	kind := group.Types[0]
	if kind.Allocatable["nvidia.com/gpu"] != 2 || kind.Allocatable[model.Memory] != 6903<<20 || kind.Allocatable[model.CPU] != 1930 {
		t.Errorf("allocatable is %v", kind.Allocatable)
	}
	if kind.Labels["karpenter.k8s.aws/instance-family"] != "" || kind.Offerings[0].ZoneID != "usw2-az1" || len(group.Unread) != 0 || group.JoinsCluster != "demo" {
		t.Errorf("labels %v, offerings %v, unread %v, joins %q", kind.Labels, kind.Offerings, group.Unread, group.JoinsCluster)
	}
}

func TestMixedGroupHasItsTypesWeightsAndShares(t *testing.T) {
	_, fake, groups := groupWorld(t)
	raw := fake.add("mixed", map[string]string{"mine": ""}, bootstrap)
	raw.LaunchTemplate = nil
	raw.AvailabilityZones = []string{"us-west-2b", "us-west-2a"}
	raw.MixedInstancesPolicy = &types.MixedInstancesPolicy{
		LaunchTemplate: &types.LaunchTemplate{LaunchTemplateSpecification: &types.LaunchTemplateSpecification{LaunchTemplateName: sdk.String("mixed")},
			Overrides: []types.LaunchTemplateOverrides{{InstanceType: sdk.String("m5.large"), WeightedCapacity: sdk.String("2")}, {InstanceType: sdk.String("c5.large")}, {InstanceType: sdk.String("no.such")}}},
		InstancesDistribution: &types.InstancesDistribution{OnDemandBaseCapacity: sdk.Int32(1), OnDemandPercentageAboveBaseCapacity: sdk.Int32(0), SpotAllocationStrategy: sdk.String("capacity-optimized")},
	}
	group := only(t, groups)
	if group.OnDemandBase != 1 || group.OnDemandPercentage != 0 || group.SpotStrategy != "capacity-optimized" || group.OnDemandStrategy != "prioritized" {
		t.Errorf("shares are %+v", group.NodeGroup)
	}
	if len(group.Types) != 2 || group.Types[0].Name != "m5.large" || group.Types[0].Weight != 2 || len(group.Types[0].Offerings) != 4 {
		t.Errorf("types are %+v, want m5.large of weight 2 sold on demand and as Spot in two zones, and c5.large", group.Types)
	}
	if len(group.Unread) != 1 || !strings.Contains(group.Unread[0], "no.such") {
		t.Errorf("unread is %v, want the type that nobody knows", group.Unread)
	}
}

// The policy that the workshop gives to cluster-autoscaler allows little.
func TestGroupsWithFewPermissionsUseTheShippedCatalog(t *testing.T) {
	w, fake, groups := groupWorld(t)
	w.ec2.fails["DescribeInstanceTypes"] = apiError("UnauthorizedOperation", "no")
	fake.denied["DescribeNodegroup"], fake.denied["DescribeScalingActivities"] = true, true
	raw := fake.add("managed", map[string]string{"mine": "", tagCluster: "demo", tagNodegroup: "workers"}, bootstrap)
	raw.DesiredCapacity = sdk.Int32(3)
	group := only(t, groups)
	if len(group.Types) != 1 || group.Types[0].Offerings[0].PricePerHour != 0.096 || group.Types[0].Allocatable[model.CPU] != 1930 {
		t.Errorf("types are %+v", group.Types)
	}
	if group.Labels["eks.amazonaws.com/nodegroup"] != "workers" || group.Labels["team"] != "red" {
		t.Errorf("labels are %v", group.Labels)
	}
	if text := strings.Join(group.Unread, "\n"); !strings.Contains(text, "EKS node group workers") || !strings.Contains(text, "AccessDenied") || !strings.Contains(text, "why launches fail") {
		t.Errorf("unread is %q", text)
	}
}

func TestGroupWithoutAReadableTemplateShowsItsInstancesTypes(t *testing.T) {
	_, fake, groups := groupWorld(t)
	fake.denied["DescribeLaunchTemplateVersions"] = true
	fake.add("blind", map[string]string{"mine": ""}, "")
	if group := only(t, groups); len(group.Types) != 1 || group.Types[0].Name != "m5.large" || group.NotReadyReason != "" {
		t.Errorf("types are %+v, %q", group.Types, group.NotReadyReason)
	}
	fake.groups[0].Instances = nil
	if group := only(t, groups); !strings.Contains(group.NotReadyReason, "AccessDenied") {
		t.Errorf("not ready because %q: want the reason", group.NotReadyReason)
	}
}

func TestLaunchConfigurationsAreRead(t *testing.T) {
	_, fake, groups := groupWorld(t)
	raw := fake.add("old", map[string]string{"mine": ""}, "")
	raw.LaunchTemplate, raw.LaunchConfigurationName = nil, sdk.String("old")
	if group := only(t, groups); len(group.Types) != 1 || group.Types[0].Name != "c5.large" || group.OnDemandPercentage != 0 {
		t.Errorf("types are %+v, %d %% on demand", group.Types, group.OnDemandPercentage)
	}
}

func TestFailedLaunchesTakeTheirPoolsOut(t *testing.T) {
	w, fake, groups := groupWorld(t)
	raw := fake.add("short", map[string]string{"mine": ""}, bootstrap)
	raw.AvailabilityZones, raw.DesiredCapacity = []string{"us-west-2a", "us-west-2b"}, sdk.Int32(4)
	fail := func(id, message, details string, ago time.Duration) types.Activity {
		return types.Activity{ActivityId: &id, AutoScalingGroupName: sdk.String("short"), StatusCode: types.ScalingActivityStatusCodeFailed, StatusMessage: &message,
			Details: &details, StartTime: sdk.Time(w.clock.Now().Add(-ago)), Description: sdk.String("Launching a new EC2 instance.  Status Reason: " + message)}
	}
	fake.activities = []types.Activity{
		fail("1", "We currently do not have sufficient m5.large capacity in the Availability Zone you requested (us-west-2a). Launching EC2 instance failed.",
			`{"Subnet ID":"subnet-1","Availability Zone":"us-west-2a"}`, time.Minute),
		fail("2", "The key pair 'gone' does not exist. Launching EC2 instance failed.", `{"Availability Zone":"us-west-2b"}`, time.Minute),
		fail("3", "Could not launch On-Demand Instances. InsufficientInstanceCapacity", `{"Availability Zone":"us-west-2b"}`, time.Hour),
	}
	group := only(t, groups)
	if len(group.Failures) != 2 || !group.Failures[0].Capacity || group.Failures[1].Capacity {
		t.Fatalf("failures are %+v, want the two of the last minutes, one of them a shortage", group.Failures)
	}
	for _, offering := range group.Types[0].Offerings {
		if dry := offering.UnavailableReason != ""; dry != (offering.Zone == "us-west-2a") {
			t.Errorf("%v: %q", offering.OfferingKey, offering.UnavailableReason)
		}
	}
	catalog, err := w.Catalog(t.Context(), nodeClass())
	if err != nil {
		t.Fatal(err)
	}
	for _, offering := range catalog.Offerings {
		if offering.InstanceType == "m5.large" && offering.Zone == "us-west-2a" && offering.CapacityType == model.OnDemand && offering.UnavailableReason == "" {
			t.Error("NodePools do not learn of the shortage")
		}
	}
	w.clock.Advance(unavailableFor)
	if again := only(t, groups).Types[0].Offerings[0]; again.UnavailableReason != "" {
		t.Errorf("after %s %v is still out: %s", unavailableFor, again.OfferingKey, again.UnavailableReason)
	}
}

func TestTemplatesAreReadOnceInAWhile(t *testing.T) {
	w, fake, groups := groupWorld(t)
	fake.add("one", map[string]string{"mine": ""}, bootstrap)
	only(t, groups)
	only(t, groups)
	if n := fake.calls["DescribeLaunchTemplateVersions"]; n != 1 {
		t.Errorf("the template was read %d times", n)
	}
	fake.templates["one"] = &ec2types.ResponseLaunchTemplateData{InstanceType: "c5.large"}
	w.clock.Advance(templateAge)
	if group := only(t, groups); group.Types[0].Name != "c5.large" {
		t.Errorf("the type is still %s after the template has changed", group.Types[0].Name)
	}
}

func TestGroupThatIsBeingDeletedDoesNotGrow(t *testing.T) {
	_, fake, groups := groupWorld(t)
	fake.add("going", map[string]string{"mine": ""}, bootstrap).Status = sdk.String("Delete in progress")
	if group := only(t, groups); !group.Deleting || group.NotReadyReason == "" {
		t.Errorf("deleting %v, %q", group.Deleting, group.NotReadyReason)
	}
}

func TestDiagnosisNamesWhatKeepsAnInstanceAway(t *testing.T) {
	_, fake, groups := groupWorld(t)
	fake.machine = ec2types.Instance{SubnetId: sdk.String("subnet-1"), State: &ec2types.InstanceState{Name: ec2types.InstanceStateNameRunning},
		IamInstanceProfile: &ec2types.IamInstanceProfile{Arn: sdk.String("arn:aws:iam::111122223333:instance-profile/path/workers")}}
	fake.gateway, fake.entries = "nat-1", []string{"arn:aws:iam::111122223333:role/workers"}
	if found := groups.Diagnose(t.Context(), "i-1", "demo"); len(found) != 0 {
		t.Errorf("finds %q where nothing is wrong", found)
	}
	fake.gateway, fake.entries = "igw-1", nil
	found := strings.Join(groups.Diagnose(t.Context(), "i-1", "demo"), "\n")
	for _, want := range []string{"role/workers has no access entry in cluster demo", "no public IP address in the public subnet subnet-1"} {
		if !strings.Contains(found, want) {
			t.Errorf("finds %q, want %q", found, want)
		}
	}
	fake.denied["GetInstanceProfile"], fake.denied["DescribeRouteTables"] = true, true
	if found := groups.Diagnose(t.Context(), "i-1", "demo"); len(found) != 0 {
		t.Errorf("finds %q where it may not look", found)
	}
}

func TestInstancesThatLeaveCountInNoZone(t *testing.T) {
	members := []cloud.GroupInstance{{Zone: "a", Lifecycle: "InService"}, {Zone: "a", Lifecycle: "Pending"}, {Zone: "b", Lifecycle: "Terminating:Wait"}}
	want := map[string]int{"a": 2, "b": 0, "c": 0}
	if diff := cmp.Diff(want, instancesByZone([]string{"a", "b", "c"}, members)); diff != "" {
		t.Error(diff)
	}
}
