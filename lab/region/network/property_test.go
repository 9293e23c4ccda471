package network_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
)

// place is a network with nothing around it but made-up instances.
type place struct {
	*network.Network
	store     *store.Store
	instances []network.Interface
	ids       int
}

func newPlace(t interface{ Fatal(...any) }) *place {
	s, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	p := &place{store: s}
	p.Network, err = network.Open(s, network.Surroundings{
		Region: "us-west-2", Account: "111122223333", Zones: []network.Zone{{Name: "us-west-2a", ID: "usw2-az1"}, {Name: "us-west-2b", ID: "usw2-az2"}},
		Now: func() time.Time { return time.Unix(0, 0) }, Instances: func() []network.Interface { return slices.Clone(p.instances) },
		NewID: func(_ *store.Tx, prefix string) (string, error) {
			p.ids++
			return fmt.Sprintf("%s%017x", prefix, p.ids), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// do runs a change and gives the code that it was refused with.
func (p *place) do(change func(*store.Tx) error) string {
	err := p.store.Update(change)
	var refused *awserr.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// books is a second, simple account of the same network: ranges as numbers,
// and who holds on to what.
type books struct {
	*place
	t       *rapid.T
	vpcs    map[string][]span          // blocks
	subnets map[string]span            // by id
	of      map[string]string          // the VPC of a subnet, group, gateway
	groups  map[string]map[string]bool // group, and the groups that its rules name
	gateway map[string]string          // VPC of a gateway, "" for none
}

// span is a range of addresses, both ends in it.
type span struct{ from, to uint32 }

func spanOf(cidr netip.Prefix) span {
	b := cidr.Masked().Addr().As4()
	from := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	return span{from, from + 1<<(32-cidr.Bits()) - 1}
}

func (s span) meets(o span) bool { return s.from <= o.to && o.from <= s.to }
func (s span) in(o span) bool    { return s.from >= o.from && s.to <= o.to }

// block draws a range near 10.0.0.0/14, so that they often meet.
func block(t *rapid.T, name string) netip.Prefix {
	bits := rapid.IntRange(14, 29).Draw(t, name+" bits")
	number := rapid.Uint32Range(0, 1<<18-1).Draw(t, name) &^ rapid.SampledFrom([]uint32{0, 0xff, 0xffff}).Draw(t, name+" mask")
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(number >> 16), byte(number >> 8), byte(number)}), bits).Masked()
}

func pick[V any](t *rapid.T, from map[string]V, name string) string {
	var keys []string
	for key := range from {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if len(keys) == 0 {
		t.Skip("there is none")
	}
	return rapid.SampledFrom(keys).Draw(t, name)
}

func (b *books) expect(what, got, want string) {
	b.t.Helper()
	if got != want {
		b.t.Fatalf("%s: got %q, want %q", what, got, want)
	}
}

func (b *books) createVPC(t *rapid.T) {
	b.addVPC(block(t, "vpc"))
}

func (b *books) addVPC(cidr netip.Prefix) {
	want := ""
	if cidr.Bits() < 16 || cidr.Bits() > 28 {
		want = "InvalidVpc.Range"
	}
	var v network.VPC
	b.expect("VPC "+cidr.String(), b.do(func(tx *store.Tx) (err error) { v, err = b.CreateVPC(tx, cidr, "default"); return err }), want)
	if want == "" {
		b.vpcs[v.ID] = []span{spanOf(cidr)}
	}
}

func (b *books) addBlock(t *rapid.T) {
	id, cidr, want := pick(t, b.vpcs, "to"), block(t, "more"), ""
	meets := slices.ContainsFunc(b.vpcs[id], func(s span) bool { return s.meets(spanOf(cidr)) })
	switch {
	case cidr.Bits() < 16 || cidr.Bits() > 28 || meets:
		want = "InvalidVpc.Range"
	case len(b.vpcs[id]) == 5:
		want = "VpcCidrBlockLimitExceeded"
	}
	b.expect("block "+cidr.String(), b.do(func(tx *store.Tx) error { _, err := b.AssociateBlock(tx, id, cidr); return err }), want)
	if want == "" {
		b.vpcs[id] = append(b.vpcs[id], spanOf(cidr))
	}
}

func (b *books) createSubnet(t *rapid.T) {
	vpcID, cidr, want := pick(t, b.vpcs, "in"), block(t, "subnet"), "InvalidSubnet.Range"
	if cidr.Bits() >= 16 && cidr.Bits() <= 28 && slices.ContainsFunc(b.vpcs[vpcID], func(s span) bool { return spanOf(cidr).in(s) }) {
		want = ""
	}
	for id, s := range b.subnets {
		if want == "" && b.of[id] == vpcID && s.meets(spanOf(cidr)) {
			want = "InvalidSubnet.Conflict"
		}
	}
	var s network.Subnet
	b.expect("subnet "+cidr.String(), b.do(func(tx *store.Tx) (err error) { s, err = b.CreateSubnet(tx, vpcID, b.Zones[0], cidr); return err }), want)
	if want == "" {
		b.subnets[s.ID], b.of[s.ID] = spanOf(cidr), vpcID
	}
}

// launch puts an instance into a subnet, as the region does.
func (b *books) launch(t *rapid.T) {
	s, _ := b.Subnet(pick(t, b.subnets, "launch in"))
	var groups []string
	for id := range b.groups {
		if b.of[id] == s.VPCID {
			groups = append(groups, id)
		}
	}
	slices.Sort(groups)
	addresses, err := b.PickAddresses(s, 1, rapid.Int64Range(0, 1000).Draw(t, "salt"))
	if err != nil {
		t.Fatal(err)
	}
	b.ids++
	b.instances = append(b.instances, network.Interface{
		ID: fmt.Sprintf("eni-%017x", b.ids), InstanceID: "i", SubnetID: s.ID, VPCID: s.VPCID, PrivateIP: addresses[0].String(), Groups: groups[:min(1, len(groups))],
	})
}

func (b *books) end(t *rapid.T) {
	if len(b.instances) == 0 {
		t.Skip("there is none")
	}
	at := rapid.IntRange(0, len(b.instances)-1).Draw(t, "end")
	b.instances = slices.Delete(slices.Clone(b.instances), at, at+1)
}

func (b *books) createGroup(t *rapid.T) {
	vpcID := pick(t, b.vpcs, "group in")
	var g network.SecurityGroup
	b.expect("group", b.do(func(tx *store.Tx) (err error) {
		g, err = b.CreateGroup(tx, vpcID, fmt.Sprint("group", b.ids), "of a test")
		return err
	}), "")
	b.groups[g.ID], b.of[g.ID] = map[string]bool{}, vpcID
}

func (b *books) refer(t *rapid.T) {
	from, to, want := pick(t, b.groups, "from"), pick(t, b.groups, "to"), ""
	switch {
	case b.groups[from][to]:
		want = "InvalidPermission.Duplicate"
	case b.of[from] != b.of[to]:
		want = "InvalidGroup.NotFound"
	}
	b.expect("rule", b.do(func(tx *store.Tx) error {
		_, err := b.Authorize(tx, from, []network.Rule{{Protocol: network.AllProtocols, GroupID: to}})
		return err
	}), want)
	if want == "" {
		b.groups[from][to] = true
	}
}

func (b *books) attach(t *rapid.T) {
	vpcID := pick(t, b.vpcs, "attach to")
	var g network.InternetGateway
	b.expect("gateway", b.do(func(tx *store.Tx) (err error) { g, err = b.CreateInternetGateway(tx); return err }), "")
	want := ""
	for _, other := range b.gateway {
		if other == vpcID {
			want = "InvalidParameterValue"
		}
	}
	b.expect("attach", b.do(func(tx *store.Tx) error { return b.AttachInternetGateway(tx, g.ID, vpcID) }), want)
	b.gateway[g.ID] = ""
	if want == "" {
		b.gateway[g.ID] = vpcID
	}
}

func (b *books) detach(t *rapid.T) {
	id := pick(t, b.gateway, "gateway")
	if b.gateway[id] == "" {
		b.expect("delete the gateway", b.do(func(tx *store.Tx) error { return b.DeleteInternetGateway(tx, id) }), "")
		delete(b.gateway, id)
		return
	}
	b.expect("delete the attached gateway", b.do(func(tx *store.Tx) error { return b.DeleteInternetGateway(tx, id) }), "DependencyViolation")
	b.expect("detach", b.do(func(tx *store.Tx) error { return b.DetachInternetGateway(tx, id, b.gateway[id]) }), "")
	b.gateway[id] = ""
}

func (b *books) deleteSubnet(t *rapid.T) {
	id, want := pick(t, b.subnets, "delete the subnet"), ""
	if slices.ContainsFunc(b.instances, func(i network.Interface) bool { return i.SubnetID == id }) {
		want = "DependencyViolation"
	}
	b.expect("delete the subnet", b.do(func(tx *store.Tx) error { return b.DeleteSubnet(tx, id) }), want)
	if want == "" {
		delete(b.subnets, id)
		delete(b.of, id)
	}
}

func (b *books) deleteGroup(t *rapid.T) {
	id, want := pick(t, b.groups, "delete the group"), ""
	if slices.ContainsFunc(b.instances, func(i network.Interface) bool { return slices.Contains(i.Groups, id) }) {
		want = "DependencyViolation"
	}
	for other, named := range b.groups {
		if other != id && named[id] {
			want = "DependencyViolation"
		}
	}
	b.expect("delete the group", b.do(func(tx *store.Tx) error { _, err := b.DeleteGroup(tx, id); return err }), want)
	if want == "" {
		delete(b.groups, id)
		delete(b.of, id)
	}
}

// deleteVPC keeps the last one: without any there is hardly anything to try.
func (b *books) deleteVPC(t *rapid.T) {
	if len(b.vpcs) == 1 {
		t.Skip("it is the last")
	}
	id, want := pick(t, b.vpcs, "delete the VPC"), ""
	for _, vpcID := range b.of {
		if vpcID == id {
			want = "DependencyViolation"
		}
	}
	for _, vpcID := range b.gateway {
		if vpcID == id {
			want = "DependencyViolation"
		}
	}
	b.expect("delete the VPC", b.do(func(tx *store.Tx) error { _, err := b.DeleteVPC(tx, id); return err }), want)
	if want == "" {
		delete(b.vpcs, id)
	}
}

// check holds the network against the books.
func (b *books) check(t *rapid.T) {
	if b.VPCs.Len() != len(b.vpcs) || b.Subnets.Len() != len(b.subnets) || b.SecurityGroups.Len() != len(b.groups)+len(b.vpcs) || b.RouteTables.Len() != len(b.vpcs) {
		t.Fatalf("%d VPCs, %d subnets, %d groups, %d tables; the books say %d, %d, %d", b.VPCs.Len(), b.Subnets.Len(), b.SecurityGroups.Len(), b.RouteTables.Len(),
			len(b.vpcs), len(b.subnets), len(b.groups))
	}
	used, seen := map[string]int{}, map[string]bool{}
	for _, i := range b.instances {
		used[i.SubnetID]++
		if seen[i.VPCID+i.PrivateIP] {
			t.Fatalf("two interfaces of %s have %s", i.VPCID, i.PrivateIP)
		}
		seen[i.VPCID+i.PrivateIP] = true
		address, s := spanOf(netip.PrefixFrom(netip.MustParseAddr(i.PrivateIP), 32)), b.subnets[i.SubnetID]
		if address.from < s.from+4 || address.to > s.to-1 {
			t.Fatalf("%s is not one of the addresses of %v", i.PrivateIP, s)
		}
	}
	for _, s := range b.Subnets.All() {
		size := b.subnets[s.ID]
		if got, want := b.FreeAddresses(s), int(size.to-size.from)+1-5-used[s.ID]; got != want {
			t.Fatalf("%s has %d addresses left, want %d", s.CIDR, got, want)
		}
	}
}

// TestNetworkKeepsItsBooks changes networks at random and holds ranges,
// addresses and refusals against a second account of them.
func TestNetworkKeepsItsBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &books{place: newPlace(t), t: t, vpcs: map[string][]span{}, subnets: map[string]span{}, of: map[string]string{}, groups: map[string]map[string]bool{}, gateway: map[string]string{}}
		b.addVPC(netip.MustParsePrefix("10.0.0.0/16"))
		t.Repeat(map[string]func(*rapid.T){
			"create a VPC": b.createVPC, "add a block": b.addBlock, "create a subnet": b.createSubnet, "launch": b.launch, "end": b.end,
			"create a group": b.createGroup, "refer": b.refer, "attach": b.attach, "detach": b.detach,
			"delete a subnet": b.deleteSubnet, "delete a group": b.deleteGroup, "delete a VPC": b.deleteVPC, "": b.check,
		})
	})
}
