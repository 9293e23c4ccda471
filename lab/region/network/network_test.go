package network_test

import (
	"net/netip"
	"testing"

	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
)

// TestRangesThatAVPCCanAdd: which go together with the first, as AWS has it.
func TestRangesThatAVPCCanAdd(t *testing.T) {
	for _, c := range []struct {
		first, more string
		refused     bool
	}{
		{"192.168.0.0/24", "100.64.0.0/22", false}, // the course's VPC
		{"192.168.0.0/24", "192.168.4.0/24", false},
		{"192.168.0.0/24", "10.0.0.0/16", true},
		{"192.168.0.0/24", "172.16.0.0/16", true},
		{"192.168.0.0/24", "198.19.0.0/16", true},
		{"192.168.0.0/24", "52.1.0.0/16", false},
		{"10.0.0.0/16", "10.5.0.0/16", false},
		{"10.0.0.0/16", "192.168.0.0/24", true},
		{"172.16.0.0/16", "172.20.0.0/16", false},
		{"172.16.0.0/16", "172.31.0.0/16", true},
		{"198.19.0.0/17", "198.19.128.0/17", false},
		{"198.19.0.0/17", "10.0.0.0/16", true},
		{"52.1.0.0/16", "10.0.0.0/16", true},
		{"100.64.0.0/16", "100.65.0.0/16", false},
		{"10.0.0.0/16", "169.254.0.0/16", true},
		{"10.0.0.0/16", "224.0.0.0/16", true},
	} {
		p := newPlace(t)
		var v network.VPC
		if code := p.do(func(tx *store.Tx) (err error) {
			v, err = p.CreateVPC(tx, netip.MustParsePrefix(c.first), "default")
			return err
		}); code != "" {
			t.Fatalf("%s: %s", c.first, code)
		}
		code := p.do(func(tx *store.Tx) error {
			_, err := p.AssociateBlock(tx, v.ID, netip.MustParsePrefix(c.more))
			return err
		})
		if (code != "") != c.refused || c.refused && code != "InvalidVpc.Range" {
			t.Errorf("%s and %s: %q, refused %v", c.first, c.more, code, c.refused)
		}
	}
}

// TestSameRangesInTwoVPCs: instances get addresses that are nobody's, while
// there are any, because nodes are named by them.
func TestSameRangesInTwoVPCs(t *testing.T) {
	p := newPlace(t)
	var subnets []network.Subnet
	for range 2 {
		if code := p.do(func(tx *store.Tx) error {
			v, err := p.CreateVPC(tx, netip.MustParsePrefix("10.0.0.0/28"), "default")
			if err != nil {
				return err
			}
			s, err := p.CreateSubnet(tx, v.ID, p.Zones[0], netip.MustParsePrefix("10.0.0.0/28"))
			subnets = append(subnets, s)
			return err
		}); code != "" {
			t.Fatal(code)
		}
	}
	first, err := p.PickAddresses(subnets[0], 6, 1)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[netip.Addr]bool{}
	for _, address := range first {
		seen[address] = true
		p.instances = append(p.instances, network.Interface{SubnetID: subnets[0].ID, VPCID: subnets[0].VPCID, PrivateIP: address.String()})
	}
	for count, wantShared := range map[int]int{5: 0, 11: 6} {
		second, err := p.PickAddresses(subnets[1], count, 1)
		if err != nil {
			t.Fatal(err)
		}
		shared := 0
		for _, address := range second {
			if seen[address] {
				shared++
			}
		}
		if len(second) != count || shared != wantShared {
			t.Errorf("%d addresses, %d of them shared, want %d and %d", len(second), shared, count, wantShared)
		}
	}
	if _, err := p.PickAddresses(subnets[1], 12, 1); err == nil {
		t.Error("a subnet of 11 gives 12 addresses")
	}
}
