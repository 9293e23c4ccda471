package check

import (
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// outcomesOf are the nodes that a group's launch may turn out to be: of each type, in
// each zone and bought in each way that may be, or in the one way that is planned.
func (a *audit) outcomesOf(group *model.NodeGroup, planned model.CapacityType) []*variant {
	key := way{group.Name, planned}
	if all, known := a.outcomes[key]; known {
		return all
	}
	var all []*variant
	for i := range group.Types {
		kind := &group.Types[i]
		seen := map[string]bool{}
		for _, offering := range comesFrom(group, kind) {
			if seen[offering.Zone] {
				continue
			}
			seen[offering.Zone] = true
			for _, how := range waysOf(group, planned) {
				all = append(all, a.numbered(variant{labels: outcomeLabels(group, kind, offering, how),
					taints:      without(append(slices.Clone(group.Taints), group.ByCapacityType[how].Taints...), group.StartupTaints),
					allocatable: kind.Allocatable, limits: kind.AttachLimits, zone: offering.Zone}))
			}
		}
	}
	a.outcomes[key] = all
	return all
}

// comesFrom are the offerings of a type from which a node may come: of a group that
// never buys Spot those on demand, of one that buys nothing else Spot, as far as
// there are any.
func comesFrom(group *model.NodeGroup, kind *model.GroupType) []model.Offering {
	never := model.CapacityType("")
	switch {
	case group.OnDemandPercentage == 100 || group.OnDemandBase >= group.Max && group.OnDemandBase > 0:
		never = model.Spot
	case group.OnDemandPercentage == 0 && group.OnDemandBase == 0:
		never = model.OnDemand
	}
	others := slices.DeleteFunc(slices.Clone(kind.Offerings), func(o model.Offering) bool { return o.CapacityType == never })
	if len(others) == 0 {
		return kind.Offerings
	}
	return others
}

func waysOf(group *model.NodeGroup, planned model.CapacityType) []model.CapacityType {
	if len(group.ByCapacityType) == 0 || planned != "" {
		return []model.CapacityType{planned}
	}
	return []model.CapacityType{model.OnDemand, model.Spot}
}

func outcomeLabels(group *model.NodeGroup, kind *model.GroupType, offering model.Offering, way model.CapacityType) map[string]string {
	labels := map[string]string{"node.kubernetes.io/instance-type": kind.Name}
	if offering.Zone != "" {
		labels["topology.kubernetes.io/zone"] = offering.Zone
	}
	if offering.ZoneID != "" {
		labels["topology.k8s.aws/zone-id"] = offering.ZoneID
	}
	for _, own := range []map[string]string{kind.Labels, group.ByCapacityType[way].Labels, group.Labels} {
		for key, value := range own {
			labels[key] = value
		}
	}
	labels["kubernetes.io/hostname"] = unknownName
	return labels
}

func union(all, more []model.Taint) []model.Taint {
	for _, taint := range more {
		if !slices.Contains(all, taint) {
			all = append(slices.Clone(all), taint)
		}
	}
	return all
}

// groupWays: of a growth as many nodes are planned bought in each way as come like
// that. It returns 1 where that may make a group grow by more than it has launches,
// and 0 where not.
func (a *audit) groupWays(group *model.NodeGroup, nodes int) int {
	if len(group.ByCapacityType) == 0 {
		return 0
	}
	planned := map[model.CapacityType]int{}
	for i := range a.plan.Launches {
		if launch := &a.plan.Launches[i]; launch.NodeGroup == group.Name && len(launch.Offerings) > 0 && launch.Offerings[0].CapacityType != "" {
			planned[launch.Offerings[0].CapacityType]++
		}
	}
	came, sure := a.bought(group, nodes)
	for _, way := range []model.CapacityType{model.OnDemand, model.Spot} {
		switch {
		case planned[way] > 0 && !sure:
			a.report("GroupWay", group.Name, "nobody knows how its next nodes are bought; %d are planned %s", planned[way], way)
		case planned[way] > came[way]:
			a.report("GroupWay", group.Name, "%d nodes are planned %s; growing by %d brings %d", planned[way], way, nodes, came[way])
		}
	}
	if len(planned) > 0 && len(came) > 1 {
		return 1
	}
	return 0
}

// bought lets Auto Scaling launch one instance after the other, on demand as long as
// it has too few of those. It is not sure where the instances are not known.
func (a *audit) bought(group *model.NodeGroup, nodes int) (came map[model.CapacityType]int, sure bool) {
	came = map[model.CapacityType]int{}
	onDemand, spot := group.UnitsBought[model.OnDemand], group.UnitsBought[model.Spot]
	pure := group.OnDemandPercentage == 100 || group.OnDemandPercentage == 0 && group.OnDemandBase == 0 || group.OnDemandBase >= group.Max
	if pure {
		way := model.OnDemand
		if group.OnDemandPercentage == 0 && group.OnDemandBase == 0 {
			way = model.Spot
		}
		came[way] = nodes
		return came, true
	}
	if group.UnitsBought == nil || onDemand+spot > group.Desired {
		return came, false
	}
	weight := unit(group)
	for size := onDemand + spot; size < group.Desired+nodes*weight; size++ {
		// The share is that of the size that is asked for, first the one of now.
		goal := group.Desired
		if size >= group.Desired {
			goal = group.Desired + nodes*weight
		}
		wanted := min(goal, group.OnDemandBase)
		wanted += ((goal-wanted)*group.OnDemandPercentage + 99) / 100
		way := model.Spot
		if onDemand < wanted {
			way = model.OnDemand
			onDemand++
		}
		if size >= group.Desired {
			came[way]++
		}
	}
	for way := range came {
		if weight > 1 && len(came) > 1 {
			return came, false
		}
		came[way] /= weight
	}
	return came, true
}
