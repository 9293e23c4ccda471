package region_test

import (
	"encoding/base64"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestLaunchTemplateKeepsItsData(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	name := "karpenter.k8s.aws/123(4)_x"
	in := &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: &name, VersionDescription: aws.String("first"), ClientToken: aws.String("once"),
		TagSpecifications: []types.TagSpecification{tagged(types.ResourceTypeLaunchTemplate, tag("eks:eks-cluster-name", clusterName))},
		LaunchTemplateData: &types.RequestLaunchTemplateData{
			ImageId: aws.String(l.imageOf("arm64")), InstanceType: "m7g.large", EbsOptimized: aws.Bool(false),
			UserData:            aws.String(base64.StdEncoding.EncodeToString([]byte("hello"))),
			BlockDeviceMappings: []types.LaunchTemplateBlockDeviceMappingRequest{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: aws.Int32(50)}}},
			MetadataOptions:     &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: "required", HttpPutResponseHopLimit: aws.Int32(2)},
		},
	}
	created := must[*ec2.CreateLaunchTemplateOutput](l)(l.CreateLaunchTemplate(ctx(), in))
	l.reopen()
	if again := must[*ec2.CreateLaunchTemplateOutput](l)(l.CreateLaunchTemplate(ctx(), in)); *again.LaunchTemplate.LaunchTemplateId != *created.LaunchTemplate.LaunchTemplateId {
		t.Error("the same token made another template")
	}
	described := must[*ec2.DescribeLaunchTemplatesOutput](l)(l.DescribeLaunchTemplates(ctx(), &ec2.DescribeLaunchTemplatesInput{
		Filters: []types.Filter{filter("tag:eks:eks-cluster-name", clusterName)},
	}))
	if !reflect.DeepEqual(described.LaunchTemplates, []types.LaunchTemplate{*created.LaunchTemplate}) {
		t.Errorf("created %+v, described %+v", *created.LaunchTemplate, described.LaunchTemplates)
	}
	versions := must[*ec2.DescribeLaunchTemplateVersionsOutput](l)(l.DescribeLaunchTemplateVersions(ctx(), &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: &name}))
	v := versions.LaunchTemplateVersions[0]
	d := v.LaunchTemplateData
	if *v.VersionNumber != 1 || *v.VersionDescription != "first" || !*v.DefaultVersion || d.InstanceType != "m7g.large" || *d.EbsOptimized ||
		*d.UserData != *in.LaunchTemplateData.UserData || *d.BlockDeviceMappings[0].Ebs.VolumeSize != 50 || *d.MetadataOptions.HttpPutResponseHopLimit != 2 {
		t.Errorf("version %+v with data %+v", v, *d)
	}
}

