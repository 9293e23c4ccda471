package network

import (
	"slices"
	"strings"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
)

// SecurityGroup is a security group of a VPC.
type SecurityGroup struct {
	ID, Name, Description string
	VPCID                 string
	Rules                 []Rule
}

// defaultGroupName is the name of the group that every VPC has.
const defaultGroupName = "default"

func (g SecurityGroup) isDefault() bool { return g.Name == defaultGroupName }

// refersTo reports whether a rule lets in, or out to, the members of a group.
func (g SecurityGroup) refersTo(id string) bool {
	return slices.ContainsFunc(g.Rules, func(r Rule) bool { return r.GroupID == id })
}

// SecurityGroup finds a group by id.
func (n *Network) SecurityGroup(id string) (SecurityGroup, bool) { return n.SecurityGroups.Get(id) }

// FindGroup finds a group; another id is InvalidGroup.NotFound, and what cannot
// be one, such as a name, InvalidGroupId.Malformed.
func (n *Network) FindGroup(id string) (SecurityGroup, error) {
	if !strings.HasPrefix(id, "sg-") {
		return SecurityGroup{}, awserr.New("InvalidGroupId.Malformed", "Invalid id: %q (expecting \"sg-...\")", id)
	}
	return find(n.SecurityGroups, id, "InvalidGroup.NotFound", "The security group '%s' does not exist")
}

func (n *Network) groupsOf(vpcID string) []SecurityGroup {
	return filtered(n.SecurityGroups, func(g SecurityGroup) bool { return g.VPCID == vpcID })
}

// DefaultGroup is what an interface in a VPC has that names no group.
func (n *Network) DefaultGroup(vpcID string) (SecurityGroup, bool) {
	for _, g := range n.groupsOf(vpcID) {
		if g.isDefault() {
			return g, true
		}
	}
	return SecurityGroup{}, false
}

// GroupsFor checks the groups of an interface in a VPC, and gives the default
// one when there are none.
func (n *Network) GroupsFor(vpcID string, ids []string) ([]string, error) {
	if len(ids) == 0 {
		g, _ := n.DefaultGroup(vpcID)
		return []string{g.ID}, nil
	}
	for _, id := range ids {
		g, err := n.FindGroup(id)
		if err != nil {
			return nil, err
		}
		if g.VPCID != vpcID {
			return nil, awserr.New("InvalidParameter", "Security group %s and the subnet's network %s belong to different networks.", id, vpcID)
		}
	}
	return ids, nil
}

// CreateGroup makes a group that lets everything out and nothing in.
func (n *Network) CreateGroup(tx *store.Tx, vpcID, name, description string) (SecurityGroup, error) {
	if _, err := n.FindVPC(vpcID); err != nil {
		return SecurityGroup{}, err
	}
	if name == defaultGroupName {
		return SecurityGroup{}, invalid("Cannot use reserved security group name: %s", name)
	}
	if slices.ContainsFunc(n.groupsOf(vpcID), func(g SecurityGroup) bool { return g.Name == name }) {
		return SecurityGroup{}, awserr.New("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, vpcID)
	}
	return n.newGroup(tx, SecurityGroup{VPCID: vpcID, Name: name, Description: description})
}

func (n *Network) newGroup(tx *store.Tx, g SecurityGroup) (SecurityGroup, error) {
	var err error
	if g.ID == "" {
		if g.ID, err = n.NewID(tx, "sg-"); err != nil {
			return g, err
		}
	}
	out, err := n.withIDs(tx, []Rule{{Egress: true, Protocol: AllProtocols, CIDR: "0.0.0.0/0"}})
	if err != nil {
		return g, err
	}
	g.Rules = append(out, g.Rules...)
	return g, n.SecurityGroups.Put(tx, g.ID, g)
}

// createDefaultGroup makes the group of a VPC whose members reach each other.
func (n *Network) createDefaultGroup(tx *store.Tx, vpcID string) (SecurityGroup, error) {
	id, err := n.NewID(tx, "sg-")
	if err != nil {
		return SecurityGroup{}, err
	}
	return n.putDefaultGroup(tx, vpcID, id)
}

func (n *Network) putDefaultGroup(tx *store.Tx, vpcID, id string) (SecurityGroup, error) {
	in, err := n.withIDs(tx, []Rule{{Protocol: AllProtocols, GroupID: id}})
	if err != nil {
		return SecurityGroup{}, err
	}
	return n.newGroup(tx, SecurityGroup{ID: id, VPCID: vpcID, Name: defaultGroupName, Description: "default VPC security group", Rules: in})
}

// DeleteGroup deletes a group that no interface has and no other group refers
// to; it gives the ids of its rules.
func (n *Network) DeleteGroup(tx *store.Tx, id string) (rules []string, err error) {
	g, err := n.FindGroup(id)
	if err != nil {
		return nil, err
	}
	if g.isDefault() {
		return nil, awserr.New("CannotDelete", `the specified group: "%s" name: "%s" cannot be deleted by a user`, g.ID, g.Name)
	}
	has := func(i Interface) bool { return slices.Contains(i.Groups, id) }
	refers := func(o SecurityGroup) bool { return o.ID != id && o.refersTo(id) }
	if slices.ContainsFunc(n.Interfaces(), has) || slices.ContainsFunc(n.SecurityGroups.All(), refers) {
		return nil, dependency("resource %s has a dependent object", id)
	}
	for _, r := range g.Rules {
		rules = append(rules, r.ID)
	}
	n.SecurityGroups.Delete(tx, id)
	return rules, nil
}

// HasRule reports whether a group has a rule of an id.
func (n *Network) HasRule(id string) bool {
	return slices.ContainsFunc(n.SecurityGroups.All(), func(g SecurityGroup) bool {
		return slices.ContainsFunc(g.Rules, func(r Rule) bool { return r.ID == id })
	})
}
