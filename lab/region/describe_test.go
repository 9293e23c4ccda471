package region_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// listing is one Describe operation: page gives the ids of one page, and the
// token of the next.
type listing struct {
	page func(l *lab, filters []types.Filter, limit *int32, token *string) (ids []string, next *string, err error)
	// filter is one that all or some items fit, none one that no item fits.
	filter types.Filter
	tags   bool
}

func listings() map[string]listing {
	return map[string]listing{
		"instances": {filter: filter("instance-type", "m5.*"), tags: true,
			page: func(l *lab, f []types.Filter, limit *int32, token *string) (ids []string, next *string, err error) {
				out, err := l.DescribeInstances(ctx(), &ec2.DescribeInstancesInput{Filters: f, MaxResults: limit, NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				for _, r := range out.Reservations {
					ids = append(ids, instanceIDs(r.Instances)...)
				}
				return ids, out.NextToken, nil
			}},
		"instance status": {filter: filter("instance-state-name", "running"),
			page: func(l *lab, f []types.Filter, limit *int32, token *string) ([]string, *string, error) {
				out, err := l.DescribeInstanceStatus(ctx(), &ec2.DescribeInstanceStatusInput{Filters: f, MaxResults: limit, NextToken: token})
				return pageOf(out, err, func() ([]string, *string) {
					return each(out.InstanceStatuses, func(s types.InstanceStatus) *string { return s.InstanceId }), out.NextToken
				})
			}},
		"subnets": {filter: filter("availability-zone", "us-west-2?"), tags: true,
			page: func(l *lab, f []types.Filter, limit *int32, token *string) ([]string, *string, error) {
				out, err := l.DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{Filters: f, MaxResults: limit, NextToken: token})
				return pageOf(out, err, func() ([]string, *string) {
					return each(out.Subnets, func(s types.Subnet) *string { return s.SubnetId }), out.NextToken
				})
			}},
		"security groups": {filter: filter("group-name", "*"), tags: true,
			page: func(l *lab, f []types.Filter, limit *int32, token *string) ([]string, *string, error) {
				out, err := l.DescribeSecurityGroups(ctx(), &ec2.DescribeSecurityGroupsInput{Filters: f, MaxResults: limit, NextToken: token})
				return pageOf(out, err, func() ([]string, *string) {
					return each(out.SecurityGroups, func(s types.SecurityGroup) *string { return s.GroupId }), out.NextToken
				})
			}},
		"VPCs": {filter: filter("state", "available"), tags: true,
			page: func(l *lab, f []types.Filter, limit *int32, token *string) ([]string, *string, error) {
				out, err := l.DescribeVpcs(ctx(), &ec2.DescribeVpcsInput{Filters: f, MaxResults: limit, NextToken: token})
				return pageOf(out, err, func() ([]string, *string) {
					return each(out.Vpcs, func(s types.Vpc) *string { return s.VpcId }), out.NextToken
				})
			}},
		"images": {filter: filter("name", "amazon-eks-node-al2023-*"),
			page: func(l *lab, f []types.Filter, limit *int32, token *string) ([]string, *string, error) {
				out, err := l.DescribeImages(ctx(), &ec2.DescribeImagesInput{Filters: f, MaxResults: limit, NextToken: token})
				return pageOf(out, err, func() ([]string, *string) {
					return each(out.Images, func(s types.Image) *string { return s.ImageId }), out.NextToken
				})
			}},
		"instance types": {filter: filter("instance-type", "m5.*"),
			page: func(l *lab, f []types.Filter, limit *int32, token *string) ([]string, *string, error) {
				out, err := l.DescribeInstanceTypes(ctx(), &ec2.DescribeInstanceTypesInput{Filters: f, MaxResults: limit, NextToken: token})
				return pageOf(out, err, func() ([]string, *string) {
					return each(out.InstanceTypes, func(s types.InstanceTypeInfo) *string { return aws.String(string(s.InstanceType)) }), out.NextToken
				})
			}},
		"offerings": {filter: filter("location", "us-west-2"),
			page: func(l *lab, f []types.Filter, limit *int32, token *string) ([]string, *string, error) {
				out, err := l.DescribeInstanceTypeOfferings(ctx(), &ec2.DescribeInstanceTypeOfferingsInput{Filters: f, MaxResults: limit, NextToken: token})
				return pageOf(out, err, func() ([]string, *string) {
					return each(out.InstanceTypeOfferings, func(s types.InstanceTypeOffering) *string { return aws.String(string(s.InstanceType) + *s.Location) }), out.NextToken
				})
			}},
		"launch templates": {filter: filter("launch-template-name", "nodes-*"), tags: true,
			page: func(l *lab, f []types.Filter, limit *int32, token *string) ([]string, *string, error) {
				out, err := l.DescribeLaunchTemplates(ctx(), &ec2.DescribeLaunchTemplatesInput{Filters: f, MaxResults: limit, NextToken: token})
				return pageOf(out, err, func() ([]string, *string) {
					return each(out.LaunchTemplates, func(s types.LaunchTemplate) *string { return s.LaunchTemplateId }), out.NextToken
				})
			}},
		"tags": {filter: filter("resource-type", "subnet"),
			page: func(l *lab, f []types.Filter, limit *int32, token *string) ([]string, *string, error) {
				out, err := l.DescribeTags(ctx(), &ec2.DescribeTagsInput{Filters: f, MaxResults: limit, NextToken: token})
				return pageOf(out, err, func() ([]string, *string) {
					return each(out.Tags, func(s types.TagDescription) *string { return aws.String(*s.ResourceId + *s.Key) }), out.NextToken
				})
			}},
	}
}

func pageOf[T any](out *T, err error, read func() ([]string, *string)) ([]string, *string, error) {
	if err != nil {
		return nil, nil, err
	}
	if out == nil {
		return nil, nil, fmt.Errorf("neither an answer nor an error")
	}
	ids, next := read()
	return ids, next, nil
}

func each[T any](items []T, id func(T) *string) (ids []string) {
	for _, item := range items {
		ids = append(ids, *id(item))
	}
	return ids
}

// populated has a few of everything.
func populated(t *testing.T) *lab {
	t.Helper()
	l := open(t)
	for n := range 7 {
		l.template(fmt.Sprintf("nodes-%d", n), "x86_64")
	}
	l.run(6)
	l.launchFleet(l.fleet("nodes-1", spot, 7, anyOrder("c5.large", "b"), anyOrder("m5.large", "c")))
	l.clock.Advance(boot)
	return l
}

// all follows the pages of a listing to the end.
func (list listing) all(l *lab, filters []types.Filter, limit *int32) (ids []string, pages int) {
	l.t.Helper()
	var token *string
	for {
		page, next, err := list.page(l, filters, limit, token)
		if err != nil {
			l.t.Fatal(err)
		}
		if limit != nil && len(page) > int(*limit) {
			l.t.Fatalf("a page of %d, limit %d", len(page), *limit)
		}
		ids, pages = append(ids, page...), pages+1
		if next == nil {
			return ids, pages
		}
		if len(page) == 0 || pages > 5000 {
			l.t.Fatal("an empty page, or no end")
		}
		token = next
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	l := populated(t)
	for name, list := range listings() {
		t.Run(name, func(t *testing.T) {
			whole, _ := list.all(l, nil, nil)
			slices.Sort(whole)
			for _, limit := range []int32{5, 100} {
				if len(whole)/int(limit) > 50 {
					continue
				}
				ids, pages := list.all(l, nil, &limit)
				slices.Sort(ids)
				if !slices.Equal(ids, whole) {
					t.Fatalf("in pages of %d: %d items, %d otherwise, or not the same", limit, len(ids), len(whole))
				}
				if want := max((len(whole)+int(limit)-1)/int(limit), 1); pages != want {
					t.Errorf("%d items in %d pages of %d, want %d", len(whole), pages, limit, want)
				}
			}
			if different := slices.Compact(slices.Clone(whole)); len(different) != len(whole) || len(whole) == 0 {
				t.Errorf("%d items, some of them twice or none at all", len(whole))
			}
			_, _, err := list.page(l, nil, aws.Int32(5), aws.String("made-up"))
			refused(t, err, "InvalidNextToken")
		})
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	l := populated(t)
	for name, list := range listings() {
		t.Run(name, func(t *testing.T) {
			whole, _ := list.all(l, nil, nil)
			some, _ := list.all(l, []types.Filter{list.filter}, nil)
			if len(some) == 0 || len(some) > len(whole) {
				t.Errorf("%s=%v gives %d of %d", *list.filter.Name, list.filter.Values, len(some), len(whole))
			}
			for _, id := range some {
				if !slices.Contains(whole, id) {
					t.Errorf("the filter invents %s", id)
				}
			}
			none, _ := list.all(l, []types.Filter{list.filter, filter(*list.filter.Name, "no such value")}, nil)
			if len(none) != 0 {
				t.Errorf("filters are joined with AND, yet two that exclude each other give %v", none)
			}
			either, _ := list.all(l, []types.Filter{filter(*list.filter.Name, append(list.filter.Values, "no such value")...)}, nil)
			if !slices.Equal(either, some) {
				t.Errorf("values are joined with OR, yet one more gives %d, not %d", len(either), len(some))
			}
			for _, wrong := range []string{"colour", "", "Instance-Type"} {
				_, _, err := list.page(l, []types.Filter{filter(wrong, "x")}, nil, nil)
				refused(t, err, "InvalidParameterValue")
			}
			if list.tags {
				for _, f := range []types.Filter{filter("tag:none", "x"), filter("tag-key", "none"), filter("tag-value", "none")} {
					if none, _ := list.all(l, []types.Filter{f}, nil); len(none) != 0 {
						t.Errorf("%s gives %v", *f.Name, none)
					}
				}
			}
		})
	}
}

func TestInstanceFilters(t *testing.T) {
	t.Parallel()
	l := populated(t)
	all := l.instances(&ec2.DescribeInstancesInput{})
	l.terminate(*all[0].InstanceId)
	must[*ec2.CreateTagsOutput](l)(l.CreateTags(ctx(), &ec2.CreateTagsInput{
		Resources: []string{*all[1].InstanceId}, Tags: []types.Tag{tag("team", "blue"), tag("star", "a*b")},
	}))
	one := l.instance(*all[1].InstanceId)
	for _, c := range []struct {
		filters []types.Filter
		want    int
	}{
		{[]types.Filter{filter("instance-state-name", "running", "pending")}, 12},
		{[]types.Filter{filter("instance-state-name", "shutting-down")}, 1},
		{[]types.Filter{filter("instance-state-code", "16")}, 12},
		{[]types.Filter{filter("instance-lifecycle", "spot")}, 7},
		{[]types.Filter{filter("instance-id", *one.InstanceId)}, 1},
		{[]types.Filter{filter("tag:team", "b*")}, 1},
		{[]types.Filter{filter("tag:team", "B*")}, 0},
		{[]types.Filter{filter("tag:star", `a\*b`)}, 1},
		{[]types.Filter{filter("tag-key", "team", "none")}, 1},
		{[]types.Filter{filter("tag-value", "blue")}, 1},
		{[]types.Filter{filter("private-ip-address", *one.PrivateIpAddress)}, 1},
		{[]types.Filter{filter("private-dns-name", *one.PrivateDnsName)}, 1},
		{[]types.Filter{filter("network-interface.network-interface-id", *one.NetworkInterfaces[0].NetworkInterfaceId)}, 1},
		{[]types.Filter{filter("block-device-mapping.volume-id", *one.BlockDeviceMappings[0].Ebs.VolumeId)}, 1},
		{[]types.Filter{filter("tag-key", "aws:ec2:fleet-id")}, 7},
		{[]types.Filter{filter("architecture", "x86_64")}, 13},
		{[]types.Filter{filter("availability-zone", "us-west-2a")}, 6},
		{[]types.Filter{filter("vpc-id", "vpc-*")}, 13},
		{[]types.Filter{filter("launch-time", "2026-11-24T08*")}, 13},
	} {
		if got := l.instances(&ec2.DescribeInstancesInput{Filters: c.filters}); len(got) != c.want {
			t.Errorf("%s=%v: %d instances, want %d", *c.filters[0].Name, c.filters[0].Values, len(got), c.want)
		}
	}
}

func TestDescribeUnknownIDs(t *testing.T) {
	t.Parallel()
	l := open(t)
	for name, c := range map[string]struct {
		call func(id string) error
		ids  map[string]string // code by id
	}{
		"instance": {func(id string) error {
			_, err := l.DescribeInstances(ctx(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
			return err
		}, map[string]string{"i-0123456789abcdef0": "InvalidInstanceID.NotFound", "web": "InvalidInstanceID.Malformed", "i-": "InvalidInstanceID.Malformed", "i-XYZ": "InvalidInstanceID.Malformed"}},
		"status": {func(id string) error {
			_, err := l.DescribeInstanceStatus(ctx(), &ec2.DescribeInstanceStatusInput{InstanceIds: []string{id}})
			return err
		}, map[string]string{"i-0123456789abcdef0": "InvalidInstanceID.NotFound", "web": "InvalidInstanceID.Malformed"}},
		"subnet": {func(id string) error {
			_, err := l.DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{SubnetIds: []string{id}})
			return err
		}, map[string]string{"subnet-0123456789abcdef0": "InvalidSubnetID.NotFound"}},
		"security group": {func(id string) error {
			_, err := l.DescribeSecurityGroups(ctx(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
			return err
		}, map[string]string{"sg-0123456789abcdef0": "InvalidGroup.NotFound"}},
		"VPC": {func(id string) error {
			_, err := l.DescribeVpcs(ctx(), &ec2.DescribeVpcsInput{VpcIds: []string{id}})
			return err
		}, map[string]string{"vpc-0123456789abcdef0": "InvalidVpcID.NotFound"}},
		"image": {func(id string) error {
			_, err := l.DescribeImages(ctx(), &ec2.DescribeImagesInput{ImageIds: []string{id}})
			return err
		}, map[string]string{"ami-0123456789abcdef0": "InvalidAMIID.NotFound", "debian": "InvalidAMIID.Malformed"}},
		"type": {func(id string) error {
			_, err := l.DescribeInstanceTypes(ctx(), &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{types.InstanceType(id)}})
			return err
		}, map[string]string{"m5.huge": "InvalidInstanceType"}},
		"zone": {func(id string) error {
			_, err := l.DescribeAvailabilityZones(ctx(), &ec2.DescribeAvailabilityZonesInput{ZoneNames: []string{id}})
			return err
		}, map[string]string{"us-west-2z": "InvalidParameterValue"}},
		"region": {func(id string) error {
			_, err := l.DescribeRegions(ctx(), &ec2.DescribeRegionsInput{RegionNames: []string{id}})
			return err
		}, map[string]string{"mars-1": "InvalidParameterValue"}},
		"capacity reservation": {func(id string) error {
			_, err := l.DescribeCapacityReservations(ctx(), &ec2.DescribeCapacityReservationsInput{CapacityReservationIds: []string{id}})
			return err
		}, map[string]string{"cr-0123456789abcdef0": "InvalidCapacityReservationId.NotFound"}},
		"placement group": {func(id string) error {
			_, err := l.DescribePlacementGroups(ctx(), &ec2.DescribePlacementGroupsInput{GroupNames: []string{id}})
			return err
		}, map[string]string{"together": "InvalidPlacementGroup.Unknown"}},
	} {
		for id, code := range c.ids {
			if got := codeOf(c.call(id)); got != code {
				t.Errorf("%s %q: %s, want %s", name, id, got, code)
			}
		}
	}
}

func TestDescribeInstancesParameters(t *testing.T) {
	t.Parallel()
	l := open(t)
	ids := l.run(2)
	for name, c := range map[string]struct {
		in   ec2.DescribeInstancesInput
		code string
	}{
		"ids and a limit": {ec2.DescribeInstancesInput{InstanceIds: ids, MaxResults: aws.Int32(5)}, "InvalidParameterCombination"},
		"limit too small": {ec2.DescribeInstancesInput{MaxResults: aws.Int32(4)}, "InvalidParameterValue"},
		"limit too large": {ec2.DescribeInstancesInput{MaxResults: aws.Int32(1001)}, "InvalidParameterValue"},
		"dry run":         {ec2.DescribeInstancesInput{DryRun: aws.Bool(true)}, "DryRunOperation"},
	} {
		_, err := l.DescribeInstances(ctx(), &c.in)
		if got := codeOf(err); got != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	twice := l.instances(&ec2.DescribeInstancesInput{InstanceIds: []string{ids[0], ids[1], ids[0]}})
	if len(twice) != 2 {
		t.Errorf("an id that is named twice is described %d times in all", len(twice))
	}
	_, err := l.DescribeInstanceStatus(ctx(), &ec2.DescribeInstanceStatusInput{InstanceIds: ids, MaxResults: aws.Int32(5)})
	refused(t, err, "InvalidParameterCombination")
}

func TestInstanceStatusListsRunningOnes(t *testing.T) {
	t.Parallel()
	l := open(t)
	id := l.run(1)[0]
	count := func(all bool) int {
		t.Helper()
		out := must[*ec2.DescribeInstanceStatusOutput](l)(l.DescribeInstanceStatus(ctx(), &ec2.DescribeInstanceStatusInput{IncludeAllInstances: &all}))
		return len(out.InstanceStatuses)
	}
	if count(false) != 0 || count(true) != 1 {
		t.Errorf("while pending: %d, of all %d", count(false), count(true))
	}
	l.clock.Advance(boot)
	out := must[*ec2.DescribeInstanceStatusOutput](l)(l.DescribeInstanceStatus(ctx(), &ec2.DescribeInstanceStatusInput{InstanceIds: []string{id}}))
	if len(out.InstanceStatuses) != 1 || out.InstanceStatuses[0].SystemStatus.Status != "ok" || out.InstanceStatuses[0].InstanceStatus.Status != "ok" {
		t.Errorf("running: %+v", out.InstanceStatuses)
	}
	for _, name := range []string{"system-status.status", "instance-status.status"} {
		out := must[*ec2.DescribeInstanceStatusOutput](l)(l.DescribeInstanceStatus(ctx(), &ec2.DescribeInstanceStatusInput{Filters: []types.Filter{filter(name, "impaired")}}))
		if len(out.InstanceStatuses) != 0 {
			t.Errorf("%s=impaired gives %d", name, len(out.InstanceStatuses))
		}
	}
}

func TestNetworkOfTheCluster(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"us-west-2", "us-east-1", "eu-west-1", "ap-northeast-2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := openNamed(t, name)
			zones := must[*ec2.DescribeAvailabilityZonesOutput](l)(l.DescribeAvailabilityZones(ctx(), &ec2.DescribeAvailabilityZonesInput{}))
			if got := each(zones.AvailabilityZones, func(z types.AvailabilityZone) *string { return z.ZoneName }); !slices.Equal(got, []string{name + "a", name + "b", name + "c"}) {
				t.Errorf("zones %v", got)
			}
			subnets := must[*ec2.DescribeSubnetsOutput](l)(l.DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{})).Subnets
			public := map[string]bool{}
			for _, s := range subnets {
				public[fmt.Sprint(*s.AvailabilityZone, *s.MapPublicIpOnLaunch)] = true
				want := int32(8187)
				if *s.CidrBlock == "192.168.0.0/19" {
					want-- // the NAT gateway is there
				}
				if *s.AvailableIpAddressCount != want {
					t.Errorf("%s has %d addresses", *s.CidrBlock, *s.AvailableIpAddressCount)
				}
			}
			if len(subnets) != 6 || len(public) != 6 {
				t.Errorf("%d subnets: %v", len(subnets), public)
			}
			if got := l.subnets(); len(got) != 3 {
				t.Errorf("karpenter.sh/discovery finds subnets %v", got)
			}
			groups := must[*ec2.DescribeSecurityGroupsOutput](l)(l.DescribeSecurityGroups(ctx(), &ec2.DescribeSecurityGroupsInput{
				Filters: []types.Filter{filter("tag:karpenter.sh/discovery", clusterName)},
			}))
			if len(groups.SecurityGroups) == 0 {
				t.Error("karpenter.sh/discovery finds no security group")
			}
		})
	}
}
