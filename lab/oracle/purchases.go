package oracle

import (
	"maps"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// purchases are how the new nodes of a group are bought whose nodes differ by that,
// as far as nobody has taken them.
type purchases struct {
	left map[model.CapacityType]int
	// known is not set where nobody knows how the group's instances were bought.
	known bool
	// mixed is set where the new nodes are bought in both ways.
	mixed bool
}

// groupPurchases buys on demand what each group has too little of at its new size,
// and the rest as Spot.
func groupPurchases(snapshot *model.Snapshot, plan *model.Plan) map[string]*purchases {
	all := map[string]*purchases{}
	for _, size := range plan.Groups {
		group := find(snapshot.NodeGroups, func(g *model.NodeGroup) bool { return g.Name == size.Name })
		if group == nil || len(group.ByCapacityType) == 0 {
			continue
		}
		have := group.UnitsBought[model.OnDemand]
		missing := max(0, group.Desired-have-group.UnitsBought[model.Spot])
		have += min(max(onDemandShare(group, size.From)-have, 0), missing)
		units := size.To - size.From
		onDemand := min(max(onDemandShare(group, size.To)-have, 0), units)
		pure := group.OnDemandPercentage == 100 || group.OnDemandBase >= group.Max || group.OnDemandPercentage == 0 && group.OnDemandBase == 0
		if pure {
			onDemand = units
			if group.OnDemandPercentage == 0 && group.OnDemandBase == 0 {
				onDemand = 0
			}
		}
		all[group.Name] = &purchases{known: pure || group.UnitsBought != nil, mixed: onDemand > 0 && onDemand < units,
			left: map[model.CapacityType]int{model.OnDemand: onDemand, model.Spot: units - onDemand}}
	}
	return all
}

func onDemandShare(group *model.NodeGroup, size int) int {
	if size <= group.OnDemandBase {
		return size
	}
	return group.OnDemandBase + ((size-group.OnDemandBase)*group.OnDemandPercentage+99)/100
}

// isCertain reports whether a launch is for a node that is certain in its zone, or in
// how it is bought: it comes before those that may be any.
func isCertain(bought *purchases, launch *model.Launch) bool {
	if bought != nil && bought.mixed {
		return launch.Offerings[0].CapacityType != ""
	}
	return launch.Offerings[0].Zone != ""
}

// take hands out a node bought in the planned way, or in any that is left.
func (p *purchases) take(planned model.CapacityType, index int, choose Choice) model.CapacityType {
	if p == nil {
		return ""
	}
	if planned != "" && p.left[planned] > 0 {
		p.left[planned]--
		return planned
	}
	var open []model.CapacityType
	for _, way := range slices.Sorted(maps.Keys(p.left)) {
		if p.left[way] > 0 || !p.known {
			open = append(open, way)
		}
	}
	if len(open) == 0 {
		return planned
	}
	way := open[choose(index, len(open))]
	p.left[way]--
	return way
}

// asBought is the group as it brings a node that is bought in the way.
func asBought(group *model.NodeGroup, way model.CapacityType) *model.NodeGroup {
	own := group.ByCapacityType[way]
	if way == "" || len(own.Labels)+len(own.Taints) == 0 {
		return group
	}
	bought := *group
	bought.Labels = maps.Clone(own.Labels)
	if bought.Labels == nil {
		bought.Labels = map[string]string{}
	}
	maps.Copy(bought.Labels, group.Labels)
	bought.Taints = append(slices.Clone(group.Taints), own.Taints...)
	return &bought
}
