package region_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/drover-project/drover/lab/machine"
)

// natBoot is when a NAT gateway has come up.
const natBoot = 100 * time.Second

// vpc is a VPC of a test with an internet gateway.
type vpc struct {
	*lab
	id, gateway string
}

func (l *lab) newVPC(cidr string) vpc {
	l.t.Helper()
	v := must[*ec2.CreateVpcOutput](l)(l.CreateVpc(ctx(), &ec2.CreateVpcInput{CidrBlock: &cidr}))
	g := must[*ec2.CreateInternetGatewayOutput](l)(l.CreateInternetGateway(ctx(), &ec2.CreateInternetGatewayInput{}))
	must[*ec2.AttachInternetGatewayOutput](l)(l.AttachInternetGateway(ctx(), &ec2.AttachInternetGatewayInput{InternetGatewayId: g.InternetGateway.InternetGatewayId, VpcId: v.Vpc.VpcId}))
	return vpc{l, *v.Vpc.VpcId, *g.InternetGateway.InternetGatewayId}
}

func (v vpc) subnet(cidr, zone string) string {
	v.t.Helper()
	return *must[*ec2.CreateSubnetOutput](v.lab)(v.CreateSubnet(ctx(), &ec2.CreateSubnetInput{VpcId: &v.id, CidrBlock: &cidr, AvailabilityZone: &zone})).Subnet.SubnetId
}

func (v vpc) group(name string) string {
	v.t.Helper()
	return *must[*ec2.CreateSecurityGroupOutput](v.lab)(v.CreateSecurityGroup(ctx(), &ec2.CreateSecurityGroupInput{VpcId: &v.id, GroupName: &name, Description: &name})).GroupId
}

func (v vpc) table() string {
	v.t.Helper()
	return *must[*ec2.CreateRouteTableOutput](v.lab)(v.CreateRouteTable(ctx(), &ec2.CreateRouteTableInput{VpcId: &v.id})).RouteTable.RouteTableId
}

func (l *lab) newAddress() string {
	l.t.Helper()
	return *must[*ec2.AllocateAddressOutput](l)(l.AllocateAddress(ctx(), &ec2.AllocateAddressInput{})).AllocationId
}

func (v vpc) nat(subnet string) string {
	v.t.Helper()
	address := v.newAddress()
	return *must[*ec2.CreateNatGatewayOutput](v.lab)(v.CreateNatGateway(ctx(), &ec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: &address})).NatGateway.NatGatewayId
}

func (l *lab) describedNAT(id string) types.NatGateway {
	l.t.Helper()
	return must[*ec2.DescribeNatGatewaysOutput](l)(l.DescribeNatGateways(ctx(), &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{id}})).NatGateways[0]
}

func (l *lab) describedTable(id string) types.RouteTable {
	l.t.Helper()
	return must[*ec2.DescribeRouteTablesOutput](l)(l.DescribeRouteTables(ctx(), &ec2.DescribeRouteTablesInput{RouteTableIds: []string{id}})).RouteTables[0]
}

func (l *lab) route(table string, in ec2.CreateRouteInput) {
	l.t.Helper()
	in.RouteTableId = &table
	must[*ec2.CreateRouteOutput](l)(l.CreateRoute(ctx(), &in))
}

