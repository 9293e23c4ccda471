package network

import (
	"fmt"
	"net/netip"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
)

// Address is an Elastic IP address.
type Address struct {
	ID       string // eipalloc-
	PublicIP string
	// AssociationID is empty while nothing has the address.
	AssociationID string `json:",omitempty"`
	InterfaceID   string `json:",omitempty"`
	PrivateIP     string `json:",omitempty"`
	InstanceID    string `json:",omitempty"` // empty for what AWS manages
}

// FindAddress finds an address; another id is InvalidAllocationID.NotFound.
func (n *Network) FindAddress(id string) (Address, error) {
	return find(n.Addresses, id, "InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist")
}

// PublicAddresses makes up public addresses that nothing has, one for each id,
// from the range for benchmarks: nothing routes it. An id gets the same address
// always, unless that is taken.
func (n *Network) PublicAddresses(ids ...string) []string {
	taken := map[string]bool{}
	for _, a := range n.Addresses.All() {
		taken[a.PublicIP] = true
	}
	for _, i := range n.Instances() {
		taken[i.PublicIP] = true
	}
	var addresses []string
	for _, id := range ids {
		salt := hash(id)
		for taken[publicAddress(salt)] {
			salt++
		}
		addresses = append(addresses, publicAddress(salt))
		taken[publicAddress(salt)] = true
	}
	return addresses
}

func publicAddress(salt int64) string {
	return netip.AddrFrom4([4]byte{198, 18 + byte(salt>>16&1), byte(salt >> 8), byte(salt)}).String()
}

// AllocateAddress makes an address that nothing has.
func (n *Network) AllocateAddress(tx *store.Tx) (a Address, err error) {
	if a.ID, err = n.NewID(tx, "eipalloc-"); err != nil {
		return a, err
	}
	a.PublicIP = n.PublicAddresses(a.ID)[0]
	return a, n.Addresses.Put(tx, a.ID, a)
}

// ReleaseAddress gives up an address that nothing has.
func (n *Network) ReleaseAddress(tx *store.Tx, id string) error {
	a, err := n.FindAddress(id)
	if err != nil {
		return err
	}
	if a.AssociationID != "" {
		return awserr.New("InvalidIPAddress.InUse", "Address %s is in use.", a.PublicIP)
	}
	n.Addresses.Delete(tx, id)
	return nil
}

// AssociateAddress gives an address to an interface; again says that another
// may lose it.
func (n *Network) AssociateAddress(tx *store.Tx, id string, to Interface, again bool) (Address, error) {
	a, err := n.FindAddress(id)
	if err != nil {
		return a, err
	}
	if a.AssociationID != "" && a.InterfaceID == to.ID {
		return a, nil
	}
	if a.AssociationID != "" && (!again || a.InstanceID == "") {
		return a, awserr.New("Resource.AlreadyAssociated", "resource %s is already associated with associate-id %s", a.ID, a.AssociationID)
	}
	if _, has := n.gatewayOf(to.VPCID); !has {
		return a, awserr.New("Gateway.NotAttached", "Network %s is not attached to any internet gateway", to.VPCID)
	}
	if err := n.dropAddresses(tx, to.ID); err != nil {
		return a, err
	}
	if a.AssociationID, err = n.NewID(tx, "eipassoc-"); err != nil {
		return a, err
	}
	a.InterfaceID, a.PrivateIP, a.InstanceID = to.ID, to.PrivateIP, to.InstanceID
	return a, n.Addresses.Put(tx, a.ID, a)
}

// DisassociateAddress takes an address from what has it, and gives it as it was.
func (n *Network) DisassociateAddress(tx *store.Tx, associationID string) (Address, error) {
	for _, a := range n.Addresses.All() {
		if a.AssociationID != associationID || associationID == "" {
			continue
		}
		if a.InstanceID == "" {
			return a, awserr.New("AuthFailure", "You do not have permission to access the specified resource.")
		}
		return a, n.free(tx, a)
	}
	return Address{}, awserr.New("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", associationID)
}

func (n *Network) free(tx *store.Tx, a Address) error {
	return n.Addresses.Put(tx, a.ID, Address{ID: a.ID, PublicIP: a.PublicIP})
}

// dropAddresses frees the addresses that an interface has.
func (n *Network) dropAddresses(tx *store.Tx, interfaceID string) error {
	for _, a := range n.Addresses.All() {
		if a.AssociationID == "" || a.InterfaceID != interfaceID {
			continue
		}
		if err := n.free(tx, a); err != nil {
			return fmt.Errorf("freeing %s: %w", a.PublicIP, err)
		}
	}
	return nil
}

// InterfaceGone frees the addresses of an interface that ended.
func (n *Network) InterfaceGone(tx *store.Tx, interfaceID string) error {
	return n.dropAddresses(tx, interfaceID)
}
