package engine

import (
	"math"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

const (
	// spotFlexibility is how many different instance types must be cheaper before a
	// Spot node goes for another one: with fewer, nodes would soon chase a single
	// cheap pool, which is the next to be taken back. The new node is among
	// so many cheapest, so that fewer types are cheaper than it: it stays where it is
	// until the market has changed.
	spotFlexibility = 15
	// everyOffering is more than any catalog sells.
	everyOffering = 1 << 20
)

// bar is what a new node must not cost more than in the place of an old one. Costs
// are in nanoDollars per hour, interruptions counted.
type bar struct {
	cost     int64 // of the old node now
	most     int64
	fromSpot bool
	rate     float64 // of interruptions of the old node's pool
}

// saved is a share of an amount of nanoDollars.
func saved(amount int64, share float64) int64 {
	return int64(math.Round(float64(float64(amount) * share)))
}

// barOf is the node's price less what must be saved: for a Spot node the lowest
// price of its pool in the time that counts, so that a price that rose for a while
// moves nobody. Without that price no Spot pool is below the bar.
func (m *mover) barOf(node *model.Node) bar {
	b := bar{cost: nano(node.PricePerHour), fromSpot: node.Labels[labelCapacityType] == string(model.Spot)}
	if !b.fromSpot {
		b.most = b.cost - saved(b.cost, leastSaving)
		return b
	}
	own := m.offeringOf(node)
	if own == nil {
		return b
	}
	b.rate = own.InterruptionRate
	b.cost = m.costAt(own, node.PricePerHour)
	lowest := m.costAt(own, min(own.LowestPrice, node.PricePerHour))
	b.most = lowest - saved(lowest, leastSaving)
	return b
}

// offeringOf is the one that the node was bought of; nil when nobody sells it now.
func (m *mover) offeringOf(node *model.Node) *model.Offering {
	key := model.OfferingKey{
		InstanceType: node.Labels[labelInstanceType], Zone: node.Labels[labelZone],
		CapacityType: model.CapacityType(node.Labels[labelCapacityType]),
	}
	for i := range m.snapshot.NodePools {
		if pool := &m.snapshot.NodePools[i]; pool.Name == node.NodePool {
			offerings := m.snapshot.Catalogs[pool.NodeClass].Offerings
			if at := slices.IndexFunc(offerings, func(o model.Offering) bool { return o.OfferingKey == key }); at >= 0 {
				return &offerings[at]
			}
		}
	}
	return nil
}

func (m *mover) costAt(offering *model.Offering, price float64) int64 {
	priced := *offering
	priced.PricePerHour = price
	return withInterruptions(&priced, m.settings)
}

// below reports whether a node of the offering saves enough. In the place of a Spot
// node only a Spot pool does that saved enough all the time that counts, is not
// taken back more often, and was not lately.
func (m *mover) below(offering *model.Offering, b *bar) bool {
	if !b.fromSpot {
		return withInterruptions(offering, m.settings) <= b.most
	}
	return offering.CapacityType == model.Spot && offering.HighestPrice > 0 && offering.InterruptionRate <= b.rate &&
		m.costAt(offering, max(offering.HighestPrice, offering.PricePerHour)) <= b.most && !m.moves.Restless[offering.OfferingKey]
}

// anyoneCheaper reports whether enough is sold below the bar, whatever the pods ask
// for: where it is not, there is no need to plan.
func (m *mover) anyoneCheaper(b *bar) bool {
	types := map[string]bool{}
	for _, catalog := range m.snapshot.Catalogs {
		for i := range catalog.Offerings {
			if offering := &catalog.Offerings[i]; offering.UnavailableReason == "" && m.below(offering, b) {
				types[offering.InstanceType] = true
			}
		}
	}
	if b.fromSpot {
		return len(types) >= spotFlexibility
	}
	return len(types) > 0
}

// trim leaves the launch with offerings below the bar, for a Spot node with those of
// the cheapest types; false when that is not enough to choose from.
func (m *mover) trim(launch *model.Launch, b *bar) bool {
	launch.Offerings = slices.DeleteFunc(slices.Clone(launch.Offerings), func(o model.Offering) bool { return !m.below(&o, b) })
	if len(launch.Offerings) == 0 {
		return false
	}
	asked := m.minValuesOf(launch.NodePool)
	if !b.fromSpot {
		return m.varied(launch.Offerings, asked)
	}
	types := map[string]bool{}
	for i := range launch.Offerings {
		types[launch.Offerings[i].InstanceType] = true
		if len(types) < spotFlexibility {
			continue
		}
		if listed := m.fewer(launch.Offerings[:i+1], len(types)); m.varied(listed, asked) {
			launch.Offerings = listed
			return true
		}
	}
	return false
}

// fewer lists as many of the offerings, which are of so many types, as one request
// takes: one of each type at least, and the cheapest of the others.
func (m *mover) fewer(offerings []model.Offering, types int) []model.Offering {
	most := m.settings.MaxOfferings
	if most <= 0 {
		most = defaultMaxOfferings
	}
	further := most - types
	seen := make(map[string]bool, types)
	listed := make([]model.Offering, 0, min(len(offerings), most))
	for _, o := range offerings {
		if seen[o.InstanceType] {
			if further--; further < 0 {
				continue
			}
		} else if len(listed) >= most {
			break
		}
		seen[o.InstanceType] = true
		listed = append(listed, o)
	}
	return listed
}

// minValuesOf are the requirements of the pool that ask for a choice.
func (m *mover) minValuesOf(name string) []model.Requirement {
	var asked []model.Requirement
	for i := range m.snapshot.NodePools {
		if pool := &m.snapshot.NodePools[i]; pool.Name == name {
			asked = append(asked, pool.Requirements...)
		}
	}
	return slices.DeleteFunc(asked, func(r model.Requirement) bool { return r.MinValues <= 0 })
}

// varied reports whether the offerings have as many different values as asked for.
func (m *mover) varied(offerings []model.Offering, asked []model.Requirement) bool {
	for _, r := range asked {
		values := map[string]bool{}
		for i := range offerings {
			if value, has := m.labelOf(&offerings[i], canonical(r.Key)); has {
				values[value] = true
			}
		}
		if len(values) < r.MinValues {
			return false
		}
	}
	return true
}

func (m *mover) labelOf(offering *model.Offering, key string) (string, bool) {
	switch key {
	case labelInstanceType:
		return offering.InstanceType, true
	case labelZone:
		return offering.Zone, true
	case labelCapacityType:
		return string(offering.CapacityType), true
	}
	for _, catalog := range m.snapshot.Catalogs {
		for i := range catalog.InstanceTypes {
			if t := &catalog.InstanceTypes[i]; t.Name == offering.InstanceType {
				value, has := t.Labels[key]
				return value, has
			}
		}
	}
	return "", false
}
