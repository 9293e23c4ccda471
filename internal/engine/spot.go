package engine

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// Defaults of model.Settings about Spot.
const (
	defaultSpotShare     = 0.5
	defaultSpotTolerance = 0.1
	defaultLostHours     = 48
)

// hoursPerMonth turns the share of instances interrupted in a month into one per
// hour.
const hoursPerMonth = 730

// withInterruptions is an offering's price in nanoDollars per hour with what its
// interruptions are expected to cost.
func withInterruptions(offering *model.Offering, settings model.Settings) int64 {
	factor := 1.0
	if rate := offering.InterruptionRate; rate > 0 && rate <= 1 {
		factor += float64(rate/hoursPerMonth) * lostHours(settings)
	}
	return int64(math.Round(float64(offering.PricePerHour*factor) * nanoDollars))
}

func lostHours(settings model.Settings) float64 {
	if settings.InterruptionHours > 0 {
		return settings.InterruptionHours
	}
	return defaultLostHours
}

// listed is what the config's node costs without interruptions.
func (c *config) listed() int64 { return nano(c.offering.PricePerHour) }

func (c *config) isSpot() bool { return c.offering.CapacityType == model.Spot }

// spotPool names a pool of Spot capacity: type x zone.
type spotPool struct{ instanceType, zone string }

func (c *config) spotPool() spotPool {
	return spotPool{c.offering.InstanceType, c.offering.Zone}
}

// buying decides how the nodes of a plan are bought: which are on demand because
// their NodePool asks for a share of them, and which Spot pools each may come
// from, so that no pool can take too much of a workload with it.
type buying struct {
	p *problem
	// parts is into how many groups Spot pools are dealt, and partOf which one a
	// pool is in. A launch lists the pools of one group only.
	parts      int
	partOf     map[spotPool]int
	workloads  []workload
	workloadOf map[model.PodKey]int
	// onDemand is how many copies of a bin must be on demand.
	onDemand map[*bin]int
	extras   map[model.Code]int64
}

// newBuying returns nil when there is nothing to decide.
func newBuying(s *solution) *buying {
	if !s.p.hasSpot() {
		return nil
	}
	y := &buying{p: s.p, partOf: map[spotPool]int{},
		onDemand: map[*bin]int{}, extras: map[model.Code]int64{}}
	share := s.p.settings.SpotMaxShare
	if share <= 0 {
		share = defaultSpotShare
	}
	if y.parts = 1; share < 1 {
		y.parts = int(math.Ceil(1/share - 1e-9))
	}
	y.findWorkloads(share)
	for _, pool := range s.p.pools {
		if pool.spec.OnDemand != nil {
			y.shareOnDemand(s, pool)
		}
	}
	return y
}

func (p *problem) hasSpot() bool {
	for i := range p.space.configs {
		if p.space.configs[i].isSpot() && p.space.configs[i].pool.group == nil {
			return true
		}
	}
	return false
}

// purchased is one way to buy a bin: what is listed, cheapest first.
type purchased struct {
	choices []int
	part    int // -1: of all
}

// onDemandPart is the part of nodes that are on demand for their NodePool's share.
const onDemandPart = -2

// choose decides how a copy of a bin with these pods is bought, given everything
// that holds it.
func (y *buying) choose(b *bin, choices []int, copyNumber int, shares [][]model.PodKey) purchased {
	cheapest := y.p.space.configs[choices[0]].price
	if copyNumber < y.onDemand[b] {
		list := y.only(choices, model.OnDemand)
		y.extras[model.CodeOnDemandShare] += y.p.space.configs[list[0]].price - cheapest
		return purchased{list, onDemandPart}
	}
	if !y.p.space.configs[choices[0]].isSpot() {
		return purchased{choices, -1}
	}
	spot, onDemand := y.only(choices, model.Spot), y.only(choices, model.OnDemand)
	best := purchased{spot, -1}
	counts := y.count(shares)
	if y.parts > 1 && y.matters(counts) {
		best = y.part(b, spot, counts)
	}
	y.extras[model.CodeSpotDiversity] += y.p.space.configs[best.choices[0]].price - cheapest
	y.note(counts, best.choices)
	best.choices = y.withFallback(best.choices, onDemand, choices)
	return best
}

func (y *buying) only(choices []int, capacityType model.CapacityType) []int {
	var list []int
	for _, i := range choices {
		if y.p.space.configs[i].offering.CapacityType == capacityType {
			list = append(list, i)
		}
	}
	return list
}

// matters reports whether a workload has more pods than those on the node.
func (y *buying) matters(counts map[int]int) bool {
	for id, count := range counts {
		if count < y.workloads[id].pods {
			return true
		}
	}
	return false
}

// part picks the group of pools for the bin: the cheapest within the tolerance
// whose pools have room for it by every workload's quota, else the one that
// exceeds it least.
func (y *buying) part(b *bin, spot []int, counts map[int]int) purchased {
	y.deal(spot)
	lists := make([][]int, y.parts)
	for _, i := range spot {
		at := y.partOf[y.p.space.configs[i].spotPool()]
		lists[at] = append(lists[at], i)
	}
	most := y.dearest(y.p.space.configs[spot[0]].price)
	best, bestOver := purchased{spot, -1}, math.MaxInt
	order := y.byFirstPrice(lists)
	eligible := 0
	for _, at := range order {
		list := lists[at]
		if y.p.space.configs[list[0]].price > most || !y.suits(b, list) {
			continue
		}
		eligible++
		if over := y.over(counts, list); over < bestOver {
			best, bestOver = purchased{list, at}, over
		}
	}
	if eligible < 2 {
		return purchased{spot, -1} // no choice: list all there is
	}
	return best
}

