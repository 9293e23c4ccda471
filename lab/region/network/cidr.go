package network

import (
	"net/netip"

	"github.com/drover-project/drover/lab/awserr"
)

// The sizes that a VPC and its subnets can have, as prefix lengths.
const (
	largestBlock  = 16
	smallestBlock = 28
)

// mostBlocks is how many IPv4 blocks a VPC can have.
const mostBlocks = 5

// ParseBlock reads an IPv4 block. Bits after the prefix are cleared, as EC2
// does: 100.68.0.18/18 is 100.68.0.0/18. Text that is none is
// InvalidParameterValue, naming the parameter.
func ParseBlock(text, parameter string) (netip.Prefix, error) {
	block, err := netip.ParsePrefix(text)
	if err != nil || !block.Addr().Is4() {
		return block, invalid("Value (%s) for parameter %s is invalid. This is not a valid CIDR block.", text, parameter)
	}
	return block.Masked(), nil
}

// rightSize reports whether EC2 makes networks of the size of a block.
func rightSize(block netip.Prefix) bool {
	return block.Bits() >= largestBlock && block.Bits() <= smallestBlock
}

// within reports whether all of inner is in outer.
func within(inner, outer netip.Prefix) bool {
	return inner.Bits() >= outer.Bits() && outer.Contains(inner.Addr())
}

// unusable are ranges that no VPC can have: they are not addresses of hosts, or
// EC2 uses them itself.
func unusable() []netip.Prefix {
	return blocks("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")
}

// restricted are the ranges that a VPC cannot add, by the range that its first
// block is from.
func restricted(primary netip.Prefix) []netip.Prefix {
	for _, r := range []struct {
		from string
		not  []netip.Prefix
	}{
		{"10.0.0.0/8", blocks("172.16.0.0/12", "192.168.0.0/16", "198.19.0.0/16")},
		{"172.16.0.0/12", blocks("10.0.0.0/8", "192.168.0.0/16", "172.31.0.0/16", "198.19.0.0/16")},
		{"192.168.0.0/16", blocks("10.0.0.0/8", "172.16.0.0/12", "198.19.0.0/16")},
		{"198.19.0.0/16", blocks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")},
	} {
		if within(primary, netip.MustParsePrefix(r.from)) {
			return r.not
		}
	}
	return blocks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.19.0.0/16")
}

func blocks(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func overlapsAny(block netip.Prefix, with []netip.Prefix) bool {
	for _, other := range with {
		if block.Overlaps(other) {
			return true
		}
	}
	return false
}

// checkVPCBlock is the error for a block that a VPC cannot have.
func checkVPCBlock(block netip.Prefix) error {
	if !rightSize(block) || overlapsAny(block, unusable()) {
		return awserr.New("InvalidVpc.Range", "The CIDR '%s' is invalid.", block)
	}
	return nil
}

// Size is the number of addresses that can be given out: EC2 keeps the first
// four and the last of a subnet.
func (s Subnet) Size() int { return 1<<(32-s.CIDR.Bits()) - reservedAddresses }

const reservedAddresses = 5

// address is the nth that can be given out.
func (s Subnet) address(n int) netip.Addr {
	b := s.CIDR.Addr().As4()
	n += int(b[2])<<8 | int(b[3])
	n += reservedAddresses - 1
	b[2], b[3] = byte(n>>8), byte(n)
	return netip.AddrFrom4(b)
}