// TestInstancesInANewSubnet: instances get addresses of their subnet, public
// ones as it says, the VPC's default group, and hold on to all of it.
func TestInstancesInANewSubnet(t *testing.T) {
	t.Parallel()
	l := open(t)
	v := l.newVPC("10.1.0.0/16")
	subnet := v.subnet("10.1.2.0/28", "us-west-2b")
	run := func() types.Instance {
		in := l.runInput(1)
		in.SubnetId = &subnet
		return must[*ec2.RunInstancesOutput](l)(l.RunInstances(ctx(), in)).Instances[0]
	}
	private := run()
	if a := netip.MustParseAddr(*private.PrivateIpAddress); !netip.MustParsePrefix("10.1.2.0/28").Contains(a) || private.PublicIpAddress != nil {
		t.Errorf("addresses %v and %v", a, aws.ToString(private.PublicIpAddress))
	}
	if *private.VpcId != v.id || *private.Placement.AvailabilityZone != "us-west-2b" || *private.SecurityGroups[0].GroupName != "default" {
		t.Errorf("in %s, %s with %s", *private.VpcId, *private.Placement.AvailabilityZone, *private.SecurityGroups[0].GroupName)
	}
	must[*ec2.ModifySubnetAttributeOutput](l)(l.ModifySubnetAttribute(ctx(), &ec2.ModifySubnetAttributeInput{
		SubnetId: &subnet, MapPublicIpOnLaunch: &types.AttributeBooleanValue{Value: aws.Bool(true)},
	}))
	public := run()
	if public.PublicIpAddress == nil || *public.NetworkInterfaces[0].Association.PublicIp != *public.PublicIpAddress || *public.SecurityGroups[0].GroupId != *private.SecurityGroups[0].GroupId {
		t.Errorf("a public address %v, group %s", public.PublicIpAddress, *public.SecurityGroups[0].GroupId)
	}
	var seen []machine.Machine
	l.Watch(func(m machine.Machine) { seen = append(seen, m) })()
	if len(seen) != 2 || seen[0].SubnetCIDR != "10.1.2.0/28" || seen[0].Zone != "us-west-2b" {
		t.Errorf("machines %+v", seen)
	}
	in := l.runInput(20)
	in.SubnetId, in.MinCount = &subnet, aws.Int32(20)
	_, err := l.RunInstances(ctx(), in)
	refused(t, err, "InsufficientFreeAddressesInSubnet")
	deleteSubnet := func() error { return done(l.DeleteSubnet(ctx(), &ec2.DeleteSubnetInput{SubnetId: &subnet})) }
	detach := func() error {
		return done(l.DetachInternetGateway(ctx(), &ec2.DetachInternetGatewayInput{InternetGatewayId: &v.gateway, VpcId: &v.id}))
	}
	refused(t, deleteSubnet(), "DependencyViolation")
	refused(t, detach(), "DependencyViolation")
	must[*ec2.TerminateInstancesOutput](l)(l.TerminateInstances(ctx(), &ec2.TerminateInstancesInput{InstanceIds: []string{*private.InstanceId, *public.InstanceId}}))
	refused(t, deleteSubnet(), "DependencyViolation")
	l.clock.Advance(time.Minute)
	refused(t, deleteSubnet(), "")
	refused(t, detach(), "")
}

// TestNATGatewayTakesItsTime: it comes up and ends on the clock, and goes on
// doing so after a restart.
func TestNATGatewayTakesItsTime(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	v := l.newVPC("10.1.0.0/16")
	subnet := v.subnet("10.1.0.0/24", "us-west-2a")
	id := v.nat(subnet)
	made := l.describedNAT(id)
	address := made.NatGatewayAddresses[0]
	if made.State != "pending" || aws.ToString(address.PublicIp) == "" || !netip.MustParsePrefix("10.1.0.0/24").Contains(netip.MustParseAddr(*address.PrivateIp)) {
		t.Errorf("at first %s, %s, %s", made.State, aws.ToString(address.PublicIp), *address.PrivateIp)
	}
	refused(t, done(l.ReleaseAddress(ctx(), &ec2.ReleaseAddressInput{AllocationId: address.AllocationId})), "InvalidIPAddress.InUse")
	refused(t, done(l.DisassociateAddress(ctx(), &ec2.DisassociateAddressInput{AssociationId: address.AssociationId})), "AuthFailure")
	l.clock.Advance(time.Minute)
	l.reopen()
	if s := l.describedNAT(id).State; s != "pending" {
		t.Errorf("after a restart it is %s", s)
	}
	l.clock.Advance(natBoot - time.Minute)
	if s := l.describedNAT(id).State; s != "available" {
		t.Errorf("in time it is %s", s)
	}
	must[*ec2.DeleteNatGatewayOutput](l)(l.DeleteNatGateway(ctx(), &ec2.DeleteNatGatewayInput{NatGatewayId: &id}))
	refused(t, done(l.DeleteSubnet(ctx(), &ec2.DeleteSubnetInput{SubnetId: &subnet})), "DependencyViolation")
	l.reopen()
	l.clock.Advance(natGone)
	if gone := l.describedNAT(id); gone.State != "deleted" || gone.DeleteTime == nil {
		t.Errorf("deleted it is %s, since %v", gone.State, gone.DeleteTime)
	}
	refused(t, done(l.ReleaseAddress(ctx(), &ec2.ReleaseAddressInput{AllocationId: address.AllocationId})), "")
	refused(t, done(l.DeleteSubnet(ctx(), &ec2.DeleteSubnetInput{SubnetId: &subnet})), "")
	l.clock.Advance(2 * time.Hour)
	_, err := l.DescribeNatGateways(ctx(), &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{id}})
	refused(t, err, "NatGatewayNotFound")
}

