package network

import (
	"slices"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
)

// InternetGateway joins one VPC to the internet.
type InternetGateway struct {
	ID    string
	VPCID string `json:",omitempty"` // empty: attached to none
}

// FindInternetGateway finds a gateway; another id is
// InvalidInternetGatewayID.NotFound.
func (n *Network) FindInternetGateway(id string) (InternetGateway, error) {
	return find(n.InternetGateways, id, "InvalidInternetGatewayID.NotFound", "The internetGateway ID '%s' does not exist")
}

// CreateInternetGateway makes a gateway that is attached to no VPC.
func (n *Network) CreateInternetGateway(tx *store.Tx) (g InternetGateway, err error) {
	if g.ID, err = n.NewID(tx, "igw-"); err != nil {
		return g, err
	}
	return g, n.InternetGateways.Put(tx, g.ID, g)
}

// AttachInternetGateway attaches a gateway to a VPC that has none.
func (n *Network) AttachInternetGateway(tx *store.Tx, id, vpcID string) error {
	g, err := n.FindInternetGateway(id)
	if err != nil {
		return err
	}
	if _, err := n.FindVPC(vpcID); err != nil {
		return err
	}
	if g.VPCID != "" {
		return awserr.New("Resource.AlreadyAssociated", "resource %s is already attached to network %s", id, g.VPCID)
	}
	if _, has := n.gatewayOf(vpcID); has {
		return invalid("Network %s already has an internet gateway attached", vpcID)
	}
	g.VPCID = vpcID
	return n.InternetGateways.Put(tx, id, g)
}

// DetachInternetGateway detaches a gateway. Routes to it lead nowhere then.
func (n *Network) DetachInternetGateway(tx *store.Tx, id, vpcID string) error {
	g, err := n.FindInternetGateway(id)
	if err != nil {
		return err
	}
	if _, err := n.FindVPC(vpcID); err != nil {
		return err
	}
	if g.VPCID != vpcID {
		return awserr.New("Gateway.NotAttached", "resource %s is not attached to network %s", id, vpcID)
	}
	if slices.ContainsFunc(n.Interfaces(), func(i Interface) bool { return i.VPCID == vpcID && i.PublicIP != "" }) {
		return dependency("Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", vpcID)
	}
	g.VPCID = ""
	return n.InternetGateways.Put(tx, id, g)
}

// DeleteInternetGateway deletes a gateway that is not attached.
func (n *Network) DeleteInternetGateway(tx *store.Tx, id string) error {
	g, err := n.FindInternetGateway(id)
	if err != nil {
		return err
	}
	if g.VPCID != "" {
		return dependency("The internetGateway '%s' has dependencies and cannot be deleted.", id)
	}
	n.InternetGateways.Delete(tx, id)
	return nil
}

func (n *Network) gatewayOf(vpcID string) (InternetGateway, bool) {
	for _, g := range n.InternetGateways.All() {
		if g.VPCID == vpcID {
			return g, true
		}
	}
	return InternetGateway{}, false
}
