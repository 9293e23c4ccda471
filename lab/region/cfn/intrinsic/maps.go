package intrinsic

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/drover-project/drover/lab/region/cfn/template"
)

const findInMapRule = "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value"

func (s *Scope) findInMap(n *template.Node) (any, error) {
	if n.Kind != template.List || len(n.Items) != 3 {
		return nil, templateError(n, findInMapRule)
	}
	var path [3]string
	for i := range path {
		var err error
		if path[i], err = s.text(n.Items[i], findInMapRule); err != nil {
			return nil, err
		}
	}
	table := s.Template.Mappings.Get(path[0])
	if table == nil {
		return nil, templateError(n, "Mapping named '%s' is not present in the 'Mappings' section of template.", path[0])
	}
	value := table.Get(path[1]).Get(path[2])
	if value == nil {
		return nil, templateError(n, "Unable to get mapping for %s::%s::%s", path[0], path[1], path[2])
	}
	return s.Evaluate(value)
}

const cidrRule = "every Fn::Cidr object requires an IP block, the number of blocks (1 to 256), and optionally the number of bits of a block"

// cidr cuts an IPv4 or IPv6 block into smaller ones.
func (s *Scope) cidr(n *template.Node) (any, error) {
	const fewest, most = 2, 3
	if n.Kind != template.List || len(n.Items) < fewest || len(n.Items) > most {
		return nil, templateError(n, cidrRule)
	}
	text, err := s.text(n.Items[0], cidrRule)
	if err != nil {
		return nil, err
	}
	count, err := s.number(n.Items[1])
	if err != nil {
		return nil, err
	}
	bits := 8
	if len(n.Items) == most {
		if bits, err = s.number(n.Items[2]); err != nil {
			return nil, err
		}
	}
	block, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, templateError(n, "Fn::Cidr: %q is not an IP block such as 10.0.0.0/16", text)
	}
	blocks, ok := cut(block.Masked(), count, bits)
	if !ok {
		return nil, templateError(n, "Fn::Cidr: %s does not hold %d blocks of %d bits", text, count, bits)
	}
	return blocks, nil
}

func (s *Scope) number(n *template.Node) (int, error) {
	text, err := s.text(n, cidrRule)
	if err != nil {
		return 0, err
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		return 0, templateError(n, cidrRule)
	}
	return number, nil
}

// cut gives the first count blocks that leave bits for hosts.
func cut(block netip.Prefix, count, bits int) ([]any, bool) {
	const most = 256
	size := block.Addr().BitLen() - bits
	if count < 1 || count > most || bits < 1 || size < block.Bits() {
		return nil, false
	}
	// Blocks are told apart in the last 64 bits at most; more are never asked for.
	if room := size - block.Bits(); room < 63 && count > 1<<room {
		return nil, false
	}
	raw := block.Addr().AsSlice()
	var blocks []any
	for i := range count {
		addr, _ := netip.AddrFromSlice(raw)
		blocks = append(blocks, netip.PrefixFrom(addr, size).String())
		if i+1 < count && !add(raw, bits) {
			return nil, false
		}
	}
	return blocks, true
}

// add adds 1<<bit to a big-endian number; false when it overflows.
func add(number []byte, bit int) bool {
	i := len(number) - 1 - bit/8
	carry := uint16(1) << (bit % 8)
	for ; i >= 0 && carry > 0; i-- {
		sum := uint16(number[i]) + carry
		var b [2]byte
		binary.BigEndian.PutUint16(b[:], sum)
		number[i], carry = b[1], uint16(b[0])
	}
	return carry == 0
}
