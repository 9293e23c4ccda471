package groups

import (
	"cmp"
	"maps"
	"slices"

	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/world"
)

// rebalance launches one instance more than desired where the group is not as
// it is to be, so that resize ends another once that one is in service: the mix
// of purchase options first, then the balance of the zones.
func (r *Round) rebalance() {
	if !r.atRest() {
		return
	}
	if r.Group.Mixed != nil && r.remix() {
		return
	}
	if r.Runs(AZRebalance) {
		r.balanceZones()
	}
}

// atRest reports whether the group has what it is to have, all in service.
func (r *Round) atRest() bool {
	if r.Group.Deleting || !r.Runs(Launch) || !r.Runs(Terminate) || r.Actual() < r.Group.Desired || r.Group.Desired == 0 {
		return false
	}
	return !slices.ContainsFunc(r.Members, func(m *world.Member) bool {
		return moving(m)
	})
}

// remix launches an instance of the purchase option that there is too little of.
func (r *Round) remix() bool {
	onDemand, wanted := r.units(false), onDemandOf(r.Group, r.Group.Desired)
	market := ""
	switch {
	case onDemand < wanted && r.units(true) > 0:
		market = ec2api.OnDemand
	case r.spare(onDemand - wanted):
		market = ec2api.Spot
	default:
		return false
	}
	if r.restsAll() {
		return false
	}
	r.launchExtra(market, r.Group.Zones, r.because("an instance was launched to meet the group's distribution of On-Demand and Spot Instances, "+
		"resulting in more than desired number of instances in the group."))
	return true
}

// spare reports whether an on-demand instance is within a surplus.
func (r *Round) spare(surplus int) bool {
	return slices.ContainsFunc(r.Members, func(m *world.Member) bool { return Counts(m) && !m.Spot && !m.Protected && m.Weight <= surplus })
}

// restsAll reports whether every zone fell short lately.
func (r *Round) restsAll() bool {
	return !slices.ContainsFunc(r.Group.Zones, func(zone string) bool { return !r.rests(zone) })
}

// balanceZones launches an instance in the emptiest zone when the fullest has
// two more, or when there are instances in a zone that is not the group's.
func (r *Round) balanceZones() {
	open := slices.DeleteFunc(slices.Clone(r.Group.Zones), r.rests)
	if len(open) == 0 {
		return
	}
	counts, spare := r.zoneCounts()
	emptiest := slices.MinFunc(open, func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
	fullest := ""
	for _, zone := range slices.Sorted(maps.Keys(counts)) {
		uneven := counts[zone]-counts[emptiest] >= 2 || !slices.Contains(r.Group.Zones, zone)
		if uneven && spare[zone] && (fullest == "" || counts[zone] > counts[fullest]) {
			fullest = zone
		}
	}
	if fullest == "" {
		return
	}
	r.launchExtra(r.marketIn(fullest), []string{emptiest}, r.because("instances were launched to balance instances in zones %s with other zones "+
		"resulting in more than desired number of instances in the group.", emptiest))
}

// zoneCounts are the instances of each zone, and where one may go.
func (r *Round) zoneCounts() (counts map[string]int, spare map[string]bool) {
	counts, spare = map[string]int{}, map[string]bool{}
	for _, m := range r.Members {
		if Counts(m) {
			counts[m.Zone]++
			spare[m.Zone] = spare[m.Zone] || !m.Protected
		}
	}
	return counts, spare
}

// marketIn is the purchase option of what goes from a zone.
func (r *Round) marketIn(zone string) string {
	if r.Group.Mixed == nil {
		return ec2api.AsTemplate
	}
	hasSpot := slices.ContainsFunc(r.Members, func(m *world.Member) bool { return Counts(m) && m.Spot && m.Zone == zone })
	if hasSpot {
		return ec2api.Spot
	}
	return ec2api.OnDemand
}

// launchExtra launches one instance more than desired in one of the zones.
func (r *Round) launchExtra(market string, zones []string, cause string) {
	options, err := r.keeper.Options(r.Group, market)
	if err != nil {
		return // the next ordinary launch says so
	}
	l := &launching{Round: r, cause: cause, extra: true}
	places := slices.DeleteFunc(r.places(), func(p place) bool { return !slices.Contains(zones, p.zone) || r.rests(p.zone) })
	load := r.load(places)
	for len(places) > 0 {
		least := slices.Index(load, slices.Min(load))
		if _, complete := l.in(places[least], market, 1, options); complete {
			return
		}
		places, load = slices.Delete(places, least, least+1), slices.Delete(load, least, least+1)
	}
}
