package ec2api

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
)

// CreateVpc makes a VPC with a main route table and a default security group.
func (e *EC2) CreateVpc(_ context.Context, in *ec2.CreateVpcInput) (*ec2.CreateVpcOutput, error) {
	if err := awswire.Supported(in, "CidrBlock", "DryRun", "InstanceTenancy", "TagSpecifications"); err != nil {
		return nil, err
	}
	if in.CidrBlock == nil {
		return nil, missing("cidrBlock")
	}
	cidr, err := network.ParseBlock(*in.CidrBlock, "cidrBlock")
	if err != nil {
		return nil, err
	}
	tenancy := first(string(in.InstanceTenancy), "default")
	if tenancy != "default" && tenancy != "dedicated" {
		return nil, invalid("Value (%s) for parameter instanceTenancy is invalid. Expecting default or dedicated.", tenancy)
	}
	out := &ec2.CreateVpcOutput{}
	_, err = e.create("CreateVpc", creation{dry: in.DryRun, resource: types.ResourceTypeVpc, specs: in.TagSpecifications}, func(tx *store.Tx) (string, error) {
		v, err := e.world.Network.CreateVPC(tx, cidr, tenancy)
		return v.ID, err
	}, func(id string) { out.Vpc = e.vpcByID(id) })
	if err != nil {
		return nil, err
	}
	// EC2 answers before it is done.
	out.Vpc.State = types.VpcStatePending
	return out, nil
}

// DeleteVpc deletes a VPC that nothing is left in.
func (e *EC2) DeleteVpc(_ context.Context, in *ec2.DeleteVpcInput) (*ec2.DeleteVpcOutput, error) {
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		gone, err := e.world.Network.DeleteVPC(tx, aws.ToString(in.VpcId))
		if err != nil {
			return err
		}
		return e.forget(tx, gone...)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DeleteVpcOutput{}, nil
}

// DescribeVpcs describes the account's VPCs, that of the cluster among them.
func (e *EC2) DescribeVpcs(_ context.Context, in *ec2.DescribeVpcsInput) (*ec2.DescribeVpcsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "VpcIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	part, next, err := list(e, listing[network.VPC]{
		rows: e.world.Network.VPCs.All, ids: in.VpcIds, idOf: func(v network.VPC) string { return v.ID },
		code: "InvalidVpcID.NotFound", text: "The vpc ID '%s' does not exist",
		set: e.vpcFilters(), filters: in.Filters, token: in.NextToken, limit: in.MaxResults,
	}, e.vpc)
	return &ec2.DescribeVpcsOutput{Vpcs: part, NextToken: next}, err
}

func (e *EC2) vpcFilters() ec2filter.Set[network.VPC] {
	f := fields[network.VPC]{}
	f.one("vpc-id", func(v network.VPC) string { return v.ID })
	f.one("cidr", func(v network.VPC) string { return v.Primary().String() })
	f["cidr-block"] = f["cidr"]
	f.many("cidr-block-association.cidr-block", func(v network.VPC) (blocks []string) {
		for _, b := range v.Blocks {
			blocks = append(blocks, b.CIDR.String())
		}
		return blocks
	})
	f.many("cidr-block-association.association-id", func(v network.VPC) (ids []string) {
		for _, b := range v.Blocks {
			ids = append(ids, b.AssociationID)
		}
		return ids
	})
	f.always("cidr-block-association.state", "associated")
	f.always("state", "available")
	f.always("is-default", "false")
	f["isDefault"] = f["is-default"]
	f.always("owner-id", e.world.Options.Account)
	return f.set(e, func(v network.VPC) string { return v.ID })
}

func (e *EC2) vpcByID(id string) *types.Vpc {
	v, _ := e.world.Network.VPCs.Get(id)
	described := e.vpc(v)
	return &described
}

func (e *EC2) vpc(v network.VPC) types.Vpc {
	out := types.Vpc{
		VpcId: aws.String(v.ID), CidrBlock: aws.String(v.Primary().String()), State: types.VpcStateAvailable, IsDefault: aws.Bool(false),
		InstanceTenancy: types.Tenancy(v.Tenancy), OwnerId: aws.String(e.world.Options.Account), Tags: e.tagsOf(v.ID),
		DhcpOptionsId: aws.String("default"), // how EC2 says that a VPC has no set of options
	}
	for _, b := range v.Blocks {
		out.CidrBlockAssociationSet = append(out.CidrBlockAssociationSet, blockAssociation(b, types.VpcCidrBlockStateCodeAssociated))
	}
	return out
}

func blockAssociation(b network.Block, state types.VpcCidrBlockStateCode) types.VpcCidrBlockAssociation {
	return types.VpcCidrBlockAssociation{
		AssociationId: aws.String(b.AssociationID), CidrBlock: aws.String(b.CIDR.String()), CidrBlockState: &types.VpcCidrBlockState{State: state},
	}
}

