// Package addresses gives pods their IP addresses, from the subnet of their
// node as the VPC CNI does.
package addresses

import (
	"fmt"
	"net/netip"
	"sync"
)

// overflow is used when a subnet is full or unknown: the range that clusters
// add to a VPC for pods.
var overflow = netip.MustParsePrefix("100.64.0.0/10")

// Pool hands out addresses. Its zero value is not usable; see New.
type Pool struct {
	mu      sync.Mutex
	subnets map[netip.Prefix]*subnet
	taken   map[netip.Addr]struct{}
}

// subnet is handed out from its end, since instances get addresses from its
// beginning; an address comes round again as late as possible.
type subnet struct {
	prefix netip.Prefix
	first  netip.Addr // lowest address to hand out
	last   netip.Addr
	next   netip.Addr
	// full is set by a search in vain, until an address is released.
	full bool
}

// New makes an empty pool.
func New() *Pool {
	return &Pool{subnets: map[netip.Prefix]*subnet{}, taken: map[netip.Addr]struct{}{}}
}

// Reserve marks an address as in use, a node's own for one.
func (p *Pool) Reserve(address string) {
	if ip, err := netip.ParseAddr(address); err == nil {
		p.mu.Lock()
		p.taken[ip] = struct{}{}
		p.mu.Unlock()
	}
}

// Release makes an address available again.
func (p *Pool) Release(address string) {
	if ip, err := netip.ParseAddr(address); err == nil {
		p.mu.Lock()
		delete(p.taken, ip)
		for prefix, s := range p.subnets {
			s.full = s.full && !prefix.Contains(ip)
		}
		p.mu.Unlock()
	}
}

// Next takes an address of the subnet.
func (p *Pool) Next(cidr string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if prefix, err := netip.ParsePrefix(cidr); err == nil && prefix.Addr().Is4() {
		if ip, found := p.subnet(prefix.Masked()).take(p.taken); found {
			return ip.String(), nil
		}
	}
	if ip, found := p.subnet(overflow).take(p.taken); found {
		return ip.String(), nil
	}
	return "", fmt.Errorf("no free IP address in %s", overflow)
}

func (p *Pool) subnet(prefix netip.Prefix) *subnet {
	if s, known := p.subnets[prefix]; known {
		return s
	}
	s := newSubnet(prefix)
	p.subnets[prefix] = s
	return s
}

// newSubnet leaves out the addresses that AWS keeps: the first four and the
// last one.
func newSubnet(prefix netip.Prefix) *subnet {
	first := prefix.Addr()
	for range 4 {
		first = first.Next()
	}
	bytes := prefix.Addr().As4()
	for bit := prefix.Bits(); bit < 32; bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	last := netip.AddrFrom4(bytes).Prev()
	return &subnet{prefix: prefix, first: first, last: last, next: last}
}

// maxTries bounds the search in a crowded subnet.
const maxTries = 1 << 14

func (s *subnet) take(taken map[netip.Addr]struct{}) (netip.Addr, bool) {
	if s.full {
		return netip.Addr{}, false
	}
	for range maxTries {
		candidate := s.next
		s.next = s.next.Prev()
		if s.next.Less(s.first) || !s.prefix.Contains(s.next) {
			s.next = s.last
		}
		if _, used := taken[candidate]; !used && s.prefix.Contains(candidate) && !candidate.Less(s.first) {
			taken[candidate] = struct{}{}
			return candidate, true
		}
	}
	s.full = true
	return netip.Addr{}, false
}
