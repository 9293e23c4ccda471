package ec2api

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/world"
)

// permissions are the rules of a group in one direction, those of the same
// protocol and ports in one.
func (e *EC2) permissions(g world.SecurityGroup, egress bool) []types.IpPermission {
	list := []types.IpPermission{}
	for _, r := range g.Rules {
		if r.Egress != egress {
			continue
		}
		at := slices.IndexFunc(list, func(p types.IpPermission) bool {
			return *p.IpProtocol == r.Protocol && samePort(p.FromPort, r.From) && samePort(p.ToPort, r.To)
		})
		if at < 0 {
			list = append(list, types.IpPermission{
				IpProtocol: aws.String(r.Protocol), FromPort: r.From, ToPort: r.To, IpRanges: []types.IpRange{}, Ipv6Ranges: []types.Ipv6Range{},
				PrefixListIds: []types.PrefixListId{}, UserIdGroupPairs: []types.UserIdGroupPair{},
			})
			at = len(list) - 1
		}
		e.addPeer(&list[at], r)
	}
	return list
}

func samePort(a, b *int32) bool { return (a == nil) == (b == nil) && aws.ToInt32(a) == aws.ToInt32(b) }

func (e *EC2) addPeer(p *types.IpPermission, r network.Rule) {
	says := optional(r.Description)
	switch {
	case r.CIDR != "":
		p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: aws.String(r.CIDR), Description: says})
	case r.CIDRv6 != "":
		p.Ipv6Ranges = append(p.Ipv6Ranges, types.Ipv6Range{CidrIpv6: aws.String(r.CIDRv6), Description: says})
	case r.PrefixList != "":
		p.PrefixListIds = append(p.PrefixListIds, types.PrefixListId{PrefixListId: aws.String(r.PrefixList), Description: says})
	default:
		p.UserIdGroupPairs = append(p.UserIdGroupPairs, types.UserIdGroupPair{GroupId: aws.String(r.GroupID), UserId: aws.String(e.world.Options.Account), Description: says})
	}
}

// shorthand is a rule by the parameters of the call itself.
type shorthand struct {
	protocol, cidr   *string
	fromPort, toPort *int32
}

// permission is the shorthand in the long form, nothing when it is not used.
func (s shorthand) permission() []types.IpPermission {
	if s.protocol == nil && s.cidr == nil && s.fromPort == nil && s.toPort == nil {
		return nil
	}
	p := types.IpPermission{IpProtocol: s.protocol, FromPort: s.fromPort, ToPort: s.toPort}
	if s.cidr != nil {
		p.IpRanges = []types.IpRange{{CidrIp: s.cidr}}
	}
	return []types.IpPermission{p}
}

// readRules makes a rule of each peer of the permissions.
func (e *EC2) readRules(egress bool, permissions []types.IpPermission) ([]network.Rule, error) {
	if len(permissions) == 0 {
		return nil, missing("ipPermissions")
	}
	var rules []network.Rule
	for _, p := range permissions {
		like, err := readKind(p)
		if err != nil {
			return nil, err
		}
		like.Egress = egress
		peers, err := e.readPeers(p)
		if err != nil {
			return nil, err
		}
		for _, peer := range peers {
			peer.Egress, peer.Protocol, peer.From, peer.To = like.Egress, like.Protocol, like.From, like.To
			rules = append(rules, peer)
		}
	}
	return rules, nil
}

// readKind reads the protocol and the ports of a permission.
func readKind(p types.IpPermission) (network.Rule, error) {
	r := network.Rule{Protocol: protocol(aws.ToString(p.IpProtocol)), From: p.FromPort, To: p.ToPort}
	switch r.Protocol {
	case "":
		return r, missing("ipProtocol")
	case network.AllProtocols:
		r.From, r.To = nil, nil
		return r, nil
	case "tcp", "udp":
		if p.FromPort == nil || p.ToPort == nil {
			return r, invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
		}
		if *p.FromPort < 0 || *p.ToPort > 65535 || *p.FromPort > *p.ToPort {
			return r, invalid("Invalid value '%d-%d' for portRange. Ports are 0 to 65535, the first not above the last.", *p.FromPort, *p.ToPort)
		}
		return r, nil
	case "icmp", "icmpv6":
		if p.FromPort == nil || p.ToPort == nil {
			return r, invalid("Invalid value 'Must specify both type and code with ICMP.' for portRange.")
		}
		return r, nil
	}
	if number, err := strconv.Atoi(r.Protocol); err != nil || number < 0 || number > 255 {
		return r, invalid("Invalid value '%s' for IP protocol. Unknown protocol.", r.Protocol)
	}
	r.From, r.To = nil, nil
	return r, nil
}

// protocol is a protocol by its name where EC2 uses one.
func protocol(text string) string {
	text = strings.ToLower(text)
	if name, known := map[string]string{"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": "-1"}[text]; known {
		return name
	}
	return text
}

// readPeers reads whom a permission is for.
func (e *EC2) readPeers(p types.IpPermission) ([]network.Rule, error) {
	var peers []network.Rule
	for _, r := range p.IpRanges {
		cidr, err := block(aws.ToString(r.CidrIp), true)
		if err != nil {
			return nil, err
		}
		peers = append(peers, network.Rule{CIDR: cidr, Description: aws.ToString(r.Description)})
	}
	for _, r := range p.Ipv6Ranges {
		cidr, err := block(aws.ToString(r.CidrIpv6), false)
		if err != nil {
			return nil, err
		}
		peers = append(peers, network.Rule{CIDRv6: cidr, Description: aws.ToString(r.Description)})
	}
	for _, l := range p.PrefixListIds {
		id := aws.ToString(l.PrefixListId)
		if !slices.ContainsFunc(e.prefixLists(), func(known prefixList) bool { return known.id == id }) {
			return nil, awserr.New("InvalidPrefixListID.NotFound", "The prefix list ID '%s' does not exist", id)
		}
		peers = append(peers, network.Rule{PrefixList: id, Description: aws.ToString(l.Description)})
	}
	for _, g := range p.UserIdGroupPairs {
		if err := awswire.Supported(g, "GroupId", "UserId", "VpcId", "Description"); err != nil {
			return nil, err
		}
		if g.GroupId == nil {
			return nil, missing("groupId of a UserIdGroupPair")
		}
		if owner := aws.ToString(g.UserId); owner != "" && owner != e.world.Options.Account {
			return nil, awserr.New("InvalidGroup.NotFound", "The security group '%s' does not exist in account %s", *g.GroupId, owner)
		}
		peers = append(peers, network.Rule{GroupID: *g.GroupId, Description: aws.ToString(g.Description)})
	}
	if len(peers) == 0 {
		return nil, awserr.New("MissingParameter", "A permission needs an IP range, a prefix list or a security group")
	}
	return peers, nil
}

func block(text string, v4 bool) (string, error) {
	cidr, err := netip.ParsePrefix(text)
	if err != nil || cidr.Addr().Is4() != v4 {
		return "", invalid("CIDR block %s is malformed", text)
	}
	return cidr.Masked().String(), nil
}
