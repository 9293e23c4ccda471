package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl"
)

// Choice is the subnets for a group, and what people may want to know of it.
type Choice struct {
	IDs  []string
	Note string
}

// ChooseSubnets picks a group's subnets: those that are named, those of the named
// zones, or the private or public ones of the cluster. offered says whether a
// zone has the instance types; nil means every zone has.
func ChooseSubnets(c *Context, g *eksctl.NodeGroupBase, offered func(zone string) bool) (Choice, error) {
	if len(g.Subnets) > 0 {
		return named(c, g)
	}
	all := c.Cluster.Subnets
	wanted := slices.DeleteFunc(slices.Clone(all), func(s eks.Subnet) bool { return s.Public == g.PrivateNetworking })
	note := ""
	if len(wanted) == 0 && !g.PrivateNetworking && len(all) > 0 {
		wanted, note = all, fmt.Sprintf("cluster %q has no public subnets: node group %q uses its private ones", c.Cluster.Name, g.Name)
	}
	if len(wanted) == 0 {
		return Choice{}, fmt.Errorf("node group %q: cluster %q has no private subnet; leave privateNetworking out, or name subnets", g.Name, c.Cluster.Name)
	}
	if len(g.AvailabilityZones) > 0 {
		for _, zone := range g.AvailabilityZones {
			if !slices.ContainsFunc(wanted, func(s eks.Subnet) bool { return s.Zone == zone }) {
				return Choice{}, fmt.Errorf("node group %q: the cluster has no such subnet in availability zone %q; it has %s", g.Name, zone, zones(wanted))
			}
		}
		wanted = slices.DeleteFunc(slices.Clone(wanted), func(s eks.Subnet) bool { return !slices.Contains(g.AvailabilityZones, s.Zone) })
	}
	var choice Choice
	for _, subnet := range wanted {
		if offered == nil || offered(subnet.Zone) {
			choice.IDs = append(choice.IDs, subnet.ID)
		}
	}
	if len(choice.IDs) == 0 {
		return Choice{}, fmt.Errorf("node group %q: none of the zones %s has its instance types", g.Name, zones(wanted))
	}
	slices.Sort(choice.IDs)
	choice.Note = note
	return choice, nil
}

func zones(subnets []eks.Subnet) string {
	all := map[string]bool{}
	for _, subnet := range subnets {
		all[subnet.Zone] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(all)), ", ")
}

// named takes ids, and names that the file's vpc.subnets gives to ids.
func named(c *Context, g *eksctl.NodeGroupBase) (Choice, error) {
	var choice Choice
	for _, name := range g.Subnets {
		id := name
		if !strings.HasPrefix(name, "subnet-") {
			id = ""
			if v := c.Config.VPC; v != nil && v.Subnets != nil {
				for _, by := range []map[string]eksctl.AZSubnet{v.Subnets.Private, v.Subnets.Public} {
					if subnet, ok := by[name]; ok && subnet.ID != "" {
						id = subnet.ID
					}
				}
			}
		}
		if id == "" {
			return Choice{}, fmt.Errorf("node group %q: subnet %q is no id such as subnet-0123456789abcdef0, and vpc.subnets has no such name", g.Name, name)
		}
		choice.IDs = append(choice.IDs, id)
	}
	return choice, nil
}
