package resource

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func networkTypes() []Type {
	return []Type{
		{
			Name: "AWS::EC2::VPC", Tagged: true, Handler: vpc{},
			Properties: props([]string{"EnableDnsHostnames", "EnableDnsSupport", "Tags"}, []string{"CidrBlock", "InstanceTenancy"}),
			Required:   []string{"CidrBlock"}, Attributes: []string{"VpcId", "CidrBlock", "DefaultSecurityGroup"},
			Takes: 11 * time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::EC2::VPCCidrBlock", Handler: vpcCIDR{},
			Properties: props(nil, []string{"VpcId", "CidrBlock"}),
			Required:   []string{"VpcId"}, Attributes: []string{"Id"}, Takes: 5 * time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::EC2::Subnet", Tagged: true, Handler: subnet{},
			Properties: props([]string{"MapPublicIpOnLaunch", "Tags"}, []string{"VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId"}),
			Required:   []string{"VpcId"}, Attributes: []string{"SubnetId", "AvailabilityZone", "AvailabilityZoneId", "CidrBlock", "VpcId"},
			Takes: 3 * time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::EC2::EIP", Tagged: true, Handler: elasticIP{},
			Properties: props([]string{"Tags"}, []string{"Domain"}),
			Attributes: []string{"AllocationId", "PublicIp"}, Takes: 15 * time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::EC2::NatGateway", Tagged: true, Handler: natGateway{},
			Properties: props([]string{"Tags"}, []string{"AllocationId", "SubnetId", "ConnectivityType"}),
			Required:   []string{"SubnetId"}, Attributes: []string{"NatGatewayId"}, Takes: 10 * time.Second, Deletes: 10 * time.Second,
		},
		{
			Name: "AWS::EC2::VPCEndpoint", Handler: vpcEndpoint{}, Tagged: true,
			Properties: props([]string{"Tags"},
				[]string{"VpcId", "ServiceName", "VpcEndpointType", "RouteTableIds", "SubnetIds", "SecurityGroupIds", "PrivateDnsEnabled", "PolicyDocument"}),
			Required: []string{"VpcId", "ServiceName"}, Attributes: []string{"Id"}, Takes: 30 * time.Second, Deletes: 5 * time.Second,
		},
	}
}

// vpc is AWS::EC2::VPC.
type vpc struct{ base }

func (vpc) Create(ctx context.Context, c *Call) (Made, error) {
	in := &ec2.CreateVpcInput{TagSpecifications: c.specification(types.ResourceTypeVpc)}
	if err := c.Properties.Only("CidrBlock", "InstanceTenancy").Decode(in); err != nil {
		return Made{}, err
	}
	out, err := c.EC2.CreateVpc(ctx, in)
	if err != nil {
		return Made{}, err
	}
	c.Physical = *out.Vpc.VpcId
	made := Made{c.Physical, map[string]any{"VpcId": c.Physical, "CidrBlock": aws.ToString(out.Vpc.CidrBlock)}}
	if err := c.mark(c.Physical); err != nil {
		return made, err
	}
	groups, err := c.EC2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{
		{Name: aws.String("vpc-id"), Values: []string{c.Physical}}, {Name: aws.String("group-name"), Values: []string{"default"}}}})
	if err != nil {
		return made, err
	}
	for _, g := range groups.SecurityGroups {
		made.Attributes["DefaultSecurityGroup"] = *g.GroupId
	}
	return made, vpcAttributes(ctx, c)
}

// vpcAttributes sets one attribute a call, as EC2 wants it.
func vpcAttributes(ctx context.Context, c *Call) error {
	support, hostnames := &ec2.ModifyVpcAttributeInput{VpcId: &c.Physical}, &ec2.ModifyVpcAttributeInput{VpcId: &c.Physical}
	for _, a := range []struct {
		in     *ec2.ModifyVpcAttributeInput
		name   string
		before string
		into   **types.AttributeBooleanValue
	}{
		{support, "EnableDnsSupport", "true", &support.EnableDnsSupport}, {hostnames, "EnableDnsHostnames", "false", &hostnames.EnableDnsHostnames},
	} {
		before, after := a.before, a.before
		if c.Before.Has(a.name) {
			before = c.Before.Text(a.name)
		}
		if c.Properties.Has(a.name) {
			after = c.Properties.Text(a.name)
		}
		if before == after {
			continue
		}
		*a.into = &types.AttributeBooleanValue{Value: aws.Bool(after == "true")}
		if _, err := c.EC2.ModifyVpcAttribute(ctx, a.in); err != nil {
			return err
		}
	}
	return nil
}

