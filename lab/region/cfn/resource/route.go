package resource

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func routeTypes() []Type {
	return []Type{
		{
			Name: "AWS::EC2::InternetGateway", Tagged: true, Handler: internetGateway{},
			Properties: props([]string{"Tags"}, nil), Attributes: []string{"InternetGatewayId"}, Takes: 15 * time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::EC2::VPCGatewayAttachment", Handler: gatewayAttachment{},
			Properties: props(nil, []string{"VpcId", "InternetGatewayId"}),
			Required:   []string{"VpcId", "InternetGatewayId"}, Takes: 15 * time.Second, Deletes: 10 * time.Second,
		},
		{
			Name: "AWS::EC2::RouteTable", Tagged: true, Handler: routeTable{},
			Properties: props([]string{"Tags"}, []string{"VpcId"}),
			Required:   []string{"VpcId"}, Attributes: []string{"RouteTableId"}, Takes: 10 * time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::EC2::Route", Handler: route{},
			Properties: props([]string{"GatewayId", "NatGatewayId", "InstanceId", "NetworkInterfaceId"}, []string{"RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock"}),
			Required:   []string{"RouteTableId"}, Attributes: []string{"CidrBlock"}, Takes: time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::EC2::SubnetRouteTableAssociation", Handler: tableAssociation{},
			Properties: props([]string{"RouteTableId"}, []string{"SubnetId"}),
			Required:   []string{"RouteTableId", "SubnetId"}, Attributes: []string{"Id"}, Takes: time.Second, Deletes: time.Second,
		},
	}
}

// internetGateway is AWS::EC2::InternetGateway.
type internetGateway struct{ base }

func (internetGateway) Create(ctx context.Context, c *Call) (Made, error) {
	out, err := c.EC2.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{TagSpecifications: c.specification(types.ResourceTypeInternetGateway)})
	if err != nil {
		return Made{}, err
	}
	id := *out.InternetGateway.InternetGatewayId
	return Made{id, map[string]any{"InternetGatewayId": id}}, c.mark(id)
}

func (internetGateway) Update(ctx context.Context, c *Call) (Made, error) {
	return Made{c.Physical, c.Attributes}, c.retag(ctx, c.Physical)
}

func (internetGateway) Delete(ctx context.Context, c *Call) error {
	_, err := c.EC2.DeleteInternetGateway(ctx, &ec2.DeleteInternetGatewayInput{InternetGatewayId: &c.Physical})
	return unlessGone(err)
}

// gatewayAttachment is AWS::EC2::VPCGatewayAttachment.
type gatewayAttachment struct{ base }

func (gatewayAttachment) Create(ctx context.Context, c *Call) (Made, error) {
	in := &ec2.AttachInternetGatewayInput{}
	if err := c.Properties.Decode(in); err != nil {
		return Made{}, err
	}
	if _, err := c.EC2.AttachInternetGateway(ctx, in); err != nil {
		return Made{}, err
	}
	return Made{"IGW|" + *in.VpcId, nil}, nil
}

func (gatewayAttachment) Delete(ctx context.Context, c *Call) error {
	in := &ec2.DetachInternetGatewayInput{}
	if err := c.Properties.Decode(in); err != nil {
		return err
	}
	_, err := c.EC2.DetachInternetGateway(ctx, in)
	return unlessGone(err)
}

// routeTable is AWS::EC2::RouteTable.
type routeTable struct{ base }

func (routeTable) Create(ctx context.Context, c *Call) (Made, error) {
	out, err := c.EC2.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{
		VpcId: aws.String(c.Properties.Text("VpcId")), TagSpecifications: c.specification(types.ResourceTypeRouteTable)})
	if err != nil {
		return Made{}, err
	}
	id := *out.RouteTable.RouteTableId
	return Made{id, map[string]any{"RouteTableId": id}}, c.mark(id)
}

func (routeTable) Update(ctx context.Context, c *Call) (Made, error) {
	return Made{c.Physical, c.Attributes}, c.retag(ctx, c.Physical)
}

func (routeTable) Delete(ctx context.Context, c *Call) error {
	_, err := c.EC2.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: &c.Physical})
	return unlessGone(err)
}

// route is AWS::EC2::Route.
type route struct{ base }

func (c *Call) destination() string {
	if cidr := c.Properties.Text("DestinationCidrBlock"); cidr != "" {
		return cidr
	}
	return c.Properties.Text("DestinationIpv6CidrBlock")
}

func (route) Create(ctx context.Context, c *Call) (Made, error) {
	in := &ec2.CreateRouteInput{}
	if err := c.Properties.Decode(in); err != nil {
		return Made{}, err
	}
	if _, err := c.EC2.CreateRoute(ctx, in); err != nil {
		return Made{}, err
	}
	return Made{*in.RouteTableId + "|" + c.destination(), map[string]any{"CidrBlock": c.destination()}}, nil
}

func (route) Update(ctx context.Context, c *Call) (Made, error) {
	made, in := Made{c.Physical, c.Attributes}, &ec2.ReplaceRouteInput{}
	if err := c.Properties.Decode(in); err != nil {
		return made, err
	}
	_, err := c.EC2.ReplaceRoute(ctx, in)
	return made, err
}

func (route) Delete(ctx context.Context, c *Call) error {
	in := &ec2.DeleteRouteInput{}
	if err := c.Properties.Only("RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock").Decode(in); err != nil {
		return err
	}
	_, err := c.EC2.DeleteRoute(ctx, in)
	return unlessGone(err)
}

// tableAssociation is AWS::EC2::SubnetRouteTableAssociation.
type tableAssociation struct{ base }

func (tableAssociation) Create(ctx context.Context, c *Call) (Made, error) {
	in := &ec2.AssociateRouteTableInput{}
	if err := c.Properties.Decode(in); err != nil {
		return Made{}, err
	}
	out, err := c.EC2.AssociateRouteTable(ctx, in)
	if err != nil {
		return Made{}, err
	}
	return Made{*out.AssociationId, map[string]any{"Id": *out.AssociationId}}, nil
}

// Update gives another association: EC2 replaces it.
func (tableAssociation) Update(ctx context.Context, c *Call) (Made, error) {
	out, err := c.EC2.ReplaceRouteTableAssociation(ctx, &ec2.ReplaceRouteTableAssociationInput{
		AssociationId: &c.Physical, RouteTableId: aws.String(c.Properties.Text("RouteTableId"))})
	if err != nil {
		return Made{c.Physical, c.Attributes}, err
	}
	return Made{*out.NewAssociationId, map[string]any{"Id": *out.NewAssociationId}}, nil
}

func (tableAssociation) Delete(ctx context.Context, c *Call) error {
	_, err := c.EC2.DisassociateRouteTable(ctx, &ec2.DisassociateRouteTableInput{AssociationId: &c.Physical})
	return unlessGone(err)
}
