package ec2api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// CreateSubnet makes a subnet in a part of a VPC that no other has.
func (e *EC2) CreateSubnet(_ context.Context, in *ec2.CreateSubnetInput) (*ec2.CreateSubnetOutput, error) {
	if err := awswire.Supported(in, "VpcId", "AvailabilityZone", "AvailabilityZoneId", "CidrBlock", "DryRun", "TagSpecifications"); err != nil {
		return nil, err
	}
	if in.CidrBlock == nil {
		return nil, missing("cidrBlock")
	}
	cidr, err := network.ParseBlock(*in.CidrBlock, "cidrBlock")
	if err != nil {
		return nil, err
	}
	zone, err := e.zoneFor(aws.ToString(in.AvailabilityZone), aws.ToString(in.AvailabilityZoneId))
	if err != nil {
		return nil, err
	}
	out := &ec2.CreateSubnetOutput{}
	_, err = e.create("CreateSubnet", creation{dry: in.DryRun, resource: types.ResourceTypeSubnet, specs: in.TagSpecifications}, func(tx *store.Tx) (string, error) {
		s, err := e.world.Network.CreateSubnet(tx, aws.ToString(in.VpcId), zone, cidr)
		return s.ID, err
	}, func(id string) { out.Subnet = e.subnetByID(id) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// zoneFor is the zone of a name or an id, the first without either.
func (e *EC2) zoneFor(name, id string) (world.Zone, error) {
	if name == "" && id == "" {
		return e.world.Network.Zones[0], nil
	}
	if name != "" && id != "" {
		return world.Zone{}, invalidCombination("Only one of AvailabilityZone and AvailabilityZoneId can be specified")
	}
	at := slices.IndexFunc(e.world.Network.Zones, func(z world.Zone) bool { return z.Name == name || z.ID == id })
	if at < 0 {
		var names []string
		for _, z := range e.world.Network.Zones {
			names = append(names, z.Name)
		}
		return world.Zone{}, invalid("Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: %s.", first(name, id), strings.Join(names, ", "))
	}
	return e.world.Network.Zones[at], nil
}

// DeleteSubnet deletes a subnet that no network interface is in.
func (e *EC2) DeleteSubnet(_ context.Context, in *ec2.DeleteSubnetInput) (*ec2.DeleteSubnetOutput, error) {
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		if err := e.world.Network.DeleteSubnet(tx, aws.ToString(in.SubnetId)); err != nil {
			return err
		}
		return e.forget(tx, *in.SubnetId)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DeleteSubnetOutput{}, nil
}

// ModifySubnetAttribute says whether instances get public addresses.
func (e *EC2) ModifySubnetAttribute(_ context.Context, in *ec2.ModifySubnetAttributeInput) (*ec2.ModifySubnetAttributeOutput, error) {
	if err := awswire.Supported(in, "SubnetId", "MapPublicIpOnLaunch"); err != nil {
		return nil, err
	}
	if in.MapPublicIpOnLaunch == nil {
		return nil, invalidCombination("Fields for exactly one attribute must be specified: MapPublicIpOnLaunch")
	}
	err := e.modify(nil, func(tx *store.Tx) error {
		s, err := e.world.Network.FindSubnet(aws.ToString(in.SubnetId))
		if err != nil {
			return err
		}
		s.Public = aws.ToBool(in.MapPublicIpOnLaunch.Value)
		return e.world.Network.Subnets.Put(tx, s.ID, s)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.ModifySubnetAttributeOutput{}, nil
}

// DescribeSubnets describes subnets with the addresses they have left.
func (e *EC2) DescribeSubnets(_ context.Context, in *ec2.DescribeSubnetsInput) (*ec2.DescribeSubnetsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "SubnetIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	part, next, err := list(e, listing[world.Subnet]{
		rows: e.world.Network.Subnets.All, ids: in.SubnetIds, idOf: func(s world.Subnet) string { return s.ID },
		code: "InvalidSubnetID.NotFound", text: "The subnet ID '%s' does not exist",
		set: e.subnetFilters(), filters: in.Filters, token: in.NextToken, limit: in.MaxResults,
	}, e.subnet)
	return &ec2.DescribeSubnetsOutput{Subnets: part, NextToken: next}, err
}

func (e *EC2) subnetFilters() ec2filter.Set[world.Subnet] {
	f := fields[world.Subnet]{}
	f.one("subnet-id", func(s world.Subnet) string { return s.ID })
	f.one("subnet-arn", e.subnetARN)
	f.one("vpc-id", func(s world.Subnet) string { return s.VPCID })
	f.one("availability-zone", func(s world.Subnet) string { return s.Zone.Name })
	f.one("availability-zone-id", func(s world.Subnet) string { return s.Zone.ID })
	f.one("cidr-block", func(s world.Subnet) string { return s.CIDR.String() })
	f.always("state", "available")
	f.always("default-for-az", "false")
	f.always("owner-id", e.world.Options.Account)
	f.one("map-public-ip-on-launch", func(s world.Subnet) string { return strconv.FormatBool(s.Public) })
	f.one("available-ip-address-count", func(s world.Subnet) string { return strconv.Itoa(e.world.Network.FreeAddresses(s)) })
	f["availabilityZone"], f["availabilityZoneId"], f["defaultForAz"] = f["availability-zone"], f["availability-zone-id"], f["default-for-az"]
	f["cidr"], f["cidrBlock"] = f["cidr-block"], f["cidr-block"]
	return f.set(e, func(s world.Subnet) string { return s.ID })
}

func (e *EC2) subnetARN(s world.Subnet) string {
	return fmt.Sprintf("arn:aws:ec2:%s:%s:subnet/%s", e.world.Options.Region, e.world.Options.Account, s.ID)
}

func (e *EC2) subnetByID(id string) *types.Subnet {
	s, _ := e.world.Network.Subnet(id)
	described := e.subnet(s)
	return &described
}

func (e *EC2) subnet(s world.Subnet) types.Subnet {
	return types.Subnet{
		SubnetId: aws.String(s.ID), SubnetArn: aws.String(e.subnetARN(s)),
		VpcId: aws.String(s.VPCID), CidrBlock: aws.String(s.CIDR.String()),
		AvailabilityZone: aws.String(s.Zone.Name), AvailabilityZoneId: aws.String(s.Zone.ID),
		AvailableIpAddressCount: aws.Int32(int32(e.world.Network.FreeAddresses(s))), MapPublicIpOnLaunch: aws.Bool(s.Public),
		AssignIpv6AddressOnCreation: aws.Bool(false), DefaultForAz: aws.Bool(false), State: types.SubnetStateAvailable,
		OwnerId: aws.String(e.world.Options.Account), Tags: e.tagsOf(s.ID),
		Ipv6Native: aws.Bool(false), Ipv6CidrBlockAssociationSet: []types.SubnetIpv6CidrBlockAssociation{}, EnableDns64: aws.Bool(false),
		MapCustomerOwnedIpOnLaunch: aws.Bool(false),
		PrivateDnsNameOptionsOnLaunch: &types.PrivateDnsNameOptionsOnLaunch{
			HostnameType: types.HostnameTypeIpName, EnableResourceNameDnsARecord: aws.Bool(false), EnableResourceNameDnsAAAARecord: aws.Bool(false),
		},
	}
}
