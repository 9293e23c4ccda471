package check

import (
	"fmt"

	"github.com/drover-project/drover/internal/model"
)

// groupLaunch checks one node that a group's growth brings as every node that
// it may turn out to be: in the zone or, without one, where it is planned.
func (a *audit) groupLaunch(p *place, launch *model.Launch, zone string) {
	group := a.nodeGroup(launch.NodeGroup)
	if group == nil || group.NotReadyReason != "" || len(group.Types) == 0 {
		a.report("NodeGroup", p.name, "%s does not exist or cannot grow", launch.NodeGroup)
		return
	}
	if len(launch.Offerings) != 1 || len(launch.Pods) == 0 || len(launch.Requirements) > 0 || launch.NodePool != "" {
		a.report("Launch", p.name, "of a node group has other than one offering, pods, and neither requirements nor a NodePool")
	}
	way := model.CapacityType("")
	if len(launch.Offerings) > 0 {
		way = launch.Offerings[0].CapacityType
	}
	if zone == "" && len(launch.Offerings) > 0 && len(zonesOf(group)) > 1 {
		zone = launch.Offerings[0].Zone
	}
	var variants []*variant
	for _, v := range a.outcomesOf(group, way) {
		if zone == "" || v.zone == zone {
			variants = append(variants, v)
			a.node(p, v, "")
		}
	}
	p.shape = a.shapeOf(variants)
	for _, offering := range launch.Offerings {
		a.groupPrice(p.name, group, offering)
	}
}

func (a *audit) nodeGroup(name string) *model.NodeGroup {
	for i := range a.snapshot.NodeGroups {
		if a.snapshot.NodeGroups[i].Name == name {
			return &a.snapshot.NodeGroups[i]
		}
	}
	return nil
}

// groupPrice: what is expected lies between the cheapest and the dearest node
// that may come, and a pool with capacity is among them.
func (a *audit) groupPrice(name string, group *model.NodeGroup, offering model.Offering) {
	most := unit(group)
	least, dearest := -1.0, 0.0
	for i := range group.Types {
		for _, o := range group.Types[i].Offerings {
			price := o.PricePerHour * float64(most) / float64(max(group.Types[i].Weight, 1))
			if least < 0 || price < least {
				least = price
			}
			dearest = max(dearest, price)
		}
	}
	if offering.PricePerHour < least-1e-6 || offering.PricePerHour > dearest+1e-6 || !(offering.PricePerHour > 0) {
		a.report("Offering", name, "expects %f, its nodes cost from %f to %f", offering.PricePerHour, least, dearest)
	}
}

func unit(group *model.NodeGroup) int {
	most := 1
	for i := range group.Types {
		most = max(most, group.Types[i].Weight)
	}
	return most
}

// groupSizes: each group with launches grows by what they take at most, within
// its maximum, and no other does.
func (a *audit) groupSizes() {
	nodes := map[string]int{}
	for _, launch := range a.plan.Launches {
		if launch.NodeGroup != "" {
			nodes[launch.NodeGroup]++
		}
	}
	last := ""
	for _, size := range a.plan.Groups {
		group := a.nodeGroup(size.Name)
		if group == nil {
			a.report("NodeGroup", size.Name, "does not exist")
			continue
		}
		if want := group.Desired + (nodes[size.Name]+size.Surplus)*unit(group); size.Surplus < 0 || size.From != group.Desired || size.To != want || nodes[size.Name] == 0 || size.To > group.Max {
			a.report("Groups", size.Name, "goes from %d to %d; it has %d, needs %d for its %d launches and a surplus of %d, and may have %d",
				size.From, size.To, group.Desired, want, nodes[size.Name], size.Surplus, group.Max)
		}
		ways := a.groupWays(group, nodes[size.Name]+size.Surplus)
		a.groupZones(group, nodes[size.Name]+size.Surplus, size.Surplus*(1-ways))
		if size.Name <= last {
			a.report("Groups", size.Name, "is not in order of name")
		}
		last = size.Name
		delete(nodes, size.Name)
	}
	if len(nodes) > 0 {
		a.report("Groups", "plan", "has launches of groups without a size: %s", fmt.Sprint(nodes))
	}
}
