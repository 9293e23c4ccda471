package region_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestFleetRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	type request = ec2.CreateFleetInput
	for name, c := range map[string]struct {
		change func(*request)
		code   string
	}{
		"maintain":     {func(in *request) { in.Type = types.FleetTypeMaintain }, "UnsupportedOperation"},
		"no type":      {func(in *request) { in.Type = "" }, "UnsupportedOperation"},
		"no templates": {func(in *request) { in.LaunchTemplateConfigs = nil }, "MissingParameter"},
		"no target":    {func(in *request) { in.TargetCapacitySpecification = nil }, "MissingParameter"},
		"no total":     {func(in *request) { in.TargetCapacitySpecification.TotalTargetCapacity = nil }, "MissingParameter"},
		"zero":         {func(in *request) { in.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(0) }, "InvalidParameterValue"},
		"unit":         {func(in *request) { in.TargetCapacitySpecification.TargetCapacityUnitType = "vcpu" }, "UnsupportedOperation"},
		"weights":      {func(in *request) { first(in).WeightedCapacity = aws.Float64(2) }, "UnsupportedOperation"},
		"requirements": {func(in *request) {
			first(in).InstanceRequirements = &types.InstanceRequirementsRequest{VCpuCount: &types.VCpuCountRangeRequest{}}
		}, "UnsupportedOperation"},
		"strategy of Spot": {func(in *request) {
			in.OnDemandOptions = &types.OnDemandOptionsRequest{AllocationStrategy: "diversified"}
		}, "InvalidParameterValue"},
		"single type": {func(in *request) {
			in.OnDemandOptions = &types.OnDemandOptionsRequest{SingleInstanceType: aws.Bool(true)}
		}, "UnsupportedOperation"},
		"both capacity types": {func(in *request) { both(in, 1, 1) }, "UnsupportedOperation"},
		"unknown template":    {func(in *request) { spec(in).LaunchTemplateName = aws.String("none") }, "InvalidLaunchTemplateName.NotFoundException"},
		"unknown template id": {func(in *request) {
			spec(in).LaunchTemplateId, spec(in).LaunchTemplateName = aws.String("lt-0123456789abcdef0"), nil
		}, "InvalidLaunchTemplateId.NotFound"},
		"id and name":      {func(in *request) { spec(in).LaunchTemplateId = aws.String("lt-0123456789abcdef0") }, "InvalidParameterCombination"},
		"no version":       {func(in *request) { spec(in).Version = nil }, "MissingParameter"},
		"unknown version":  {func(in *request) { spec(in).Version = aws.String("2") }, "InvalidLaunchTemplateId.VersionNotFound"},
		"nonsense version": {func(in *request) { spec(in).Version = aws.String("latest") }, "InvalidLaunchTemplateId.VersionNotFound"},
		"the same pool twice": {func(in *request) {
			in.LaunchTemplateConfigs[0].Overrides = append(in.LaunchTemplateConfigs[0].Overrides, *first(in))
		}, "InvalidFleetConfig"},
		"tags of a subnet": {func(in *request) {
			in.TagSpecifications = []types.TagSpecification{tagged(types.ResourceTypeSubnet, tag("a", "b"))}
		}, "InvalidParameterValue"},
		"reserved tags": {func(in *request) {
			in.TagSpecifications = []types.TagSpecification{tagged(types.ResourceTypeInstance, tag("aws:x", "b"))}
		}, "InvalidParameterValue"},
		"dry run": {func(in *request) { in.DryRun = aws.Bool(true) }, "DryRunOperation"},
		"dry run of a bad request": {func(in *request) {
			in.DryRun, spec(in).Version = aws.Bool(true), aws.String("7")
		}, "InvalidLaunchTemplateId.VersionNotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			l.template("nodes", "x86_64")
			in := l.fleet("nodes", onDemand, 2, anyOrder("m5.large", "a"))
			c.change(in)
			_, err := l.CreateFleet(ctx(), in)
			refused(t, err, c.code)
			if n := len(l.instances(&ec2.DescribeInstancesInput{})); n != 0 {
				t.Errorf("a refused fleet launched %d instances", n)
			}
		})
	}
}

