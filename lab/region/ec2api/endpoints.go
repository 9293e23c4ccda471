package ec2api

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
)

// fullAccess is the policy of an endpoint that was given none.
const fullAccess = `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`

// CreateVpcEndpoint makes a gateway or interface endpoint for a service of AWS.
func (e *EC2) CreateVpcEndpoint(_ context.Context, in *ec2.CreateVpcEndpointInput) (*ec2.CreateVpcEndpointOutput, error) {
	endpoint, err := readEndpoint(in)
	if err != nil {
		return nil, err
	}
	request := *in
	request.ClientToken, request.DryRun = nil, nil
	out := &ec2.CreateVpcEndpointOutput{ClientToken: in.ClientToken}
	_, err = e.create("CreateVpcEndpoint", creation{
		dry: in.DryRun, token: in.ClientToken, input: request, resource: types.ResourceTypeVpcEndpoint, specs: in.TagSpecifications,
	}, func(tx *store.Tx) (string, error) {
		made, err := e.world.Network.CreateEndpoint(tx, endpoint, in.SubnetIds)
		return made.ID, err
	}, func(id string) {
		made, _ := e.world.Network.Endpoints.Get(id)
		described := e.endpoint(made)
		out.VpcEndpoint = &described
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func readEndpoint(in *ec2.CreateVpcEndpointInput) (network.Endpoint, error) {
	n := network.Endpoint{
		VPCID: aws.ToString(in.VpcId), Service: aws.ToString(in.ServiceName), Kind: first(string(in.VpcEndpointType), network.GatewayEndpoint),
		Policy: first(aws.ToString(in.PolicyDocument), fullAccess), RouteTables: in.RouteTableIds, Groups: in.SecurityGroupIds,
	}
	if in.IpAddressType != "" && in.IpAddressType != types.IpAddressTypeIpv4 {
		return n, unsupported("IpAddressType " + string(in.IpAddressType))
	}
	if err := awswire.Supported(in, "VpcId", "ServiceName", "VpcEndpointType", "PolicyDocument", "RouteTableIds", "SecurityGroupIds", "SubnetIds",
		"PrivateDnsEnabled", "IpAddressType", "ClientToken", "DryRun", "TagSpecifications"); err != nil {
		return n, err
	}
	switch n.Kind {
	case network.GatewayEndpoint:
		if len(in.SubnetIds)+len(in.SecurityGroupIds) > 0 || aws.ToBool(in.PrivateDnsEnabled) {
			return n, awserr.New("InvalidParameter", "Subnet IDs, security group IDs and private DNS are not supported for Gateway type VPC Endpoint.")
		}
	case network.InterfaceEndpoint:
		if len(in.RouteTableIds) > 0 {
			return n, awserr.New("InvalidParameter", "Route table IDs are not supported for Interface type VPC Endpoint.")
		}
		n.PrivateDNS = in.PrivateDnsEnabled == nil || *in.PrivateDnsEnabled
	default:
		return n, unsupported("VpcEndpointType " + n.Kind)
	}
	return n, nil
}

// DeleteVpcEndpoints deletes endpoints, and says which of them there were not.
func (e *EC2) DeleteVpcEndpoints(_ context.Context, in *ec2.DeleteVpcEndpointsInput) (*ec2.DeleteVpcEndpointsOutput, error) {
	out := &ec2.DeleteVpcEndpointsOutput{Unsuccessful: []types.UnsuccessfulItem{}}
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		for _, id := range in.VpcEndpointIds {
			err := e.world.Network.DeleteEndpoint(tx, id)
			var refused *awserr.Error
			if errors.As(err, &refused) {
				out.Unsuccessful = append(out.Unsuccessful, types.UnsuccessfulItem{
					ResourceId: aws.String(id), Error: &types.UnsuccessfulItemError{Code: &refused.Code, Message: &refused.Message},
				})
				continue
			}
			if err != nil {
				return err
			}
			if err := e.forget(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DescribeVpcEndpoints describes endpoints.
func (e *EC2) DescribeVpcEndpoints(_ context.Context, in *ec2.DescribeVpcEndpointsInput) (*ec2.DescribeVpcEndpointsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "VpcEndpointIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	part, next, err := list(e, listing[network.Endpoint]{
		rows: e.world.Network.Endpoints.All, ids: in.VpcEndpointIds, idOf: func(n network.Endpoint) string { return n.ID },
		code: "InvalidVpcEndpointId.NotFound", text: "The Vpc Endpoint Id '%s' does not exist",
		set: e.endpointFilters(), filters: in.Filters, token: in.NextToken, limit: clamped(in.MaxResults), pages: bounds{1, mostResults},
	}, e.endpoint)
	return &ec2.DescribeVpcEndpointsOutput{VpcEndpoints: part, NextToken: next}, err
}

func (e *EC2) endpointFilters() ec2filter.Set[network.Endpoint] {
	f := fields[network.Endpoint]{}
	f.one("vpc-endpoint-id", func(n network.Endpoint) string { return n.ID })
	f.one("vpc-id", func(n network.Endpoint) string { return n.VPCID })
	f.one("service-name", func(n network.Endpoint) string { return n.Service })
	f.one("vpc-endpoint-type", func(n network.Endpoint) string { return n.Kind })
	f.always("vpc-endpoint-state", "available")
	f.always("ip-address-type", "ipv4")
	return f.set(e, func(n network.Endpoint) string { return n.ID })
}

func (e *EC2) endpoint(n network.Endpoint) types.VpcEndpoint {
	out := types.VpcEndpoint{
		VpcEndpointId: aws.String(n.ID), VpcId: aws.String(n.VPCID), ServiceName: aws.String(n.Service), VpcEndpointType: types.VpcEndpointType(n.Kind),
		State: "available", PolicyDocument: aws.String(n.Policy), PrivateDnsEnabled: aws.Bool(n.PrivateDNS), RequesterManaged: aws.Bool(false),
		RouteTableIds: n.RouteTables, SubnetIds: n.Subnets(), CreationTimestamp: aws.Time(n.Created), OwnerId: aws.String(e.world.Options.Account),
		Tags: e.tagsOf(n.ID), NetworkInterfaceIds: []string{}, Groups: []types.SecurityGroupIdentifier{}, DnsEntries: []types.DnsEntry{},
	}
	if out.RouteTableIds == nil {
		out.RouteTableIds = []string{}
	}
	if out.SubnetIds == nil {
		out.SubnetIds = []string{}
	}
	for _, i := range n.Interfaces {
		out.NetworkInterfaceIds = append(out.NetworkInterfaceIds, i.ID)
	}
	if n.Kind == network.InterfaceEndpoint {
		out.IpAddressType, out.DnsEntries = types.IpAddressTypeIpv4, e.dnsEntries(n)
		out.DnsOptions = &types.DnsOptions{DnsRecordIpType: types.DnsRecordIpTypeIpv4}
	}
	for at, name := range e.namesOf(n.Groups) {
		out.Groups = append(out.Groups, types.SecurityGroupIdentifier{GroupId: aws.String(n.Groups[at]), GroupName: aws.String(name)})
	}
	return out
}

// prefixList is the addresses of a service, by name.
type prefixList struct{ id, name string }

func (e *EC2) prefixLists() []prefixList {
	var lists []prefixList
	for _, service := range network.GatewayServices() {
		name := "com.amazonaws." + e.world.Options.Region + "." + service
		lists = append(lists, prefixList{e.world.Network.PrefixListID(name), name})
	}
	return lists
}

// DescribePrefixLists names the lists of the services that have gateway
// endpoints. Which addresses are in them is not known here.
func (e *EC2) DescribePrefixLists(_ context.Context, in *ec2.DescribePrefixListsInput) (*ec2.DescribePrefixListsOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	f := fields[prefixList]{}
	f.one("prefix-list-id", func(p prefixList) string { return p.id })
	f.one("prefix-list-name", func(p prefixList) string { return p.name })
	part, next, err := list(e, listing[prefixList]{
		rows: e.prefixLists, ids: in.PrefixListIds, idOf: func(p prefixList) string { return p.id },
		code: "InvalidPrefixListID.NotFound", text: "The prefix list ID '%s' does not exist",
		set: ec2filter.Set[prefixList]{Fields: f}, filters: in.Filters, token: in.NextToken, limit: clamped(in.MaxResults), pages: bounds{1, mostResults},
	}, func(p prefixList) types.PrefixList {
		return types.PrefixList{PrefixListId: aws.String(p.id), PrefixListName: aws.String(p.name), Cidrs: []string{}}
	})
	return &ec2.DescribePrefixListsOutput{PrefixLists: part, NextToken: next}, err
}
