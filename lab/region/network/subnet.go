package network

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
)

// Subnet is a part of a VPC in one zone.
type Subnet struct {
	ID    string
	VPCID string
	Zone  Zone
	CIDR  netip.Prefix
	// Public says that instances get a public address unless their launch says
	// otherwise: MapPublicIpOnLaunch.
	Public bool
}

// Subnet finds a subnet by id.
func (n *Network) Subnet(id string) (Subnet, bool) { return n.Subnets.Get(id) }

// FindSubnet finds a subnet; another id is InvalidSubnetID.NotFound.
func (n *Network) FindSubnet(id string) (Subnet, error) {
	return find(n.Subnets, id, "InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist")
}

// CreateSubnet makes a subnet in a zone of the region.
func (n *Network) CreateSubnet(tx *store.Tx, vpcID string, zone Zone, cidr netip.Prefix) (Subnet, error) {
	s := Subnet{VPCID: vpcID, Zone: zone, CIDR: cidr}
	v, err := n.FindVPC(vpcID)
	if err != nil {
		return s, err
	}
	if !rightSize(cidr) || !v.holds(cidr) {
		return s, awserr.New("InvalidSubnet.Range", "The CIDR '%s' is invalid.", cidr)
	}
	if slices.ContainsFunc(n.Subnets.All(), func(o Subnet) bool { return o.VPCID == vpcID && o.CIDR.Overlaps(cidr) }) {
		return s, awserr.New("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", cidr)
	}
	if s.ID, err = n.NewID(tx, "subnet-"); err != nil {
		return s, err
	}
	return s, n.Subnets.Put(tx, s.ID, s)
}

// DeleteSubnet deletes a subnet that no interface is in, with its association
// to a route table.
func (n *Network) DeleteSubnet(tx *store.Tx, id string) error {
	if _, err := n.FindSubnet(id); err != nil {
		return err
	}
	if slices.ContainsFunc(n.Interfaces(), func(i Interface) bool { return i.SubnetID == id }) {
		return dependency("The subnet '%s' has dependencies and cannot be deleted.", id)
	}
	for _, t := range n.RouteTables.All() {
		kept := slices.DeleteFunc(slices.Clone(t.Associations), func(a Association) bool { return a.SubnetID == id })
		if len(kept) == len(t.Associations) {
			continue
		}
		t.Associations = kept
		if err := n.RouteTables.Put(tx, t.ID, t); err != nil {
			return err
		}
	}
	n.Subnets.Delete(tx, id)
	return nil
}

// FreeAddresses is how many more interfaces fit in a subnet.
func (n *Network) FreeAddresses(s Subnet) int { return s.Size() - len(n.usedAddresses(s)) }

func (n *Network) usedAddresses(s Subnet) map[netip.Addr]bool {
	return n.addressesOf(func(i Interface) bool { return i.SubnetID == s.ID })
}

func (n *Network) addressesOf(counts func(Interface) bool) map[netip.Addr]bool {
	used := map[netip.Addr]bool{}
	for _, i := range n.Interfaces() {
		if !counts(i) {
			continue
		}
		if address, err := netip.ParseAddr(i.PrivateIP); err == nil {
			used[address] = true
		}
	}
	return used
}

// PickAddresses picks addresses that no interface of the subnet has, spread
// over it; salt varies them. Where it can it leaves out those that instances of
// other VPCs have, because nodes are named by their address.
func (n *Network) PickAddresses(s Subnet, count int, salt int64) ([]netip.Addr, error) {
	used := n.usedAddresses(s)
	if s.Size()-len(used) < count {
		return nil, awserr.New("InsufficientFreeAddressesInSubnet",
			"There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", s.ID)
	}
	offset := int(hash(fmt.Sprint(s.ID, salt)) % int64(s.Size()))
	anywhere := n.addressesOf(func(Interface) bool { return true })
	addresses := make([]netip.Addr, 0, count)
	for _, avoided := range []map[netip.Addr]bool{anywhere, used} {
		for i := 0; i < s.Size() && len(addresses) < count; i++ {
			// 4093 is prime to the size of every subnet, so every address comes once.
			address := s.address((offset + i*4093) % s.Size())
			if !avoided[address] {
				addresses = append(addresses, address)
				used[address] = true
			}
		}
	}
	return addresses, nil
}

func hash(s string) int64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return int64(h.Sum64() >> 1)
}
