package check

import "github.com/drover-project/drover/internal/model"

// onDemandShare: of a NodePool that asks for it, so many launches are on demand,
// counted over its nodes, unless none of the others could be.
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
				if node.Labels["karpenter.sh/capacity-type"] != string(model.Spot) {
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
			case spot < len(launch.Offerings) && len(pool.Limits) == 0:
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
