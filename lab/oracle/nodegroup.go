package oracle

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/model"
)

// groupNamed is the group with those of its offerings that it buys from, if any:
// nothing comes of Spot pools where all is bought on demand, nor the other way round.
// It is nil when there is none of that name.
func groupNamed(snapshot *model.Snapshot, name string) *model.NodeGroup {
	found := find(snapshot.NodeGroups, func(g *model.NodeGroup) bool { return g.Name == name })
	if found == nil {
		return nil
	}
	group := *found
	group.Types = slices.Clone(group.Types)
	for i := range group.Types {
		kind := &group.Types[i]
		comes := slices.DeleteFunc(slices.Clone(kind.Offerings), func(o model.Offering) bool {
			if o.CapacityType == model.Spot {
				return group.OnDemandPercentage == 100 || group.OnDemandBase > 0 && group.OnDemandBase >= group.Max
			}
			return group.OnDemandPercentage == 0 && group.OnDemandBase == 0
		})
		if len(comes) > 0 {
			kind.Offerings = comes
		}
	}
	return &group
}

// possibleNodes is how many different nodes a group may bring.
func possibleNodes(group *model.NodeGroup) int {
	count := 0
	for i := range group.Types {
		count += len(group.Types[i].Offerings)
	}
	return count
}

// arrivals are the zones in which a group's new nodes come up, as far as that
// is decided by how many there are in each: those to come for launches in a
// certain zone, and the others.
type arrivals struct {
	zones []string
}

// groupArrivals lets every growing group's nodes come up, each in the zone that
// has fewest, and of several in the one that choose picks. Groups of which
// nobody knows how many instances are where are not among them.
func groupArrivals(snapshot *model.Snapshot, plan *model.Plan, choose Choice) map[string]*arrivals {
	all := map[string]*arrivals{}
	for _, size := range plan.Groups {
		group := groupNamed(snapshot, size.Name)
		if group == nil || len(group.InstancesByZone) == 0 {
			continue
		}
		weight := 1
		for i := range group.Types {
			weight = max(weight, group.Types[i].Weight)
		}
		count := (size.To + weight - 1) / weight
		for _, have := range group.InstancesByZone {
			count -= have
		}
		came := &arrivals{zones: fill(group, count, choose)}
		came.forget(plan, group.Name, count-(size.To-size.From)/weight)
		all[group.Name] = came
	}
	return all
}

func groupZones(group *model.NodeGroup) []string {
	var zones []string
	for i := range group.Types {
		for _, offering := range group.Types[i].Offerings {
			zones = append(zones, offering.Zone)
		}
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

func fill(group *model.NodeGroup, count int, choose Choice) []string {
	have, came := map[string]int{}, []string(nil)
	for zone, number := range group.InstancesByZone {
		have[zone] = number
	}
	for i := range max(count, 0) {
		var fewest []string
		for _, zone := range groupZones(group) {
			switch {
			case len(fewest) == 0 || have[zone] < have[fewest[0]]:
				fewest = []string{zone}
			case have[zone] == have[fewest[0]]:
				fewest = append(fewest, zone)
			}
		}
		zone := fewest[choose(i, len(fewest))]
		have[zone]++
		came = append(came, zone)
	}
	return came
}

// forget leaves out nodes that were asked for before the plan, of those that its
// launches do not need.
func (a *arrivals) forget(plan *model.Plan, group string, earlier int) {
	needed := map[string]int{}
	for _, launch := range plan.Launches {
		if launch.NodeGroup == group {
			needed[launch.Offerings[0].Zone]++
		}
	}
	rest := slices.Clone(a.zones)
	a.zones = nil
	for _, zone := range rest {
		if needed[zone] > 0 {
			needed[zone]--
			a.zones = append(a.zones, zone)
		} else if earlier > 0 {
			earlier--
		} else {
			a.zones = append(a.zones, zone)
		}
	}
}

// take hands out a node of the zone, or of any that is left.
func (a *arrivals) take(zone string) string {
	if a == nil || len(a.zones) == 0 {
		return ""
	}
	at := max(slices.Index(a.zones, zone), 0)
	zone = a.zones[at]
	a.zones = slices.Delete(a.zones, at, at+1)
	return zone
}

// grow adds the nodes of all launches of groups, those in a certain zone first,
// and then those that come without being planned for.
func (c *Cluster) grow(snapshot *model.Snapshot, plan *model.Plan, choose Choice) error {
	came, bought := groupArrivals(snapshot, plan, choose), groupPurchases(snapshot, plan)
	for _, certain := range []bool{true, false} {
		for i := range plan.Launches {
			launch := &plan.Launches[i]
			if launch.NodeGroup == "" || certain != isCertain(bought[launch.NodeGroup], launch) {
				continue
			}
			group := groupNamed(snapshot, launch.NodeGroup)
			if group == nil {
				return fmt.Errorf("launch %d: there is no node group %q", i, launch.NodeGroup)
			}
			zone := came[group.Name].take(launch.Offerings[0].Zone)
			way := bought[group.Name].take(launch.Offerings[0].CapacityType, i, choose)
			if err := c.grown(fmt.Sprintf("launch-%d", i), asBought(group, way), pick(group, zone, i, choose), snapshot.DaemonSets); err != nil {
				return fmt.Errorf("launch %d: %w", i, err)
			}
		}
	}
	for _, size := range plan.Groups {
		group := groupNamed(snapshot, size.Name)
		for i := range size.Surplus {
			zone := came[size.Name].take("")
			way := bought[size.Name].take("", i, choose)
			if err := c.grown(fmt.Sprintf("surplus-%s-%d", size.Name, i), asBought(group, way), pick(group, zone, i, choose), snapshot.DaemonSets); err != nil {
				return fmt.Errorf("surplus of %s: %w", size.Name, err)
			}
		}
	}
	return nil
}

// pick chooses one of the nodes that may come in a zone, "" for any; it is its
// number among all that may come.
func pick(group *model.NodeGroup, zone string, index int, choose Choice) int {
	var there []int
	at := 0
	for i := range group.Types {
		for _, offering := range group.Types[i].Offerings {
			if zone == "" || offering.Zone == zone {
				there = append(there, at)
			}
			at++
		}
	}
	if len(there) == 0 {
		return possibleNodes(group)
	}
	return there[choose(index, len(there))]
}

// grown adds one of the nodes that the group may bring. It has no label of
// Karpenter's: those are for nodes of NodeClaims.
func (c *Cluster) grown(name string, group *model.NodeGroup, choice int, daemons []model.DaemonSet) error {
	for i := range group.Types {
		kind := &group.Types[i]
		if choice >= len(kind.Offerings) {
			choice -= len(kind.Offerings)
			continue
		}
		offering := kind.Offerings[choice]
		labels := map[string]string{corev1.LabelInstanceTypeStable: kind.Name, corev1.LabelTopologyZone: offering.Zone}
		if offering.ZoneID != "" {
			labels["topology.k8s.aws/zone-id"] = offering.ZoneID
		}
		for key, value := range kind.Labels {
			labels[key] = value
		}
		for key, value := range group.Labels {
			labels[key] = value
		}
		node := nodeObject(name, labels, lasting(group.Taints, group.StartupTaints), kind.Allocatable)
		c.later = append(c.later, node)
		c.storage.limit(name, kind.AttachLimits)
		for d := range daemons {
			c.daemon(node, &daemons[d])
		}
		return nil
	}
	return fmt.Errorf("node group %q has no such node that may come", group.Name)
}
