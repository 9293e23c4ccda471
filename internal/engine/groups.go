package engine

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// groupClass begins the name of the catalog that stands for a node group; no
// NodeClass has a slash in its name.
const groupClass = "nodegroup/"

// maxPricings bounds how often a plan is made again because groups grew to sizes
// at which their nodes cost something else than assumed.
const maxPricings = 4

// assumed is what a plan with node groups takes for granted.
type assumed struct {
	// growth is by how many nodes each group grows, which decides what one of
	// them costs.
	growth map[string]int
	// byZone sells groups over several zones by the zone too, all but those that
	// are withdrawn.
	byZone    bool
	withdrawn map[string]bool
	// hopeful plans one node more in each zone than is certain.
	hopeful bool
}

// lowered returns the snapshot with every node group as a NodePool with one
// offering: a node of which only that is assumed which holds whichever of the
// group's types and zones comes.
func lowered(snapshot *model.Snapshot, as assumed) *model.Snapshot {
	low := *snapshot
	low.NodePools = append([]model.NodePool(nil), snapshot.NodePools...)
	low.Catalogs = make(map[string]model.Catalog, len(snapshot.Catalogs)+len(snapshot.NodeGroups))
	for name, catalog := range snapshot.Catalogs {
		low.Catalogs[name] = catalog
	}
	for i := range snapshot.NodeGroups {
		g := &snapshot.NodeGroups[i]
		pool := groupPool(g)
		low.NodePools = append(low.NodePools, pool)
		catalog := groupCatalog(g, as.growth[g.Name])
		if isSplit(g) && len(catalog.Offerings) > 0 {
			catalog.Offerings[0].CapacityType = "" // whichever comes
		}
		if (as.byZone || isSplit(g)) && len(catalog.Offerings) > 0 {
			promised := promisesOf(g)
			catalog.Offerings = append(catalog.Offerings, promised.offerings(g, catalog.Offerings[0], as)...)
			promised.limit(pool.Limits, as)
		}
		low.Catalogs[groupClass+g.Name] = catalog
	}
	return &low
}

func groupPool(g *model.NodeGroup) model.NodePool {
	pool := model.NodePool{
		Name: g.Name, NodeClass: groupClass + g.Name, Weight: g.Priority, Labels: map[string]string{},
		Taints: g.Taints, StartupTaints: g.StartupTaints, NotReadyReason: g.NotReadyReason,
		Limits: model.Resources{limitNodes: int64(g.Max)}, Usage: model.Resources{limitNodes: int64(g.Desired)},
	}
	for key, value := range g.Labels {
		pool.Labels[canonical(key)] = value
	}
	if isSplit(g) {
		for _, way := range waysToBuy {
			pool.Taints = withTaints(pool.Taints, g.ByCapacityType[way].Taints)
		}
	}
	switch {
	case pool.NotReadyReason != "":
	case groupFault(g) != "":
		pool.NotReadyReason = groupFault(g)
	case len(g.Types) == 0:
		pool.NotReadyReason = "its instance types are not known"
	case !(expectedPrice(g, 1) > 0) || !(expectedPrice(g, max(groupRoom(g), 1)) > 0):
		pool.NotReadyReason = "nobody knows what its next node costs: " + groupTypeName(g)
	}
	return pool
}

// Bounds of Auto Scaling, or far above them.
const (
	maxGroupSize   = 1_000_000
	maxGroupWeight = 999
)

// groupFault says which of the group's numbers means nothing.
func groupFault(g *model.NodeGroup) string {
	for _, n := range []int{g.Min, g.Max, g.Desired, g.OnDemandBase} {
		if n < 0 || n > maxGroupSize {
			return fmt.Sprintf("%d is not a size: sizes are from 0 to %d", n, maxGroupSize)
		}
	}
	if g.OnDemandPercentage < 0 || g.OnDemandPercentage > 100 {
		return fmt.Sprintf("the on-demand percentage %d must be from 0 to 100", g.OnDemandPercentage)
	}
	for i := range g.Types {
		if weight := g.Types[i].Weight; weight < 0 || weight > maxGroupWeight {
			return fmt.Sprintf("the weight %d of %s must be from 1 to %d", weight, g.Types[i].Name, maxGroupWeight)
		}
	}
	return ""
}

