package network

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/drover-project/drover/lab/region/store"
)

// Cluster is what the infrastructure stack of the lab's cluster made, by the
// ids that follow from the region.
type Cluster struct {
	VPCID string
	// Subnets are the public ones by zone, then the private ones.
	Subnets []string
	// The groups are that of EKS, the control plane's, and that of all nodes.
	ClusterGroup, ControlPlaneGroup, SharedNodeGroup, DefaultGroup SecurityGroup

	InternetGateway, NATGateway, NATAddress, NATInterface string
	MainTable, PublicTable                                string
	PrivateTables                                         []string // by zone
}

// Seed makes the network of the lab's cluster, with a NAT gateway in the first
// zone, as eksctl does.
func (n *Network) Seed(tx *store.Tx) error {
	c := n.Cluster
	v := VPC{
		ID: c.VPCID, Tenancy: "default", DNSSupport: true, DNSHostnames: true,
		Blocks: []Block{{AssociationID: "vpc-cidr-assoc-" + c.VPCID[len("vpc-"):], CIDR: netip.MustParsePrefix("192.168.0.0/16")}},
	}
	if err := n.VPCs.Put(tx, v.ID, v); err != nil {
		return err
	}
	for i, id := range c.Subnets {
		s := Subnet{
			ID: id, VPCID: v.ID, Zone: n.Zones[i%len(n.Zones)], Public: i < len(n.Zones),
			CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(32 * i), 0}), 19),
		}
		if err := n.Subnets.Put(tx, s.ID, s); err != nil {
			return err
		}
	}
	if err := n.seedGroups(tx); err != nil {
		return err
	}
	if err := n.InternetGateways.Put(tx, c.InternetGateway, InternetGateway{ID: c.InternetGateway, VPCID: v.ID}); err != nil {
		return err
	}
	if err := n.seedNAT(tx); err != nil {
		return err
	}
	return n.seedRoutes(tx)
}

// seedGroups makes the groups with the rules that eksctl and EKS give them.
func (n *Network) seedGroups(tx *store.Tx) error {
	c := n.Cluster
	all := func(from string) Rule { return Rule{Protocol: AllProtocols, GroupID: from} }
	for _, g := range []SecurityGroup{c.ClusterGroup, c.ControlPlaneGroup, c.SharedNodeGroup} {
		g.VPCID = c.VPCID
		if _, err := n.newGroup(tx, g); err != nil {
			return err
		}
	}
	if _, err := n.putDefaultGroup(tx, c.VPCID, c.DefaultGroup.ID); err != nil {
		return err
	}
	for id, rules := range map[string][]Rule{
		c.ClusterGroup.ID:    {all(c.ClusterGroup.ID), all(c.SharedNodeGroup.ID)},
		c.SharedNodeGroup.ID: {all(c.SharedNodeGroup.ID), all(c.ClusterGroup.ID)},
	} {
		g, _ := n.SecurityGroup(id)
		for i := range rules {
			rules[i].ID = fmt.Sprintf("sgr-%s%d", id[len("sg-"):len(id)-1], i)
		}
		g.Rules = slices.Concat(g.Rules, rules)
		if err := n.SecurityGroups.Put(tx, id, g); err != nil {
			return err
		}
	}
	return nil
}

func (n *Network) seedNAT(tx *store.Tx) error {
	c := n.Cluster
	s, _ := n.Subnet(c.Subnets[0])
	addresses, err := n.PickAddresses(s, 1, 0)
	if err != nil {
		return err
	}
	now := n.Now()
	g := NATGateway{
		ID: c.NATGateway, SubnetID: s.ID, VPCID: c.VPCID, Public: true, AllocationID: c.NATAddress, InterfaceID: c.NATInterface,
		PublicIP: n.PublicAddresses(c.NATAddress)[0], PrivateIP: addresses[0].String(), State: NATAvailable, StateSince: now, Created: now,
	}
	a := Address{
		ID: g.AllocationID, PublicIP: g.PublicIP, AssociationID: "eipassoc-" + g.AllocationID[len("eipalloc-"):],
		InterfaceID: g.InterfaceID, PrivateIP: g.PrivateIP,
	}
	if err := n.Addresses.Put(tx, a.ID, a); err != nil {
		return err
	}
	return n.NATGateways.Put(tx, g.ID, g)
}

func (n *Network) seedRoutes(tx *store.Tx) error {
	c := n.Cluster
	association := func(id string) string { return "rtbassoc-" + id[len(id)-17:] }
	everywhere := netip.MustParsePrefix("0.0.0.0/0")
	tables := []RouteTable{{ID: c.MainTable, Associations: []Association{{ID: association(c.MainTable), Main: true}}}}
	public := RouteTable{ID: c.PublicTable, Routes: []Route{{everywhere, Target{GatewayID: c.InternetGateway}}}}
	for i, id := range c.Subnets {
		a := Association{ID: association(id), SubnetID: id}
		if i < len(n.Zones) {
			public.Associations = append(public.Associations, a)
			continue
		}
		tables = append(tables, RouteTable{
			ID: c.PrivateTables[i%len(n.Zones)], Associations: []Association{a},
			Routes: []Route{{everywhere, Target{NATGatewayID: c.NATGateway}}},
		})
	}
	for _, t := range append(tables, public) {
		t.VPCID = c.VPCID
		if err := n.RouteTables.Put(tx, t.ID, t); err != nil {
			return err
		}
	}
	return nil
}

// ClusterSecurityGroup is the one that EKS makes and every node has.
func (n *Network) ClusterSecurityGroup() SecurityGroup { return n.Cluster.ClusterGroup }

// ControlPlaneSecurityGroup is the one between control plane and nodes.
func (n *Network) ControlPlaneSecurityGroup() SecurityGroup { return n.Cluster.ControlPlaneGroup }

// ClusterSubnets are the subnets of the cluster's stack, those that are left.
func (n *Network) ClusterSubnets() []Subnet {
	var subnets []Subnet
	for _, id := range n.Cluster.Subnets {
		if s, found := n.Subnet(id); found {
			subnets = append(subnets, s)
		}
	}
	return subnets
}
