package region_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// TestNetworkRefusals: what EC2 refuses, with its codes. Each input is made
// from two VPCs; the second has a subnet, the first everything.
func TestNetworkRefusals(t *testing.T) {
	t.Parallel()
	l := open(t)
	v, other := l.newVPC("10.1.0.0/16"), l.newVPC("10.2.0.0/16")
	subnet, foreign := v.subnet("10.1.0.0/24", "us-west-2a"), other.subnet("10.2.0.0/24", "us-west-2a")
	table, group, far := v.table(), v.group("g"), other.group("g")
	text, ports := aws.String, func(from, to int32) types.IpPermission {
		return types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: &from, ToPort: &to, IpRanges: []types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}}}
	}
	ingress := func(permissions ...types.IpPermission) *ec2.AuthorizeSecurityGroupIngressInput {
		return &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: permissions}
	}
	must[*ec2.AuthorizeSecurityGroupIngressOutput](l)(l.AuthorizeSecurityGroupIngress(ctx(), ingress(ports(22, 22))))
	must[*ec2.AssociateRouteTableOutput](l)(l.AssociateRouteTable(ctx(), &ec2.AssociateRouteTableInput{RouteTableId: &table, SubnetId: &subnet}))
	l.route(table, ec2.CreateRouteInput{DestinationCidrBlock: text("0.0.0.0/0"), GatewayId: &v.gateway})
	must[*ec2.CreateKeyPairOutput](l)(l.CreateKeyPair(ctx(), &ec2.CreateKeyPairInput{KeyName: text("k"), KeyType: "ed25519"}))
	elsewhere := l.runInput(1)
	elsewhere.SecurityGroupIds = []string{group}
	withKey := l.runInput(1)
	withKey.KeyName = text("none")
	inGroup := l.runInput(1)
	inGroup.Placement = &types.Placement{GroupName: text("none")}

	for name, c := range map[string]struct {
		input any
		code  string
	}{
		"a VPC without a range":           {&ec2.CreateVpcInput{}, "MissingParameter"},
		"a VPC of nonsense":               {&ec2.CreateVpcInput{CidrBlock: text("10.0.0.0")}, "InvalidParameterValue"},
		"a VPC too large":                 {&ec2.CreateVpcInput{CidrBlock: text("10.0.0.0/15")}, "InvalidVpc.Range"},
		"a VPC too small":                 {&ec2.CreateVpcInput{CidrBlock: text("10.0.0.0/29")}, "InvalidVpc.Range"},
		"a VPC of loopback addresses":     {&ec2.CreateVpcInput{CidrBlock: text("127.0.0.0/16")}, "InvalidVpc.Range"},
		"an IPv6 VPC":                     {&ec2.CreateVpcInput{CidrBlock: text("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)}, "UnsupportedOperation"},
		"tags for something else":         {&ec2.CreateVpcInput{CidrBlock: text("10.0.0.0/16"), TagSpecifications: []types.TagSpecification{tagged("subnet", tag("a", "b"))}}, "InvalidParameterValue"},
		"a dry run":                       {&ec2.CreateVpcInput{CidrBlock: text("10.0.0.0/16"), DryRun: aws.Bool(true)}, "DryRunOperation"},
		"a VPC with something in it":      {&ec2.DeleteVpcInput{VpcId: &v.id}, "DependencyViolation"},
		"an unknown VPC":                  {&ec2.DeleteVpcInput{VpcId: text("vpc-0")}, "InvalidVpcID.NotFound"},
		"the cluster's VPC":               {&ec2.DeleteVpcInput{VpcId: l.clusterVPC()}, "DependencyViolation"},
		"two attributes at once":          {&ec2.ModifyVpcAttributeInput{VpcId: &v.id, EnableDnsHostnames: &types.AttributeBooleanValue{}, EnableDnsSupport: &types.AttributeBooleanValue{}}, "InvalidParameterCombination"},
		"a range twice":                   {&ec2.AssociateVpcCidrBlockInput{VpcId: &v.id, CidrBlock: text("10.1.4.0/24")}, "InvalidVpc.Range"},
		"a range of another kind":         {&ec2.AssociateVpcCidrBlockInput{VpcId: &v.id, CidrBlock: text("192.168.4.0/24")}, "InvalidVpc.Range"},
		"the first range":                 {&ec2.DisassociateVpcCidrBlockInput{AssociationId: l.firstBlock(v.id)}, "OperationNotPermitted"},
		"a subnet out of the VPC":         {&ec2.CreateSubnetInput{VpcId: &v.id, CidrBlock: text("10.3.0.0/24")}, "InvalidSubnet.Range"},
		"a subnet larger than the VPC":    {&ec2.CreateSubnetInput{VpcId: &v.id, CidrBlock: text("10.0.0.0/15")}, "InvalidSubnet.Range"},
		"a subnet too small":              {&ec2.CreateSubnetInput{VpcId: &v.id, CidrBlock: text("10.1.9.0/29")}, "InvalidSubnet.Range"},
		"a subnet on another":             {&ec2.CreateSubnetInput{VpcId: &v.id, CidrBlock: text("10.1.0.128/25")}, "InvalidSubnet.Conflict"},
		"a subnet in no zone":             {&ec2.CreateSubnetInput{VpcId: &v.id, CidrBlock: text("10.1.9.0/24"), AvailabilityZone: text("us-west-2z")}, "InvalidParameterValue"},
		"a subnet in no VPC":              {&ec2.CreateSubnetInput{VpcId: text("vpc-0"), CidrBlock: text("10.1.9.0/24")}, "InvalidVpcID.NotFound"},
		"an attribute that is not done":   {&ec2.ModifySubnetAttributeInput{SubnetId: &subnet, EnableDns64: &types.AttributeBooleanValue{Value: aws.Bool(true)}}, "UnsupportedOperation"},
		"a second gateway":                {&ec2.AttachInternetGatewayInput{InternetGatewayId: l.freeGateway(), VpcId: &v.id}, "InvalidParameterValue"},
		"a gateway of two":                {&ec2.AttachInternetGatewayInput{InternetGatewayId: &v.gateway, VpcId: &other.id}, "Resource.AlreadyAssociated"},
		"a gateway from another VPC":      {&ec2.DetachInternetGatewayInput{InternetGatewayId: &v.gateway, VpcId: &other.id}, "Gateway.NotAttached"},
		"an attached gateway":             {&ec2.DeleteInternetGatewayInput{InternetGatewayId: &v.gateway}, "DependencyViolation"},
		"a public NAT without an address": {&ec2.CreateNatGatewayInput{SubnetId: &subnet}, "MissingParameter"},
		"a private NAT with one":          {&ec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: text("eipalloc-0"), ConnectivityType: "private"}, "InvalidParameterCombination"},
		"an unknown NAT":                  {&ec2.DeleteNatGatewayInput{NatGatewayId: text("nat-0")}, "NatGatewayNotFound"},
		"an unknown address":              {&ec2.ReleaseAddressInput{AllocationId: text("eipalloc-0")}, "InvalidAllocationID.NotFound"},
		"an address by its number":        {&ec2.DescribeAddressesInput{PublicIps: []string{"1.2.3.4"}}, "InvalidAddress.NotFound"},
		"an address for nothing":          {&ec2.AssociateAddressInput{AllocationId: text("eipalloc-0")}, "InvalidParameterCombination"},
		"a table of a subnet":             {&ec2.DeleteRouteTableInput{RouteTableId: &table}, "DependencyViolation"},
		"a second table for a subnet":     {&ec2.AssociateRouteTableInput{RouteTableId: text(v.table()), SubnetId: &subnet}, "Resource.AlreadyAssociated"},
		"a subnet of another VPC":         {&ec2.AssociateRouteTableInput{RouteTableId: &table, SubnetId: &foreign}, "InvalidParameterValue"},
		"an unknown association":          {&ec2.DisassociateRouteTableInput{AssociationId: text("rtbassoc-0")}, "InvalidAssociationID.NotFound"},
		"a route twice":                   {&ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: text("0.0.0.0/0"), GatewayId: &v.gateway}, "RouteAlreadyExists"},
		"a route to nothing":              {&ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: text("10.8.0.0/16")}, "MissingParameter"},
		"a route to two":                  {&ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: text("10.8.0.0/16"), GatewayId: &v.gateway, NatGatewayId: text("nat-0")}, "InvalidParameterCombination"},
		"a route to another VPC":          {&ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: text("10.8.0.0/16"), GatewayId: &other.gateway}, "InvalidParameterValue"},
		"a route within the VPC":          {&ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: text("10.1.7.0/24"), GatewayId: &v.gateway}, "InvalidParameterValue"},
		"a route to a peering":            {&ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: text("10.8.0.0/16"), VpcPeeringConnectionId: text("pcx-0")}, "UnsupportedOperation"},
		"a route that is not there":       {&ec2.ReplaceRouteInput{RouteTableId: &table, DestinationCidrBlock: text("10.8.0.0/16"), GatewayId: &v.gateway}, "InvalidParameterValue"},
		"deleting it":                     {&ec2.DeleteRouteInput{RouteTableId: &table, DestinationCidrBlock: text("10.8.0.0/16")}, "InvalidRoute.NotFound"},
		"deleting the VPC's own":          {&ec2.DeleteRouteInput{RouteTableId: &table, DestinationCidrBlock: text("10.1.0.0/16")}, "InvalidParameterValue"},
		"a group without a VPC":           {&ec2.CreateSecurityGroupInput{GroupName: text("x"), Description: text("x")}, "VPCIdNotSpecified"},
		"a group twice":                   {&ec2.CreateSecurityGroupInput{VpcId: &v.id, GroupName: text("g"), Description: text("x")}, "InvalidGroup.Duplicate"},
		"a group named default":           {&ec2.CreateSecurityGroupInput{VpcId: &v.id, GroupName: text("default"), Description: text("x")}, "InvalidParameterValue"},
		"a group named like an id":        {&ec2.CreateSecurityGroupInput{VpcId: &v.id, GroupName: text("sg-1"), Description: text("x")}, "InvalidParameterValue"},
		"a group described in Korean":     {&ec2.CreateSecurityGroupInput{VpcId: &v.id, GroupName: text("x"), Description: text("노드")}, "InvalidParameterValue"},
		"the default group":               {&ec2.DeleteSecurityGroupInput{GroupId: l.defaultGroup(v.id)}, "CannotDelete"},
		"a rule twice":                    {ingress(ports(22, 22)), "InvalidPermission.Duplicate"},
		"a rule twice in a call":          {ingress(ports(23, 23), ports(23, 23)), "InvalidParameterValue"},
		"ports the wrong way round":       {ingress(ports(23, 22)), "InvalidParameterValue"},
		"ports beyond the last":           {ingress(ports(0, 65536)), "InvalidParameterValue"},
		"no ports":                        {ingress(types.IpPermission{IpProtocol: text("tcp"), IpRanges: []types.IpRange{{CidrIp: text("10.0.0.0/8")}}}), "InvalidParameterValue"},
		"no such protocol":                {ingress(types.IpPermission{IpProtocol: text("tpc"), IpRanges: []types.IpRange{{CidrIp: text("10.0.0.0/8")}}}), "InvalidParameterValue"},
		"nobody let in":                   {ingress(types.IpPermission{IpProtocol: text("-1")}), "MissingParameter"},
		"no rule at all":                  {ingress(), "MissingParameter"},
		"a range that is none":            {ingress(types.IpPermission{IpProtocol: text("-1"), IpRanges: []types.IpRange{{CidrIp: text("10.0.0/8")}}}), "InvalidParameterValue"},
		"an unknown group let in":         {ingress(types.IpPermission{IpProtocol: text("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: text("sg-0")}}}), "InvalidGroup.NotFound"},
		"a group of another VPC let in":   {ingress(types.IpPermission{IpProtocol: text("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &far}}}), "InvalidGroup.NotFound"},
		"another account's group let in":  {ingress(types.IpPermission{IpProtocol: text("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &group, UserId: text("444455556666")}}}), "InvalidGroup.NotFound"},
		"a rule that is not there":        {&ec2.RevokeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []types.IpPermission{ports(80, 80)}}, "InvalidPermission.NotFound"},
		"in the other direction":          {&ec2.RevokeSecurityGroupEgressInput{GroupId: &group, IpPermissions: []types.IpPermission{ports(22, 22)}}, "InvalidPermission.NotFound"},
		"an unknown rule":                 {&ec2.RevokeSecurityGroupIngressInput{GroupId: &group, SecurityGroupRuleIds: []string{"sgr-0"}}, "InvalidSecurityGroupRuleId.NotFound"},
		"a filter that is none":           {&ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("group", "x")}}, "InvalidParameterValue"},
		"an endpoint for no service":      {&ec2.CreateVpcEndpointInput{VpcId: &v.id, ServiceName: text("com.amazonaws.us-west-2.none")}, "InvalidServiceName"},
		"an endpoint of another region":   {&ec2.CreateVpcEndpointInput{VpcId: &v.id, ServiceName: text("com.amazonaws.us-east-1.s3")}, "InvalidServiceName"},
		"a gateway endpoint for STS":      {&ec2.CreateVpcEndpointInput{VpcId: &v.id, ServiceName: text("com.amazonaws.us-west-2.sts")}, "InvalidParameter"},
		"private DNS without host names":  {&ec2.CreateVpcEndpointInput{VpcId: &v.id, ServiceName: text("com.amazonaws.us-west-2.sts"), VpcEndpointType: "Interface"}, "InvalidParameter"},
		"a key twice":                     {&ec2.CreateKeyPairInput{KeyName: text("k")}, "InvalidKeyPair.Duplicate"},
		"a key that is none":              {&ec2.ImportKeyPairInput{KeyName: text("x"), PublicKeyMaterial: []byte("ssh-rsa nonsense")}, "InvalidKey.Format"},
		"a key for PuTTY":                 {&ec2.CreateKeyPairInput{KeyName: text("x"), KeyFormat: "ppk"}, "UnsupportedOperation"},
		"an instance with no such key":    {withKey, "InvalidKeyPair.NotFound"},
		"an instance in no such group":    {inGroup, "InvalidPlacementGroup.Unknown"},
		"groups of another VPC":           {elsewhere, "InvalidParameter"},
		"a spread of partitions":          {&ec2.CreatePlacementGroupInput{GroupName: text("x"), Strategy: "spread", PartitionCount: aws.Int32(2)}, "InvalidParameterCombination"},
		"tags for nothing":                {&ec2.CreateTagsInput{Resources: []string{"rtb-0"}, Tags: []types.Tag{tag("a", "b")}}, "InvalidRouteTableID.NotFound"},
		"an unknown attribute":            {&ec2.DescribeVpcAttributeInput{VpcId: &v.id, Attribute: "none"}, "InvalidParameterValue"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := call(l.services(), c.input)
			refused(t, err, c.code)
		})
	}
}

func (l *lab) clusterVPC() *string {
	l.t.Helper()
	return must[*ec2.DescribeVpcsOutput](l)(l.DescribeVpcs(ctx(), &ec2.DescribeVpcsInput{Filters: []types.Filter{filter("tag:alpha.eksctl.io/cluster-name", clusterName)}})).Vpcs[0].VpcId
}

func (l *lab) firstBlock(vpcID string) *string {
	l.t.Helper()
	return must[*ec2.DescribeVpcsOutput](l)(l.DescribeVpcs(ctx(), &ec2.DescribeVpcsInput{VpcIds: []string{vpcID}})).Vpcs[0].CidrBlockAssociationSet[0].AssociationId
}

func (l *lab) freeGateway() *string {
	l.t.Helper()
	return must[*ec2.CreateInternetGatewayOutput](l)(l.CreateInternetGateway(ctx(), &ec2.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
}

func (l *lab) defaultGroup(vpcID string) *string {
	l.t.Helper()
	return must[*ec2.DescribeSecurityGroupsOutput](l)(l.DescribeSecurityGroups(ctx(), &ec2.DescribeSecurityGroupsInput{
		Filters: []types.Filter{filter("vpc-id", vpcID), filter("group-name", "default")},
	})).SecurityGroups[0].GroupId
}
