package network

import (
	"net/netip"
	"slices"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
)

// RouteTable is the routes of some subnets of a VPC. The routes within the VPC
// follow from its blocks and are not stored.
type RouteTable struct {
	ID, VPCID    string
	Associations []Association
	Routes       []Route
}

// Association makes a table that of a subnet, or the VPC's main one.
type Association struct {
	ID       string
	SubnetID string `json:",omitempty"` // empty for the main one
	Main     bool   `json:",omitempty"`
}

// Route sends a range to one target.
type Route struct {
	Destination netip.Prefix
	Target      Target
}

// Target is where a route leads; one field is set.
type Target struct {
	GatewayID    string `json:",omitempty"` // igw-
	NATGatewayID string `json:",omitempty"`
	InstanceID   string `json:",omitempty"`
	InterfaceID  string `json:",omitempty"`
}

func (t RouteTable) isMain() bool {
	return slices.ContainsFunc(t.Associations, func(a Association) bool { return a.Main })
}

func (t RouteTable) route(destination netip.Prefix) int {
	return slices.IndexFunc(t.Routes, func(r Route) bool { return r.Destination == destination })
}

// FindRouteTable finds a table; another id is InvalidRouteTableID.NotFound.
func (n *Network) FindRouteTable(id string) (RouteTable, error) {
	return find(n.RouteTables, id, "InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist")
}

func (n *Network) routeTablesOf(vpcID string) []RouteTable {
	return filtered(n.RouteTables, func(t RouteTable) bool { return t.VPCID == vpcID })
}

// CreateRouteTable makes a table with the VPC's own routes only.
func (n *Network) CreateRouteTable(tx *store.Tx, vpcID string) (RouteTable, error) {
	t := RouteTable{VPCID: vpcID}
	if _, err := n.FindVPC(vpcID); err != nil {
		return t, err
	}
	var err error
	if t.ID, err = n.NewID(tx, "rtb-"); err != nil {
		return t, err
	}
	return t, n.RouteTables.Put(tx, t.ID, t)
}

// DeleteRouteTable deletes a table that no subnet and no endpoint uses.
func (n *Network) DeleteRouteTable(tx *store.Tx, id string) error {
	t, err := n.FindRouteTable(id)
	if err != nil {
		return err
	}
	used := func(e Endpoint) bool { return slices.Contains(e.RouteTables, id) }
	if len(t.Associations) > 0 || slices.ContainsFunc(n.Endpoints.All(), used) {
		return dependency("The routeTable '%s' has dependencies and cannot be deleted.", id)
	}
	n.RouteTables.Delete(tx, id)
	return nil
}

// AssociateRouteTable makes a table that of a subnet of its VPC, which must
// not have another. The same again changes nothing.
func (n *Network) AssociateRouteTable(tx *store.Tx, id, subnetID string) (Association, error) {
	t, err := n.FindRouteTable(id)
	if err != nil {
		return Association{}, err
	}
	s, err := n.FindSubnet(subnetID)
	if err != nil {
		return Association{}, err
	}
	if s.VPCID != t.VPCID {
		return Association{}, invalid("Route table %s and network %s belong to different networks", id, subnetID)
	}
	for _, other := range n.RouteTables.All() {
		for _, a := range other.Associations {
			if a.SubnetID == subnetID && other.ID == id {
				return a, nil
			}
			if a.SubnetID == subnetID {
				return a, awserr.New("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association", id)
			}
		}
	}
	return n.associate(tx, t, Association{SubnetID: subnetID})
}

func (n *Network) associate(tx *store.Tx, t RouteTable, a Association) (Association, error) {
	id, err := n.NewID(tx, "rtbassoc-")
	if err != nil {
		return a, err
	}
	a.ID = id
	t.Associations = append(slices.Clone(t.Associations), a)
	return a, n.RouteTables.Put(tx, t.ID, t)
}

func (n *Network) findAssociation(id string) (RouteTable, int, error) {
	for _, t := range n.RouteTables.All() {
		if at := slices.IndexFunc(t.Associations, func(a Association) bool { return a.ID == id }); at >= 0 {
			return t, at, nil
		}
	}
	return RouteTable{}, 0, awserr.New("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", id)
}

// DisassociateRouteTable gives a subnet back to the VPC's main table.
func (n *Network) DisassociateRouteTable(tx *store.Tx, associationID string) error {
	t, at, err := n.findAssociation(associationID)
	if err != nil {
		return err
	}
	if t.Associations[at].Main {
		return invalid("cannot disassociate the main route table association %s", associationID)
	}
	return n.removeAssociation(tx, t, at)
}

func (n *Network) removeAssociation(tx *store.Tx, t RouteTable, at int) error {
	t.Associations = slices.Delete(slices.Clone(t.Associations), at, at+1)
	return n.RouteTables.Put(tx, t.ID, t)
}

