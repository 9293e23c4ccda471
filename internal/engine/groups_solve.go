package engine

import (
	"math"

	"github.com/drover-project/drover/internal/model"
)

// solveGroups decides over node groups and NodePools at once. Where a zone had to
// be made certain at the price of nodes that nobody needs, a plan that does
// without is made too, and the better one kept.
func solveGroups(snapshot *model.Snapshot, settings model.Settings, proof int) (model.Plan, model.Report) {
	snapshot = withWays(snapshot)
	as := assumed{byZone: zoneTied(snapshot), withdrawn: map[string]bool{}}
	as.hopeful = as.byZone
	best := priceGroups(snapshot, settings, proof, as)
	steps := best.report.Steps
	if as.hopeful = false; !best.fits(snapshot) {
		best = priceGroups(snapshot, settings, proof, as)
		steps += best.report.Steps
	}
	for _, size := range best.plan.Groups {
		as.withdrawn[size.Name] = size.Surplus > 0
	}
	if best.surplus() > 0 {
		without := priceGroups(snapshot, settings, proof, as)
		steps += without.report.Steps
		if without.betterThan(best) {
			without.boundBy(best)
			best = without
		}
	}
	best.report.Steps = steps
	return best.plan, best.report
}

// priceGroups makes a plan again and again until the prices that it assumes are
// those of the sizes that it comes to, because part of a group may be bought on
// demand and part as Spot. The one that really costs least is kept.
func priceGroups(snapshot *model.Snapshot, settings model.Settings, proof int, as assumed) *groupPlan {
	as.growth = map[string]int{}
	steps := 0
	var best *groupPlan
	for range maxPricings {
		next := &groupPlan{}
		next.plan, next.report = solveAll(lowered(snapshot, as), settings, proof)
		steps += next.report.Steps
		settled := next.settle(snapshot, as.growth, settings)
		if best == nil || next.betterThan(best) {
			best = next
		}
		if settled {
			break
		}
		as.growth = next.growth
	}
	best.report.Steps = steps
	return best
}

// groupPlan is a plan with node groups and by how many nodes they grow.
type groupPlan struct {
	plan   model.Plan
	report model.Report
	growth map[string]int
	placed int
}

// fits reports whether the groups stay within their maximum sizes.
func (p *groupPlan) fits(snapshot *model.Snapshot) bool {
	for _, size := range p.plan.Groups {
		for i := range snapshot.NodeGroups {
			if g := &snapshot.NodeGroups[i]; g.Name == size.Name && size.To > g.Max {
				return false
			}
		}
	}
	return true
}

func (p *groupPlan) surplus() int {
	sum := 0
	for _, size := range p.plan.Groups {
		sum += size.Surplus
	}
	return sum
}

// boundBy takes over the bound of a plan that had more to buy: what that plan
// places costs as much in every other, and this one places all of it.
func (p *groupPlan) boundBy(wider *groupPlan) {
	missing := map[model.PodKey]bool{}
	for _, reason := range wider.report.Unplaced {
		for _, key := range reason.Pods {
			missing[key] = true
		}
	}
	p.report.Bound, p.report.Gap = wider.report.Bound, 0
	for _, reason := range p.report.Unplaced {
		for _, key := range reason.Pods {
			if !missing[key] {
				p.report.Bound = 0
			}
		}
	}
	p.measure()
}

func (p *groupPlan) measure() {
	if p.report.Bound > 0 {
		p.report.Gap = max(0, (p.plan.PricePerHour+p.report.InterruptionsPerHour)/p.report.Bound-1)
	}
}

// settle names the groups in the plan, gives their launches the prices of the
// sizes that the groups come to, and reports whether those were assumed.
func (p *groupPlan) settle(snapshot *model.Snapshot, assumed map[string]int, settings model.Settings) bool {
	groups := make(map[string]*model.NodeGroup, len(snapshot.NodeGroups))
	for i := range snapshot.NodeGroups {
		groups[snapshot.NodeGroups[i].Name] = &snapshot.NodeGroups[i]
	}
	p.placed = len(p.plan.Placements)
	for i := range p.plan.Launches {
		p.placed += len(p.plan.Launches[i].Pods)
	}
	p.grow(groups)
	settled, cost, interruptions := true, int64(0), int64(0)
	for i := range p.plan.Launches {
		launch := &p.plan.Launches[i]
		if g := groups[launch.NodeGroup]; launch.NodeGroup != "" {
			offering := groupOffering(g, p.growth[g.Name], launch.Offerings[0])
			settled = settled && offering.PricePerHour == launch.Offerings[0].PricePerHour
			launch.Offerings = []model.Offering{offering}
		}
		cost += nano(launch.Offerings[0].PricePerHour)
		interruptions += withInterruptions(&launch.Offerings[0], settings) - nano(launch.Offerings[0].PricePerHour)
	}
	for _, size := range p.plan.Groups {
		cost += int64(size.Surplus) * nano(expectedPrice(groups[size.Name], p.growth[size.Name]))
	}
	p.plan.PricePerHour, p.report.InterruptionsPerHour = dollars(cost), dollars(interruptions)
	p.weaken(snapshot, assumed, settings)
	return settled
}