func first(in *ec2.CreateFleetInput) *types.FleetLaunchTemplateOverridesRequest {
	return &in.LaunchTemplateConfigs[0].Overrides[0]
}

func spec(in *ec2.CreateFleetInput) *types.FleetLaunchTemplateSpecificationRequest {
	return in.LaunchTemplateConfigs[0].LaunchTemplateSpecification
}

func both(in *ec2.CreateFleetInput, onDemand, spot int32) {
	in.TargetCapacitySpecification.OnDemandTargetCapacity, in.TargetCapacitySpecification.SpotTargetCapacity = &onDemand, &spot
}

func TestFleetTemplateByIDNameAndVersion(t *testing.T) {
	t.Parallel()
	l := open(t)
	id := l.template("nodes", "x86_64")
	data := &types.RequestLaunchTemplateData{ImageId: aws.String(l.imageOf("x86_64")), EbsOptimized: aws.Bool(true)}
	must[*ec2.CreateLaunchTemplateVersionOutput](l)(l.CreateLaunchTemplateVersion(ctx(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &id, LaunchTemplateData: data,
	}))
	for _, c := range []struct {
		byID    bool
		version string
		want    string
	}{
		{false, "$Latest", "2"}, {false, "$Default", "1"}, {false, "1", "1"}, {true, "2", "2"}, {true, "$Latest", "2"},
	} {
		in := l.fleet("nodes", onDemand, 1, anyOrder("m5.large", "a"))
		spec(in).Version = &c.version
		if c.byID {
			spec(in).LaunchTemplateId, spec(in).LaunchTemplateName = &id, nil
		}
		out := l.launchFleet(in)
		instance := l.instance(fleetIDs(out)[0])
		tags := l.tagsOf(*instance.InstanceId)
		if tags["aws:ec2launchtemplate:version"] != c.want || tags["aws:ec2launchtemplate:id"] != id || *instance.EbsOptimized != (c.want == "2") {
			t.Errorf("%s, by id %v: version %s, EBS optimized %v", c.version, c.byID, tags["aws:ec2launchtemplate:version"], *instance.EbsOptimized)
		}
	}
}

func TestFleetTags(t *testing.T) {
	t.Parallel()
	l := open(t)
	name := "nodes"
	must[*ec2.CreateLaunchTemplateOutput](l)(l.CreateLaunchTemplate(ctx(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: &name, LaunchTemplateData: &types.RequestLaunchTemplateData{
			ImageId: aws.String(l.imageOf("x86_64")),
			TagSpecifications: []types.LaunchTemplateTagSpecificationRequest{
				{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{tag("from", "template"), tag("kept", "yes")}},
			},
		},
	}))
	in := l.fleet(name, spot, 2, anyOrder("m5.large", "a"))
	in.TagSpecifications = []types.TagSpecification{
		tagged(types.ResourceTypeInstance, tag("from", "fleet")), tagged(types.ResourceTypeVolume, tag("of", "volume")),
		tagged(types.ResourceTypeFleet, tag("of", "fleet")), tagged(types.ResourceTypeNetworkInterface, tag("of", "interface")),
		tagged(types.ResourceTypeSpotInstancesRequest, tag("of", "request")),
	}
	out := l.launchFleet(in)
	instance := l.instance(fleetIDs(out)[0])
	tags := l.tagsOf(*instance.InstanceId)
	if tags["from"] != "fleet" || tags["kept"] != "yes" || tags["aws:ec2:fleet-id"] != *out.FleetId {
		t.Errorf("instance tags %v", tags)
	}
	for what, id := range map[string]string{
		"volume": *instance.BlockDeviceMappings[0].Ebs.VolumeId, "fleet": *out.FleetId,
		"interface": *instance.NetworkInterfaces[0].NetworkInterfaceId, "request": *instance.SpotInstanceRequestId,
	} {
		if got := l.tagsOf(id); got["of"] != what || len(got) != 1 {
			t.Errorf("%s %s has tags %v", what, id, got)
		}
	}
}

