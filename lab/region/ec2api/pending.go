package ec2api

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/drover-project/drover/lab/awserr"
)

func pending() error {
	return awserr.New("UnsupportedOperation", "This operation is not done yet.")
}

// CreateVpc is not done yet.
func (*EC2) CreateVpc(context.Context, *ec2.CreateVpcInput) (*ec2.CreateVpcOutput, error) {
	return nil, pending()
}

// DeleteVpc is not done yet.
func (*EC2) DeleteVpc(context.Context, *ec2.DeleteVpcInput) (*ec2.DeleteVpcOutput, error) {
	return nil, pending()
}

// ModifyVpcAttribute is not done yet.
func (*EC2) ModifyVpcAttribute(context.Context, *ec2.ModifyVpcAttributeInput) (*ec2.ModifyVpcAttributeOutput, error) {
	return nil, pending()
}

// DescribeVpcAttribute is not done yet.
func (*EC2) DescribeVpcAttribute(context.Context, *ec2.DescribeVpcAttributeInput) (*ec2.DescribeVpcAttributeOutput, error) {
	return nil, pending()
}

// AssociateVpcCidrBlock is not done yet.
func (*EC2) AssociateVpcCidrBlock(context.Context, *ec2.AssociateVpcCidrBlockInput) (*ec2.AssociateVpcCidrBlockOutput, error) {
	return nil, pending()
}

// DisassociateVpcCidrBlock is not done yet.
func (*EC2) DisassociateVpcCidrBlock(context.Context, *ec2.DisassociateVpcCidrBlockInput) (*ec2.DisassociateVpcCidrBlockOutput, error) {
	return nil, pending()
}

// CreateSubnet is not done yet.
func (*EC2) CreateSubnet(context.Context, *ec2.CreateSubnetInput) (*ec2.CreateSubnetOutput, error) {
	return nil, pending()
}

// DeleteSubnet is not done yet.
func (*EC2) DeleteSubnet(context.Context, *ec2.DeleteSubnetInput) (*ec2.DeleteSubnetOutput, error) {
	return nil, pending()
}

// ModifySubnetAttribute is not done yet.
func (*EC2) ModifySubnetAttribute(context.Context, *ec2.ModifySubnetAttributeInput) (*ec2.ModifySubnetAttributeOutput, error) {
	return nil, pending()
}

// CreateInternetGateway is not done yet.
func (*EC2) CreateInternetGateway(context.Context, *ec2.CreateInternetGatewayInput) (*ec2.CreateInternetGatewayOutput, error) {
	return nil, pending()
}

// AttachInternetGateway is not done yet.
func (*EC2) AttachInternetGateway(context.Context, *ec2.AttachInternetGatewayInput) (*ec2.AttachInternetGatewayOutput, error) {
	return nil, pending()
}

// DetachInternetGateway is not done yet.
func (*EC2) DetachInternetGateway(context.Context, *ec2.DetachInternetGatewayInput) (*ec2.DetachInternetGatewayOutput, error) {
	return nil, pending()
}

// DeleteInternetGateway is not done yet.
func (*EC2) DeleteInternetGateway(context.Context, *ec2.DeleteInternetGatewayInput) (*ec2.DeleteInternetGatewayOutput, error) {
	return nil, pending()
}

// DescribeInternetGateways is not done yet.
func (*EC2) DescribeInternetGateways(context.Context, *ec2.DescribeInternetGatewaysInput) (*ec2.DescribeInternetGatewaysOutput, error) {
	return nil, pending()
}

// CreateNatGateway is not done yet.
func (*EC2) CreateNatGateway(context.Context, *ec2.CreateNatGatewayInput) (*ec2.CreateNatGatewayOutput, error) {
	return nil, pending()
}

// DeleteNatGateway is not done yet.
func (*EC2) DeleteNatGateway(context.Context, *ec2.DeleteNatGatewayInput) (*ec2.DeleteNatGatewayOutput, error) {
	return nil, pending()
}