// TestNATGatewaysThatFail: what EC2 finds out late makes a gateway that failed.
func TestNATGatewaysThatFail(t *testing.T) {
	t.Parallel()
	l := open(t)
	v := l.newVPC("10.1.0.0/16")
	subnet := v.subnet("10.1.0.0/24", "us-west-2a")
	taken := *l.describedNAT(v.nat(subnet)).NatGatewayAddresses[0].AllocationId
	cidr := "10.9.0.0/16"
	alone := must[*ec2.CreateVpcOutput](l)(l.CreateVpc(ctx(), &ec2.CreateVpcInput{CidrBlock: &cidr}))
	inner := vpc{lab: l, id: *alone.Vpc.VpcId}.subnet("10.9.0.0/24", "us-west-2a")
	for want, in := range map[string]ec2.CreateNatGatewayInput{
		"Resource.AlreadyAssociated":   {SubnetId: &subnet, AllocationId: &taken},
		"InvalidAllocationID.NotFound": {SubnetId: &subnet, AllocationId: aws.String("eipalloc-0")},
		"Gateway.NotAttached":          {SubnetId: &inner, AllocationId: aws.String(l.newAddress())},
	} {
		made := must[*ec2.CreateNatGatewayOutput](l)(l.CreateNatGateway(ctx(), &in)).NatGateway
		if made.State != "failed" || aws.ToString(made.FailureCode) != want || aws.ToString(made.FailureMessage) == "" {
			t.Errorf("%s: %s %s %s", want, made.State, aws.ToString(made.FailureCode), aws.ToString(made.FailureMessage))
		}
	}
	private := must[*ec2.CreateNatGatewayOutput](l)(l.CreateNatGateway(ctx(), &ec2.CreateNatGatewayInput{SubnetId: &inner, ConnectivityType: "private"})).NatGateway
	if private.State != "pending" || private.NatGatewayAddresses[0].PublicIp != nil {
		t.Errorf("private: %+v", private)
	}
}