func (y *buying) byFirstPrice(lists [][]int) []int {
	var order []int
	for at, list := range lists {
		if len(list) > 0 {
			order = append(order, at)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, z := y.p.space.configs[lists[a][0]].price, y.p.space.configs[lists[b][0]].price
		switch {
		case x < z:
			return -1
		case x > z:
			return 1
		}
		return 0
	})
	return order
}

// deal gives every pool of the list that has no group yet the one that has
// fewest of the list so far: near pools in price end up in different groups.
func (y *buying) deal(list []int) {
	counts := make([]int, y.parts)
	for _, i := range list {
		pool := y.p.space.configs[i].spotPool()
		at, known := y.partOf[pool]
		if !known {
			at = slices.Index(counts, slices.Min(counts))
			y.partOf[pool] = at
		}
		counts[at]++
	}
}

func (y *buying) dearest(cheapest int64) int64 {
	tolerance := y.p.settings.SpotTolerance
	if tolerance == 0 {
		tolerance = defaultSpotTolerance
	}
	return cheapest + int64(float64(float64(cheapest)*max(tolerance, 0)))
}

// suits reports whether the pools of a list alone meet the NodePool's minValues,
// and whether its first and those count no more against limits than was planned.
func (y *buying) suits(b *bin, list []int) bool {
	if !y.isCharged(b, list[0]) {
		return false
	}
	for _, r := range y.p.space.configs[list[0]].pool.minValues {
		seen := map[string]bool{}
		for _, i := range list {
			if value, ok := y.p.space.configs[i].label(r.Key); ok && y.isCharged(b, i) {
				seen[value] = true
			}
		}
		if len(seen) < r.MinValues {
			return false
		}
	}
	return true
}

// isCharged reports whether a config counts no more against limits than the bin is
// charged.
func (y *buying) isCharged(b *bin, config int) bool {
	for r, amount := range y.p.space.configs[config].capacity {
		if r < len(b.charge) && amount > b.charge[r] {
			return false
		}
	}
	return true
}

// over is by how many pods some pool of the list would exceed a workload's quota,
// at most.
func (y *buying) over(counts map[int]int, list []int) int {
	most := 0
	for id, count := range counts {
		w := &y.workloads[id]
		if count == w.pods {
			continue
		}
		for _, i := range list {
			most = max(most, w.load[y.p.space.configs[i].spotPool()]+count-w.quota)
		}
	}
	return most
}

// note counts the pods in every pool that their node may come from.
func (y *buying) note(counts map[int]int, list []int) {
	for id, count := range counts {
		seen := map[spotPool]bool{}
		for _, i := range list {
			if pool := y.p.space.configs[i].spotPool(); !seen[pool] {
				seen[pool] = true
				y.workloads[id].load[pool] += count
			}
		}
	}
}

// withFallback lists Spot pools and keeps places for on-demand offerings, so that
// a node whose pools are all dry is bought on demand in the same launch.
func (y *buying) withFallback(spot, onDemand, order []int) []int {
	most := y.p.settings.MaxOfferings
	kept := min(len(onDemand), max(most/6, 1), max(most-1, 0))
	list := append(slices.Clone(spot[:min(len(spot), most-kept)]), onDemand[:kept]...)
	position := make(map[int]int, len(order))
	for n, i := range order {
		position[i] = n
	}
	slices.SortFunc(list, func(a, b int) int { return position[a] - position[b] })
	return list
}

// reason is why a node is bought as it is: of its cheapest offering, or of
// another so that workloads are spread or a NodePool has its on-demand nodes.
func (y *buying) reason(launch *bought, cheapest model.LaunchReason) model.LaunchReason {
	if y == nil || launch.part == -1 {
		return cheapest
	}
	first, best := &y.p.space.configs[launch.first], &y.p.space.configs[launch.cheapest]
	switch {
	case launch.part == onDemandPart:
		share := first.pool.spec.OnDemand
		cheapest.Chosen = model.Reason{Code: model.CodeOnDemandShare, Message: fmt.Sprintf(
			"%s at %s $/h because NodePool %s asks for on-demand nodes (base %d, %d%% above); %s would cost %s $/h",
			first.text(), priceText(first.listed()), first.pool.spec.Name, share.Base, share.Percentage, best.text(), priceText(best.listed()))}
	case first.price > best.price:
		cheapest.Chosen = model.Reason{Code: model.CodeSpotDiversity, Message: fmt.Sprintf(
			"%s at %s $/h so that no Spot pool has too many of its pods' workloads; %s at %s $/h is the cheapest offering of %s",
			first.text(), priceText(first.listed()), best.text(), priceText(best.listed()), first.pool.title())}
	}
	return cheapest
}

// costs lists what the way of buying adds to the plan's price.
func (y *buying) costs() []model.CostShare {
	var list []model.CostShare
	if y == nil {
		return nil
	}
	for _, code := range slices.Sorted(maps.Keys(y.extras)) {
		if extra := y.extras[code]; extra > 0 {
			list = append(list, model.CostShare{Rule: code, PricePerHour: dollars(extra)})
		}
	}
	return list
}
