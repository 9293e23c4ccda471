package region_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// taggableIDs are one id of every kind that can have tags.
func (l *lab) taggableIDs() map[types.ResourceType]string {
	l.t.Helper()
	templateID := l.template("nodes", "x86_64")
	out := l.launchFleet(l.fleet("nodes", spot, 1, anyOrder("m5.large", "a")))
	i := l.instance(fleetIDs(out)[0])
	return map[types.ResourceType]string{
		types.ResourceTypeInstance: *i.InstanceId, types.ResourceTypeVolume: *i.BlockDeviceMappings[0].Ebs.VolumeId,
		types.ResourceTypeNetworkInterface: *i.NetworkInterfaces[0].NetworkInterfaceId, types.ResourceTypeSpotInstancesRequest: *i.SpotInstanceRequestId,
		types.ResourceTypeFleet: *out.FleetId, types.ResourceTypeLaunchTemplate: templateID, types.ResourceTypeVpc: *i.VpcId,
		types.ResourceTypeSubnet: *i.SubnetId, types.ResourceTypeSecurityGroup: *i.SecurityGroups[0].GroupId, types.ResourceTypeImage: *i.ImageId,
	}
}

func TestTagsOfEveryKind(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	for kind, id := range l.taggableIDs() {
		before := l.tagsOf(id)
		must[*ec2.CreateTagsOutput](l)(l.CreateTags(ctx(), &ec2.CreateTagsInput{Resources: []string{id}, Tags: []types.Tag{tag("team", "blue"), tag("x", "")}}))
		l.reopen()
		out := must[*ec2.DescribeTagsOutput](l)(l.DescribeTags(ctx(), &ec2.DescribeTagsInput{
			Filters: []types.Filter{filter("resource-type", string(kind)), filter("key", "team"), filter("value", "bl*")},
		}))
		if len(out.Tags) != 1 || *out.Tags[0].ResourceId != id || out.Tags[0].ResourceType != kind {
			t.Errorf("%s: %+v", kind, out.Tags)
		}
		must[*ec2.DeleteTagsOutput](l)(l.DeleteTags(ctx(), &ec2.DeleteTagsInput{Resources: []string{id}, Tags: []types.Tag{{Key: aws.String("team")}, {Key: aws.String("x")}}}))
		if after := l.tagsOf(id); !maps.Equal(after, before) {
			t.Errorf("%s: tags %v, before %v", kind, after, before)
		}
	}
}

// TestImageTagsAreShown: what CreateTags took, DescribeImages gives and filters by.
func TestImageTagsAreShown(t *testing.T) {
	t.Parallel()
	l := open(t)
	id := l.imageOf("x86_64")
	must[*ec2.CreateTagsOutput](l)(l.CreateTags(ctx(), &ec2.CreateTagsInput{Resources: []string{id}, Tags: []types.Tag{tag("team", "blue")}}))
	out := must[*ec2.DescribeImagesOutput](l)(l.DescribeImages(ctx(), &ec2.DescribeImagesInput{Filters: []types.Filter{filter("tag:team", "blue")}}))
	if len(out.Images) != 1 || *out.Images[0].ImageId != id || len(out.Images[0].Tags) != 1 {
		t.Errorf("images with the tag: %+v", out.Images)
	}
}

func TestDeleteTags(t *testing.T) {
	t.Parallel()
	all := map[string]string{"a": "1", "b": "", "c": "3"}
	for name, c := range map[string]struct {
		tags []types.Tag
		want map[string]string
	}{
		"by key":              {[]types.Tag{{Key: aws.String("a")}}, map[string]string{"b": "", "c": "3"}},
		"by key and value":    {[]types.Tag{tag("a", "1")}, map[string]string{"b": "", "c": "3"}},
		"another value":       {[]types.Tag{tag("a", "2")}, all},
		"empty is a value":    {[]types.Tag{tag("a", ""), tag("b", "")}, map[string]string{"a": "1", "c": "3"}},
		"none there":          {[]types.Tag{tag("z", "1")}, all},
		"all, but not AWS's":  {nil, map[string]string{}},
		"keys have a case":    {[]types.Tag{{Key: aws.String("A")}}, all},
		"several at one time": {[]types.Tag{{Key: aws.String("a")}, {Key: aws.String("c")}}, map[string]string{"b": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			l.template("nodes", "x86_64")
			id := fleetIDs(l.launchFleet(l.fleet("nodes", onDemand, 1, anyOrder("m5.large", "a"))))[0]
			var tags []types.Tag
			for key, value := range all {
				tags = append(tags, tag(key, value))
			}
			must[*ec2.CreateTagsOutput](l)(l.CreateTags(ctx(), &ec2.CreateTagsInput{Resources: []string{id}, Tags: tags}))
			must[*ec2.DeleteTagsOutput](l)(l.DeleteTags(ctx(), &ec2.DeleteTagsInput{Resources: []string{id}, Tags: c.tags}))
			got := l.tagsOf(id)
			if got["aws:ec2:fleet-id"] == "" {
				t.Error("AWS's own tag is gone")
			}
			maps.DeleteFunc(got, func(key, _ string) bool { return strings.HasPrefix(key, "aws:") })
			if !maps.Equal(got, c.want) {
				t.Errorf("left are %v, want %v", got, c.want)
			}
		})
	}
}