// grow finds by how much each group has to grow so that its launches are certain
// to come up in the zones that they are planned in.
func (p *groupPlan) grow(groups map[string]*model.NodeGroup) {
	launches, wanted := map[string]int{}, map[string]map[string]int{}
	for i := range p.plan.Launches {
		name := p.plan.Launches[i].NodeGroup
		if launches[name]++; name == "" {
			continue
		}
		promised := promisedOf(groups[name], &p.plan.Launches[i].Offerings[0])
		if promised == "" {
			continue
		}
		if wanted[name] == nil {
			wanted[name] = map[string]int{}
		}
		wanted[name][promised]++
	}
	delete(launches, "")
	p.growth, p.plan.Groups, p.report.Groups = map[string]int{}, nil, nil
	for _, name := range sortedKeys(launches) {
		g, count := groups[name], launches[name]
		p.growth[name] = count
		if len(wanted[name]) > 0 {
			p.growth[name] = max(count, growthFor(g, wanted[name]))
		}
		surplus := p.growth[name] - count
		p.plan.Groups = append(p.plan.Groups, model.GroupSize{Name: name, From: g.Desired, To: g.Desired + p.growth[name]*int(groupUnit(g)), Surplus: surplus})
		if surplus > 0 {
			price := nano(expectedPrice(g, p.growth[name]))
			p.report.Groups = append(p.report.Groups, surplusReason(g, wanted[name], p.growth[name], surplus, price))
		}
	}
}

// promisedOf is the zone, or the way to buy, that a launch of a group is planned in,
// "" for any.
func promisedOf(g *model.NodeGroup, offering *model.Offering) string {
	if !isSplit(g) && len(groupValues(g, labelZone)) < 2 {
		return ""
	}
	return (&promises{byWay: isSplit(g)}).promised(offering)
}

// groupOffering is GroupOffering in the zone, or bought in the way, that a launch is
// planned in.
func groupOffering(g *model.NodeGroup, nodes int, planned model.Offering) model.Offering {
	offering := GroupOffering(g, nodes)
	if isSplit(g) {
		offering.CapacityType = planned.CapacityType
	} else if zone := planned.Zone; zone != "" && offering.Zone == "" {
		offering.Zone, offering.ZoneID = zone, zoneID(g, zone)
	}
	return offering
}

// weaken makes the bound one that holds at whatever size each group comes to:
// the duals that prove it do so for prices that are lower by one factor.
func (p *groupPlan) weaken(snapshot *model.Snapshot, assumed map[string]int, settings model.Settings) {
	factor := 1.0
	for i := range snapshot.NodeGroups {
		g := &snapshot.NodeGroups[i]
		if groupFault(g) != "" {
			continue
		}
		price := groupPrice(g, max(assumed[g.Name], 1), settings)
		if least := leastPrice(g, settings); price > 0 && least < float64(price*factor) {
			factor = least / price
		}
	}
	p.report.Bound = float64(p.report.Bound * factor)
	p.measure()
}

// groupPrice is what one of so many further nodes is expected to cost with its
// interruptions.
func groupPrice(g *model.NodeGroup, nodes int, settings model.Settings) float64 {
	if len(g.Types) == 0 {
		return 0
	}
	offering := GroupOffering(g, nodes)
	return dollars(withInterruptions(&offering, settings))
}

// priceSizes is at how many sizes of a group the price is looked at.
const priceSizes = 1000

// leastPrice is what one further node costs at least, at whatever size. The
// shares of on-demand and Spot are by then within one unit of the percentage.
func leastPrice(g *model.NodeGroup, settings model.Settings) float64 {
	if certainCapacityType(g, max(groupRoom(g), 1)) != "" {
		return groupPrice(g, 1, settings)
	}
	least := math.Inf(1)
	for nodes := 1; nodes <= min(groupRoom(g), priceSizes); nodes++ {
		if price := expectedPrice(g, nodes); price < least {
			least = price
		}
	}
	if groupRoom(g) <= priceSizes {
		return least
	}
	onDemand, spot := unitPrice(g, model.OnDemand, g.OnDemandStrategy), unitPrice(g, model.Spot, g.SpotStrategy)
	share := max(0, float64(g.OnDemandPercentage)/100-1.0/priceSizes)
	if onDemand < spot {
		return min(least, float64(onDemand*float64(groupUnit(g))))
	}
	return min(least, float64((spot+float64((onDemand-spot)*share))*float64(groupUnit(g))))
}

func (p *groupPlan) betterThan(other *groupPlan) bool {
	if p.placed != other.placed {
		return p.placed > other.placed
	}
	return p.plan.PricePerHour+p.report.InterruptionsPerHour < other.plan.PricePerHour+other.report.InterruptionsPerHour
}

// title names the pool, or the node group that it stands for.
func (p *pool) title() string {
	if p.group != nil {
		return "node group " + p.spec.Name
	}
	return "NodePool " + p.spec.Name
}

// groupOf finds the node group that a pool stands for; nil for a NodePool.
func groupOf(spec *model.NodePool, snapshot *model.Snapshot) *model.NodeGroup {
	for i := range snapshot.NodeGroups {
		if spec.NodeClass == groupClass+snapshot.NodeGroups[i].Name {
			return &snapshot.NodeGroups[i]
		}
	}
	return nil
}
