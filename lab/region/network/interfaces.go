package network

import "time"

// Interface is a network interface. Instances, NAT gateways and interface
// endpoints have them; nobody makes one alone.
type Interface struct {
	ID, SubnetID, VPCID string
	PrivateIP           string
	PublicIP            string // empty without
	Groups              []string
	Description         string
	Kind                string // interface, nat_gateway, vpc_endpoint
	InstanceID          string // empty when AWS manages it
	Managed             bool
	Since               time.Time
}

// Interfaces are all network interfaces there are.
func (n *Network) Interfaces() []Interface {
	list := n.Instances()
	for _, g := range n.NATGateways.All() {
		if g.holdsInterface() {
			list = append(list, n.natInterface(g))
		}
	}
	for _, e := range n.Endpoints.All() {
		list = append(list, n.endpointInterfaces(e)...)
	}
	return list
}

func (n *Network) natInterface(g NATGateway) Interface {
	s, _ := n.Subnet(g.SubnetID)
	return Interface{
		ID: g.InterfaceID, SubnetID: g.SubnetID, VPCID: s.VPCID, PrivateIP: g.PrivateIP, PublicIP: g.PublicIP,
		Description: "Interface for NAT Gateway " + g.ID, Kind: "nat_gateway", Managed: true, Since: g.Created,
	}
}

func (n *Network) endpointInterfaces(e Endpoint) []Interface {
	var list []Interface
	for _, i := range e.Interfaces {
		list = append(list, Interface{
			ID: i.ID, SubnetID: i.SubnetID, VPCID: e.VPCID, PrivateIP: i.PrivateIP, Groups: e.Groups,
			Description: "VPC Endpoint Interface " + e.ID, Kind: "vpc_endpoint", Managed: true, Since: e.Created,
		})
	}
	return list
}
