package addresses_test

import (
	"net/netip"
	"testing"

	"github.com/drover-project/drover/lab/nodes/addresses"
)

func next(t *testing.T, pool *addresses.Pool, cidr string) string {
	t.Helper()
	address, err := pool.Next(cidr)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func TestAddressesComeFromTheEndOfTheSubnet(t *testing.T) {
	pool := addresses.New()
	pool.Reserve("192.168.0.253")
	for _, want := range []string{"192.168.0.254", "192.168.0.252"} {
		if got := next(t, pool, "192.168.0.0/24"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAReleasedAddressIsNotReusedAtOnce(t *testing.T) {
	pool := addresses.New()
	first := next(t, pool, "192.168.0.0/24")
	pool.Release(first)
	if second := next(t, pool, "192.168.0.0/24"); second == first {
		t.Errorf("%s handed out twice in a row", first)
	}
}

func TestAFullSubnetOverflows(t *testing.T) {
	pool := addresses.New()
	subnet, secondary := netip.MustParsePrefix("10.0.0.0/28"), netip.MustParsePrefix("100.64.0.0/10")
	seen := map[string]bool{}
	for i := range 15 {
		address := next(t, pool, "10.0.0.0/28")
		want := subnet
		if i >= 16-5 {
			want = secondary
		}
		if !want.Contains(netip.MustParseAddr(address)) || seen[address] {
			t.Errorf("address %d is %s, want a new one in %s", i, address, want)
		}
		seen[address] = true
	}
	if next(t, pool, "") == "" {
		t.Error("no address without a subnet")
	}
}
