package aws

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/drover-project/drover/internal/model"
)

// asksHowBought is the workshop's user data.
const asksHowBought = `#!/bin/bash
id=$(curl -s http://169.254.169.254/latest/meta-data/instance-id)
export AWS_DEFAULT_REGION=us-west-2
ilc=` + "`aws ec2 describe-instances --instance-ids $id --query 'Reservations[0].Instances[0].InstanceLifecycle' --output text`" + `
if [ "$ilc" == "spot" ]; then
  /etc/eks/bootstrap.sh demo --kubelet-extra-args '--node-labels=lifecycle=Ec2Spot,team=red --register-with-taints=spotInstance=true:PreferNoSchedule'
else
  /etc/eks/bootstrap.sh demo --kubelet-extra-args --node-labels=lifecycle=OnDemand,team=red
fi
`

// mixedGroup is a group with a base on demand and Spot above it.
func mixedGroup(fake *fakeGroups, tags map[string]string, userData string) *types.AutoScalingGroup {
	tags["mine"] = ""
	raw := fake.add("mixed", tags, userData)
	raw.LaunchTemplate = nil
	raw.MixedInstancesPolicy = &types.MixedInstancesPolicy{
		LaunchTemplate: &types.LaunchTemplate{LaunchTemplateSpecification: &types.LaunchTemplateSpecification{LaunchTemplateName: sdk.String("mixed")},
			Overrides: []types.LaunchTemplateOverrides{{InstanceType: sdk.String("m5.large")}}},
		InstancesDistribution: &types.InstancesDistribution{OnDemandBaseCapacity: sdk.Int32(1), OnDemandPercentageAboveBaseCapacity: sdk.Int32(0)},
	}
	return raw
}

func TestGroupHasTraitsByHowItsNodesAreBought(t *testing.T) {
	_, fake, groups := groupWorld(t)
	mixedGroup(fake, map[string]string{}, asksHowBought)
	fake.lifecycles = map[string]ec2types.InstanceLifecycleType{"i-mixed-1": ec2types.InstanceLifecycleTypeSpot}
	group := only(t, groups)
	want := map[model.CapacityType]model.Traits{
		model.OnDemand: {Labels: map[string]string{"lifecycle": "OnDemand"}},
		model.Spot: {Labels: map[string]string{"lifecycle": "Ec2Spot"},
			Taints: []model.Taint{{Key: "spotInstance", Value: "true", Effect: model.PreferNoSchedule}}},
	}
	if diff := cmp.Diff(want, group.ByCapacityType); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"team": "red"}, group.Labels); diff != "" || len(group.Taints) > 0 || group.JoinsCluster != "demo" || len(group.Unread) > 0 {
		t.Errorf("shares %v, joins %q, unread %q: %s", group.Taints, group.JoinsCluster, group.Unread, diff)
	}
	if diff := cmp.Diff(map[model.CapacityType]int{model.OnDemand: 1, model.Spot: 1}, group.UnitsBought); diff != "" {
		t.Error(diff)
	}
	if group.Instances[1].CapacityType != model.Spot {
		t.Errorf("instances are %+v", group.Instances)
	}
	only(t, groups)
	if n := fake.calls["DescribeInstances"]; n != 1 {
		t.Errorf("EC2 was asked %d times how the same instances were bought", n)
	}
}

// Tags win over what was read, as in cluster-autoscaler.
func TestTagsWinOverWhatDependsOnHowNodesAreBought(t *testing.T) {
	_, fake, groups := groupWorld(t)
	mixedGroup(fake, map[string]string{templateTag + "label/lifecycle": "mine", templateTag + "taint/spotInstance": "no:PreferNoSchedule"}, asksHowBought)
	group := only(t, groups)
	want := model.Taint{Key: "spotInstance", Value: "no", Effect: model.PreferNoSchedule}
	if group.Labels["lifecycle"] != "mine" || len(group.Taints) != 1 || group.Taints[0] != want || group.ByCapacityType != nil {
		t.Errorf("labels %v, taints %v, by how it is bought %v", group.Labels, group.Taints, group.ByCapacityType)
	}
}

func TestGroupThatBuysInOneWayHasItsLabels(t *testing.T) {
	_, fake, groups := groupWorld(t)
	raw := mixedGroup(fake, map[string]string{}, asksHowBought)
	raw.MixedInstancesPolicy.InstancesDistribution.OnDemandBaseCapacity = sdk.Int32(0)
	group := only(t, groups)
	if group.Labels["lifecycle"] != "Ec2Spot" || len(group.Taints) != 1 || group.ByCapacityType != nil || fake.calls["DescribeInstances"] != 0 {
		t.Errorf("labels %v, taints %v, by how it is bought %v", group.Labels, group.Taints, group.ByCapacityType)
	}
}

func TestWithoutPermissionHowInstancesWereBoughtIsNotKnown(t *testing.T) {
	_, fake, groups := groupWorld(t)
	mixedGroup(fake, map[string]string{}, asksHowBought)
	fake.denied["DescribeInstances"] = true
	for range 2 {
		group := only(t, groups)
		if text := strings.Join(group.Unread, "\n"); group.UnitsBought != nil || !strings.Contains(text, "how its instances were bought: AccessDenied") {
			t.Errorf("bought %v, unread %q", group.UnitsBought, text)
		}
	}
	if n := fake.calls["DescribeInstances"]; n != 1 {
		t.Errorf("EC2 was asked %d times within a minute of its refusal", n)
	}
}

func TestWhatIsDecidedAtBootIsSaid(t *testing.T) {
	_, fake, groups := groupWorld(t)
	mixedGroup(fake, map[string]string{}, "#!/bin/bash\n/etc/eks/bootstrap.sh demo --kubelet-extra-args \"--node-labels=id=$(hostname),team=red\"\n")
	group := only(t, groups)
	if group.Labels["team"] != "red" || group.UncertainLabels["id"] == "" || group.ByCapacityType != nil || len(group.Unread) != 1 {
		t.Errorf("labels %v, uncertain %v, unread %q", group.Labels, group.UncertainLabels, group.Unread)
	}
}

// A machine that answers only to tokens tells a script without one nothing.
func TestMetadataOptionsCount(t *testing.T) {
	_, fake, groups := groupWorld(t)
	mixedGroup(fake, map[string]string{}, asksHowBought)
	fake.templates["mixed"].MetadataOptions = &ec2types.LaunchTemplateInstanceMetadataOptions{HttpTokens: ec2types.LaunchTemplateHttpTokensStateRequired}
	group := only(t, groups)
	if group.UncertainLabels["lifecycle"] == "" || len(group.ByCapacityType) != 0 || len(group.Taints) != 1 {
		t.Errorf("uncertain %v, taints %v, by how it is bought %v", group.UncertainLabels, group.Taints, group.ByCapacityType)
	}
}