func (vpc) Update(ctx context.Context, c *Call) (Made, error) {
	made := Made{c.Physical, c.Attributes}
	if err := vpcAttributes(ctx, c); err != nil {
		return made, err
	}
	return made, c.retag(ctx, c.Physical)
}

func (vpc) Delete(ctx context.Context, c *Call) error {
	_, err := c.EC2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &c.Physical})
	return unlessGone(err)
}

// vpcCIDR is AWS::EC2::VPCCidrBlock.
type vpcCIDR struct{ base }

func (vpcCIDR) Create(ctx context.Context, c *Call) (Made, error) {
	in := &ec2.AssociateVpcCidrBlockInput{}
	if err := c.Properties.Decode(in); err != nil {
		return Made{}, err
	}
	out, err := c.EC2.AssociateVpcCidrBlock(ctx, in)
	if err != nil {
		return Made{}, err
	}
	id := aws.ToString(out.CidrBlockAssociation.AssociationId)
	return Made{id, map[string]any{"Id": id}}, nil
}

func (vpcCIDR) Delete(ctx context.Context, c *Call) error {
	_, err := c.EC2.DisassociateVpcCidrBlock(ctx, &ec2.DisassociateVpcCidrBlockInput{AssociationId: &c.Physical})
	return unlessGone(err)
}

// subnet is AWS::EC2::Subnet.
type subnet struct{ base }

func (subnet) Create(ctx context.Context, c *Call) (Made, error) {
	in := &ec2.CreateSubnetInput{TagSpecifications: c.specification(types.ResourceTypeSubnet)}
	if err := c.Properties.Only("VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId").Decode(in); err != nil {
		return Made{}, err
	}
	out, err := c.EC2.CreateSubnet(ctx, in)
	if err != nil {
		return Made{}, err
	}
	s := out.Subnet
	c.Physical = *s.SubnetId
	made := Made{c.Physical, map[string]any{
		"SubnetId": c.Physical, "AvailabilityZone": aws.ToString(s.AvailabilityZone), "AvailabilityZoneId": aws.ToString(s.AvailabilityZoneId),
		"CidrBlock": aws.ToString(s.CidrBlock), "VpcId": aws.ToString(s.VpcId),
	}}
	if err := c.mark(c.Physical); err != nil {
		return made, err
	}
	return made, publicAddresses(ctx, c)
}

func publicAddresses(ctx context.Context, c *Call) error {
	before, after := c.Before.Text("MapPublicIpOnLaunch") == "true", c.Properties.Text("MapPublicIpOnLaunch") == "true"
	if before == after {
		return nil
	}
	_, err := c.EC2.ModifySubnetAttribute(ctx, &ec2.ModifySubnetAttributeInput{SubnetId: &c.Physical, MapPublicIpOnLaunch: &types.AttributeBooleanValue{Value: &after}})
	return err
}

func (subnet) Update(ctx context.Context, c *Call) (Made, error) {
	made := Made{c.Physical, c.Attributes}
	if err := publicAddresses(ctx, c); err != nil {
		return made, err
	}
	return made, c.retag(ctx, c.Physical)
}

func (subnet) Delete(ctx context.Context, c *Call) error {
	_, err := c.EC2.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &c.Physical})
	return unlessGone(err)
}

// elasticIP is AWS::EC2::EIP, which its address stands for.
type elasticIP struct{ base }

func (elasticIP) Create(ctx context.Context, c *Call) (Made, error) {
	in := &ec2.AllocateAddressInput{TagSpecifications: c.specification(types.ResourceTypeElasticIp)}
	if err := c.Properties.Only("Domain").Decode(in); err != nil {
		return Made{}, err
	}
	out, err := c.EC2.AllocateAddress(ctx, in)
	if err != nil {
		return Made{}, err
	}
	made := Made{*out.PublicIp, map[string]any{"AllocationId": *out.AllocationId, "PublicIp": *out.PublicIp}}
	return made, c.mark(*out.AllocationId)
}