// groupCatalog has one type, the least of all that may come, and one offering.
func groupCatalog(g *model.NodeGroup, growth int) model.Catalog {
	if len(g.Types) == 0 || groupFault(g) != "" {
		return model.Catalog{}
	}
	least := model.InstanceType{Name: groupTypeName(g), Labels: sharedLabels(g),
		Capacity: g.Types[0].Capacity, Allocatable: g.Types[0].Allocatable, AttachLimits: g.Types[0].AttachLimits}
	for i := range g.Types[1:] {
		next := &g.Types[i+1]
		least.Capacity = leastOf(least.Capacity, next.Capacity)
		least.Allocatable = leastOf(least.Allocatable, next.Allocatable)
		least.AttachLimits = tightestOf(least.AttachLimits, next.AttachLimits)
	}
	offering := model.Offering{PricePerHour: expectedPrice(g, max(growth, 1)), UnavailableReason: groupUnavailable(g)}
	offering.InstanceType = least.Name
	if zones := groupValues(g, labelZone); len(zones) == 1 {
		offering.Zone = zones[0].value
	}
	if ids := groupValues(g, labelZoneID); len(ids) == 1 {
		offering.ZoneID = ids[0].value
	}
	offering.CapacityType = certainCapacityType(g, max(growth, 1))
	offering.InterruptionRate = expectedRate(g, max(growth, 1))
	return model.Catalog{InstanceTypes: []model.InstanceType{least}, Offerings: []model.Offering{offering}}
}

// groupTypeName lists the types of a group, or the first of many.
func groupTypeName(g *model.NodeGroup) string {
	const shown = 3
	var names []string
	for i := range g.Types {
		names = append(names, g.Types[i].Name)
	}
	if len(names) > shown {
		names = append(names[:shown-1], "...")
	}
	return strings.Join(names, "|")
}

func leastOf(a, b model.Resources) model.Resources {
	least := model.Resources{}
	for name, amount := range a {
		if other, both := b[name]; both {
			least[name] = min(amount, other)
		}
	}
	return least
}

func tightestOf(a, b map[string]int64) map[string]int64 {
	limits := map[string]int64{}
	for driver, limit := range a {
		limits[driver] = limit
	}
	for driver, limit := range b {
		if other, both := limits[driver]; !both || limit < other {
			limits[driver] = limit
		}
	}
	return limits
}

// possible is a label that a node may have, or its absence; or that nothing is known
// of it.
type possible struct {
	value   string
	present bool
	unknown bool
}

// mayHold reports whether such a label could meet the requirement, and surely does
// whether it does for certain.
func (p possible) mayHold(r model.Requirement) bool {
	return p.unknown || holds(r, p.value, p.present)
}

func (p possible) surelyHolds(r model.Requirement) bool {
	return !p.unknown && holds(r, p.value, p.present)
}

// groupValues are the values that a label may have on the group's next node, in
// order; more than one is a doubt.
func groupValues(g *model.NodeGroup, key string) []possible {
	if values := wayValues(g, key); values != nil {
		return values
	}
	seen := map[possible]bool{}
	for i := range g.Types {
		t := &g.Types[i]
		switch {
		case key != labelZone && key != labelZoneID:
			value, present := lookup(t.Labels, key)
			if key == labelInstanceType && !present {
				value, present = t.Name, true
			}
			seen[possible{value: value, present: present}] = true
		default:
			for _, o := range g.BuysFrom(t) {
				value := o.Zone
				if key == labelZoneID {
					value = o.ZoneID
				}
				seen[possible{value: value, present: value != ""}] = true
			}
		}
	}
	list := make([]possible, 0, len(seen))
	for one := range seen {
		list = append(list, one)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].value < list[j].value })
	return list
}

func groupKeys(g *model.NodeGroup) []string {
	keys := map[string]bool{labelZone: true, labelZoneID: true, labelInstanceType: true}
	for i := range g.Types {
		for key := range g.Types[i].Labels {
			keys[canonical(key)] = true
		}
	}
	for _, own := range g.ByCapacityType {
		for key := range own.Labels {
			keys[canonical(key)] = true
		}
	}
	return sortedKeys(keys)
}

// sharedLabels are those that every type's node has with the same value.
func sharedLabels(g *model.NodeGroup) map[string]string {
	labels := map[string]string{}
	for _, key := range groupKeys(g) {
		if values := groupValues(g, key); len(values) == 1 && values[0].present {
			labels[key] = values[0].value
		}
	}
	return labels
}

// groupDoubts are the labels that depend on which type and zone comes, unless
// the group itself gives them to all its nodes.
func groupDoubts(g *model.NodeGroup, own map[string]string) map[string][]possible {
	doubts := map[string][]possible{}
	for _, key := range groupKeys(g) {
		if _, fixed := own[key]; fixed {
			continue
		}
		if values := groupValues(g, key); len(values) > 1 {
			doubts[key] = values
		}
	}
	for key := range g.UncertainLabels {
		if _, fixed := own[canonical(key)]; !fixed {
			doubts[canonical(key)] = []possible{{unknown: true}}
		}
	}
	return doubts
}