// TestFleetTagsLastAsLongAsItsInstances: the tags of a fleet go with its last
// instance, and a fleet that got none leaves nothing behind.
func TestFleetTagsLastAsLongAsItsInstances(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.template("nodes", "x86_64")
	in := l.fleet("nodes", onDemand, 2, anyOrder("m5.large", "a"))
	in.TagSpecifications = []types.TagSpecification{tagged(types.ResourceTypeFleet, tag("of", "fleet"))}
	out := l.launchFleet(in)
	ids := fleetIDs(out)
	for n, want := range []int{1, 0} {
		l.terminate(ids[n])
		l.clock.Advance(forgotten)
		if got := l.tagsOf(*out.FleetId); len(got) != want {
			t.Errorf("with %d of 2 instances gone the fleet has tags %v, want %d", n+1, got, want)
		}
	}
	l.limit("m5.large", "a", "on-demand", 0)
	if out := l.launchFleet(in); len(l.tagsOf(*out.FleetId)) != 0 {
		t.Error("a fleet without instances keeps its tags for ever")
	}
}

func TestFleetIsIdempotent(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*lab){
		"at once":         func(*lab) {},
		"after reopening": func(l *lab) { l.reopen() },
		"after the launch template is gone": func(l *lab) {
			must[*ec2.DeleteLaunchTemplateOutput](l)(l.DeleteLaunchTemplate(ctx(), &ec2.DeleteLaunchTemplateInput{LaunchTemplateName: aws.String("nodes")}))
		},
		"when the pools changed": func(l *lab) { l.limit("m5.large", "*", "*", 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t, onDisk(t))
			l.template("nodes", "x86_64")
			l.limit("m5.large", "b", "on-demand", 1)
			in := l.fleet("nodes", onDemand, 3, anyOrder("m5.large", "b"), anyOrder("m5.xlarge", "c"))
			in.ClientToken = aws.String("claim-1")
			before := l.launchFleet(in)
			change(l)
			after := l.launchFleet(in)
			if !reflect.DeepEqual(before, after) {
				t.Errorf("the same token gave\n%+v, then\n%+v", *before, *after)
			}
			if n := len(l.instances(&ec2.DescribeInstancesInput{})); n != 3 {
				t.Errorf("%d instances, want the 3 of the first call", n)
			}
			in.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(4)
			_, err := l.CreateFleet(ctx(), in)
			refused(t, err, "IdempotentParameterMismatch")
		})
	}
}

func TestFleetTokenIsOneFleets(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.template("nodes", "x86_64")
	in := l.fleet("nodes", onDemand, 1, anyOrder("m5.large", "a"))
	in.ClientToken = aws.String("one")
	one := fleetIDs(l.launchFleet(in))
	in.ClientToken = aws.String("two")
	two := fleetIDs(l.launchFleet(in))
	in.ClientToken = nil
	three, four := fleetIDs(l.launchFleet(in)), fleetIDs(l.launchFleet(in))
	all := slices.Sorted(slices.Values(slices.Concat(one, two, three, four)))
	if len(slices.Compact(all)) != 4 {
		t.Errorf("instances %v, want four different ones", all)
	}
	if got := *l.instance(one[0]).ClientToken; got != "one" {
		t.Errorf("client token of the instance: %q", got)
	}
}

// TestDryRunIsNeverAnAnswer: DryRun asks for permission, so even a token that
// was used gets no instances for it.
func TestDryRunIsNeverAnAnswer(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.template("nodes", "x86_64")
	in := l.fleet("nodes", onDemand, 1, anyOrder("m5.large", "a"))
	in.ClientToken = aws.String("claim-1")
	in.DryRun = aws.Bool(true)
	_, err := l.CreateFleet(ctx(), in)
	refused(t, err, "DryRunOperation")
	in.DryRun = nil
	if out := l.launchFleet(in); len(fleetIDs(out)) != 1 {
		t.Errorf("after a dry run with its token: %v", failures(out))
	}
	in.DryRun = aws.Bool(true)
	_, err = l.CreateFleet(ctx(), in)
	refused(t, err, "DryRunOperation")
}
