package check

import (
	"fmt"
	"maps"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// surplus adds the nodes that come without pods: in any zone, and to be counted
// by whoever spreads.
func (a *audit) surplus() {
	for _, size := range a.plan.Groups {
		group := a.nodeGroup(size.Name)
		if group == nil {
			continue
		}
		for i := range size.Surplus {
			p := &place{name: fmt.Sprintf("surplus %d of %s", i, group.Name), shape: a.shapeOf(a.outcomesOf(group, ""))}
			a.places = append(a.places, p)
		}
	}
}

// zonesOf are the zones in which the group's nodes may come up, in order.
func zonesOf(group *model.NodeGroup) []string {
	var zones []string
	for i := range group.Types {
		for _, offering := range comesFrom(group, &group.Types[i]) {
			if !slices.Contains(zones, offering.Zone) {
				zones = append(zones, offering.Zone)
			}
		}
	}
	slices.Sort(zones)
	return zones
}

// groupZones: of a group's nodes as many are planned in each zone as come there
// even when every tie goes against it.
func (a *audit) groupZones(group *model.NodeGroup, nodes, surplus int) {
	planned := map[string]int{}
	for i := range a.plan.Launches {
		if launch := &a.plan.Launches[i]; launch.NodeGroup == group.Name && len(launch.Offerings) > 0 && launch.Offerings[0].Zone != "" {
			planned[launch.Offerings[0].Zone]++
		}
	}
	zones := zonesOf(group)
	if len(zones) == 1 && surplus == 0 {
		return
	}
	for _, zone := range slices.Sorted(maps.Keys(planned)) {
		count := planned[zone]
		if reason := a.zoneUncertain(group, zone); reason != "" {
			a.report("GroupZone", group.Name, "%s is not certain: %s", zone, reason)
		}
		if sure := leastIn(group, zone, nodes); count > sure {
			a.report("GroupZone", group.Name, "%d nodes are planned in %s; growing by %d may bring %d there", count, zone, nodes, sure)
		}
	}
	if len(planned) == 0 && surplus > 0 {
		a.report("GroupZone", group.Name, "has a surplus of %d that makes no zone certain", surplus)
	}
}

// leastIn is how many of the new nodes are sure to come up in a zone, besides
// those that the group is still about to bring.
func leastIn(group *model.NodeGroup, zone string, nodes int) int {
	missing := (group.Desired + unit(group) - 1) / unit(group)
	for _, count := range group.InstancesByZone {
		missing -= count
	}
	missing = max(missing, 0)
	return unluckiest(group, zone, missing+nodes) - unluckiest(group, zone, missing)
}

// unluckiest is how many of so many instances come up in a zone when each goes to
// the zone that has fewest and, of several, to another one.
func unluckiest(group *model.NodeGroup, zone string, instances int) int {
	have := map[string]int{}
	for name, count := range group.InstancesByZone {
		have[name] = count
	}
	before, zones := have[zone], zonesOf(group)
	for range instances {
		next := zone
		for _, other := range zones {
			if have[other] < have[next] || have[other] == have[next] && next == zone {
				next = other
			}
		}
		have[next]++
	}
	return have[zone] - before
}

// zoneUncertain says why no node of the group can be told to come up in a zone.
func (a *audit) zoneUncertain(group *model.NodeGroup, zone string) string {
	open, kinds := map[model.CapacityType]bool{}, map[model.CapacityType]bool{}
	for i := range group.Types {
		if max(group.Types[i].Weight, 1) != unit(group) {
			return "its types differ in weight"
		}
		for _, offering := range group.Types[i].Offerings {
			kinds[offering.CapacityType] = true
			if offering.Zone == zone && offering.UnavailableReason == "" {
				open[offering.CapacityType] = true
			}
		}
	}
	switch {
	case len(group.InstancesByZone) == 0:
		return "nobody knows how many instances are where"
	case group.UncertainZones[zone] != "":
		return group.UncertainZones[zone]
	case len(open) == 0:
		return "no pool there has capacity"
	}
	return ""
}

// rightWhereverOneComes reports whether the plan breaks no rule in whichever zone
// one of the launches comes up that are planned in any. Of launches that are alike
// one is enough.
func (a *audit) rightWhereverOneComes() bool {
	wrong, certain := a.wrongPlaces()
	if certain || len(wrong) > 1 {
		return false
	}
	tried := map[string]bool{}
	for i := range a.plan.Launches {
		launch := &a.plan.Launches[i]
		group := a.nodeGroup(launch.NodeGroup)
		if group == nil || len(launch.Offerings) == 0 || launch.Offerings[0].Zone != "" {
			continue
		}
		zones := zonesOf(group)
		if like := a.likeness(launch); len(zones) > 1 && !tried[like] {
			tried[like] = true
			toBlame := len(wrong) == 0 || wrong[launchName(i)]
			if toBlame && !slices.ContainsFunc(zones, func(zone string) bool { return !a.rightIn(i, zone) }) {
				return true
			}
		}
	}
	return false
}

// wrongPlaces are those that break rules by themselves and that a zone may mend.
// It is certain that the plan is wrong where something is that no zone mends.
func (a *audit) wrongPlaces() (wrong map[string]bool, certain bool) {
	wrong = map[string]bool{}
	for _, v := range a.found {
		switch v.Rule {
		case "TopologySpread", "PodAffinity", "PodAntiAffinity": // look at all places
		case "Resources", "Taints", "NodeAffinity", "HostPorts", "VolumeLimit":
			wrong[v.Where] = true
		default:
			certain = true
		}
	}
	return wrong, certain
}

// rightIn looks again at what depends on where a launch comes up, with the launch
// in a certain zone.
func (a *audit) rightIn(launch int, zone string) bool {
	p := a.places[len(a.snapshot.Nodes)+launch]
	anywhere, found := p.shape, a.findings
	defer func() { p.shape, a.findings = anywhere, found }()
	a.findings = findings{}
	a.groupLaunch(p, &a.plan.Launches[launch], zone)
	a.attachments(p)
	for _, look := range []func(){a.antiAffinity, a.spread, a.affinity} {
		if len(a.found) > 0 {
			return false
		}
		look()
	}
	return len(a.found) == 0
}

// likeness tells launches of groups apart by what rules see of them.
func (a *audit) likeness(launch *model.Launch) string {
	like := []string{launch.NodeGroup, string(launch.Offerings[0].CapacityType)}
	for _, key := range launch.Pods {
		if pod := a.pending[key]; pod != nil {
			like = append(like, text([]any{a.kinds[pod].id, pod.Volumes}))
		}
	}
	slices.Sort(like[2:])
	return text(like)
}