// groupUnit is how many units of capacity one more node takes at most.
func groupUnit(g *model.NodeGroup) int64 { return int64(g.Unit()) }

// groupRoom is by how many nodes the group may grow.
func groupRoom(g *model.NodeGroup) int { return max(0, g.Max-g.Desired) / int(groupUnit(g)) }

// purchases are how many units of a growth are bought how.
func purchases(g *model.NodeGroup, nodes int) (onDemand, spot int) {
	return g.Bought(nodes * g.Unit())
}

// certainCapacityType is how all the nodes of a growth are bought, empty when
// some are bought in either way.
func certainCapacityType(g *model.NodeGroup, nodes int) model.CapacityType {
	onDemand, spot := purchases(g, nodes)
	switch {
	case spot == 0:
		return model.OnDemand
	case onDemand == 0:
		return model.Spot
	}
	return ""
}

// expectedPrice is what one of so many further nodes is expected to cost.
func expectedPrice(g *model.NodeGroup, nodes int) float64 {
	onDemand, spot := purchases(g, nodes)
	cost := 0.0
	if onDemand > 0 {
		cost += float64(onDemand) * unitPrice(g, model.OnDemand, g.OnDemandStrategy)
	}
	if spot > 0 {
		cost += float64(spot) * unitPrice(g, model.Spot, g.SpotStrategy)
	}
	return math.Round(cost/float64(nodes)*nanoDollars) / nanoDollars
}

// unitPrice is the price of a unit: of the type that the strategy names, else
// the mean over the pools that have capacity. Where no Spot price is known it is
// that on demand, which Spot does not exceed. NaN when nobody knows.
func unitPrice(g *model.NodeGroup, capacityType model.CapacityType, strategy string) float64 {
	sum, count, cheapest := 0.0, 0, math.Inf(1)
	for _, all := range []bool{false, true} {
		for i := range g.Types {
			t := &g.Types[i]
			for _, o := range t.Offerings {
				if o.CapacityType != capacityType || !(o.PricePerHour > 0) || o.UnavailableReason != "" && !all {
					continue
				}
				price := o.PricePerHour / float64(max(t.Weight, 1))
				if sum, count = sum+price, count+1; price < cheapest {
					cheapest = price
				}
			}
			if count > 0 && strategy == "prioritized" {
				return sum / float64(count)
			}
		}
		if count > 0 {
			break
		}
	}
	switch {
	case count > 0 && strategy == "lowest-price":
		return cheapest
	case count == 0 && capacityType == model.Spot:
		return unitPrice(g, model.OnDemand, g.OnDemandStrategy)
	}
	return sum / float64(count)
}

// expectedRate is the part of the expected price of so many further nodes that
// Spot makes, times the mean of its pools' interruption rates.
func expectedRate(g *model.NodeGroup, nodes int) float64 {
	_, spot := purchases(g, nodes)
	sum, count := 0.0, 0
	for i := range g.Types {
		for _, o := range g.Types[i].Offerings {
			if o.CapacityType == model.Spot && o.PricePerHour > 0 {
				sum, count = sum+o.InterruptionRate, count+1
			}
		}
	}
	if spot == 0 || sum == 0 {
		return 0
	}
	share := float64(float64(spot)*unitPrice(g, model.Spot, g.SpotStrategy)) / float64(expectedPrice(g, nodes)*float64(nodes))
	return float64(min(share, 1) * float64(sum/float64(count)))
}

// groupUnavailable says that every pool the group's next node could come from is
// known to have no capacity.
func groupUnavailable(g *model.NodeGroup) string {
	onDemand, _ := purchases(g, 1)
	wanted, first := model.Spot, ""
	if onDemand > 0 {
		wanted = model.OnDemand
	}
	for i := range g.Types {
		for _, o := range g.Types[i].Offerings {
			if o.CapacityType != wanted {
				continue
			}
			if o.UnavailableReason == "" {
				return ""
			}
			if first == "" {
				first = o.UnavailableReason
			}
		}
	}
	return first
}

// GroupOffering is what one of so many further nodes of a group is taken for: all
// its types as one, with the labels that are certain and the expected price.
// The group must have types.
func GroupOffering(g *model.NodeGroup, nodes int) model.Offering {
	return groupCatalog(g, nodes).Offerings[0]
}
