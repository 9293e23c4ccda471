package groupfiles

import (
	"fmt"
	"maps"
	"slices"

	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/groupnodes"
	"github.com/drover-project/drover/internal/model"
)

// Begin adds groups to a snapshot, in the state that the rest of it shows. Where it has
// nodes, those with a group's label are the group's, and it has no others. Where it has
// none, each group begins with the nodes that its file says, on their way. fromScratch
// lets all of them begin with none. What is returned says so in words.
func Begin(snapshot *model.Snapshot, groups []model.NodeGroup, fromScratch bool) []string {
	var notices []string
	isCluster := len(snapshot.Nodes) > 0
	for i := range groups {
		g := &groups[i]
		switch {
		case fromScratch:
			g.Desired, g.UnitsBought = 0, map[model.CapacityType]int{}
			if g.Min > 0 {
				notices = append(notices, fmt.Sprintf("node group %s is planned from 0 nodes; it never has fewer than its minSize of %d", g.Name, g.Min))
			}
		case isCluster:
			adopt(g, snapshot)
			notices = append(notices, fmt.Sprintf("node group %s has the %d nodes of the input with its label, and may have %d", g.Name, g.Desired, g.Max))
		case g.Desired > 0:
			snapshot.Nodes = append(snapshot.Nodes, begin(g)...)
			notices = append(notices, fmt.Sprintf("node group %s begins with %d of at most %d nodes, which are filled first; what these cost is not in the plan", g.Name, g.Desired, g.Max))
		}
	}
	snapshot.NodeGroups = append(snapshot.NodeGroups, groups...)
	return notices
}

// adopt counts the nodes of a snapshot that carry the group's label.
func adopt(g *model.NodeGroup, snapshot *model.Snapshot) {
	g.Desired, g.UnitsBought = 0, map[model.CapacityType]int{}
	for i := range snapshot.Nodes {
		labels := snapshot.Nodes[i].Labels
		if labels[eksctl.NodeGroupNameLabel] != g.Name && labels[labelManaged] != g.Name {
			continue
		}
		g.Desired++
		g.InstancesByZone[labels[labelZone]]++
		g.UnitsBought[boughtAs(g, labels)]++
	}
	g.Max = max(g.Max, g.Desired)
}

// boughtAs is how a node was bought, by EKS's label or because the group buys one way.
func boughtAs(g *model.NodeGroup, labels map[string]string) model.CapacityType {
	if labels[labelCapacityType] == spotByEKS || g.OnDemandPercentage == 0 && g.OnDemandBase == 0 {
		return model.Spot
	}
	return model.OnDemand
}

// begin are the nodes that a new group launches first. Auto Scaling spreads them over
// its zones: what does not divide evenly may come in any.
func begin(g *model.NodeGroup) []model.Node {
	zones := slices.Sorted(maps.Keys(g.InstancesByZone))
	even := g.Desired / len(zones) * len(zones)
	onDemand := g.OnDemandAt(g.Desired)
	var kind string
	if len(g.Types) == 1 {
		kind = g.Types[0].Name
	}
	g.UnitsBought = map[model.CapacityType]int{model.OnDemand: onDemand, model.Spot: g.Desired - onDemand}
	var nodes []model.Node
	for i := range g.Desired {
		zone, bought := "", model.Spot
		if i < even {
			zone = zones[i%len(zones)]
			g.InstancesByZone[zone]++
		}
		if i < onDemand {
			bought = model.OnDemand
		}
		nodes = append(nodes, groupnodes.Expected(g, kind, zone, bought, fmt.Sprintf("%s-%d", g.Name, i+1)))
	}
	if even < g.Desired {
		g.InstancesByZone = nil
	}
	return nodes
}
