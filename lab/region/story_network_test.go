package region_test

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// storyVPC is the VPC that the story makes.
func (l *lab) storyVPC() *string {
	l.t.Helper()
	return must[*ec2.DescribeVpcsOutput](l)(l.DescribeVpcs(ctx(), &ec2.DescribeVpcsInput{Filters: []types.Filter{filter("cidr", "10.20.0.0/16")}})).Vpcs[0].VpcId
}

// storySubnet is the nth subnet of the story's VPC, by its block.
func (l *lab) storySubnet(cidr string) *string {
	l.t.Helper()
	return must[*ec2.DescribeSubnetsOutput](l)(l.DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("cidr-block", cidr)}})).Subnets[0].SubnetId
}

func (l *lab) storyGateway() *string {
	l.t.Helper()
	return must[*ec2.DescribeInternetGatewaysOutput](l)(l.DescribeInternetGateways(ctx(), &ec2.DescribeInternetGatewaysInput{Filters: []types.Filter{filter("tag:story", "yes")}})).InternetGateways[0].InternetGatewayId
}

// storyTable is the route table of the story's VPC that is, or is not, the main
// one.
func (l *lab) storyTable(main bool) types.RouteTable {
	l.t.Helper()
	for _, t := range must[*ec2.DescribeRouteTablesOutput](l)(l.DescribeRouteTables(ctx(), &ec2.DescribeRouteTablesInput{Filters: []types.Filter{filter("vpc-id", *l.storyVPC())}})).RouteTables {
		if isMain := len(t.Associations) > 0 && *t.Associations[0].Main; isMain == main {
			return t
		}
	}
	l.t.Fatalf("no route table that is the main one: %v", main)
	return types.RouteTable{}
}

func (l *lab) storyAddress() types.Address {
	l.t.Helper()
	return must[*ec2.DescribeAddressesOutput](l)(l.DescribeAddresses(ctx(), &ec2.DescribeAddressesInput{Filters: []types.Filter{filter("tag:story", "yes")}})).Addresses[0]
}

func (l *lab) storyGroup() *string {
	l.t.Helper()
	return must[*ec2.DescribeSecurityGroupsOutput](l)(l.DescribeSecurityGroups(ctx(), &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("group-name", "story")}})).SecurityGroups[0].GroupId
}

func (l *lab) storyNAT() *string {
	l.t.Helper()
	return must[*ec2.DescribeNatGatewaysOutput](l)(l.DescribeNatGateways(ctx(), &ec2.DescribeNatGatewaysInput{Filter: []types.Filter{filter("vpc-id", *l.storyVPC())}})).NatGateways[0].NatGatewayId
}

func vpcSteps() []step {
	story := func(kind types.ResourceType) []types.TagSpecification {
		return []types.TagSpecification{tagged(kind, tag("story", "yes"))}
	}
	return []step{
		always(&ec2.CreateVpcInput{CidrBlock: aws.String("10.20.0.0/16"), TagSpecifications: story("vpc")}),
		func(l *lab) any {
			return &ec2.ModifyVpcAttributeInput{VpcId: l.storyVPC(), EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)}}
		},
		func(l *lab) any {
			return &ec2.DescribeVpcAttributeInput{VpcId: l.storyVPC(), Attribute: types.VpcAttributeNameEnableDnsHostnames}
		},
		func(l *lab) any {
			return &ec2.AssociateVpcCidrBlockInput{VpcId: l.storyVPC(), CidrBlock: aws.String("100.64.0.0/22")}
		},
		always(&ec2.DescribeVpcsInput{}),
		func(l *lab) any {
			return &ec2.CreateSubnetInput{VpcId: l.storyVPC(), CidrBlock: aws.String("10.20.1.0/24"), AvailabilityZone: aws.String("us-west-2b"), TagSpecifications: story("subnet")}
		},
		func(l *lab) any {
			return &ec2.ModifySubnetAttributeInput{SubnetId: l.storySubnet("10.20.1.0/24"), MapPublicIpOnLaunch: &types.AttributeBooleanValue{Value: aws.Bool(true)}}
		},
		always(&ec2.CreateInternetGatewayInput{TagSpecifications: story("internet-gateway")}),
		func(l *lab) any {
			return &ec2.AttachInternetGatewayInput{InternetGatewayId: l.storyGateway(), VpcId: l.storyVPC()}
		},
		always(&ec2.DescribeInternetGatewaysInput{}),
		always(&ec2.AllocateAddressInput{Domain: "vpc", TagSpecifications: story("elastic-ip")}),
		func(l *lab) any {
			return &ec2.CreateNatGatewayInput{SubnetId: l.storySubnet("10.20.1.0/24"), AllocationId: l.storyAddress().AllocationId, ClientToken: aws.String("n1"), TagSpecifications: story("natgateway")}
		},
		always(&ec2.DescribeNatGatewaysInput{}), always(&ec2.DescribeAddressesInput{}),
	}
}

