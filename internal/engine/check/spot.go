package check

import (
	"slices"

	"github.com/drover-project/drover/internal/model"
)

func isBound(pool *model.NodePool) bool {
	return len(pool.Limits) > 0 || slices.ContainsFunc(pool.Requirements, func(r model.Requirement) bool { return r.MinValues > 1 })
}

// onDemandShare: of a NodePool that asks for it, so many launches are on demand,
// counted over its nodes, unless none of the others could be. Limits and minValues
// may be in the way of those that list both.
func (a *audit) onDemandShare() {
	for i := range a.snapshot.NodePools {
		pool := &a.snapshot.NodePools[i]
		if pool.OnDemand == nil {
			continue
		}
		nodes, onDemand, either := 0, 0, 0
		for j := range a.snapshot.Nodes {
			if node := &a.snapshot.Nodes[j]; node.NodePool == pool.Name {
				nodes++
				if how := node.Labels["karpenter.sh/capacity-type"]; how != "" && how != string(model.Spot) {
					onDemand++
				}
			}
		}
		for j := range a.plan.Launches {
			launch := &a.plan.Launches[j]
			if launch.NodePool != pool.Name || launch.NodeGroup != "" {
				continue
			}
			nodes++
			spot := 0
			for _, offering := range launch.Offerings {
				if offering.CapacityType == model.Spot {
					spot++
				}
			}
			switch {
			case spot == 0:
				onDemand++
			case spot < len(launch.Offerings) && !isBound(pool):
				either++
			}
		}
		wanted := min(pool.OnDemand.Base, nodes)
		for above := nodes - wanted; above*pool.OnDemand.Percentage > (wanted-min(pool.OnDemand.Base, nodes))*100; {
			wanted++
		}
		if onDemand < wanted && either > 0 {
			a.report("OnDemandShare", pool.Name, "has %d of %d nodes on demand and asks for %d; %d of its launches could be", onDemand, nodes, wanted, either)
		}
	}
}
