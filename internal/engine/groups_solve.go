package engine

import (
	"math"
	"sort"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// solveGroups decides over node groups and NodePools at once. What a group's
// node costs depends on how many there will be, where part of them are bought on
// demand and part as Spot: the plan is made again with the prices of the sizes
// it came to, and the one that really costs least is kept.
func solveGroups(snapshot *model.Snapshot, settings model.Settings) (model.Plan, model.Report) {
	growth, steps := map[string]int{}, 0
	var best *groupPlan
	for range maxPricings {
		next := &groupPlan{}
		next.plan, next.report = solveAll(lowered(snapshot, growth), settings)
		steps += next.report.Steps
		settled := next.settle(snapshot, growth)
		if best == nil || next.betterThan(best) {
			best = next
		}
		if settled {
			break
		}
		growth = next.growth
	}
	best.report.Steps = steps
	return best.plan, best.report
}

// groupPlan is a plan with node groups and by how many nodes they grow.
type groupPlan struct {
	plan   model.Plan
	report model.Report
	growth map[string]int
	placed int
}

// settle names the groups in the plan, gives their launches the prices of the
// sizes that the groups come to, and reports whether those were assumed.
func (p *groupPlan) settle(snapshot *model.Snapshot, assumed map[string]int) bool {
	groups := make(map[string]*model.NodeGroup, len(snapshot.NodeGroups))
	for i := range snapshot.NodeGroups {
		groups[groupClass+snapshot.NodeGroups[i].Name] = &snapshot.NodeGroups[i]
	}
	p.growth = map[string]int{}
	p.placed = len(p.plan.Placements)
	for i := range p.plan.Launches {
		p.growth[p.plan.Launches[i].NodeGroup]++
		p.placed += len(p.plan.Launches[i].Pods)
	}
	delete(p.growth, "")
	settled, cost := true, int64(0)
	for i := range p.plan.Launches {
		launch := &p.plan.Launches[i]
		if g := groups[groupClass+launch.NodeGroup]; launch.NodeGroup != "" {
			offering := groupCatalog(g, p.growth[g.Name]).Offerings[0]
			settled = settled && offering.PricePerHour == launch.Offerings[0].PricePerHour
			launch.Offerings = []model.Offering{offering}
		}
		cost += nano(launch.Offerings[0].PricePerHour)
	}
	p.plan.PricePerHour = dollars(cost)
	p.plan.Groups = grown(snapshot.NodeGroups, p.growth)
	p.weaken(snapshot, assumed)
	return settled
}

// weaken makes the bound one that holds at whatever size each group comes to:
// the duals that prove it do so for prices that are lower by one factor.
func (p *groupPlan) weaken(snapshot *model.Snapshot, assumed map[string]int) {
	factor := 1.0
	for i := range snapshot.NodeGroups {
		g := &snapshot.NodeGroups[i]
		if groupFault(g) != "" {
			continue
		}
		price := expectedPrice(g, max(assumed[g.Name], 1))
		if least := leastPrice(g); price > 0 && least < float64(price*factor) {
			factor = least / price
		}
	}
	if p.report.Bound = float64(p.report.Bound * factor); p.report.Bound > 0 {
		p.report.Gap = max(0, p.plan.PricePerHour/p.report.Bound-1)
	}
}

// priceSizes is at how many sizes of a group the price is looked at.
const priceSizes = 1000

// leastPrice is what one further node costs at least, at whatever size. The
// shares of on-demand and Spot are by then within one unit of the percentage.
func leastPrice(g *model.NodeGroup) float64 {
	if certainCapacityType(g, max(groupRoom(g), 1)) != "" {
		return expectedPrice(g, 1)
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
	return p.plan.PricePerHour < other.plan.PricePerHour
}

// grown lists the groups that grow, by name.
func grown(groups []model.NodeGroup, growth map[string]int) []model.GroupSize {
	var sizes []model.GroupSize
	for i := range groups {
		if g := &groups[i]; growth[g.Name] > 0 {
			sizes = append(sizes, model.GroupSize{Name: g.Name, From: g.Desired, To: g.Desired + growth[g.Name]*int(groupUnit(g))})
		}
	}
	sort.Slice(sizes, func(i, j int) bool { return sizes[i].Name < sizes[j].Name })
	return sizes
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

// groupLabel is a label of a node of a group: it has no other than those that
// the group and its types are certain to give it.
func (c *config) groupLabel(key string) (string, bool) {
	if key == labelHostname {
		return "", true
	}
	if value, ok := c.pool.spec.Labels[key]; ok {
		return value, true
	}
	value, ok := c.kind.Labels[key]
	return value, ok
}

// meetsOne reports whether the node is certain to meet the requirement.
func (c *config) meetsOne(r model.Requirement) bool {
	doubts := c.pool.doubts[canonical(r.Key)]
	if len(doubts) == 0 {
		value, ok := c.label(r.Key)
		return holds(r, value, ok)
	}
	for _, one := range doubts {
		if !holds(r, one.value, one.present) {
			return false
		}
	}
	return true
}

// mayMeet reports whether the node could turn out to meet the requirement.
func (c *config) mayMeet(r model.Requirement) bool {
	for _, one := range c.pool.doubts[canonical(r.Key)] {
		if holds(r, one.value, one.present) {
			return true
		}
	}
	return c.meetsOne(r)
}

// mayAdmit adds the configs whose node could turn out to meet one of the terms:
// a DaemonSet that may come takes its room.
func (s *space) mayAdmit(set bitset, terms []model.NodeSelectorTerm) {
	for i := range s.configs {
		c := &s.configs[i]
		if len(c.pool.doubts) == 0 || set.has(i) {
			continue
		}
		for _, term := range terms {
			all := len(term.Fields) == 0
			for _, r := range term.Labels {
				all = all && c.mayMeet(r)
			}
			if all {
				set.set(i)
			}
		}
	}
}

// dropDoubtful takes from each class the configs whose domain, for a topology
// rule that touches the class, depends on what comes.
func (p *problem) dropDoubtful() {
	for _, c := range p.classes {
		for _, pool := range p.pools {
			if doubtfulKey(c, pool) == "" {
				continue
			}
			for _, i := range pool.configs {
				c.fits.clear(i)
			}
		}
	}
}

// doubtfulKey is the topology key by which the pool's nodes cannot be told, ""
// when there is none.
func doubtfulKey(c *class, pool *pool) string {
	if len(pool.doubts) == 0 {
		return ""
	}
	for i := range c.touches {
		if axis := c.touches[i].rule.axis; !axis.host && len(pool.doubts[axis.key]) > 0 {
			return axis.key
		}
	}
	return ""
}

// doubtText says which values the topology key of a pool's next node may have.
func doubtText(pool *pool, key string) string {
	return "a topology rule of the pods asks for " + key + ", and its next node may be in any of " +
		strings.Join(boundedList(possibleTexts(pool.doubts[key]), 6), ", ") + ": a node group for each of them would do"
}

func possibleTexts(doubts []possible) []string {
	var values []string
	for _, one := range doubts {
		if one.present {
			values = append(values, one.value)
		} else {
			values = append(values, "none")
		}
	}
	return values
}