// ReplaceAssociation moves an association, the main one too, to another table
// of the VPC. It has another id then.
func (n *Network) ReplaceAssociation(tx *store.Tx, associationID, tableID string) (Association, error) {
	from, at, err := n.findAssociation(associationID)
	if err != nil {
		return Association{}, err
	}
	to, err := n.FindRouteTable(tableID)
	if err != nil {
		return Association{}, err
	}
	if from.VPCID != to.VPCID {
		return Association{}, invalid("Route tables %s and %s belong to different networks", from.ID, to.ID)
	}
	moved := from.Associations[at]
	if err := n.removeAssociation(tx, from, at); err != nil {
		return Association{}, err
	}
	to, _ = n.RouteTables.Get(tableID)
	return n.associate(tx, to, Association{SubnetID: moved.SubnetID, Main: moved.Main})
}

// CreateRoute adds a route to a range that the table does not have.
func (n *Network) CreateRoute(tx *store.Tx, tableID string, r Route) error {
	t, err := n.FindRouteTable(tableID)
	if err != nil {
		return err
	}
	if err := n.checkRoute(t, r); err != nil {
		return err
	}
	if t.route(r.Destination) >= 0 {
		return awserr.New("RouteAlreadyExists", "The route identified by %s already exists.", r.Destination)
	}
	t.Routes = append(slices.Clone(t.Routes), r)
	return n.RouteTables.Put(tx, t.ID, t)
}

// ReplaceRoute gives a route another target.
func (n *Network) ReplaceRoute(tx *store.Tx, tableID string, r Route) error {
	t, err := n.FindRouteTable(tableID)
	if err != nil {
		return err
	}
	if err := n.checkRoute(t, r); err != nil {
		return err
	}
	at := t.route(r.Destination)
	if at < 0 {
		return invalid("There is no route defined for '%s' in the route table. Use CreateRoute instead.", r.Destination)
	}
	t.Routes = slices.Clone(t.Routes)
	t.Routes[at] = r
	return n.RouteTables.Put(tx, t.ID, t)
}

// DeleteRoute removes a route that was added.
func (n *Network) DeleteRoute(tx *store.Tx, tableID string, destination netip.Prefix) error {
	t, err := n.FindRouteTable(tableID)
	if err != nil {
		return err
	}
	if v, _ := n.VPCs.Get(t.VPCID); slices.ContainsFunc(v.Blocks, func(b Block) bool { return b.CIDR == destination }) {
		return invalid("cannot remove local route %s in route table %s", destination, tableID)
	}
	at := t.route(destination)
	if at < 0 {
		return awserr.New("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", destination, tableID)
	}
	t.Routes = slices.Delete(slices.Clone(t.Routes), at, at+1)
	return n.RouteTables.Put(tx, t.ID, t)
}

func (n *Network) checkRoute(t RouteTable, r Route) error {
	v, _ := n.VPCs.Get(t.VPCID)
	toHost := r.Target.InstanceID != "" || r.Target.InterfaceID != ""
	if v.holds(r.Destination) && !toHost {
		return invalid("The destination CIDR block %s is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.", r.Destination)
	}
	vpcID, err := n.vpcOfTarget(r.Target)
	if err != nil {
		return err
	}
	if vpcID != t.VPCID {
		return invalid("route table %s and network gateway or interface %s belong to different networks", t.ID, r.Target.id())
	}
	return nil
}

func (t Target) id() string { return t.GatewayID + t.NATGatewayID + t.InstanceID + t.InterfaceID }

func (n *Network) vpcOfTarget(t Target) (string, error) {
	switch {
	case t.GatewayID != "":
		g, err := find(n.InternetGateways, t.GatewayID, "InvalidGatewayID.NotFound", "The gateway ID '%s' does not exist")
		return g.VPCID, err
	case t.NATGatewayID != "":
		g, err := n.FindNATGateway(t.NATGatewayID)
		if err != nil {
			return "", err
		}
		if !g.holdsInterface() {
			return "", awserr.New("InvalidNatGatewayID.NotFound", "The natGateway ID '%s' does not exist", g.ID)
		}
		return n.vpcOfSubnet(g.SubnetID), nil
	}
	for _, i := range n.Interfaces() {
		if i.ID == t.InterfaceID || t.InstanceID != "" && i.InstanceID == t.InstanceID {
			return i.VPCID, nil
		}
	}
	if t.InstanceID != "" {
		return "", awserr.New("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", t.InstanceID)
	}
	return "", awserr.New("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", t.InterfaceID)
}

func (n *Network) vpcOfSubnet(id string) string {
	s, _ := n.Subnet(id)
	return s.VPCID
}

// Leads reports whether a route's target is still there; without it the route
// is a blackhole.
func (n *Network) Leads(t RouteTable, r Route) bool {
	vpcID, err := n.vpcOfTarget(r.Target)
	return err == nil && vpcID == t.VPCID
}