func TestCreateTagsThatAreRefused(t *testing.T) {
	t.Parallel()
	many := func(n int) (tags []types.Tag) {
		for i := range n {
			tags = append(tags, tag(fmt.Sprint("k", i), "v"))
		}
		return tags
	}
	for name, c := range map[string]struct {
		change func(*ec2.CreateTagsInput)
		code   string
	}{
		"no resources": {func(in *ec2.CreateTagsInput) { in.Resources = nil }, "MissingParameter"},
		"no tags":      {func(in *ec2.CreateTagsInput) { in.Tags = nil }, "MissingParameter"},
		"empty key":    {func(in *ec2.CreateTagsInput) { in.Tags = []types.Tag{tag("", "x")} }, "InvalidParameterValue"},
		"reserved":     {func(in *ec2.CreateTagsInput) { in.Tags = []types.Tag{tag("AWS:x", "x")} }, "InvalidParameterValue"},
		"long key":     {func(in *ec2.CreateTagsInput) { in.Tags = []types.Tag{tag(strings.Repeat("k", 129), "x")} }, "InvalidParameterValue"},
		"long value":   {func(in *ec2.CreateTagsInput) { in.Tags = []types.Tag{tag("k", strings.Repeat("v", 257))} }, "InvalidParameterValue"},
		"longest key": {func(in *ec2.CreateTagsInput) {
			in.Tags = []types.Tag{tag(strings.Repeat("é", 128), strings.Repeat("é", 256))}
		}, ""},
		"50 tags":        {func(in *ec2.CreateTagsInput) { in.Tags = many(50) }, ""},
		"51 tags":        {func(in *ec2.CreateTagsInput) { in.Tags = many(51) }, "TagLimitExceeded"},
		"unknown id":     {func(in *ec2.CreateTagsInput) { in.Resources = append(in.Resources, "i-0123456789abcdef0") }, "InvalidInstanceID.NotFound"},
		"unknown volume": {func(in *ec2.CreateTagsInput) { in.Resources = append(in.Resources, "vol-0123456789abcdef0") }, "InvalidVolume.NotFound"},
		"no id":          {func(in *ec2.CreateTagsInput) { in.Resources = append(in.Resources, "web") }, "InvalidID"},
		"dry run":        {func(in *ec2.CreateTagsInput) { in.DryRun = aws.Bool(true) }, "DryRunOperation"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			id := l.run(1)[0]
			in := &ec2.CreateTagsInput{Resources: []string{id}, Tags: []types.Tag{tag("k0", "v")}}
			c.change(in)
			_, err := l.CreateTags(ctx(), in)
			refused(t, err, c.code)
			if got := l.tagsOf(id); c.code != "" && len(got) > 0 {
				t.Errorf("refused, yet there are tags %v", got)
			}
		})
	}
}

func TestTagFilters(t *testing.T) {
	t.Parallel()
	l := open(t)
	ids := l.run(2)
	must[*ec2.CreateTagsOutput](l)(l.CreateTags(ctx(), &ec2.CreateTagsInput{Resources: ids, Tags: []types.Tag{tag("team", "blue"), tag("env", "test")}}))
	for _, c := range []struct {
		filter types.Filter
		want   int
	}{
		{filter("tag:team", "blue"), 2}, {filter("tag:team", "red"), 0}, {filter("resource-id", ids[0]), 2},
		{filter("key", "env"), 2}, {filter("value", "test", "blue"), 4}, {filter("resource-type", "volume"), 0},
	} {
		out := must[*ec2.DescribeTagsOutput](l)(l.DescribeTags(ctx(), &ec2.DescribeTagsInput{
			Filters: []types.Filter{c.filter, filter("resource-id", ids...)},
		}))
		if len(out.Tags) != c.want {
			t.Errorf("%s=%v: %d tags, want %d", *c.filter.Name, c.filter.Values, len(out.Tags), c.want)
		}
	}
}