// AssociateVpcCidrBlock adds an IPv4 range to a VPC.
func (e *EC2) AssociateVpcCidrBlock(_ context.Context, in *ec2.AssociateVpcCidrBlockInput) (*ec2.AssociateVpcCidrBlockOutput, error) {
	if err := awswire.Supported(in, "VpcId", "CidrBlock"); err != nil {
		return nil, err
	}
	if in.CidrBlock == nil {
		return nil, missing("cidrBlock")
	}
	cidr, err := network.ParseBlock(*in.CidrBlock, "cidrBlock")
	if err != nil {
		return nil, err
	}
	var added network.Block
	err = e.modify(nil, func(tx *store.Tx) (err error) {
		added, err = e.world.Network.AssociateBlock(tx, aws.ToString(in.VpcId), cidr)
		return err
	})
	if err != nil {
		return nil, err
	}
	association := blockAssociation(added, types.VpcCidrBlockStateCodeAssociating)
	return &ec2.AssociateVpcCidrBlockOutput{VpcId: in.VpcId, CidrBlockAssociation: &association}, nil
}

// DisassociateVpcCidrBlock takes a range that was added from its VPC.
func (e *EC2) DisassociateVpcCidrBlock(_ context.Context, in *ec2.DisassociateVpcCidrBlockInput) (*ec2.DisassociateVpcCidrBlockOutput, error) {
	out := &ec2.DisassociateVpcCidrBlockOutput{}
	err := e.modify(nil, func(tx *store.Tx) error {
		v, gone, err := e.world.Network.DisassociateBlock(tx, aws.ToString(in.AssociationId))
		association := blockAssociation(gone, types.VpcCidrBlockStateCodeDisassociating)
		out.VpcId, out.CidrBlockAssociation = aws.String(v.ID), &association
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ModifyVpcAttribute turns DNS resolution or DNS host names on or off, one of
// them in a call.
func (e *EC2) ModifyVpcAttribute(_ context.Context, in *ec2.ModifyVpcAttributeInput) (*ec2.ModifyVpcAttributeOutput, error) {
	if err := awswire.Supported(in, "VpcId", "EnableDnsSupport", "EnableDnsHostnames"); err != nil {
		return nil, err
	}
	if (in.EnableDnsSupport == nil) == (in.EnableDnsHostnames == nil) {
		return nil, invalidCombination("Fields for exactly one attribute must be specified: EnableDnsSupport or EnableDnsHostnames")
	}
	err := e.modify(nil, func(tx *store.Tx) error {
		v, err := e.world.Network.FindVPC(aws.ToString(in.VpcId))
		if err != nil {
			return err
		}
		if in.EnableDnsSupport != nil {
			v.DNSSupport = aws.ToBool(in.EnableDnsSupport.Value)
		} else {
			v.DNSHostnames = aws.ToBool(in.EnableDnsHostnames.Value)
		}
		return e.world.Network.VPCs.Put(tx, v.ID, v)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.ModifyVpcAttributeOutput{}, nil
}

// DescribeVpcAttribute gives one attribute of a VPC.
func (e *EC2) DescribeVpcAttribute(_ context.Context, in *ec2.DescribeVpcAttributeInput) (out *ec2.DescribeVpcAttributeOutput, err error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	var v network.VPC
	e.world.Store.View(func() { v, err = e.world.Network.FindVPC(aws.ToString(in.VpcId)) })
	if err != nil {
		return nil, err
	}
	value := func(on bool) *types.AttributeBooleanValue { return &types.AttributeBooleanValue{Value: &on} }
	out = &ec2.DescribeVpcAttributeOutput{VpcId: in.VpcId}
	switch in.Attribute {
	case types.VpcAttributeNameEnableDnsSupport:
		out.EnableDnsSupport = value(v.DNSSupport)
	case types.VpcAttributeNameEnableDnsHostnames:
		out.EnableDnsHostnames = value(v.DNSHostnames)
	case types.VpcAttributeNameEnableNetworkAddressUsageMetrics:
		out.EnableNetworkAddressUsageMetrics = value(false)
	default:
		return nil, invalid("Value (%s) for parameter attribute is invalid. Unknown attribute.", in.Attribute)
	}
	return out, nil
}

// DescribeAccountAttributes says what the account can have, and that it has no
// default VPC.
func (e *EC2) DescribeAccountAttributes(_ context.Context, in *ec2.DescribeAccountAttributesInput) (*ec2.DescribeAccountAttributesOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	values := map[string]string{
		"supported-platforms": "VPC", "default-vpc": "none", "max-instances": "20", "max-elastic-ips": "5", "vpc-max-elastic-ips": "5",
		"vpc-max-security-groups-per-interface": strconv.Itoa(mostGroups),
	}
	asked := in.AttributeNames
	if len(asked) == 0 {
		asked = []types.AccountAttributeName{"supported-platforms", "vpc-max-security-groups-per-interface", "max-elastic-ips", "max-instances", "vpc-max-elastic-ips", "default-vpc"}
	}
	out := &ec2.DescribeAccountAttributesOutput{}
	for _, name := range asked {
		value, known := values[string(name)]
		if !known {
			return nil, invalid("Value (%s) for parameter attributeName is invalid. Unknown attribute.", name)
		}
		out.AccountAttributes = append(out.AccountAttributes, types.AccountAttribute{
			AttributeName: aws.String(string(name)), AttributeValues: []types.AccountAttributeValue{{AttributeValue: &value}},
		})
	}
	return out, nil
}

// mostGroups is how many security groups an interface can have.
const mostGroups = 5
