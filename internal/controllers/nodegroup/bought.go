package nodegroup

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// discountReplaced leaves out of how the group's units were bought the instances for
// which it launches others: those are bought as its shares ask for without them.
func (g *Group) discountReplaced() {
	if g.UnitsBought == nil {
		return
	}
	g.UnitsBought = maps.Clone(g.UnitsBought)
	for _, instance := range g.Instances {
		if !instance.IsLeaving() && isReplaced(g, instance) {
			g.UnitsBought[instance.CapacityType] -= instance.Weight
		}
	}
}

// placeholderWays are how the instances that the group is still to bring are bought,
// "" for each where that is not certain.
func (g *Group) placeholderWays() []model.CapacityType {
	ways := make([]model.CapacityType, g.Placeholders)
	onDemand, spot, known := g.MissingBought()
	if !known || g.Unit() > 1 || onDemand+spot != g.Placeholders {
		return ways
	}
	for i := range ways {
		ways[i] = model.Spot
		if i < onDemand {
			ways[i] = model.OnDemand
		}
	}
	return ways
}

// placeholders are the instances that the group is still to bring, with what is
// certain of each. Where they are bought in both ways, which of them comes up in
// which zone is not.
func (g *Group) placeholders() []cloud.GroupInstance {
	zones, ways := g.placeholderZones(), g.placeholderWays()
	mixed := len(ways) > 0 && len(g.ByCapacityType) > 0 && ways[0] != ways[len(ways)-1]
	list := make([]cloud.GroupInstance, g.Placeholders)
	for i := range list {
		list[i].CapacityType = ways[i]
		if !mixed {
			list[i].Zone = zones[i]
		}
	}
	return list
}

// doubtWays takes back what was read about how nodes are bought where one of them,
// made from what the next ones will be made from, shows something else.
func (g *Group) doubtWays(ready []*corev1.Node) {
	if len(g.ByCapacityType) == 0 {
		return
	}
	members := map[string]cloud.GroupInstance{}
	for _, instance := range g.Instances {
		members[instance.ProviderID] = instance
	}
	for _, node := range ready {
		member := members[node.Spec.ProviderID]
		if !member.Current || member.CapacityType == "" {
			continue
		}
		for key, want := range g.ByCapacityType[member.CapacityType].Labels {
			if value, there := node.Labels[key]; !there || value != want {
				g.doubtLabel(key, fmt.Sprintf("node %s was bought %s and has not the %s=%s of its user data", node.Name, member.CapacityType, key, want))
			}
		}
	}
}

func (g *Group) doubtLabel(key, why string) {
	g.UncertainLabels = maps.Clone(g.UncertainLabels)
	if g.UncertainLabels == nil {
		g.UncertainLabels = map[string]string{}
	}
	if g.UncertainLabels[key] != "" {
		return
	}
	g.UncertainLabels[key] = why
	g.Unread = append(slices.Clone(g.Unread), why)
	doubted := map[model.CapacityType]model.Traits{}
	for way, own := range g.ByCapacityType {
		own.Labels = maps.Clone(own.Labels)
		delete(own.Labels, key)
		doubted[way] = own
	}
	g.ByCapacityType = doubted
}

// isMixed reports whether the group buys on demand and as Spot.
func isMixed(g *model.NodeGroup) bool {
	return g.OnDemandPercentage < 100 && (g.OnDemandBase > 0 || g.OnDemandPercentage > 0)
}

// dependsOnWay reports whether a label may be another on a node that is bought
// otherwise, whatever the nodes have alike that are there.
func (g *Group) dependsOnWay(key string) bool {
	for _, own := range g.ByCapacityType {
		if _, depends := own.Labels[key]; depends {
			return true
		}
	}
	return g.UncertainLabels[key] != "" && isMixed(&g.NodeGroup.NodeGroup)
}

// taintDependsOnWay is dependsOnWay for a taint.
func (g *Group) taintDependsOnWay(taint model.Taint) bool {
	for _, own := range g.ByCapacityType {
		if slices.ContainsFunc(own.Taints, func(t model.Taint) bool { return t.Key == taint.Key && t.Effect == taint.Effect }) {
			return true
		}
	}
	return false
}
