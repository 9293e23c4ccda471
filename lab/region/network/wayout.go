package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// everywhere is the range of the route that leads out of a VPC.
var everywhere = netip.MustParsePrefix("0.0.0.0/0")

// WayOut is why a machine in a subnet, with that public address or none, reaches neither
// AWS's services nor the public endpoint of an API server; nil when it does. In a subnet
// without a way to the internet it does through an endpoint of EC2, the service that a
// node asks about itself at boot.
func (n *Network) WayOut(subnetID, publicIP string) error {
	s, found := n.Subnet(subnetID)
	if !found {
		return nil // an instance that outlives its subnet is none of ours
	}
	table := n.tableOf(s)
	at := table.route(everywhere)
	switch {
	case at >= 0 && n.Leads(table, table.Routes[at]):
		if table.Routes[at].Target.GatewayID != "" && publicIP == "" {
			return fmt.Errorf("%s leads to the internet gateway %s, and the instance has no public IP address", s.ID, table.Routes[at].Target.GatewayID)
		}
		return nil
	case slices.ContainsFunc(n.Endpoints.All(), func(e Endpoint) bool {
		return e.VPCID == s.VPCID && e.Kind == InterfaceEndpoint && strings.HasSuffix(e.Service, ".ec2")
	}):
		return nil
	case at >= 0:
		return fmt.Errorf("the route to 0.0.0.0/0 of %s is a blackhole: its target %s is gone", s.ID, table.Routes[at].Target.id())
	}
	return fmt.Errorf("%s has no route to 0.0.0.0/0, and its VPC no endpoint for EC2", s.ID)
}

// tableOf is the route table of a subnet: its own, or else its VPC's main one.
func (n *Network) tableOf(s Subnet) RouteTable {
	var main RouteTable
	for _, t := range n.routeTablesOf(s.VPCID) {
		if slices.ContainsFunc(t.Associations, func(a Association) bool { return a.SubnetID == s.ID }) {
			return t
		}
		if t.isMain() {
			main = t
		}
	}
	return main
}