func routeSteps() []step {
	everywhere := aws.String("0.0.0.0/0")
	return []step{
		func(l *lab) any {
			return &ec2.CreateRouteTableInput{VpcId: l.storyVPC(), ClientToken: aws.String("rt1")}
		},
		func(l *lab) any {
			return &ec2.AssociateRouteTableInput{RouteTableId: l.storyTable(false).RouteTableId, SubnetId: l.storySubnet("10.20.1.0/24")}
		},
		func(l *lab) any {
			return &ec2.CreateRouteInput{RouteTableId: l.storyTable(false).RouteTableId, DestinationCidrBlock: everywhere, NatGatewayId: l.storyNAT()}
		},
		func(l *lab) any {
			return &ec2.ReplaceRouteInput{RouteTableId: l.storyTable(false).RouteTableId, DestinationCidrBlock: everywhere, GatewayId: l.storyGateway()}
		},
		always(&ec2.DescribeRouteTablesInput{}),
		func(l *lab) any {
			return &ec2.DeleteRouteInput{RouteTableId: l.storyTable(false).RouteTableId, DestinationCidrBlock: everywhere}
		},
		func(l *lab) any {
			return &ec2.ReplaceRouteTableAssociationInput{AssociationId: l.storyTable(false).Associations[0].RouteTableAssociationId, RouteTableId: l.storyTable(true).RouteTableId}
		},
		func(l *lab) any {
			return &ec2.DisassociateRouteTableInput{AssociationId: l.storyTable(true).Associations[1].RouteTableAssociationId}
		},
		func(l *lab) any { return &ec2.DeleteRouteTableInput{RouteTableId: l.storyTable(false).RouteTableId} },
	}
}

func groupSteps() []step {
	web := types.IpPermission{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443),
		IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0"), Description: aws.String("all <&>")}}, Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("::/0")}},
	}
	return []step{
		func(l *lab) any {
			return &ec2.CreateSecurityGroupInput{
				VpcId: l.storyVPC(), GroupName: aws.String("story"), Description: aws.String("of a story"),
				TagSpecifications: []types.TagSpecification{tagged("security-group", tag("story", "yes"))},
			}
		},
		func(l *lab) any {
			self := types.IpPermission{IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: l.storyGroup()}}}
			return &ec2.AuthorizeSecurityGroupIngressInput{
				GroupId: l.storyGroup(), IpPermissions: []types.IpPermission{web, self}, TagSpecifications: []types.TagSpecification{tagged("security-group-rule", tag("story", "yes"))},
			}
		},
		func(l *lab) any {
			return &ec2.AuthorizeSecurityGroupEgressInput{GroupId: l.storyGroup(), IpPermissions: []types.IpPermission{web}}
		},
		always(&ec2.DescribeSecurityGroupsInput{}), always(&ec2.DescribeSecurityGroupRulesInput{}),
		func(l *lab) any {
			return &ec2.RevokeSecurityGroupIngressInput{GroupId: l.storyGroup(), IpPermissions: []types.IpPermission{web}}
		},
		func(l *lab) any {
			return &ec2.RevokeSecurityGroupEgressInput{GroupId: l.storyGroup(), IpPermissions: []types.IpPermission{web}}
		},
		func(l *lab) any {
			return &ec2.CreateVpcEndpointInput{
				VpcId: l.storyVPC(), ServiceName: aws.String("com.amazonaws.us-west-2.sts"), VpcEndpointType: "Interface", ClientToken: aws.String("e1"),
				SubnetIds: []string{*l.storySubnet("10.20.1.0/24")}, SecurityGroupIds: []string{*l.storyGroup()},
			}
		},
		always(&ec2.DescribeVpcEndpointsInput{}), always(&ec2.DescribeNetworkInterfacesInput{}), always(&ec2.DescribePrefixListsInput{}),
		func(l *lab) any {
			made := must[*ec2.DescribeVpcEndpointsOutput](l)(l.DescribeVpcEndpoints(ctx(), &ec2.DescribeVpcEndpointsInput{}))
			return &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{*made.VpcEndpoints[0].VpcEndpointId, "vpce-0000000000000000a"}}
		},
		func(l *lab) any { return &ec2.DeleteSecurityGroupInput{GroupId: l.storyGroup()} },
	}
}

