package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
)

// AllProtocols is the protocol of a rule that is for every protocol and port.
const AllProtocols = "-1"

// mostRules is how many rules a group can have in one direction.
const mostRules = 60

// Rule lets traffic of one kind in from one peer, or out to it. Of CIDR,
// CIDRv6, PrefixList and GroupID one is set.
type Rule struct {
	ID       string // sgr-
	Egress   bool   `json:",omitempty"`
	Protocol string // tcp, udp, icmp, icmpv6, -1 or a number
	// From and To are ports, or ICMP type and code; nil without.
	From, To    *int32 `json:",omitempty"`
	CIDR        string `json:",omitempty"`
	CIDRv6      string `json:",omitempty"`
	PrefixList  string `json:",omitempty"`
	GroupID     string `json:",omitempty"`
	Description string `json:",omitempty"`
}

func port(p *int32) int32 {
	if p == nil {
		return -1
	}
	return *p
}

// Same reports whether two rules let the same through.
func (r Rule) Same(other Rule) bool {
	return r.Egress == other.Egress && r.Protocol == other.Protocol && port(r.From) == port(other.From) && port(r.To) == port(other.To) &&
		r.peer() == other.peer()
}

func (r Rule) peer() string { return r.CIDR + r.CIDRv6 + r.PrefixList + r.GroupID }

// text is the rule as EC2 tells of it.
func (r Rule) text() string {
	protocol := strings.ToUpper(r.Protocol)
	if r.Protocol == AllProtocols {
		return fmt.Sprintf("peer: %s, ALL, ALLOW", r.peer())
	}
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", r.peer(), protocol, port(r.From), port(r.To))
}

// withIDs gives new rules their ids.
func (n *Network) withIDs(tx *store.Tx, rules []Rule) ([]Rule, error) {
	rules = slices.Clone(rules)
	for i := range rules {
		id, err := n.NewID(tx, "sgr-")
		if err != nil {
			return nil, err
		}
		rules[i].ID = id
	}
	return rules, nil
}

// Authorize adds rules to a group, all or none, and gives them with their ids.
func (n *Network) Authorize(tx *store.Tx, groupID string, rules []Rule) ([]Rule, error) {
	g, err := n.FindGroup(groupID)
	if err != nil {
		return nil, err
	}
	for i, r := range rules {
		if slices.ContainsFunc(rules[:i], r.Same) {
			return nil, invalid("The same permission must not appear multiple times")
		}
		if slices.ContainsFunc(g.Rules, r.Same) {
			return nil, awserr.New("InvalidPermission.Duplicate", `the specified rule "%s" already exists`, r.text())
		}
		if err := n.checkPeer(g, r); err != nil {
			return nil, err
		}
	}
	if rules, err = n.withIDs(tx, rules); err != nil {
		return nil, err
	}
	g.Rules = append(slices.Clone(g.Rules), rules...)
	for _, egress := range []bool{true, false} {
		if count(g.Rules, func(r Rule) bool { return r.Egress == egress }) > mostRules {
			return nil, awserr.New("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
		}
	}
	return rules, n.SecurityGroups.Put(tx, g.ID, g)
}

func count[T any](items []T, is func(T) bool) (sum int) {
	for _, item := range items {
		if is(item) {
			sum++
		}
	}
	return sum
}

func (n *Network) checkPeer(g SecurityGroup, r Rule) error {
	if r.GroupID == "" {
		return nil
	}
	peer, err := n.FindGroup(r.GroupID)
	if err != nil {
		return err
	}
	if peer.VPCID != g.VPCID {
		return awserr.New("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
	}
	return nil
}

// Revoke removes the rules that are the same as those given, or have their
// ids; egress says of which direction. One that is not there fails all.
func (n *Network) Revoke(tx *store.Tx, groupID string, egress bool, which []Rule) ([]Rule, error) {
	g, err := n.FindGroup(groupID)
	if err != nil {
		return nil, err
	}
	var gone []Rule
	g.Rules = slices.Clone(g.Rules)
	for _, w := range which {
		at := slices.IndexFunc(g.Rules, func(r Rule) bool {
			return r.Egress == egress && (w.ID != "" && w.ID == r.ID || w.ID == "" && w.Same(r))
		})
		if at < 0 && w.ID != "" {
			return nil, awserr.New("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", w.ID)
		}
		if at < 0 {
			return nil, awserr.New("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		gone = append(gone, g.Rules[at])
		g.Rules = slices.Delete(g.Rules, at, at+1)
	}
	return gone, n.SecurityGroups.Put(tx, g.ID, g)
}