func TestLaunchTemplatesThatAreRefused(t *testing.T) {
	t.Parallel()
	type request = ec2.CreateLaunchTemplateInput
	for name, c := range map[string]struct {
		change func(*request)
		code   string
	}{
		"no name": {func(in *request) { in.LaunchTemplateName = nil }, "InvalidLaunchTemplateName.MalformedException"},
		"short":   {func(in *request) { in.LaunchTemplateName = aws.String("ab") }, "InvalidLaunchTemplateName.MalformedException"},
		"space":   {func(in *request) { in.LaunchTemplateName = aws.String("a b c") }, "InvalidLaunchTemplateName.MalformedException"},
		"taken":   {func(in *request) { in.LaunchTemplateName = aws.String("nodes") }, "InvalidLaunchTemplateName.AlreadyExistsException"},
		"no data": {func(in *request) { in.LaunchTemplateData = nil }, "MissingParameter"},
		"dry run": {func(in *request) { in.DryRun = aws.Bool(true) }, "DryRunOperation"},
		"kernel":  {func(in *request) { in.LaunchTemplateData.KernelId = aws.String("aki-1") }, "UnsupportedOperation"},
		"enclaves": {func(in *request) {
			in.LaunchTemplateData.EnclaveOptions = &types.LaunchTemplateEnclaveOptionsRequest{Enabled: aws.Bool(true)}
		}, "UnsupportedOperation"},
		"prefixes": {func(in *request) {
			in.LaunchTemplateData.NetworkInterfaces = []types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{{Ipv4PrefixCount: aws.Int32(1)}}
		}, "UnsupportedOperation"},
		"tag kinds": {func(in *request) {
			in.TagSpecifications = []types.TagSpecification{tagged(types.ResourceTypeInstance, tag("a", "b"))}
		}, "InvalidParameterValue"},
		"tags in it": {func(in *request) {
			in.LaunchTemplateData.TagSpecifications = []types.LaunchTemplateTagSpecificationRequest{{ResourceType: types.ResourceTypeFleet, Tags: []types.Tag{tag("a", "b")}}}
		}, "InvalidParameterValue"},
		"Spot that stops only once": {func(in *request) {
			in.LaunchTemplateData.InstanceMarketOptions = &types.LaunchTemplateInstanceMarketOptionsRequest{
				MarketType: "spot", SpotOptions: &types.LaunchTemplateSpotMarketOptionsRequest{InstanceInterruptionBehavior: "stop"},
			}
		}, "InvalidParameterCombination"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			l.template("nodes", "x86_64")
			in := &request{LaunchTemplateName: aws.String("other"), LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: "m5.large"}}
			c.change(in)
			_, err := l.CreateLaunchTemplate(ctx(), in)
			refused(t, err, c.code)
			if got := must[*ec2.DescribeLaunchTemplatesOutput](l)(l.DescribeLaunchTemplates(ctx(), &ec2.DescribeLaunchTemplatesInput{})); len(got.LaunchTemplates) != 1 {
				t.Errorf("%d templates, want the one there was", len(got.LaunchTemplates))
			}
		})
	}
}

// versioned is a template "nodes" with versions 1 to 3.
func versioned(t *testing.T) (l *lab, id string) {
	t.Helper()
	l = open(t, onDisk(t))
	id = l.template("nodes", "x86_64")
	for _, instanceType := range []types.InstanceType{"m5.large", "c5.large"} {
		must[*ec2.CreateLaunchTemplateVersionOutput](l)(l.CreateLaunchTemplateVersion(ctx(), &ec2.CreateLaunchTemplateVersionInput{
			LaunchTemplateId: &id, SourceVersion: aws.String("$Latest"), LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: instanceType},
		}))
	}
	return l, id
}

func TestLaunchTemplateVersions(t *testing.T) {
	t.Parallel()
	l, id := versioned(t)
	for name, c := range map[string]struct {
		in   ec2.DescribeLaunchTemplateVersionsInput
		want []int64
		code string
	}{
		"all":                {ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id}, []int64{3, 2, 1}, ""},
		"latest":             {ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"$Latest"}}, []int64{3}, ""},
		"default":            {ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: aws.String("nodes"), Versions: []string{"$Default"}}, []int64{1}, ""},
		"by number":          {ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"2", "1"}}, []int64{2, 1}, ""},
		"latest of all":      {ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{"$Latest"}}, []int64{3}, ""},
		"a range":            {ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, MinVersion: aws.String("2"), MaxVersion: aws.String("3")}, []int64{3, 2}, ""},
		"filtered":           {ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Filters: []types.Filter{filter("instance-type", "m5.*")}}, []int64{2}, ""},
		"the default one":    {ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Filters: []types.Filter{filter("is-default-version", "true")}}, []int64{1}, ""},
		"a page":             {ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, MaxResults: aws.Int32(2)}, []int64{3, 2}, ""},
		"none there":         {ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"4"}}, nil, "InvalidLaunchTemplateId.VersionNotFound"},
		"no number":          {ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, MinVersion: aws.String("x")}, nil, "InvalidParameterValue"},
		"of what":            {ec2.DescribeLaunchTemplateVersionsInput{}, nil, "MissingParameter"},
		"unknown template":   {ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: aws.String("none")}, nil, "InvalidLaunchTemplateName.NotFoundException"},
		"malformed template": {ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: aws.String("none")}, nil, "InvalidLaunchTemplateId.Malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := l.DescribeLaunchTemplateVersions(ctx(), &c.in)
			refused(t, err, c.code)
			if err != nil {
				return
			}
			var got []int64
			for _, v := range out.LaunchTemplateVersions {
				got = append(got, *v.VersionNumber)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("versions %v, want %v", got, c.want)
			}
			if (out.NextToken != nil) != (c.in.MaxResults != nil) {
				t.Errorf("next token %v", out.NextToken)
			}
		})
	}
}

