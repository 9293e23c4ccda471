package groups

import (
	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/fleet"
	"github.com/drover-project/drover/lab/region/world"
)

// strategyRanks give each instance its place in the order in which the group's
// allocation strategy would launch now: the higher, the sooner it may go.
func (r *Round) strategyRanks() map[string]float64 {
	options, err := r.keeper.Options(r.Group, ec2api.OnDemand)
	if err != nil {
		return nil
	}
	priorities := map[string]int{}
	for i, o := range options {
		if _, known := priorities[string(o.Data.InstanceType)]; !known {
			priorities[string(o.Data.InstanceType)] = i
		}
	}
	ranks := map[string]float64{}
	for _, m := range r.Members {
		priority, known := priorities[m.Type]
		if !known {
			priority = len(options)
		}
		ranks[m.InstanceID] = r.rank(m, priority)
	}
	return ranks
}

func (r *Round) rank(m *world.Member, priority int) float64 {
	d := r.Group.Mixed.InstancesDistribution
	strategy := d.OnDemandAllocationStrategy
	if m.Spot {
		strategy = d.SpotAllocationStrategy
	}
	switch s := fleet.Strategy(*strategy); s {
	case fleet.Prioritized:
		return float64(priority)
	case fleet.CapacityOptimized, fleet.CapacityOptimizedPrioritized:
		return -float64(r.world.Depth(world.Pool{InstanceType: m.Type, Zone: m.Zone}))
	default:
		pool := world.Pool{InstanceType: m.Type, Zone: m.Zone, CapacityType: world.Instance{Spot: m.Spot}.CapacityType()}
		usd, _ := r.world.Price(pool)
		return usd / float64(m.Weight)
	}
}