func (c *Call) attribute(name string) string {
	text, _ := c.Attributes[name].(string)
	return text
}

func (elasticIP) Update(ctx context.Context, c *Call) (Made, error) {
	return Made{c.Physical, c.Attributes}, c.retag(ctx, c.attribute("AllocationId"))
}

func (elasticIP) Delete(ctx context.Context, c *Call) error {
	_, err := c.EC2.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: aws.String(c.attribute("AllocationId"))})
	return unlessGone(err)
}

// natGateway is AWS::EC2::NatGateway.
type natGateway struct{}

func (natGateway) Create(ctx context.Context, c *Call) (Made, error) {
	in := &ec2.CreateNatGatewayInput{TagSpecifications: c.specification(types.ResourceTypeNatgateway)}
	if err := c.Properties.Only("AllocationId", "SubnetId", "ConnectivityType").Decode(in); err != nil {
		return Made{}, err
	}
	out, err := c.EC2.CreateNatGateway(ctx, in)
	if err != nil {
		return Made{}, err
	}
	id := *out.NatGateway.NatGatewayId
	return Made{id, map[string]any{"NatGatewayId": id}}, c.mark(id)
}

// state is how a NAT gateway is; empty when it is not there.
func (natGateway) state(ctx context.Context, c *Call) (types.NatGatewayState, string, error) {
	out, err := c.EC2.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{c.Physical}})
	if IsGone(err) || err == nil && len(out.NatGateways) == 0 {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	return out.NatGateways[0].State, aws.ToString(out.NatGateways[0].FailureMessage), nil
}

func (n natGateway) Settled(ctx context.Context, c *Call) (bool, error) {
	state, why, err := n.state(ctx, c)
	if state == types.NatGatewayStateFailed {
		return false, Failed{Reason: "NatGateway " + c.Physical + " is in state failed and hence failed to stabilize. Detailed failure message: " + why}
	}
	return state == types.NatGatewayStateAvailable, err
}

func (natGateway) Update(ctx context.Context, c *Call) (Made, error) {
	return Made{c.Physical, c.Attributes}, c.retag(ctx, c.Physical)
}

func (natGateway) Delete(ctx context.Context, c *Call) error {
	_, err := c.EC2.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: &c.Physical})
	return unlessGone(err)
}

func (n natGateway) Gone(ctx context.Context, c *Call) (bool, error) {
	state, _, err := n.state(ctx, c)
	return state == "" || state == types.NatGatewayStateDeleted, err
}

// vpcEndpoint is AWS::EC2::VPCEndpoint.
type vpcEndpoint struct{ base }

func (vpcEndpoint) Create(ctx context.Context, c *Call) (Made, error) {
	in := &ec2.CreateVpcEndpointInput{TagSpecifications: c.specification(types.ResourceTypeVpcEndpoint)}
	if err := c.Properties.Without("Tags").Decode(in); err != nil {
		return Made{}, err
	}
	out, err := c.EC2.CreateVpcEndpoint(ctx, in)
	if err != nil {
		return Made{}, err
	}
	id := *out.VpcEndpoint.VpcEndpointId
	return Made{id, map[string]any{"Id": id}}, c.mark(id)
}

func (vpcEndpoint) Settled(ctx context.Context, c *Call) (bool, error) {
	out, err := c.EC2.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{c.Physical}})
	if err != nil || len(out.VpcEndpoints) == 0 {
		return false, err
	}
	return out.VpcEndpoints[0].State == types.StateAvailable, nil
}

func (vpcEndpoint) Update(ctx context.Context, c *Call) (Made, error) {
	return Made{c.Physical, c.Attributes}, c.retag(ctx, c.Physical)
}

func (vpcEndpoint) Delete(ctx context.Context, c *Call) error {
	_, err := c.EC2.DeleteVpcEndpoints(ctx, &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{c.Physical}})
	return unlessGone(err)
}