// TestVersionInheritsFromItsSource: what a version does not say is as in the
// version it is based on.
func TestVersionInheritsFromItsSource(t *testing.T) {
	t.Parallel()
	l, id := versioned(t)
	l.reopen()
	out := must[*ec2.DescribeLaunchTemplateVersionsOutput](l)(l.DescribeLaunchTemplateVersions(ctx(), &ec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateId: &id, Versions: []string{"3"},
	}))
	if d := out.LaunchTemplateVersions[0].LaunchTemplateData; aws.ToString(d.ImageId) != l.imageOf("x86_64") || d.InstanceType != "c5.large" || d.UserData == nil {
		t.Errorf("version 3 is %+v", *d)
	}
	_, err := l.CreateLaunchTemplateVersion(ctx(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &id, SourceVersion: aws.String("9"), LaunchTemplateData: &types.RequestLaunchTemplateData{},
	})
	refused(t, err, "InvalidLaunchTemplateId.VersionNotFound")
}

// TestVersionMustFitItsSource: security groups of the source and interfaces of
// the new version exclude each other, as they do in one request.
func TestVersionMustFitItsSource(t *testing.T) {
	t.Parallel()
	l := open(t)
	must[*ec2.CreateLaunchTemplateOutput](l)(l.CreateLaunchTemplate(ctx(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("base"), LaunchTemplateData: &types.RequestLaunchTemplateData{SecurityGroupIds: []string{"sg-0123456789abcdef0"}},
	}))
	_, err := l.CreateLaunchTemplateVersion(ctx(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateName: aws.String("base"), SourceVersion: aws.String("1"), LaunchTemplateData: &types.RequestLaunchTemplateData{
			NetworkInterfaces: []types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{{DeviceIndex: aws.Int32(0)}},
		},
	})
	refused(t, err, "InvalidParameterCombination")
}

func TestModifyAndDeleteLaunchTemplate(t *testing.T) {
	t.Parallel()
	l, id := versioned(t)
	modified := must[*ec2.ModifyLaunchTemplateOutput](l)(l.ModifyLaunchTemplate(ctx(), &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: &id, DefaultVersion: aws.String("2")}))
	if *modified.LaunchTemplate.DefaultVersionNumber != 2 || *modified.LaunchTemplate.LatestVersionNumber != 3 {
		t.Errorf("modified: %+v", *modified.LaunchTemplate)
	}
	_, err := l.ModifyLaunchTemplate(ctx(), &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: &id, DefaultVersion: aws.String("9")})
	refused(t, err, "InvalidLaunchTemplateId.VersionNotFound")
	_, err = l.DeleteLaunchTemplate(ctx(), &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: &id, DryRun: aws.Bool(true)})
	refused(t, err, "DryRunOperation")
	must[*ec2.DeleteLaunchTemplateOutput](l)(l.DeleteLaunchTemplate(ctx(), &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: &id}))
	_, err = l.DeleteLaunchTemplate(ctx(), &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: &id})
	refused(t, err, "InvalidLaunchTemplateId.NotFound")
	_, err = l.DescribeLaunchTemplates(ctx(), &ec2.DescribeLaunchTemplatesInput{LaunchTemplateNames: []string{"nodes"}})
	refused(t, err, "InvalidLaunchTemplateName.NotFoundException")
	_, err = l.DescribeLaunchTemplates(ctx(), &ec2.DescribeLaunchTemplatesInput{LaunchTemplateIds: []string{id}})
	refused(t, err, "InvalidLaunchTemplateId.NotFound")
	if l.template("nodes", "x86_64") == id {
		t.Error("a template of the same name got the id of the deleted one")
	}
}