// DescribeNatGateways is not done yet.
func (*EC2) DescribeNatGateways(context.Context, *ec2.DescribeNatGatewaysInput) (*ec2.DescribeNatGatewaysOutput, error) {
	return nil, pending()
}

// AllocateAddress is not done yet.
func (*EC2) AllocateAddress(context.Context, *ec2.AllocateAddressInput) (*ec2.AllocateAddressOutput, error) {
	return nil, pending()
}

// ReleaseAddress is not done yet.
func (*EC2) ReleaseAddress(context.Context, *ec2.ReleaseAddressInput) (*ec2.ReleaseAddressOutput, error) {
	return nil, pending()
}

// DescribeAddresses is not done yet.
func (*EC2) DescribeAddresses(context.Context, *ec2.DescribeAddressesInput) (*ec2.DescribeAddressesOutput, error) {
	return nil, pending()
}

// AssociateAddress is not done yet.
func (*EC2) AssociateAddress(context.Context, *ec2.AssociateAddressInput) (*ec2.AssociateAddressOutput, error) {
	return nil, pending()
}

// DisassociateAddress is not done yet.
func (*EC2) DisassociateAddress(context.Context, *ec2.DisassociateAddressInput) (*ec2.DisassociateAddressOutput, error) {
	return nil, pending()
}

// CreateRouteTable is not done yet.
func (*EC2) CreateRouteTable(context.Context, *ec2.CreateRouteTableInput) (*ec2.CreateRouteTableOutput, error) {
	return nil, pending()
}

// DeleteRouteTable is not done yet.
func (*EC2) DeleteRouteTable(context.Context, *ec2.DeleteRouteTableInput) (*ec2.DeleteRouteTableOutput, error) {
	return nil, pending()
}

// DescribeRouteTables is not done yet.
func (*EC2) DescribeRouteTables(context.Context, *ec2.DescribeRouteTablesInput) (*ec2.DescribeRouteTablesOutput, error) {
	return nil, pending()
}

// AssociateRouteTable is not done yet.
func (*EC2) AssociateRouteTable(context.Context, *ec2.AssociateRouteTableInput) (*ec2.AssociateRouteTableOutput, error) {
	return nil, pending()
}

// DisassociateRouteTable is not done yet.
func (*EC2) DisassociateRouteTable(context.Context, *ec2.DisassociateRouteTableInput) (*ec2.DisassociateRouteTableOutput, error) {
	return nil, pending()
}

// ReplaceRouteTableAssociation is not done yet.
func (*EC2) ReplaceRouteTableAssociation(context.Context, *ec2.ReplaceRouteTableAssociationInput) (*ec2.ReplaceRouteTableAssociationOutput, error) {
	return nil, pending()
}

// CreateRoute is not done yet.
func (*EC2) CreateRoute(context.Context, *ec2.CreateRouteInput) (*ec2.CreateRouteOutput, error) {
	return nil, pending()
}

// ReplaceRoute is not done yet.
func (*EC2) ReplaceRoute(context.Context, *ec2.ReplaceRouteInput) (*ec2.ReplaceRouteOutput, error) {
	return nil, pending()
}

// DeleteRoute is not done yet.
func (*EC2) DeleteRoute(context.Context, *ec2.DeleteRouteInput) (*ec2.DeleteRouteOutput, error) {
	return nil, pending()
}

// CreateSecurityGroup is not done yet.
func (*EC2) CreateSecurityGroup(context.Context, *ec2.CreateSecurityGroupInput) (*ec2.CreateSecurityGroupOutput, error) {
	return nil, pending()
}

// DeleteSecurityGroup is not done yet.
func (*EC2) DeleteSecurityGroup(context.Context, *ec2.DeleteSecurityGroupInput) (*ec2.DeleteSecurityGroupOutput, error) {
	return nil, pending()
}

// AuthorizeSecurityGroupIngress is not done yet.
func (*EC2) AuthorizeSecurityGroupIngress(context.Context, *ec2.AuthorizeSecurityGroupIngressInput) (*ec2.AuthorizeSecurityGroupIngressOutput, error) {
	return nil, pending()
}

