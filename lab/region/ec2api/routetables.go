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

// CreateRouteTable makes a route table with the VPC's own routes.
func (e *EC2) CreateRouteTable(_ context.Context, in *ec2.CreateRouteTableInput) (*ec2.CreateRouteTableOutput, error) {
	request := *in
	request.ClientToken, request.DryRun = nil, nil
	out := &ec2.CreateRouteTableOutput{ClientToken: in.ClientToken}
	_, err := e.create("CreateRouteTable", creation{
		dry: in.DryRun, token: in.ClientToken, input: request, resource: types.ResourceTypeRouteTable, specs: in.TagSpecifications,
	}, func(tx *store.Tx) (string, error) {
		t, err := e.world.Network.CreateRouteTable(tx, aws.ToString(in.VpcId))
		return t.ID, err
	}, func(id string) {
		t, _ := e.world.Network.RouteTables.Get(id)
		described := e.routeTable(t)
		out.RouteTable = &described
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteRouteTable deletes a route table that no subnet uses.
func (e *EC2) DeleteRouteTable(_ context.Context, in *ec2.DeleteRouteTableInput) (*ec2.DeleteRouteTableOutput, error) {
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		if err := e.world.Network.DeleteRouteTable(tx, aws.ToString(in.RouteTableId)); err != nil {
			return err
		}
		return e.forget(tx, *in.RouteTableId)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DeleteRouteTableOutput{}, nil
}

func associated() *types.RouteTableAssociationState {
	return &types.RouteTableAssociationState{State: types.RouteTableAssociationStateCodeAssociated}
}

// AssociateRouteTable makes a route table that of a subnet.
func (e *EC2) AssociateRouteTable(_ context.Context, in *ec2.AssociateRouteTableInput) (*ec2.AssociateRouteTableOutput, error) {
	if err := awswire.Supported(in, "RouteTableId", "SubnetId", "DryRun"); err != nil {
		return nil, err
	}
	var a network.Association
	err := e.modify(in.DryRun, func(tx *store.Tx) (err error) {
		a, err = e.world.Network.AssociateRouteTable(tx, aws.ToString(in.RouteTableId), aws.ToString(in.SubnetId))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &ec2.AssociateRouteTableOutput{AssociationId: aws.String(a.ID), AssociationState: associated()}, nil
}

// DisassociateRouteTable gives a subnet back to the VPC's main route table.
func (e *EC2) DisassociateRouteTable(_ context.Context, in *ec2.DisassociateRouteTableInput) (*ec2.DisassociateRouteTableOutput, error) {
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		return e.world.Network.DisassociateRouteTable(tx, aws.ToString(in.AssociationId))
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DisassociateRouteTableOutput{}, nil
}

// ReplaceRouteTableAssociation gives a subnet, or the whole VPC, another route
// table.
func (e *EC2) ReplaceRouteTableAssociation(_ context.Context, in *ec2.ReplaceRouteTableAssociationInput) (*ec2.ReplaceRouteTableAssociationOutput, error) {
	var a network.Association
	err := e.modify(in.DryRun, func(tx *store.Tx) (err error) {
		a, err = e.world.Network.ReplaceAssociation(tx, aws.ToString(in.AssociationId), aws.ToString(in.RouteTableId))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &ec2.ReplaceRouteTableAssociationOutput{NewAssociationId: aws.String(a.ID), AssociationState: associated()}, nil
}

// DescribeRouteTables describes route tables with their routes and subnets.
func (e *EC2) DescribeRouteTables(_ context.Context, in *ec2.DescribeRouteTablesInput) (*ec2.DescribeRouteTablesOutput, error) {
	if err := awswire.Supported(in, "DryRun", "RouteTableIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	part, next, err := list(e, listing[network.RouteTable]{
		rows: e.world.Network.RouteTables.All, ids: in.RouteTableIds, idOf: func(t network.RouteTable) string { return t.ID },
		code: "InvalidRouteTableID.NotFound", text: "The routeTable ID '%s' does not exist",
		set: e.routeTableFilters(), filters: in.Filters, token: in.NextToken, limit: in.MaxResults, pages: fewer(100),
	}, e.routeTable)
	return &ec2.DescribeRouteTablesOutput{RouteTables: part, NextToken: next}, err
}

func (e *EC2) routeTableFilters() ec2filter.Set[network.RouteTable] {
	f := fields[network.RouteTable]{}
	ofAssociations := func(value func(types.RouteTableAssociation) *string) func(network.RouteTable) []string {
		return func(t network.RouteTable) (values []string) {
			for _, a := range e.routeTable(t).Associations {
				if v := value(a); v != nil {
					values = append(values, *v)
				}
			}
			return values
		}
	}
	ofRoutes := func(value func(types.Route) *string) func(network.RouteTable) []string {
		return func(t network.RouteTable) (values []string) {
			for _, r := range e.routeTable(t).Routes {
				if v := value(r); v != nil {
					values = append(values, *v)
				}
			}
			return values
		}
	}
	f.one("route-table-id", func(t network.RouteTable) string { return t.ID })
	f.one("vpc-id", func(t network.RouteTable) string { return t.VPCID })
	f.always("owner-id", e.world.Options.Account)
	f.many("association.subnet-id", ofAssociations(func(a types.RouteTableAssociation) *string { return a.SubnetId }))
	f.many("association.route-table-association-id", ofAssociations(func(a types.RouteTableAssociation) *string { return a.RouteTableAssociationId }))
	f["association.route-table-id"] = f["route-table-id"]
	f.many("association.main", ofAssociations(func(a types.RouteTableAssociation) *string {
		if *a.Main {
			return aws.String("true")
		}
		return aws.String("false")
	}))
	f.many("route.destination-cidr-block", ofRoutes(func(r types.Route) *string { return r.DestinationCidrBlock }))
	f.many("route.destination-prefix-list-id", ofRoutes(func(r types.Route) *string { return r.DestinationPrefixListId }))
	f.many("route.gateway-id", ofRoutes(func(r types.Route) *string { return r.GatewayId }))
	f.many("route.nat-gateway-id", ofRoutes(func(r types.Route) *string { return r.NatGatewayId }))
	f.many("route.instance-id", ofRoutes(func(r types.Route) *string { return r.InstanceId }))
	f.many("route.state", ofRoutes(func(r types.Route) *string { return aws.String(string(r.State)) }))
	f.many("route.origin", ofRoutes(func(r types.Route) *string { return aws.String(string(r.Origin)) }))
	return f.set(e, func(t network.RouteTable) string { return t.ID })
}

func (e *EC2) routeTable(t network.RouteTable) types.RouteTable {
	out := types.RouteTable{
		RouteTableId: aws.String(t.ID), VpcId: aws.String(t.VPCID), OwnerId: aws.String(e.world.Options.Account), Tags: e.tagsOf(t.ID),
		Associations: []types.RouteTableAssociation{}, PropagatingVgws: []types.PropagatingVgw{},
	}
	for _, a := range t.Associations {
		out.Associations = append(out.Associations, types.RouteTableAssociation{
			RouteTableAssociationId: aws.String(a.ID), RouteTableId: aws.String(t.ID), SubnetId: optional(a.SubnetID), Main: aws.Bool(a.Main),
			AssociationState: associated(),
		})
	}
	v, _ := e.world.Network.VPCs.Get(t.VPCID)
	for _, b := range v.Blocks {
		out.Routes = append(out.Routes, types.Route{
			DestinationCidrBlock: aws.String(b.CIDR.String()), GatewayId: aws.String("local"), Origin: types.RouteOriginCreateRouteTable, State: types.RouteStateActive,
		})
	}
	for _, r := range t.Routes {
		out.Routes = append(out.Routes, e.route(t, r))
	}
	for _, p := range e.world.Network.GatewayRoutes(t.ID) {
		out.Routes = append(out.Routes, types.Route{
			DestinationPrefixListId: aws.String(e.world.Network.PrefixListID(p.Service)), GatewayId: aws.String(p.ID),
			Origin: types.RouteOriginCreateRoute, State: types.RouteStateActive,
		})
	}
	return out
}

func (e *EC2) route(t network.RouteTable, r network.Route) types.Route {
	out := types.Route{
		DestinationCidrBlock: aws.String(r.Destination.String()), GatewayId: optional(r.Target.GatewayID), NatGatewayId: optional(r.Target.NATGatewayID),
		InstanceId: optional(r.Target.InstanceID), NetworkInterfaceId: optional(r.Target.InterfaceID),
		Origin: types.RouteOriginCreateRoute, State: types.RouteStateBlackhole,
	}
	if e.world.Network.Leads(t, r) {
		out.State = types.RouteStateActive
	}
	return out
}
