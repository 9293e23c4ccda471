package ec2api

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
)

// CreateRoute adds a route to an internet gateway, a NAT gateway, an instance
// or an interface.
func (e *EC2) CreateRoute(_ context.Context, in *ec2.CreateRouteInput) (*ec2.CreateRouteOutput, error) {
	if err := awswire.Supported(in, "RouteTableId", "DestinationCidrBlock", "DryRun", "GatewayId", "NatGatewayId", "InstanceId", "NetworkInterfaceId"); err != nil {
		return nil, err
	}
	r, err := readRoute(in.DestinationCidrBlock, in.GatewayId, in.NatGatewayId, in.InstanceId, in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	err = e.modify(in.DryRun, func(tx *store.Tx) error { return e.world.Network.CreateRoute(tx, aws.ToString(in.RouteTableId), r) })
	if err != nil {
		return nil, err
	}
	return &ec2.CreateRouteOutput{Return: aws.Bool(true)}, nil
}

// ReplaceRoute gives a route another target.
func (e *EC2) ReplaceRoute(_ context.Context, in *ec2.ReplaceRouteInput) (*ec2.ReplaceRouteOutput, error) {
	if err := awswire.Supported(in, "RouteTableId", "DestinationCidrBlock", "DryRun", "GatewayId", "NatGatewayId", "InstanceId", "NetworkInterfaceId"); err != nil {
		return nil, err
	}
	r, err := readRoute(in.DestinationCidrBlock, in.GatewayId, in.NatGatewayId, in.InstanceId, in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	err = e.modify(in.DryRun, func(tx *store.Tx) error {
		return e.world.Network.ReplaceRoute(tx, aws.ToString(in.RouteTableId), r)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.ReplaceRouteOutput{}, nil
}

// DeleteRoute removes a route that was added.
func (e *EC2) DeleteRoute(_ context.Context, in *ec2.DeleteRouteInput) (*ec2.DeleteRouteOutput, error) {
	if err := awswire.Supported(in, "RouteTableId", "DestinationCidrBlock", "DryRun"); err != nil {
		return nil, err
	}
	if in.DestinationCidrBlock == nil {
		return nil, missing("destinationCidrBlock")
	}
	destination, err := network.ParseBlock(*in.DestinationCidrBlock, "destinationCidrBlock")
	if err != nil {
		return nil, err
	}
	err = e.modify(in.DryRun, func(tx *store.Tx) error {
		return e.world.Network.DeleteRoute(tx, aws.ToString(in.RouteTableId), destination)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DeleteRouteOutput{}, nil
}

// readRoute reads a route with its one target.
func readRoute(destination, gateway, nat, instance, networkInterface *string) (r network.Route, err error) {
	if destination == nil {
		return r, missing("destinationCidrBlock")
	}
	if r.Destination, err = network.ParseBlock(*destination, "destinationCidrBlock"); err != nil {
		return r, err
	}
	targets := 0
	for _, target := range []*string{gateway, nat, instance, networkInterface} {
		if aws.ToString(target) != "" {
			targets++
		}
	}
	if targets == 0 {
		return r, missing("gatewayId")
	}
	if targets > 1 {
		return r, invalidCombination("A route has one target: GatewayId, NatGatewayId, InstanceId or NetworkInterfaceId")
	}
	r.Target = network.Target{
		GatewayID: aws.ToString(gateway), NATGatewayID: aws.ToString(nat), InstanceID: aws.ToString(instance), InterfaceID: aws.ToString(networkInterface),
	}
	return r, nil
}
