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

// CreateInternetGateway makes a gateway that is attached to no VPC.
func (e *EC2) CreateInternetGateway(_ context.Context, in *ec2.CreateInternetGatewayInput) (*ec2.CreateInternetGatewayOutput, error) {
	out := &ec2.CreateInternetGatewayOutput{}
	_, err := e.create("CreateInternetGateway", creation{dry: in.DryRun, resource: types.ResourceTypeInternetGateway, specs: in.TagSpecifications}, func(tx *store.Tx) (string, error) {
		g, err := e.world.Network.CreateInternetGateway(tx)
		return g.ID, err
	}, func(id string) {
		g, _ := e.world.Network.InternetGateways.Get(id)
		described := e.internetGateway(g)
		out.InternetGateway = &described
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// AttachInternetGateway attaches a gateway to a VPC that has none.
func (e *EC2) AttachInternetGateway(_ context.Context, in *ec2.AttachInternetGatewayInput) (*ec2.AttachInternetGatewayOutput, error) {
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		return e.world.Network.AttachInternetGateway(tx, aws.ToString(in.InternetGatewayId), aws.ToString(in.VpcId))
	})
	if err != nil {
		return nil, err
	}
	return &ec2.AttachInternetGatewayOutput{}, nil
}

// DetachInternetGateway detaches a gateway from a VPC in which nothing has a
// public address.
func (e *EC2) DetachInternetGateway(_ context.Context, in *ec2.DetachInternetGatewayInput) (*ec2.DetachInternetGatewayOutput, error) {
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		return e.world.Network.DetachInternetGateway(tx, aws.ToString(in.InternetGatewayId), aws.ToString(in.VpcId))
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DetachInternetGatewayOutput{}, nil
}

// DeleteInternetGateway deletes a gateway that is not attached.
func (e *EC2) DeleteInternetGateway(_ context.Context, in *ec2.DeleteInternetGatewayInput) (*ec2.DeleteInternetGatewayOutput, error) {
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		if err := e.world.Network.DeleteInternetGateway(tx, aws.ToString(in.InternetGatewayId)); err != nil {
			return err
		}
		return e.forget(tx, *in.InternetGatewayId)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DeleteInternetGatewayOutput{}, nil
}

// DescribeInternetGateways describes gateways with the VPCs they are attached to.
func (e *EC2) DescribeInternetGateways(_ context.Context, in *ec2.DescribeInternetGatewaysInput) (*ec2.DescribeInternetGatewaysOutput, error) {
	if err := awswire.Supported(in, "DryRun", "InternetGatewayIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	part, next, err := list(e, listing[network.InternetGateway]{
		rows: e.world.Network.InternetGateways.All, ids: in.InternetGatewayIds, idOf: func(g network.InternetGateway) string { return g.ID },
		code: "InvalidInternetGatewayID.NotFound", text: "The internetGateway ID '%s' does not exist",
		set: e.internetGatewayFilters(), filters: in.Filters, token: in.NextToken, limit: in.MaxResults,
	}, e.internetGateway)
	return &ec2.DescribeInternetGatewaysOutput{InternetGateways: part, NextToken: next}, err
}

func (e *EC2) internetGatewayFilters() ec2filter.Set[network.InternetGateway] {
	f := fields[network.InternetGateway]{}
	f.one("internet-gateway-id", func(g network.InternetGateway) string { return g.ID })
	f.one("attachment.vpc-id", func(g network.InternetGateway) string { return g.VPCID })
	f.one("attachment.state", func(g network.InternetGateway) string {
		if g.VPCID == "" {
			return ""
		}
		return "available"
	})
	f.always("owner-id", e.world.Options.Account)
	return f.set(e, func(g network.InternetGateway) string { return g.ID })
}

func (e *EC2) internetGateway(g network.InternetGateway) types.InternetGateway {
	out := types.InternetGateway{
		InternetGatewayId: aws.String(g.ID), OwnerId: aws.String(e.world.Options.Account), Tags: e.tagsOf(g.ID), Attachments: []types.InternetGatewayAttachment{},
	}
	if g.VPCID != "" {
		// EC2 has a state of its own for a gateway that is attached.
		out.Attachments = append(out.Attachments, types.InternetGatewayAttachment{VpcId: aws.String(g.VPCID), State: "available"})
	}
	return out
}
