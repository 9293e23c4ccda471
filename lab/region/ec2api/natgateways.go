package ec2api

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
)

// CreateNatGateway begins to make a NAT gateway in a subnet.
func (e *EC2) CreateNatGateway(_ context.Context, in *ec2.CreateNatGatewayInput) (*ec2.CreateNatGatewayOutput, error) {
	if err := checkNAT(in); err != nil {
		return nil, err
	}
	request := *in
	request.ClientToken, request.DryRun = nil, nil
	out := &ec2.CreateNatGatewayOutput{ClientToken: in.ClientToken}
	_, err := e.create("CreateNatGateway", creation{
		dry: in.DryRun, token: in.ClientToken, input: request, resource: types.ResourceTypeNatgateway, specs: in.TagSpecifications,
	}, func(tx *store.Tx) (string, error) {
		g, err := e.world.Network.CreateNATGateway(tx, aws.ToString(in.SubnetId), aws.ToString(in.AllocationId))
		if err == nil {
			e.world.NATGatewayChanged(tx, g)
		}
		return g.ID, err
	}, func(id string) {
		g, _ := e.world.Network.NATGateways.Get(id)
		described := e.natGateway(g)
		out.NatGateway = &described
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func checkNAT(in *ec2.CreateNatGatewayInput) error {
	if in.AvailabilityMode != "" && in.AvailabilityMode != types.AvailabilityModeZonal {
		return unsupported("AvailabilityMode " + string(in.AvailabilityMode))
	}
	if err := awswire.Supported(in, "SubnetId", "AllocationId", "ConnectivityType", "AvailabilityMode", "ClientToken", "DryRun", "TagSpecifications"); err != nil {
		return err
	}
	if in.SubnetId == nil {
		return missing("SubnetId")
	}
	private := in.ConnectivityType == types.ConnectivityTypePrivate
	if private && in.AllocationId != nil {
		return invalidCombination("A private NAT gateway cannot have an AllocationId")
	}
	if !private && in.AllocationId == nil {
		return missing("AllocationId")
	}
	return nil
}

// DeleteNatGateway begins to end a NAT gateway.
func (e *EC2) DeleteNatGateway(_ context.Context, in *ec2.DeleteNatGatewayInput) (*ec2.DeleteNatGatewayOutput, error) {
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		g, err := e.world.Network.DeleteNATGateway(tx, aws.ToString(in.NatGatewayId))
		if err == nil {
			e.world.NATGatewayChanged(tx, g)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DeleteNatGatewayOutput{NatGatewayId: in.NatGatewayId}, nil
}

// DescribeNatGateways describes NAT gateways, those that ended for an hour.
func (e *EC2) DescribeNatGateways(_ context.Context, in *ec2.DescribeNatGatewaysInput) (*ec2.DescribeNatGatewaysOutput, error) {
	if err := awswire.Supported(in, "DryRun", "NatGatewayIds", "Filter", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	part, next, err := list(e, listing[network.NATGateway]{
		rows: e.world.Network.NATGateways.All, ids: in.NatGatewayIds, idOf: func(g network.NATGateway) string { return g.ID },
		code: "NatGatewayNotFound", text: "NAT gateway %s was not found",
		set: e.natFilters(), filters: in.Filter, token: in.NextToken, limit: in.MaxResults,
	}, e.natGateway)
	return &ec2.DescribeNatGatewaysOutput{NatGateways: part, NextToken: next}, err
}

func (e *EC2) natFilters() ec2filter.Set[network.NATGateway] {
	f := fields[network.NATGateway]{}
	f.one("nat-gateway-id", func(g network.NATGateway) string { return g.ID })
	f.one("subnet-id", func(g network.NATGateway) string { return g.SubnetID })
	f.one("vpc-id", func(g network.NATGateway) string { return g.VPCID })
	f.one("state", func(g network.NATGateway) string { return g.State })
	return f.set(e, func(g network.NATGateway) string { return g.ID })
}

func (e *EC2) natGateway(g network.NATGateway) types.NatGateway {
	out := types.NatGateway{
		NatGatewayId: aws.String(g.ID), SubnetId: aws.String(g.SubnetID), VpcId: aws.String(g.VPCID), State: types.NatGatewayState(g.State),
		CreateTime: aws.Time(g.Created), ConnectivityType: types.ConnectivityTypePrivate, AvailabilityMode: types.AvailabilityModeZonal,
		FailureCode: optional(g.FailureCode), FailureMessage: optional(g.FailureMessage), Tags: e.tagsOf(g.ID),
	}
	if g.Public {
		out.ConnectivityType = types.ConnectivityTypePublic
	}
	if !g.Deleted.IsZero() {
		out.DeleteTime = aws.Time(g.Deleted)
	}
	address := types.NatGatewayAddress{
		AllocationId: optional(g.AllocationID), NetworkInterfaceId: optional(g.InterfaceID), PrivateIp: optional(g.PrivateIP),
		PublicIp: optional(g.PublicIP), IsPrimary: aws.Bool(true), Status: types.NatGatewayAddressStatusSucceeded,
	}
	if a, found := e.world.Network.Addresses.Get(g.AllocationID); found && a.InterfaceID == g.InterfaceID {
		address.AssociationId = optional(a.AssociationID)
	}
	if g.State == network.NATFailed {
		address.Status = types.NatGatewayAddressStatusFailed
	}
	out.NatGatewayAddresses = []types.NatGatewayAddress{address}
	return out
}
