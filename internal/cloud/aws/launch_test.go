package aws

import (
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

func offer(instanceType, zone string, capacityType model.CapacityType) model.Offering {
	return model.Offering{OfferingKey: model.OfferingKey{InstanceType: instanceType, Zone: zone, CapacityType: capacityType}}
}

func (w *world) request(t *testing.T, offerings ...model.Offering) cloud.LaunchRequest {
	t.Helper()
	return cloud.LaunchRequest{
		ClientToken: "uid-1", NodeClass: w.resolved(t, nodeClass()), NodeClaim: "default-abcde", NodePool: "default",
		Offerings: offerings, Labels: map[string]string{"type": "karpenter"},
		Taints: []model.Taint{{Key: "dedicated", Value: "x", Effect: model.NoSchedule}},
	}
}

func tagMap(tags []types.Tag) map[string]string {
	all := map[string]string{}
	for _, tag := range tags {
		all[*tag.Key] = *tag.Value
	}
	return all
}

func TestLaunchAsksForOneOnDemandInstance(t *testing.T) {
	w := newWorld(t)
	instance, err := w.Launch(t.Context(), w.request(t,
		offer("m6g.large", "us-west-2b", model.OnDemand), offer("c5.large", "us-west-2c", model.OnDemand), offer("m5.large", "us-west-2a", model.OnDemand)))
	if err != nil {
		t.Fatal(err)
	}
	if instance.InstanceType != "m6g.large" || instance.ImageID != "ami-arm" || instance.ZoneID != "id-of-us-west-2b" || instance.State != cloud.Pending {
		t.Errorf("got %+v", instance)
	}
	fleet := lastInput[*ec2.CreateFleetInput](w.ec2)
	if fleet.Type != types.FleetTypeInstant || *fleet.ClientToken != "uid-1" || *fleet.TargetCapacitySpecification.TotalTargetCapacity != 1 ||
		fleet.TargetCapacitySpecification.DefaultTargetCapacityType != types.DefaultTargetCapacityTypeOnDemand ||
		fleet.OnDemandOptions.AllocationStrategy != types.FleetOnDemandAllocationStrategyPrioritized || fleet.SpotOptions != nil {
		t.Errorf("fleet is %+v", fleet)
	}
	// One template for each AMI; priorities run through both.
	type row struct {
		instanceType, subnet, zone string
		priority                   float64
	}
	var rows [][]row
	for _, config := range fleet.LaunchTemplateConfigs {
		var group []row
		for _, override := range config.Overrides {
			group = append(group, row{string(override.InstanceType), *override.SubnetId, *override.AvailabilityZone, *override.Priority})
		}
		rows = append(rows, group)
	}
	want := [][]row{
		{{"m6g.large", "subnet-us-west-2b", "us-west-2b", 0}},
		{{"c5.large", "subnet-us-west-2c", "us-west-2c", 1}, {"m5.large", "subnet-us-west-2a", "us-west-2a", 2}},
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("overrides\n got %v\nwant %v", rows, want)
	}
	tags := map[string]string{
		"Name": "default-abcde", "karpenter.sh/nodeclaim": "default-abcde", "karpenter.sh/nodepool": "default",
		"karpenter.k8s.aws/ec2nodeclass": "default", "eks:eks-cluster-name": "demo", "kubernetes.io/cluster/demo": "owned", "team": "a",
	}
	for i, resource := range []types.ResourceType{types.ResourceTypeInstance, types.ResourceTypeVolume, types.ResourceTypeFleet} {
		specification := fleet.TagSpecifications[i]
		if specification.ResourceType != resource || !reflect.DeepEqual(tagMap(specification.Tags), tags) {
			t.Errorf("tags of %s are %v", specification.ResourceType, tagMap(specification.Tags))
		}
	}
}

func TestLaunchOfSpotLeavesTheChoiceToEC2(t *testing.T) {
	w := newWorld(t)
	instance, err := w.Launch(t.Context(), w.request(t, offer("c5.large", "us-west-2a", model.Spot), offer("m5.large", "us-west-2b", model.Spot)))
	if err != nil || instance.CapacityType != model.Spot {
		t.Fatalf("got %+v, %v", instance, err)
	}
	fleet := lastInput[*ec2.CreateFleetInput](w.ec2)
	if fleet.SpotOptions.AllocationStrategy != types.SpotAllocationStrategyPriceCapacityOptimized || fleet.OnDemandOptions != nil {
		t.Errorf("fleet is %+v", fleet)
	}
	if fleet.LaunchTemplateConfigs[0].Overrides[0].Priority != nil {
		t.Error("the strategy has no use for priorities")
	}
	template := lastInput[*ec2.CreateLaunchTemplateInput](w.ec2)
	if last := template.LaunchTemplateData.TagSpecifications; last[len(last)-1].ResourceType != types.ResourceTypeSpotInstancesRequest {
		t.Error("the Spot request is not tagged")
	}
	seen, err := w.Get(t.Context(), instance.ProviderID)
	if err != nil || seen.CapacityType != model.Spot {
		t.Errorf("Get gave %+v, %v", seen, err)
	}
}

func TestLaunchTurnsToTheOtherCapacityType(t *testing.T) {
	w := newWorld(t)
	spot := offer("c5.large", "us-west-2a", model.Spot)
	w.ec2.capacity[spot.OfferingKey] = 0
	instance, err := w.Launch(t.Context(), w.request(t, spot, offer("c5.large", "us-west-2a", model.OnDemand)))
	if err != nil {
		t.Fatal(err)
	}
	if instance.CapacityType != model.OnDemand || len(instance.Unavailable) != 1 || instance.Unavailable[0].OfferingKey != spot.OfferingKey {
		t.Errorf("got %+v", instance)
	}
	if token := *lastInput[*ec2.CreateFleetInput](w.ec2).ClientToken; token != "uid-1-1" {
		t.Errorf("the second fleet has the token %q: EC2 would refuse that of the first", token)
	}
}

func TestLaunchTemplate(t *testing.T) {
	w := newWorld(t)
	request := w.request(t, offer("m5.large", "us-west-2a", model.OnDemand))
	if _, err := w.Launch(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	template := lastInput[*ec2.CreateLaunchTemplateInput](w.ec2)
	data := template.LaunchTemplateData
	if !strings.HasPrefix(*template.LaunchTemplateName, "karpenter.k8s.aws/") || *data.ImageId != "ami-x86" || *data.IamInstanceProfile.Name != "demo_1" {
		t.Errorf("template is %+v", template)
	}
	if groups := data.NetworkInterfaces[0].Groups; !reflect.DeepEqual(groups, []string{"sg-1", "sg-2"}) {
		t.Errorf("security groups are %v", groups)
	}
	volume := data.BlockDeviceMappings[0]
	if *volume.DeviceName != "/dev/xvda" || *volume.Ebs.VolumeSize != 20 || volume.Ebs.VolumeType != types.VolumeTypeGp3 || !*volume.Ebs.Encrypted {
		t.Errorf("volume is %+v", volume)
	}
	if data.MetadataOptions.HttpTokens != types.LaunchTemplateHttpTokensStateRequired || *data.MetadataOptions.HttpPutResponseHopLimit != 1 {
		t.Errorf("metadata options are %+v", data.MetadataOptions)
	}
	text, err := base64.StdEncoding.DecodeString(*data.UserData)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"name: demo", "apiServerEndpoint: https://demo.eks.example", "certificateAuthority: Q0E=", "cidr: 10.100.0.0/16",
		"--node-labels=karpenter.sh/capacity-type=on-demand,type=karpenter", "key: karpenter.sh/unregistered", "key: dedicated",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("user data lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), request.NodeClaim) {
		t.Error("a template that names a claim cannot be shared")
	}
}

func TestLaunchTemplateIsShared(t *testing.T) {
	w := newWorld(t)
	request := w.request(t, offer("m5.large", "us-west-2a", model.OnDemand))
	for _, claim := range []string{"a", "b", "c"} {
		request.ClientToken, request.NodeClaim = claim, claim
		if _, err := w.Launch(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
	request.ClientToken, request.NodeClaim = "d", "d"
	if _, err := w.connect(t).Launch(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if count := w.ec2.count("CreateLaunchTemplate"); count != 1 {
		t.Errorf("%d templates were made, want 1", count)
	}
	request.Labels = map[string]string{"type": "other"}
	request.ClientToken, request.NodeClaim = "e", "e"
	if _, err := w.Launch(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if count := w.ec2.count("CreateLaunchTemplate"); count != 2 {
		t.Errorf("other labels need another template; %d were made", count)
	}
	if err := w.DeleteNodeClassResources(t.Context(), request.NodeClass); err != nil {
		t.Fatal(err)
	}
	if len(w.ec2.templates) != 0 {
		t.Errorf("left over: %d templates", len(w.ec2.templates))
	}
}

func TestLaunchTemplatesUnusedAreDeleted(t *testing.T) {
	w := newWorld(t)
	request := w.request(t, offer("m5.large", "us-west-2a", model.OnDemand))
	if _, err := w.Launch(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(templateUnusedFor + time.Second)
	request.ClientToken, request.NodeClaim, request.Labels = "b", "b", map[string]string{"type": "other"}
	if _, err := w.Launch(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if len(w.ec2.templates) != 1 {
		t.Errorf("%d templates, want the new one only", len(w.ec2.templates))
	}
}

func TestLaunchMakesADeletedTemplateAgain(t *testing.T) {
	w := newWorld(t)
	request := w.request(t, offer("m5.large", "us-west-2a", model.OnDemand))
	if _, err := w.Launch(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	clear(w.ec2.templates)
	request.ClientToken, request.NodeClaim = "b", "b"
	instance, err := w.Launch(t.Context(), request)
	if err != nil || instance.ID == "" {
		t.Fatalf("got %+v, %v", instance, err)
	}
	if token := *lastInput[*ec2.CreateFleetInput](w.ec2).ClientToken; token != "b-1" {
		t.Errorf("token %q: that of the empty fleet would give its answer again", token)
	}
}

func TestLaunchMakesATemplateAgainThatTheCallMisses(t *testing.T) {
	w := newWorld(t)
	request := w.request(t, offer("m5.large", "us-west-2a", model.OnDemand))
	w.ec2.fails["CreateFleet"] = apiError(codeTemplateMissing, "The specified launch template does not exist.")
	_, err := w.Launch(t.Context(), request)
	if err == nil {
		t.Fatal("want an error")
	}
	checkKind(t, err, "retry")
	if fleets, templates := w.ec2.count("CreateFleet"), w.ec2.count("CreateLaunchTemplate"); fleets != 2 || templates != 2 {
		t.Errorf("%d fleets and %d templates, want one more try of both", fleets, templates)
	}
	delete(w.ec2.fails, "CreateFleet")
	if _, err := w.Launch(t.Context(), request); err != nil {
		t.Error(err)
	}
}

func TestLaunchAfterALostAnswerWithOtherParameters(t *testing.T) {
	w := newWorld(t)
	request := w.request(t, offer("m5.large", "us-west-2a", model.OnDemand))
	bought, err := w.Launch(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	// EC2 does not show the instance yet, and the request has become another.
	hidden := w.ec2.instances[bought.ID]
	delete(w.ec2.instances, bought.ID)
	restarted := w.connect(t)
	request.Offerings = []model.Offering{offer("c5.large", "us-west-2a", model.OnDemand)}
	if _, err := restarted.Launch(t.Context(), request); errorCode(err) != codeTokenReused {
		t.Fatalf("got %v, want EC2's refusal, to be repeated", err)
	}
	w.ec2.instances[bought.ID] = hidden
	again, err := restarted.Launch(t.Context(), request)
	if err != nil || again.ID != bought.ID {
		t.Errorf("got %s, %v; want %s", again.ID, err, bought.ID)
	}
}

func TestLaunchMovesOnFromATokenThatBoughtNothing(t *testing.T) {
	w := newWorld(t)
	request := w.request(t, offer("m5.large", "us-west-2a", model.OnDemand))
	w.ec2.capacity[request.Offerings[0].OfferingKey] = 0
	if _, err := w.Launch(t.Context(), request); err == nil {
		t.Fatal("bought from a dry pool")
	}
	restarted := w.connect(t)
	request.Offerings = []model.Offering{offer("c5.large", "us-west-2a", model.OnDemand)}
	if _, err := restarted.Launch(t.Context(), request); errorCode(err) != codeTokenReused {
		t.Fatalf("got %v, want EC2's refusal", err)
	}
	w.clock.Advance(visibleAfter)
	if _, err := restarted.Launch(t.Context(), request); errorCode(err) != codeTokenReused {
		t.Fatalf("got %v, want EC2's refusal once more", err)
	}
	instance, err := restarted.Launch(t.Context(), request)
	if err != nil || instance.InstanceType != "c5.large" {
		t.Errorf("got %+v, %v; an instance would have shown by now", instance, err)
	}
}

func TestLaunchErrors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		code, text string
		want       string // capacity, terminal or retry
	}{
		"no machines":     {"InsufficientInstanceCapacity", "", "capacity"},
		"unfulfillable":   {"UnfulfillableCapacity", "", "capacity"},
		"account limit":   {"VcpuLimitExceeded", "", "capacity"},
		"Spot limit":      {"MaxSpotInstanceCountExceeded", "", "capacity"},
		"fleet limit":     {"MaxFleetCountExceeded", "", "capacity"},
		"not sold here":   {"Unsupported", "", "capacity"},
		"no addresses":    {"InsufficientFreeAddressesInSubnet", "", "capacity"},
		"Spot price":      {"SpotMaxPriceTooLow", "", "capacity"},
		"no Spot role":    {"AuthFailure.ServiceLinkedRoleCreationNotPermitted", "", "capacity"},
		"not allowed":     {"UnauthorizedOperation", "You are not authorized", "terminal"},
		"wrong parameter": {"InvalidParameterValue", "Value (x) is invalid", "terminal"},
		"no such group":   {"InvalidGroup.NotFound", "", "terminal"},
		"image is gone":   {"InvalidAMIID.NotFound", "", "terminal"},
		"new profile":     {"InvalidParameterValue", "Value (demo_1) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", "retry"},
		"throttled":       {"RequestLimitExceeded", "", "retry"},
		"EC2's fault":     {"InternalError", "", "retry"},
	}
	for name, c := range cases {
		t.Run("fleet/"+name, func(t *testing.T) {
			w := newWorld(t)
			w.ec2.fleetError, w.ec2.fleetText = c.code, c.text
			_, err := w.Launch(t.Context(), w.request(t, offer("m5.large", "us-west-2a", model.OnDemand)))
			checkKind(t, err, c.want)
		})
		if c.text == "" || c.want == "terminal" {
			t.Run("api/"+name, func(t *testing.T) {
				w := newWorld(t)
				w.ec2.fails["CreateFleet"] = apiError(c.code, c.text)
				_, err := w.Launch(t.Context(), w.request(t, offer("m5.large", "us-west-2a", model.OnDemand)))
				checkKind(t, err, c.want)
			})
		}
	}
}

func checkKind(t *testing.T, err error, want string) {
	t.Helper()
	var capacity *cloud.CapacityError
	var terminal *cloud.TerminalError
	got := "retry"
	switch {
	case err == nil:
		got = "none"
	case errors.As(err, &capacity):
		got = "capacity"
		if len(capacity.Unavailable) != 1 || capacity.Unavailable[0].InstanceType != "m5.large" {
			t.Errorf("unavailable: %v", capacity.Unavailable)
		}
	case errors.As(err, &terminal):
		got = "terminal"
		if terminal.Reason == "" || strings.ContainsAny(terminal.Reason, ". ") {
			t.Errorf("reason %q is not a CamelCase word", terminal.Reason)
		}
	}
	if got != want {
		t.Errorf("%v is %s, want %s", err, got, want)
	}
}

func TestFailedLaunchIsTriedWithAnotherToken(t *testing.T) {
	w := newWorld(t)
	request := w.request(t, offer("m5.large", "us-west-2a", model.OnDemand))
	w.ec2.fleetError, w.ec2.fleetText = "InvalidParameterValue", "Invalid IAM Instance Profile name"
	if _, err := w.Launch(t.Context(), request); err == nil {
		t.Fatal("want an error")
	}
	w.ec2.fleetError = ""
	if _, err := w.Launch(t.Context(), request); err != nil {
		t.Errorf("the failure was EC2's answer for the old token: %v", err)
	}
}

func TestLaunchPrefersTheRoomiestSubnet(t *testing.T) {
	w := newWorld(t)
	w.ec2.subnets = append(w.ec2.subnets, types.Subnet{
		SubnetId: sdk.String("subnet-big"), AvailabilityZone: sdk.String("us-west-2a"), AvailabilityZoneId: sdk.String("id-of-us-west-2a"),
		AvailableIpAddressCount: sdk.Int32(101), Tags: ec2Tags(discovery),
	})
	subnetOf := func(claim string) string {
		request := w.request(t, offer("m5.large", "us-west-2a", model.OnDemand))
		request.ClientToken, request.NodeClaim = claim, claim
		_, _ = w.Launch(t.Context(), request)
		return *lastInput[*ec2.CreateFleetInput](w.ec2).LaunchTemplateConfigs[0].Overrides[0].SubnetId
	}
	if got := subnetOf("a"); got != "subnet-big" {
		t.Errorf("first launch went to %s", got)
	}
	w.ec2.fleetError = codeNoAddresses
	subnetOf("b")
	w.ec2.fleetError = ""
	counted := w.ec2.count("DescribeSubnets")
	if got := subnetOf("c"); got != "subnet-us-west-2a" {
		t.Errorf("after the other subnet ran out of addresses the launch went to %s", got)
	}
	// Two pages of Resolve, none to count addresses anew.
	if calls := w.ec2.count("DescribeSubnets") - counted; calls != 2 {
		t.Errorf("DescribeSubnets was called %d times for a launch, want 2", calls)
	}
}

func TestLaunchKeepsToSixtyTypes(t *testing.T) {
	var offerings []model.Offering
	for i := range 70 {
		name := "m5." + string(rune('a'+i/26)) + string(rune('a'+i%26))
		offerings = append(offerings, offer(name, "us-west-2a", model.OnDemand), offer(name, "us-west-2b", model.OnDemand))
	}
	kept := firstTypes(offerings, maxInstanceTypes, maxOverrides)
	if len(kept) != 120 || !reflect.DeepEqual(kept, offerings[:120]) {
		t.Errorf("kept %d offerings, want the 120 of the first 60 types in order", len(kept))
	}
	if kept := firstTypes(offerings, maxInstanceTypes, 100); !reflect.DeepEqual(kept, offerings[:100]) {
		t.Errorf("kept %d offerings, want the first 100", len(kept))
	}
}
