package network

import (
	"net/netip"
	"slices"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
)

// VPC is a virtual network. The first of its blocks stays as long as it does.
type VPC struct {
	ID           string
	Blocks       []Block
	Tenancy      string // default or dedicated
	DNSSupport   bool
	DNSHostnames bool
}

// Block is one IPv4 range of a VPC.
type Block struct {
	AssociationID string
	CIDR          netip.Prefix
}

// Primary is the block that the VPC was made with.
func (v VPC) Primary() netip.Prefix { return v.Blocks[0].CIDR }

// holds reports whether a range is in one of the VPC's blocks.
func (v VPC) holds(cidr netip.Prefix) bool {
	return slices.ContainsFunc(v.Blocks, func(b Block) bool { return within(cidr, b.CIDR) })
}

// FindVPC finds a VPC; another id is InvalidVpcID.NotFound.
func (n *Network) FindVPC(id string) (VPC, error) {
	return find(n.VPCs, id, "InvalidVpcID.NotFound", "The vpc ID '%s' does not exist")
}

// CreateVPC makes a VPC with what every VPC has: a main route table and a
// security group named default.
func (n *Network) CreateVPC(tx *store.Tx, cidr netip.Prefix, tenancy string) (VPC, error) {
	v := VPC{Tenancy: tenancy, DNSSupport: true}
	if err := checkVPCBlock(cidr); err != nil {
		return v, err
	}
	association, err := n.NewID(tx, "vpc-cidr-assoc-")
	if err != nil {
		return v, err
	}
	if v.ID, err = n.NewID(tx, "vpc-"); err != nil {
		return v, err
	}
	v.Blocks = []Block{{AssociationID: association, CIDR: cidr}}
	if err := n.VPCs.Put(tx, v.ID, v); err != nil {
		return v, err
	}
	if _, err := n.createDefaultGroup(tx, v.ID); err != nil {
		return v, err
	}
	main, err := n.CreateRouteTable(tx, v.ID)
	if err != nil {
		return v, err
	}
	_, err = n.associate(tx, main, Association{Main: true})
	return v, err
}

// DeleteVPC deletes a VPC with its main route table and default group, whose
// ids it gives. Anything else in it is DependencyViolation.
func (n *Network) DeleteVPC(tx *store.Tx, id string) (gone []string, err error) {
	if _, err := n.FindVPC(id); err != nil {
		return nil, err
	}
	if n.vpcInUse(id) {
		return nil, dependency("The vpc '%s' has dependencies and cannot be deleted.", id)
	}
	for _, g := range n.groupsOf(id) {
		n.SecurityGroups.Delete(tx, g.ID)
		gone = append(gone, g.ID)
		for _, r := range g.Rules {
			gone = append(gone, r.ID)
		}
	}
	for _, t := range n.routeTablesOf(id) {
		n.RouteTables.Delete(tx, t.ID)
		gone = append(gone, t.ID)
	}
	n.VPCs.Delete(tx, id)
	return append(gone, id), nil
}

func (n *Network) vpcInUse(id string) bool {
	if slices.ContainsFunc(n.Subnets.All(), func(s Subnet) bool { return s.VPCID == id }) {
		return true
	}
	if slices.ContainsFunc(n.InternetGateways.All(), func(g InternetGateway) bool { return g.VPCID == id }) {
		return true
	}
	if slices.ContainsFunc(n.Endpoints.All(), func(e Endpoint) bool { return e.VPCID == id }) {
		return true
	}
	if slices.ContainsFunc(n.groupsOf(id), func(g SecurityGroup) bool { return !g.isDefault() }) {
		return true
	}
	return slices.ContainsFunc(n.routeTablesOf(id), func(t RouteTable) bool { return !t.isMain() })
}

// AssociateBlock adds a range to a VPC.
func (n *Network) AssociateBlock(tx *store.Tx, vpcID string, cidr netip.Prefix) (Block, error) {
	v, err := n.FindVPC(vpcID)
	if err != nil {
		return Block{}, err
	}
	if err := checkVPCBlock(cidr); err != nil {
		return Block{}, err
	}
	for _, b := range v.Blocks {
		if b.CIDR.Overlaps(cidr) {
			return Block{}, awserr.New("InvalidVpc.Range", "The CIDR '%s' overlaps with '%s', which the VPC has already.", cidr, b.CIDR)
		}
	}
	if overlapsAny(cidr, restricted(v.Primary())) {
		return Block{}, awserr.New("InvalidVpc.Range", "The CIDR '%s' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR.", cidr)
	}
	if len(v.Blocks) >= mostBlocks {
		return Block{}, awserr.New("VpcCidrBlockLimitExceeded", "The maximum number of CIDR blocks of the VPC '%s', %d, has been reached.", vpcID, mostBlocks)
	}
	id, err := n.NewID(tx, "vpc-cidr-assoc-")
	if err != nil {
		return Block{}, err
	}
	added := Block{AssociationID: id, CIDR: cidr}
	v.Blocks = append(slices.Clone(v.Blocks), added)
	return added, n.VPCs.Put(tx, v.ID, v)
}

// DisassociateBlock takes a range from its VPC; the first block and one with
// subnets in it stay.
func (n *Network) DisassociateBlock(tx *store.Tx, associationID string) (VPC, Block, error) {
	for _, v := range n.VPCs.All() {
		at := slices.IndexFunc(v.Blocks, func(b Block) bool { return b.AssociationID == associationID })
		if at < 0 {
			continue
		}
		gone := v.Blocks[at]
		if at == 0 {
			return v, gone, awserr.New("OperationNotPermitted", "The vpc CIDR block with association ID %s may not be disassociated. It is the primary IPv4 CIDR block of the VPC", associationID)
		}
		if slices.ContainsFunc(n.Subnets.All(), func(s Subnet) bool { return s.VPCID == v.ID && within(s.CIDR, gone.CIDR) }) {
			return v, gone, dependency("The CIDR block '%s' of the VPC '%s' has subnets and cannot be disassociated.", gone.CIDR, v.ID)
		}
		v.Blocks = slices.Delete(slices.Clone(v.Blocks), at, at+1)
		return v, gone, n.VPCs.Put(tx, v.ID, v)
	}
	return VPC{}, Block{}, awserr.New("InvalidVpcCidrBlockAssociationID.NotFound", "The vpc CIDR block association ID '%s' does not exist", associationID)
}