// AuthorizeSecurityGroupEgress is not done yet.
func (*EC2) AuthorizeSecurityGroupEgress(context.Context, *ec2.AuthorizeSecurityGroupEgressInput) (*ec2.AuthorizeSecurityGroupEgressOutput, error) {
	return nil, pending()
}

// RevokeSecurityGroupIngress is not done yet.
func (*EC2) RevokeSecurityGroupIngress(context.Context, *ec2.RevokeSecurityGroupIngressInput) (*ec2.RevokeSecurityGroupIngressOutput, error) {
	return nil, pending()
}

// RevokeSecurityGroupEgress is not done yet.
func (*EC2) RevokeSecurityGroupEgress(context.Context, *ec2.RevokeSecurityGroupEgressInput) (*ec2.RevokeSecurityGroupEgressOutput, error) {
	return nil, pending()
}

// DescribeSecurityGroupRules is not done yet.
func (*EC2) DescribeSecurityGroupRules(context.Context, *ec2.DescribeSecurityGroupRulesInput) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	return nil, pending()
}

// DescribeNetworkInterfaces is not done yet.
func (*EC2) DescribeNetworkInterfaces(context.Context, *ec2.DescribeNetworkInterfacesInput) (*ec2.DescribeNetworkInterfacesOutput, error) {
	return nil, pending()
}

// CreateVpcEndpoint is not done yet.
func (*EC2) CreateVpcEndpoint(context.Context, *ec2.CreateVpcEndpointInput) (*ec2.CreateVpcEndpointOutput, error) {
	return nil, pending()
}

// DescribeVpcEndpoints is not done yet.
func (*EC2) DescribeVpcEndpoints(context.Context, *ec2.DescribeVpcEndpointsInput) (*ec2.DescribeVpcEndpointsOutput, error) {
	return nil, pending()
}

// DeleteVpcEndpoints is not done yet.
func (*EC2) DeleteVpcEndpoints(context.Context, *ec2.DeleteVpcEndpointsInput) (*ec2.DeleteVpcEndpointsOutput, error) {
	return nil, pending()
}

// CreateKeyPair is not done yet.
func (*EC2) CreateKeyPair(context.Context, *ec2.CreateKeyPairInput) (*ec2.CreateKeyPairOutput, error) {
	return nil, pending()
}

// ImportKeyPair is not done yet.
func (*EC2) ImportKeyPair(context.Context, *ec2.ImportKeyPairInput) (*ec2.ImportKeyPairOutput, error) {
	return nil, pending()
}

// DescribeKeyPairs is not done yet.
func (*EC2) DescribeKeyPairs(context.Context, *ec2.DescribeKeyPairsInput) (*ec2.DescribeKeyPairsOutput, error) {
	return nil, pending()
}

// DeleteKeyPair is not done yet.
func (*EC2) DeleteKeyPair(context.Context, *ec2.DeleteKeyPairInput) (*ec2.DeleteKeyPairOutput, error) {
	return nil, pending()
}

// CreatePlacementGroup is not done yet.
func (*EC2) CreatePlacementGroup(context.Context, *ec2.CreatePlacementGroupInput) (*ec2.CreatePlacementGroupOutput, error) {
	return nil, pending()
}

// DeletePlacementGroup is not done yet.
func (*EC2) DeletePlacementGroup(context.Context, *ec2.DeletePlacementGroupInput) (*ec2.DeletePlacementGroupOutput, error) {
	return nil, pending()
}

// DescribePrefixLists is not done yet.
func (*EC2) DescribePrefixLists(context.Context, *ec2.DescribePrefixListsInput) (*ec2.DescribePrefixListsOutput, error) {
	return nil, pending()
}

// DescribeAccountAttributes is not done yet.
func (*EC2) DescribeAccountAttributes(context.Context, *ec2.DescribeAccountAttributesInput) (*ec2.DescribeAccountAttributesOutput, error) {
	return nil, pending()
}
