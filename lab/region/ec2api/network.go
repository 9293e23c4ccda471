package ec2api

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/world"
)

// DescribeAvailabilityZones lists the region's zones.
func (e *EC2) DescribeAvailabilityZones(_ context.Context, in *ec2.DescribeAvailabilityZonesInput) (*ec2.DescribeAvailabilityZonesOutput, error) {
	if err := awswire.Supported(in, "DryRun", "ZoneNames", "ZoneIds", "Filters", "AllAvailabilityZones"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	zones, err := byIDs(e.world.Network.Zones, in.ZoneNames, func(z world.Zone) string { return z.Name }, "InvalidParameterValue", "Invalid availability zone: [%s]")
	if err != nil {
		return nil, err
	}
	if zones, err = byIDs(zones, in.ZoneIds, func(z world.Zone) string { return z.ID }, "InvalidParameterValue", "Invalid availability zone-id: [%s]"); err != nil {
		return nil, err
	}
	zones, err = e.zoneFilters().Select(zones, in.Filters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeAvailabilityZonesOutput{}
	for _, z := range zones {
		out.AvailabilityZones = append(out.AvailabilityZones, types.AvailabilityZone{
			ZoneName: aws.String(z.Name), ZoneId: aws.String(z.ID), RegionName: aws.String(e.world.Options.Region),
			GroupName: aws.String(e.world.Options.Region + "-zg-1"), NetworkBorderGroup: aws.String(e.world.Options.Region),
			State: types.AvailabilityZoneStateAvailable, OptInStatus: types.AvailabilityZoneOptInStatusOptInNotRequired,
			ZoneType: aws.String("availability-zone"), Messages: []types.AvailabilityZoneMessage{},
		})
	}
	return out, nil
}

func (e *EC2) zoneFilters() ec2filter.Set[world.Zone] {
	always := func(value string) func(world.Zone) []string {
		return func(world.Zone) []string { return []string{value} }
	}
	return ec2filter.Set[world.Zone]{Fields: map[string]func(world.Zone) []string{
		"zone-name":     func(z world.Zone) []string { return []string{z.Name} },
		"zone-id":       func(z world.Zone) []string { return []string{z.ID} },
		"region-name":   always(e.world.Options.Region),
		"state":         always("available"),
		"zone-type":     always("availability-zone"),
		"opt-in-status": always("opt-in-not-required"),
		"group-name":    always(e.world.Options.Region + "-zg-1"),
	}}
}

// DescribeRegions lists the regions that can be simulated.
func (e *EC2) DescribeRegions(_ context.Context, in *ec2.DescribeRegionsInput) (*ec2.DescribeRegionsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "RegionNames", "Filters", "AllRegions"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	names, err := byIDs(slices.Sorted(slices.Values(world.Regions())), in.RegionNames, func(name string) string { return name },
		"InvalidParameterValue", "Invalid region names provided: [%s]")
	if err != nil {
		return nil, err
	}
	names, err = ec2filter.Set[string]{Fields: map[string]func(string) []string{
		"region-name":   func(name string) []string { return []string{name} },
		"endpoint":      func(name string) []string { return []string{regionEndpoint(name)} },
		"opt-in-status": func(string) []string { return []string{"opt-in-not-required"} },
	}}.Select(names, in.Filters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeRegionsOutput{}
	for _, name := range names {
		out.Regions = append(out.Regions, types.Region{
			RegionName: aws.String(name), Endpoint: aws.String(regionEndpoint(name)), OptInStatus: aws.String("opt-in-not-required"),
		})
	}
	return out, nil
}

func regionEndpoint(name string) string { return "ec2." + name + ".amazonaws.com" }

// DescribeVpcs describes the cluster's VPC.
func (e *EC2) DescribeVpcs(_ context.Context, in *ec2.DescribeVpcsInput) (*ec2.DescribeVpcsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "VpcIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	n := e.world.Network
	vpcs, err := byIDs([]string{n.VPCID}, in.VpcIds, func(id string) string { return id }, "InvalidVpcID.NotFound", "The vpc ID '%s' does not exist")
	if err != nil {
		return nil, err
	}
	always := func(value string) func(string) []string {
		return func(string) []string { return []string{value} }
	}
	set := ec2filter.Set[string]{Tags: e.tagsOf, Fields: map[string]func(string) []string{
		"vpc-id": func(id string) []string { return []string{id} },
		"cidr":   always(n.VPCCIDR.String()), "cidr-block-association.cidr-block": always(n.VPCCIDR.String()),
		"state": always("available"), "is-default": always("false"), "owner-id": always(e.world.Options.Account),
	}}
	out := &ec2.DescribeVpcsOutput{}
	e.world.Store.View(func() {
		if vpcs, err = set.Select(vpcs, in.Filters); err != nil {
			return
		}
		for _, id := range vpcs {
			out.Vpcs = append(out.Vpcs, e.vpc(id))
		}
	})
	if err != nil {
		return nil, err
	}
	out.Vpcs, out.NextToken, err = awswire.Page(out.Vpcs, in.NextToken, in.MaxResults)
	return out, err
}

func (e *EC2) vpc(id string) types.Vpc {
	cidr := aws.String(e.world.Network.VPCCIDR.String())
	return types.Vpc{
		VpcId: aws.String(id), CidrBlock: cidr, State: types.VpcStateAvailable, IsDefault: aws.Bool(false),
		InstanceTenancy: types.TenancyDefault, OwnerId: aws.String(e.world.Options.Account), Tags: e.tagsOf(id),
		CidrBlockAssociationSet: []types.VpcCidrBlockAssociation{{
			CidrBlock: cidr, CidrBlockState: &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeAssociated},
		}},
	}
}

// DescribeSubnets describes the VPC's subnets with the addresses they have left.
func (e *EC2) DescribeSubnets(_ context.Context, in *ec2.DescribeSubnetsInput) (*ec2.DescribeSubnetsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "SubnetIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	subnets, err := byIDs(e.world.Network.Subnets, in.SubnetIds, func(s world.Subnet) string { return s.ID },
		"InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist")
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeSubnetsOutput{}
	e.world.Store.View(func() {
		if subnets, err = e.subnetFilters().Select(subnets, in.Filters); err != nil {
			return
		}
		for _, s := range subnets {
			out.Subnets = append(out.Subnets, e.subnet(s))
		}
	})
	if err != nil {
		return nil, err
	}
	out.Subnets, out.NextToken, err = awswire.Page(out.Subnets, in.NextToken, in.MaxResults)
	return out, err
}

func (e *EC2) subnetFilters() ec2filter.Set[world.Subnet] {
	one := func(value func(world.Subnet) string) func(world.Subnet) []string {
		return func(s world.Subnet) []string { return []string{value(s)} }
	}
	fields := map[string]func(world.Subnet) []string{
		"subnet-id":                  one(func(s world.Subnet) string { return s.ID }),
		"vpc-id":                     one(func(world.Subnet) string { return e.world.Network.VPCID }),
		"availability-zone":          one(func(s world.Subnet) string { return s.Zone.Name }),
		"availability-zone-id":       one(func(s world.Subnet) string { return s.Zone.ID }),
		"cidr-block":                 one(func(s world.Subnet) string { return s.CIDR.String() }),
		"state":                      one(func(world.Subnet) string { return "available" }),
		"default-for-az":             one(func(world.Subnet) string { return "false" }),
		"owner-id":                   one(func(world.Subnet) string { return e.world.Options.Account }),
		"map-public-ip-on-launch":    one(func(s world.Subnet) string { return strconv.FormatBool(s.Public) }),
		"available-ip-address-count": one(func(s world.Subnet) string { return strconv.Itoa(e.world.FreeAddresses(s)) }),
	}
	fields["availabilityZone"], fields["availabilityZoneId"], fields["cidr"] = fields["availability-zone"], fields["availability-zone-id"], fields["cidr-block"]
	return ec2filter.Set[world.Subnet]{Fields: fields, Tags: func(s world.Subnet) []types.Tag { return e.tagsOf(s.ID) }}
}

func (e *EC2) subnet(s world.Subnet) types.Subnet {
	return types.Subnet{
		SubnetId: aws.String(s.ID), SubnetArn: aws.String(fmt.Sprintf("arn:aws:ec2:%s:%s:subnet/%s", e.world.Options.Region, e.world.Options.Account, s.ID)),
		VpcId: aws.String(e.world.Network.VPCID), CidrBlock: aws.String(s.CIDR.String()),
		AvailabilityZone: aws.String(s.Zone.Name), AvailabilityZoneId: aws.String(s.Zone.ID),
		AvailableIpAddressCount: aws.Int32(int32(e.world.FreeAddresses(s))), MapPublicIpOnLaunch: aws.Bool(s.Public),
		AssignIpv6AddressOnCreation: aws.Bool(false), DefaultForAz: aws.Bool(false), State: types.SubnetStateAvailable,
		OwnerId: aws.String(e.world.Options.Account), Tags: e.tagsOf(s.ID),
	}
}

// DescribeSecurityGroups describes the VPC's security groups. Their rules are
// not simulated, so none are listed.
func (e *EC2) DescribeSecurityGroups(_ context.Context, in *ec2.DescribeSecurityGroupsInput) (*ec2.DescribeSecurityGroupsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "GroupIds", "GroupNames", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	groups, err := byIDs(e.world.Network.SecurityGroups, in.GroupIds, func(g world.SecurityGroup) string { return g.ID },
		"InvalidGroup.NotFound", "The security group '%s' does not exist")
	if err != nil {
		return nil, err
	}
	if groups, err = byIDs(groups, in.GroupNames, func(g world.SecurityGroup) string { return g.Name },
		"InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC"); err != nil {
		return nil, err
	}
	out := &ec2.DescribeSecurityGroupsOutput{}
	e.world.Store.View(func() {
		if groups, err = e.groupFilters().Select(groups, in.Filters); err != nil {
			return
		}
		for _, g := range groups {
			out.SecurityGroups = append(out.SecurityGroups, e.securityGroup(g))
		}
	})
	if err != nil {
		return nil, err
	}
	out.SecurityGroups, out.NextToken, err = awswire.Page(out.SecurityGroups, in.NextToken, in.MaxResults)
	return out, err
}

func (e *EC2) groupFilters() ec2filter.Set[world.SecurityGroup] {
	one := func(value func(world.SecurityGroup) string) func(world.SecurityGroup) []string {
		return func(g world.SecurityGroup) []string { return []string{value(g)} }
	}
	return ec2filter.Set[world.SecurityGroup]{
		Fields: map[string]func(world.SecurityGroup) []string{
			"group-id":    one(func(g world.SecurityGroup) string { return g.ID }),
			"group-name":  one(func(g world.SecurityGroup) string { return g.Name }),
			"description": one(func(g world.SecurityGroup) string { return g.Description }),
			"vpc-id":      one(func(world.SecurityGroup) string { return e.world.Network.VPCID }),
			"owner-id":    one(func(world.SecurityGroup) string { return e.world.Options.Account }),
		},
		Tags: func(g world.SecurityGroup) []types.Tag { return e.tagsOf(g.ID) },
	}
}

func (e *EC2) securityGroup(g world.SecurityGroup) types.SecurityGroup {
	return types.SecurityGroup{
		GroupId: aws.String(g.ID), GroupName: aws.String(g.Name), Description: aws.String(g.Description),
		VpcId: aws.String(e.world.Network.VPCID), OwnerId: aws.String(e.world.Options.Account), Tags: e.tagsOf(g.ID),
		SecurityGroupArn: aws.String(fmt.Sprintf("arn:aws:ec2:%s:%s:security-group/%s", e.world.Options.Region, e.world.Options.Account, g.ID)),
	}
}

// byIDs gives the items with the ids asked for, all when none are. An id that
// no item has is an error of the given code; text has one %s for it.
func byIDs[T any](items []T, ids []string, idOf func(T) string, code, text string) ([]T, error) {
	if len(ids) == 0 {
		return items, nil
	}
	for _, id := range ids {
		if !slices.ContainsFunc(items, func(item T) bool { return idOf(item) == id }) {
			return nil, awserr.New(code, text, id)
		}
	}
	var found []T
	for _, item := range items {
		if slices.Contains(ids, idOf(item)) {
			found = append(found, item)
		}
	}
	return found, nil
}
