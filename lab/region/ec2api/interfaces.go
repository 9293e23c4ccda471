package ec2api

import (
	"context"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/network"
)

// DescribeNetworkInterfaces describes the interfaces that instances, NAT
// gateways and endpoints have.
func (e *EC2) DescribeNetworkInterfaces(_ context.Context, in *ec2.DescribeNetworkInterfacesInput) (*ec2.DescribeNetworkInterfacesOutput, error) {
	if err := awswire.Supported(in, "DryRun", "NetworkInterfaceIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	part, next, err := list(e, listing[network.Interface]{
		rows: e.world.Network.Interfaces, ids: in.NetworkInterfaceIds, idOf: func(i network.Interface) string { return i.ID },
		code: "InvalidNetworkInterfaceID.NotFound", text: "The networkInterface ID '%s' does not exist",
		set: e.interfaceFilters(), filters: in.Filters, token: in.NextToken, limit: in.MaxResults,
	}, e.describedInterface)
	return &ec2.DescribeNetworkInterfacesOutput{NetworkInterfaces: part, NextToken: next}, err
}

func (e *EC2) interfaceFilters() ec2filter.Set[network.Interface] {
	f := fields[network.Interface]{}
	f.one("network-interface-id", func(i network.Interface) string { return i.ID })
	f.one("subnet-id", func(i network.Interface) string { return i.SubnetID })
	f.one("vpc-id", func(i network.Interface) string { return i.VPCID })
	f.one("attachment.instance-id", func(i network.Interface) string { return i.InstanceID })
	f.one("private-ip-address", func(i network.Interface) string { return i.PrivateIP })
	f["addresses.private-ip-address"] = f["private-ip-address"]
	f.one("association.public-ip", func(i network.Interface) string { return i.PublicIP })
	f.one("interface-type", func(i network.Interface) string { return i.Kind })
	f.one("description", func(i network.Interface) string { return i.Description })
	f.one("requester-managed", func(i network.Interface) string { return strconv.FormatBool(i.Managed) })
	f.one("availability-zone", func(i network.Interface) string {
		s, _ := e.world.Network.Subnet(i.SubnetID)
		return s.Zone.Name
	})
	f.many("group-id", func(i network.Interface) []string { return i.Groups })
	f.many("group-name", func(i network.Interface) []string { return e.namesOf(i.Groups) })
	f.always("status", "in-use")
	f.always("attachment.status", "attached")
	f.always("owner-id", e.world.Options.Account)
	return f.set(e, func(i network.Interface) string { return i.ID })
}

// namesOf are the names of groups.
func (e *EC2) namesOf(groups []string) (names []string) {
	for _, id := range groups {
		g, _ := e.world.Network.SecurityGroup(id)
		names = append(names, g.Name)
	}
	return names
}

func (e *EC2) describedInterface(i network.Interface) types.NetworkInterface {
	s, _ := e.world.Network.Subnet(i.SubnetID)
	name := aws.String(e.world.PrivateDNSName(i.PrivateIP))
	out := types.NetworkInterface{
		NetworkInterfaceId: aws.String(i.ID), SubnetId: aws.String(i.SubnetID), VpcId: aws.String(i.VPCID), OwnerId: aws.String(e.world.Options.Account),
		AvailabilityZone: aws.String(s.Zone.Name), AvailabilityZoneId: aws.String(s.Zone.ID), Description: aws.String(i.Description), MacAddress: aws.String(e.world.MAC(i.ID)),
		InterfaceType: types.NetworkInterfaceType(i.Kind), RequesterManaged: aws.Bool(i.Managed), Status: types.NetworkInterfaceStatusInUse,
		PrivateIpAddress: aws.String(i.PrivateIP), PrivateDnsName: name, SourceDestCheck: aws.Bool(i.Kind != "nat_gateway"), TagSet: e.tagsOf(i.ID),
		PrivateIpAddresses: []types.NetworkInterfacePrivateIpAddress{{Primary: aws.Bool(true), PrivateIpAddress: aws.String(i.PrivateIP), PrivateDnsName: name}},
		Attachment: &types.NetworkInterfaceAttachment{
			DeviceIndex: aws.Int32(0), NetworkCardIndex: aws.Int32(0), Status: types.AttachmentStatusAttached, AttachTime: aws.Time(i.Since),
			DeleteOnTermination: aws.Bool(!i.Managed), InstanceId: optional(i.InstanceID), InstanceOwnerId: aws.String(e.world.Options.Account),
			AttachmentId: attachmentID(i.ID),
		},
	}
	if i.InstanceID == "" {
		out.Attachment.InstanceOwnerId = aws.String("amazon-aws")
	}
	for n, id := range i.Groups {
		out.Groups = append(out.Groups, types.GroupIdentifier{GroupId: aws.String(id), GroupName: aws.String(e.namesOf(i.Groups)[n])})
	}
	if i.PublicIP != "" {
		out.Association = &types.NetworkInterfaceAssociation{PublicIp: aws.String(i.PublicIP), IpOwnerId: aws.String("amazon")}
		for _, a := range e.world.Network.Addresses.All() {
			if a.PublicIP == i.PublicIP {
				out.Association.AllocationId, out.Association.AssociationId = aws.String(a.ID), optional(a.AssociationID)
				out.Association.IpOwnerId = aws.String(e.world.Options.Account)
			}
		}
		out.PrivateIpAddresses[0].Association = out.Association
	}
	return out
}

// attachmentID names what ties an interface to its instance; interfaces are never
// moved here, so that each has the one.
func attachmentID(interfaceID string) *string {
	return aws.String("eni-attach-" + strings.TrimPrefix(interfaceID, "eni-"))
}
