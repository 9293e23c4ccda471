package network_test

import (
	"net/netip"
	"testing"

	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
)

// TestWayOut goes from an empty VPC to one that people build for nodes.
func TestWayOut(t *testing.T) {
	p := newPlace(t)
	var v network.VPC
	var s network.Subnet
	var g network.InternetGateway
	var table network.RouteTable
	outside := netip.MustParsePrefix("0.0.0.0/0")
	for _, step := range []struct {
		name            string
		do              func(tx *store.Tx) error
		private, public bool // whether a machine gets out
	}{
		{"a VPC with a subnet", func(tx *store.Tx) (err error) {
			if v, err = p.CreateVPC(tx, netip.MustParsePrefix("10.0.0.0/16"), "default"); err == nil {
				s, err = p.CreateSubnet(tx, v.ID, p.Zones[0], netip.MustParsePrefix("10.0.1.0/24"))
			}
			return err
		}, false, false},
		{"an internet gateway that no route leads to", func(tx *store.Tx) (err error) {
			if g, err = p.CreateInternetGateway(tx); err == nil {
				err = p.AttachInternetGateway(tx, g.ID, v.ID)
			}
			return err
		}, false, false},
		{"a route of another table than the subnet's", func(tx *store.Tx) (err error) {
			if table, err = p.CreateRouteTable(tx, v.ID); err == nil {
				err = p.CreateRoute(tx, table.ID, network.Route{Destination: outside, Target: network.Target{GatewayID: g.ID}})
			}
			return err
		}, false, false},
		{"of the subnet's", func(tx *store.Tx) error {
			_, err := p.AssociateRouteTable(tx, table.ID, s.ID)
			return err
		}, false, true},
		{"an endpoint of EC2 instead", func(tx *store.Tx) error {
			if err := p.DeleteRoute(tx, table.ID, outside); err != nil {
				return err
			}
			_, err := p.CreateEndpoint(tx, network.Endpoint{VPCID: v.ID, Service: "com.amazonaws.us-west-2.ec2", Kind: network.InterfaceEndpoint}, []string{s.ID})
			return err
		}, true, true},
	} {
		if code := p.do(step.do); code != "" {
			t.Fatalf("%s: %s", step.name, code)
		}
		if private, public := p.WayOut(s.ID, ""), p.WayOut(s.ID, "54.0.0.1"); (private == nil) != step.private || (public == nil) != step.public {
			t.Errorf("%s: without a public address %v, with one %v", step.name, private, public)
		}
	}
}