// TestRoutes: a route leads somewhere or is a blackhole.
func TestRoutes(t *testing.T) {
	t.Parallel()
	l := open(t)
	v := l.newVPC("10.1.0.0/16")
	nat := v.nat(v.subnet("10.1.0.0/24", "us-west-2a"))
	table := v.table()
	l.route(table, ec2.CreateRouteInput{DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: &v.gateway})
	l.route(table, ec2.CreateRouteInput{DestinationCidrBlock: aws.String("10.2.3.4/16"), NatGatewayId: &nat})
	states := func() map[string]types.RouteState {
		found := map[string]types.RouteState{}
		for _, r := range l.describedTable(table).Routes {
			found[*r.DestinationCidrBlock] = r.State
		}
		return found
	}
	want := map[string]types.RouteState{"10.1.0.0/16": "active", "0.0.0.0/0": "active", "10.2.0.0/16": "active"}
	if diff := cmp.Diff(want, states()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	must[*ec2.DeleteNatGatewayOutput](l)(l.DeleteNatGateway(ctx(), &ec2.DeleteNatGatewayInput{NatGatewayId: &nat}))
	l.clock.Advance(natGone)
	must[*ec2.DetachInternetGatewayOutput](l)(l.DetachInternetGateway(ctx(), &ec2.DetachInternetGatewayInput{InternetGatewayId: &v.gateway, VpcId: &v.id}))
	want["0.0.0.0/0"], want["10.2.0.0/16"] = "blackhole", "blackhole"
	if diff := cmp.Diff(want, states()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestMainRouteTable: another can take its place.
func TestMainRouteTable(t *testing.T) {
	t.Parallel()
	l := open(t)
	v := l.newVPC("10.1.0.0/16")
	main := must[*ec2.DescribeRouteTablesOutput](l)(l.DescribeRouteTables(ctx(), &ec2.DescribeRouteTablesInput{
		Filters: []types.Filter{filter("vpc-id", v.id), filter("association.main", "true")},
	})).RouteTables[0]
	other, association := v.table(), main.Associations[0].RouteTableAssociationId
	refused(t, done(l.DisassociateRouteTable(ctx(), &ec2.DisassociateRouteTableInput{AssociationId: association})), "InvalidParameterValue")
	refused(t, done(l.DeleteRouteTable(ctx(), &ec2.DeleteRouteTableInput{RouteTableId: main.RouteTableId})), "DependencyViolation")
	must[*ec2.ReplaceRouteTableAssociationOutput](l)(l.ReplaceRouteTableAssociation(ctx(), &ec2.ReplaceRouteTableAssociationInput{AssociationId: association, RouteTableId: &other}))
	if a := l.describedTable(other).Associations; len(a) != 1 || !*a[0].Main {
		t.Errorf("associations %+v", a)
	}
	refused(t, done(l.DeleteRouteTable(ctx(), &ec2.DeleteRouteTableInput{RouteTableId: main.RouteTableId})), "")
}

// TestGroupRulesAsTheyAreDescribed: rules of the same ports are one permission,
// in both lists, and are revoked by their ids or by what they say.
func TestGroupRulesAsTheyAreDescribed(t *testing.T) {
	t.Parallel()
	l := open(t)
	v := l.newVPC("10.1.0.0/16")
	nodes, control := v.group("nodes"), v.group("control")
	rules := must[*ec2.AuthorizeSecurityGroupIngressOutput](l)(l.AuthorizeSecurityGroupIngress(ctx(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &nodes, IpPermissions: []types.IpPermission{
			{IpProtocol: aws.String("6"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []types.IpRange{{CidrIp: aws.String("10.0.0.1/8")}}},
			{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &control, Description: aws.String("webhooks")}}},
			{IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &nodes}}},
		},
	})).SecurityGroupRules
	described := must[*ec2.DescribeSecurityGroupsOutput](l)(l.DescribeSecurityGroups(ctx(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{nodes}})).SecurityGroups[0]
	want := []types.IpPermission{
		{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}},
			UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &control, UserId: aws.String(account), Description: aws.String("webhooks")}},
		},
		{IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &nodes, UserId: aws.String(account)}}},
	}
	same := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(types.IpPermission{}, types.IpRange{}, types.UserIdGroupPair{})}
	if diff := cmp.Diff(want, described.IpPermissions, same); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if out := described.IpPermissionsEgress; len(out) != 1 || *out[0].IpProtocol != "-1" || *out[0].IpRanges[0].CidrIp != "0.0.0.0/0" {
		t.Errorf("out %+v", out)
	}
	refused(t, done(l.DeleteSecurityGroup(ctx(), &ec2.DeleteSecurityGroupInput{GroupId: &control})), "DependencyViolation")
	must[*ec2.RevokeSecurityGroupIngressOutput](l)(l.RevokeSecurityGroupIngress(ctx(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &nodes, SecurityGroupRuleIds: []string{*rules[1].SecurityGroupRuleId}}))
	refused(t, done(l.DeleteSecurityGroup(ctx(), &ec2.DeleteSecurityGroupInput{GroupId: &control})), "")
	must[*ec2.RevokeSecurityGroupIngressOutput](l)(l.RevokeSecurityGroupIngress(ctx(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &nodes, IpPermissions: want[1:]}))
	left := must[*ec2.DescribeSecurityGroupRulesOutput](l)(l.DescribeSecurityGroupRules(ctx(), &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("group-id", nodes)}}))
	if got := each(left.SecurityGroupRules, func(r types.SecurityGroupRule) *string { return r.CidrIpv4 }); !slices.Equal(got, []string{"0.0.0.0/0", "10.0.0.0/8"}) {
		t.Errorf("rules left for %v", got)
	}
}

