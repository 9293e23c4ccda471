package network

import (
	"fmt"
	"time"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
)

// NATGateway lets the instances of other subnets reach out.
type NATGateway struct {
	ID, SubnetID string
	VPCID        string
	Public       bool   // it has an Elastic IP address
	AllocationID string `json:",omitempty"`
	PublicIP     string `json:",omitempty"`
	InterfaceID  string `json:",omitempty"`
	PrivateIP    string `json:",omitempty"`
	State        string
	StateSince   time.Time
	Created      time.Time
	Deleted      time.Time `json:",omitzero"`
	// FailureCode and FailureMessage say why it failed.
	FailureCode, FailureMessage string `json:",omitempty"`
}

// States of a NAT gateway.
const (
	NATPending   = "pending"
	NATAvailable = "available"
	NATDeleting  = "deleting"
	NATDeleted   = "deleted"
	NATFailed    = "failed"
)

// How long EC2 takes, before the time scale.
const (
	natStarts  = 90 * time.Second
	natEnds    = 45 * time.Second
	natVisible = time.Hour // after it ended
)

// Next is what becomes of the gateway, and when; an empty state after is that
// it is forgotten, ok false that nothing becomes of it.
func (g NATGateway) Next() (after string, takes time.Duration, ok bool) {
	switch g.State {
	case NATPending:
		return NATAvailable, natStarts, true
	case NATDeleting:
		return NATDeleted, natEnds, true
	case NATDeleted, NATFailed:
		return "", natVisible, true
	}
	return "", 0, false
}

func (g NATGateway) holdsInterface() bool { return g.State != NATDeleted && g.State != NATFailed }

// FindNATGateway finds a gateway, also one that ended within the hour.
func (n *Network) FindNATGateway(id string) (NATGateway, error) {
	g, found := n.NATGateways.Get(id)
	if !found {
		return g, awserr.New("NatGatewayNotFound", "NAT gateway %s was not found", id)
	}
	return g, nil
}

// CreateNATGateway begins to make a gateway, public when it has the id of an
// address. What EC2 finds out later makes a gateway that failed.
func (n *Network) CreateNATGateway(tx *store.Tx, subnetID, allocationID string) (NATGateway, error) {
	now := n.Now()
	g := NATGateway{
		SubnetID: subnetID, AllocationID: allocationID, Public: allocationID != "", State: NATPending, StateSince: now, Created: now,
	}
	s, err := n.FindSubnet(subnetID)
	if err != nil {
		return g, err
	}
	g.VPCID = s.VPCID
	if g.ID, err = n.NewID(tx, "nat-"); err != nil {
		return g, err
	}
	if g.InterfaceID, err = n.NewID(tx, "eni-"); err != nil {
		return g, err
	}
	if code, message := n.natProblem(s, allocationID); code != "" {
		g.State, g.FailureCode, g.FailureMessage, g.InterfaceID = NATFailed, code, message, ""
		g.Deleted = now
		return g, n.NATGateways.Put(tx, g.ID, g)
	}
	addresses, err := n.PickAddresses(s, 1, hash(g.ID))
	if err != nil {
		return g, err
	}
	g.PrivateIP = addresses[0].String()
	if g.Public {
		a, err := n.AssociateAddress(tx, allocationID, n.natInterface(g), false)
		if err != nil {
			return g, err
		}
		g.PublicIP = a.PublicIP
	}
	return g, n.NATGateways.Put(tx, g.ID, g)
}

func (n *Network) natProblem(s Subnet, allocationID string) (code, message string) {
	if n.FreeAddresses(s) < 1 {
		return "InsufficientFreeAddressesInSubnet", "Subnet has insufficient free addresses to create this NAT gateway"
	}
	if allocationID == "" {
		return "", ""
	}
	if _, attached := n.gatewayOf(s.VPCID); !attached {
		return "Gateway.NotAttached", fmt.Sprintf("Network %s has no Internet gateway attached", s.VPCID)
	}
	a, found := n.Addresses.Get(allocationID)
	if !found {
		return "InvalidAllocationID.NotFound", fmt.Sprintf("Elastic IP address %s could not be associated with this NAT gateway", allocationID)
	}
	if a.AssociationID != "" {
		return "Resource.AlreadyAssociated", fmt.Sprintf("Elastic IP address %s is already associated", allocationID)
	}
	return "", ""
}

// DeleteNATGateway begins to end a gateway; one that ended already stays as it is.
func (n *Network) DeleteNATGateway(tx *store.Tx, id string) (NATGateway, error) {
	g, err := n.FindNATGateway(id)
	if err != nil || g.State == NATDeleting || g.State == NATDeleted || g.State == NATFailed {
		return g, err
	}
	g.State, g.StateSince = NATDeleting, n.Now()
	return g, n.NATGateways.Put(tx, id, g)
}

// MoveNATGateway takes a gateway to the state that Next says. One that is
// deleted frees its address.
func (n *Network) MoveNATGateway(tx *store.Tx, g NATGateway) (forgotten bool, err error) {
	after, _, changes := g.Next()
	if !changes {
		return false, nil
	}
	if after == "" {
		n.NATGateways.Delete(tx, g.ID)
		return true, nil
	}
	g.State, g.StateSince = after, n.Now()
	if after == NATDeleted {
		g.Deleted = n.Now()
		if err := n.InterfaceGone(tx, g.InterfaceID); err != nil {
			return false, err
		}
	}
	return false, n.NATGateways.Put(tx, g.ID, g)
}