const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBW2DnA2XC5yvKzkJtvYcyIcFYIDpJ/LZgsLqNvUzQxo someone"

func keySteps() []step {
	return []step{
		always(&ec2.CreateKeyPairInput{KeyName: aws.String("made"), KeyType: "ed25519"}),
		always(&ec2.ImportKeyPairInput{KeyName: aws.String("read"), PublicKeyMaterial: []byte(publicKey)}),
		always(&ec2.DescribeKeyPairsInput{KeyNames: []string{"read"}, IncludePublicKey: aws.Bool(true)}),
		always(&ec2.DeleteKeyPairInput{KeyName: aws.String("read")}),
		always(&ec2.CreatePlacementGroupInput{GroupName: aws.String("story"), Strategy: "partition", PartitionCount: aws.Int32(3)}),
		always(&ec2.DescribePlacementGroupsInput{}),
		always(&ec2.DeletePlacementGroupInput{GroupName: aws.String("story")}),
		always(&ec2.DescribeAccountAttributesInput{}),
	}
}

// addressSteps give an address to an instance of the cluster, while there is
// one that runs.
func addressSteps() []step {
	return []step{
		always(&ec2.AllocateAddressInput{TagSpecifications: []types.TagSpecification{tagged("elastic-ip", tag("of", "instance"))}}),
		func(l *lab) any {
			return &ec2.AssociateAddressInput{AllocationId: l.instanceAddress().AllocationId, InstanceId: l.named("run")[0].InstanceId}
		},
		always(&ec2.DescribeAddressesInput{}),
		func(l *lab) any {
			return &ec2.DisassociateAddressInput{AssociationId: l.instanceAddress().AssociationId}
		},
		func(l *lab) any { return &ec2.ReleaseAddressInput{AllocationId: l.instanceAddress().AllocationId} },
	}
}

func (l *lab) instanceAddress() types.Address {
	l.t.Helper()
	return must[*ec2.DescribeAddressesOutput](l)(l.DescribeAddresses(ctx(), &ec2.DescribeAddressesInput{Filters: []types.Filter{filter("tag:of", "instance")}})).Addresses[0]
}

// clearSteps delete the story's VPC, once the NAT gateway is gone.
func clearSteps() []step {
	return []step{
		func(l *lab) any { return &ec2.DeleteNatGatewayInput{NatGatewayId: l.storyNAT()} },
		always(natGone),
		func(l *lab) any {
			return &ec2.DetachInternetGatewayInput{InternetGatewayId: l.storyGateway(), VpcId: l.storyVPC()}
		},
		func(l *lab) any { return &ec2.ReleaseAddressInput{AllocationId: l.storyAddress().AllocationId} },
		func(l *lab) any { return &ec2.DeleteInternetGatewayInput{InternetGatewayId: l.storyGateway()} },
		func(l *lab) any { return &ec2.DeleteSubnetInput{SubnetId: l.storySubnet("10.20.1.0/24")} },
		func(l *lab) any {
			v := must[*ec2.DescribeVpcsOutput](l)(l.DescribeVpcs(ctx(), &ec2.DescribeVpcsInput{VpcIds: []string{*l.storyVPC()}})).Vpcs[0]
			return &ec2.DisassociateVpcCidrBlockInput{AssociationId: v.CidrBlockAssociationSet[1].AssociationId}
		},
		func(l *lab) any { return &ec2.DeleteVpcInput{VpcId: l.storyVPC()} },
		always(&ec2.DescribeTagsInput{}),
	}
}