// TestAddressOfAnInstance: it goes with the instance, and another can take it.
func TestAddressOfAnInstance(t *testing.T) {
	t.Parallel()
	l := open(t)
	ids := l.run(2)
	id := l.newAddress()
	associate := func(instance string, again bool) error {
		return done(l.AssociateAddress(ctx(), &ec2.AssociateAddressInput{AllocationId: &id, InstanceId: &instance, AllowReassociation: &again}))
	}
	refused(t, associate(ids[0], false), "IncorrectInstanceState")
	l.clock.Advance(boot)
	refused(t, associate(ids[0], false), "")
	refused(t, associate(ids[1], false), "Resource.AlreadyAssociated")
	refused(t, associate(ids[1], true), "")
	address := func() types.Address {
		return must[*ec2.DescribeAddressesOutput](l)(l.DescribeAddresses(ctx(), &ec2.DescribeAddressesInput{AllocationIds: []string{id}})).Addresses[0]
	}
	public := func(instance string) string {
		return aws.ToString(l.instances(&ec2.DescribeInstancesInput{InstanceIds: []string{instance}})[0].PublicIpAddress)
	}
	if a := address(); public(ids[0]) != "" || public(ids[1]) != *a.PublicIp || *a.InstanceId != ids[1] {
		t.Errorf("%s has %q, %s has %q of %+v", ids[0], public(ids[0]), ids[1], public(ids[1]), a)
	}
	must[*ec2.TerminateInstancesOutput](l)(l.TerminateInstances(ctx(), &ec2.TerminateInstancesInput{InstanceIds: ids[1:]}))
	l.clock.Advance(time.Minute)
	if a := address(); a.AssociationId != nil || a.InstanceId != nil {
		t.Errorf("after the end of the instance %+v", a)
	}
	refused(t, done(l.ReleaseAddress(ctx(), &ec2.ReleaseAddressInput{AllocationId: &id})), "")
}

// TestPrivateSubnetsOfTheClusterReachOut: the lab's own network is as eksctl
// makes it.
func TestPrivateSubnetsOfTheClusterReachOut(t *testing.T) {
	t.Parallel()
	l := open(t)
	for _, s := range must[*ec2.DescribeSubnetsOutput](l)(l.DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{})).Subnets {
		table := must[*ec2.DescribeRouteTablesOutput](l)(l.DescribeRouteTables(ctx(), &ec2.DescribeRouteTablesInput{
			Filters: []types.Filter{filter("association.subnet-id", *s.SubnetId)},
		})).RouteTables[0]
		out := table.Routes[1]
		if *out.DestinationCidrBlock != "0.0.0.0/0" || out.State != "active" || (out.GatewayId != nil) != *s.MapPublicIpOnLaunch || (out.NatGatewayId != nil) == *s.MapPublicIpOnLaunch {
			t.Errorf("%s (public: %v) leads to %+v", *s.CidrBlock, *s.MapPublicIpOnLaunch, out)
		}
	}
}
