package engine

import (
	"encoding/binary"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// nanoDollars is the unit of every price inside the engine: whole numbers add
// up and compare the same way on every machine.
const nanoDollars = 1e9

// config is one way to buy a node: an offering for a NodePool, with the values
// of the pool's free labels decided.
type config struct {
	pool     *pool
	kind     *model.InstanceType
	typeID   int // number of the instance type as it is bought, whatever the zone
	offering *model.Offering
	free     map[string]string
	variant  int   // number of free among the pool's
	price    int64 // nanoDollars per hour
	room     vector
	roomID   int     // number of its sameRoom
	capacity []int64 // by pool.limited
	daemons  *daemonShare
}

// label is what the node's label will be; the hostname exists but is not known.
func (c *config) label(key string) (string, bool) {
	key = canonical(key)
	if c.pool.group != nil {
		return c.groupLabel(key)
	}
	switch key {
	case labelZone:
		return c.offering.Zone, c.offering.Zone != ""
	case labelZoneID:
		return c.offering.ZoneID, c.offering.ZoneID != ""
	case labelCapacityType:
		return string(c.offering.CapacityType), true
	case labelNodePool:
		return c.pool.spec.Name, true
	case labelHostname:
		return "", true
	case labelInstanceType:
		return c.kind.Name, true
	}
	if value, ok := c.pool.spec.Labels[key]; ok {
		return value, true
	}
	if value, ok := c.free[key]; ok {
		return value, true
	}
	value, ok := c.kind.Labels[key]
	return value, ok
}

func (c *config) meets(requirements []model.Requirement) bool {
	for _, r := range requirements {
		if !c.meetsOne(r) {
			return false
		}
	}
	return true
}

func (c *config) available() bool { return c.offering.UnavailableReason == "" }

func (c *config) text() string {
	return offeringText(c.offering.OfferingKey)
}

// offeringText leaves out what is not certain of a node group's next node.
func offeringText(key model.OfferingKey) string {
	text := key.InstanceType
	if key.CapacityType != "" {
		text += " " + string(key.CapacityType)
	}
	if key.Zone != "" {
		text += " in " + key.Zone
	}
	return text
}

// buildConfigs lists all ways to buy a node that each pool's own requirements
// allow, those without capacity included: reasons speak of them.
func buildConfigs(pools []*pool, snapshot *model.Snapshot, settings model.Settings) []config {
	var configs []config
	var m mentions
	for _, p := range pools {
		if p.fault != nil {
			continue
		}
		catalog := snapshot.Catalogs[p.spec.NodeClass]
		kinds := make(map[string]*model.InstanceType, len(catalog.InstanceTypes))
		for i := range catalog.InstanceTypes {
			kinds[catalog.InstanceTypes[i].Name] = &catalog.InstanceTypes[i]
		}
		offerings := sortedOfferings(catalog.Offerings)
		if p.promises != nil {
			p.promises.sort(offerings)
		}
		keys := p.freeKeys(&catalog)
		if len(keys) > 0 && m == nil {
			m = newMentions(snapshot)
		}
		variants := p.variants(keys, m)
		configs = slices.Grow(configs, len(variants)*len(offerings))
		p.configs = slices.Grow(p.configs, len(variants)*len(offerings))
		for variant, free := range variants {
			var kind *model.InstanceType
			var capacity []int64
			for _, offering := range offerings {
				if kind == nil || kind.Name != offering.InstanceType {
					if kind = kinds[offering.InstanceType]; kind == nil {
						continue
					}
					capacity = limitedCapacity(p, kind)
				}
				capacity = zoneCapacity(p, capacity, offering)
				c := config{pool: p, kind: kind, offering: offering, free: free, variant: variant, capacity: capacity}
				if !c.meets(p.spec.Requirements) {
					continue
				}
				c.price = withInterruptions(offering, settings)
				p.configs = append(p.configs, len(configs))
				configs = append(configs, c)
			}
		}
	}
	return configs
}

func sortedOfferings(offerings []model.Offering) []*model.Offering {
	sorted := make([]*model.Offering, 0, len(offerings))
	for i := range offerings {
		if price := offerings[i].PricePerHour; price > 0 && !math.IsInf(price, 0) {
			sorted = append(sorted, &offerings[i])
		}
	}
	byKey := func(i, j int) bool { return lessOffering(sorted[i].OfferingKey, sorted[j].OfferingKey) }
	if !sort.SliceIsSorted(sorted, byKey) {
		sort.SliceStable(sorted, byKey)
	}
	return sorted
}

func lessOffering(a, b model.OfferingKey) bool {
	if a.InstanceType != b.InstanceType {
		return a.InstanceType < b.InstanceType
	}
	if a.Zone != b.Zone {
		return a.Zone < b.Zone
	}
	return a.CapacityType < b.CapacityType
}

func limitedCapacity(p *pool, kind *model.InstanceType) []int64 {
	capacity := make([]int64, len(p.limited))
	for i, name := range p.limited {
		capacity[i] = kind.Capacity[name]
		if strings.HasPrefix(name, zoneLimit) {
			capacity[i] = 0
		}
		if name == limitNodes {
			capacity[i] = 1
			if p.group != nil {
				capacity[i] = groupUnit(p.group)
			}
		}
	}
	return capacity
}

// space answers which configs meet a requirement, each question once.
type space struct {
	configs []config
	cache   map[string]bitset
	columns map[string]*labelColumn
	rooms   []sameRoom
	types   int // see config.typeID
}

// numberTypes numbers instance types by capacity type.
func (s *space) numberTypes() {
	type bought struct {
		kind     *model.InstanceType
		capacity model.CapacityType
	}
	numbers := make(map[bought]int, len(s.configs)/2)
	for i := range s.configs {
		c := &s.configs[i]
		key := bought{c.kind, c.offering.CapacityType}
		if i > 0 && key == (bought{s.configs[i-1].kind, s.configs[i-1].offering.CapacityType}) {
			c.typeID = s.configs[i-1].typeID
			continue
		}
		number, known := numbers[key]
		if !known {
			number = len(numbers)
			numbers[key] = number
		}
		c.typeID = number
	}
	s.types = len(numbers)
}

// sameRoom is configs that leave the same room for pods.
type sameRoom struct {
	room    vector
	configs []int
	units   []float64 // what a unit of each resource costs where the room is used up, at least
}

// labelColumn is one label of all configs, its values in order and numbered.
type labelColumn struct {
	values   []string
	ofConfig []int32 // -1: no such label
}

func (s *space) column(key string) *labelColumn {
	if column, known := s.columns[key]; known {
		return column
	}
	column := &labelColumn{ofConfig: make([]int32, len(s.configs))}
	numbers := map[string]int32{}
	byType := ofType(key)
	for i := range s.configs {
		// Neighbours are mostly one type in several zones.
		if i > 0 && byType && s.configs[i].pool.bought == nil && s.configs[i].kind == s.configs[i-1].kind && s.configs[i].sellsLike(&s.configs[i-1]) {
			column.ofConfig[i] = column.ofConfig[i-1]
			continue
		}
		column.ofConfig[i] = -1
		if value, ok := s.configs[i].label(key); ok {
			number, known := numbers[value]
			if !known {
				number = int32(len(numbers))
				numbers[value] = number
				column.values = append(column.values, value)
			}
			column.ofConfig[i] = number
		}
	}
	column.sort(numbers)
	s.columns[key] = column
	return column
}

// sort puts the values, which are numbered as they came, in order.
func (c *labelColumn) sort(numbers map[string]int32) {
	if slices.IsSorted(c.values) {
		return
	}
	slices.Sort(c.values)
	sorted := make([]int32, len(numbers))
	for n, value := range c.values {
		sorted[numbers[value]] = int32(n)
	}
	for i, number := range c.ofConfig {
		if number >= 0 {
			c.ofConfig[i] = sorted[number]
		}
	}
}

// ofType reports whether a label is one that the instance type and the free labels
// decide, but not the zone and the capacity type.
func ofType(key string) bool {
	switch canonical(key) {
	case labelZone, labelZoneID, labelCapacityType:
		return false
	}
	return true
}

// sellsLike is true for configs of one pool with the same free labels.
func (c *config) sellsLike(other *config) bool {
	return c.pool == other.pool && c.variant == other.variant
}

// fewZones is how often a room is sold, mostly.
const fewZones = 4

func (s *space) mergeRooms() {
	index := make(map[string]int, len(s.configs)/2)
	at := -1
	var key []byte
	var lists slab[int]
	var units slab[float64]
	for i := range s.configs {
		c := &s.configs[i]
		if i == 0 || &c.room[0] != &s.configs[i-1].room[0] {
			key = key[:0]
			for _, amount := range c.room {
				key = binary.AppendVarint(key, amount)
			}
			known := false
			if at, known = index[string(key)]; !known {
				at = len(s.rooms)
				index[string(key)] = at
				s.rooms = append(s.rooms, sameRoom{room: c.room, configs: lists.take(fewZones)[:0], units: units.take(len(c.room))})
			}
		}
		s.rooms[at].configs = append(s.rooms[at].configs, i)
		c.roomID = at
	}
	for r := range s.rooms {
		s.priceUnits(&s.rooms[r])
	}
}

func (s *space) priceUnits(same *sameRoom) {
	cheapest := s.configs[same.configs[0]].price
	for _, i := range same.configs {
		cheapest = min(cheapest, s.configs[i].price)
	}
	for r, amount := range same.room {
		same.units[r] = float64(cheapest) / float64(max(amount, 1))
	}
}

func (s *space) requirement(r model.Requirement) bitset {
	key := r.Key + "\x00" + string(r.Operator) + "\x00" + strings.Join(r.Values, "\x00")
	if set, ok := s.cache[key]; ok {
		return set
	}
	set := newBitset(len(s.configs))
	for i := range s.configs {
		// The name of a new node is unknown: nobody can ask for it.
		unknown := canonical(r.Key) == labelHostname && r.Operator != model.Exists && r.Operator != model.DoesNotExist && r.Operator != model.NotIn
		if !unknown && s.configs[i].meetsOne(r) {
			set.set(i)
		}
	}
	s.cache[key] = set
	return set
}

// of returns the configs of a pool.
func (s *space) of(p *pool) bitset {
	set := newBitset(len(s.configs))
	for _, i := range p.configs {
		set.set(i)
	}
	return set
}

// admits returns the configs that meet at least one of the alternatives.
func (s *space) admits(terms []model.NodeSelectorTerm) bitset {
	if terms == nil {
		return fullBitset(len(s.configs))
	}
	union := newBitset(len(s.configs))
	for _, term := range terms {
		set := fullBitset(len(s.configs))
		for _, r := range term.Labels {
			set.and(s.requirement(r))
		}
		for _, r := range term.Fields {
			if r.Key != fieldNodeName || r.Operator != model.NotIn {
				set = newBitset(len(s.configs))
			}
		}
		union.or(set)
	}
	return union
}

// tolerated returns the configs of the pools whose taints the pod tolerates.
func (s *space) tolerated(tolerations []model.Toleration, pools []*pool, soft bool) bitset {
	set := newBitset(len(s.configs))
	for _, p := range pools {
		_, off := untolerated(p.taints, tolerations, soft)
		for _, i := range p.configs {
			if p.bought != nil {
				_, off = untolerated(s.configs[i].taints(), tolerations, soft)
			}
			if !off {
				set.set(i)
			}
		}
	}
	return set
}
