package engine

import (
	"fmt"
	"sort"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// zoneLimit begins the name of the limit on the nodes that a group can promise in
// a zone, or bought in one way; no resource has a slash like that.
const zoneLimit = limitNodes + "/in/"

// promises is what is certain about the zones of a node group's next nodes. A
// group over several zones is also sold by the zone, as far as growing it is
// sure to bring nodes there. A group whose nodes differ by how they are bought, and
// that grows in both ways, is sold by these instead of by the zone.
type promises struct {
	byWay bool              // zones are ways to buy
	zones []string          // by how little growth makes a node there certain, then by name
	most  map[string]int    // nodes by zone that the largest growth is certain to bring
	first map[string]int    // the growth from which on a node there is certain
	dry   map[string]string // zones without capacity, and why
	doubt map[string]string // zones of which nothing is promised, and why
	short map[string]string // zones for which the maximum size is too small, and by how much
}

// promisesOf returns nil for a group whose nodes all come up in one zone.
func promisesOf(g *model.NodeGroup) *promises {
	if isSplit(g) {
		return promisedWays(g)
	}
	zones := groupValues(g, labelZone)
	if _, fixed := g.Labels[labelZone]; fixed || len(zones) < 2 || groupFault(g) != "" {
		return nil
	}
	p := newPromises()
	doubt := zoneDoubt(g)
	for _, zone := range zones {
		if !zone.present {
			return nil
		}
		p.zones = append(p.zones, zone.value)
		p.judge(g, zone.value, doubt)
	}
	sort.SliceStable(p.zones, func(i, j int) bool { return p.first[p.zones[i]] < p.first[p.zones[j]] })
	return p
}

func newPromises() *promises {
	return &promises{most: map[string]int{}, first: map[string]int{}, dry: map[string]string{}, doubt: map[string]string{}, short: map[string]string{}}
}

func (p *promises) judge(g *model.NodeGroup, zone, doubt string) {
	own := g.UncertainZones[zone]
	p.first[zone] = growthFor(g, map[string]int{zone: 1})
	switch {
	case doubt != "" || own != "":
		p.doubt[zone] = doubt
		if own != "" {
			p.doubt[zone] = own
		}
		p.first[zone] = maxGroupSize
	case dryZone(g, zone) != "":
		p.dry[zone] = dryZone(g, zone)
	case p.first[zone] > groupRoom(g):
		p.short[zone] = p.tooShort(g, zone)
	default:
		p.most[zone] = sureGrowth(g, groupRoom(g))[zone]
	}
}

func (p *promises) tooShort(g *model.NodeGroup, zone string) string {
	return fmt.Sprintf("a node %s is certain when it grows by %d, and its maximum size is %d; raising it to %d would do",
		chosen(p.byWay, "like that", "there"), p.first[zone], g.Max, g.Desired+p.first[zone]*int(groupUnit(g)))
}

// chosen is the one text or the other.
func chosen(first bool, one, other string) string {
	if first {
		return one
	}
	return other
}

// where says in words what one of the promises is.
func (p *promises) where(zone string) string {
	if p.byWay {
		return "bought " + wayText(model.CapacityType(zone))
	}
	return "in " + zone
}

// reached says that no more of the group's nodes are promised like that.
func (p *promises) reached(g *model.NodeGroup, zone string) string {
	if p.byWay {
		return fmt.Sprintf("up to its maximum size %d no more of its nodes are bought %s (on-demand base %d, %d %% above, size %d)",
			g.Max, wayText(model.CapacityType(zone)), g.OnDemandBase, g.OnDemandPercentage, g.Desired)
	}
	return fmt.Sprintf("its maximum size %d does not let it grow until one more node in %s is certain", g.Max, zone)
}

// zoneDoubt says why none of the group's zones can be told, or "".
func zoneDoubt(g *model.NodeGroup) string {
	for i := range g.Types {
		if max(g.Types[i].Weight, 1) != int(groupUnit(g)) {
			return "its types count for different units of capacity"
		}
	}
	switch {
	case len(g.InstancesByZone) == 0:
		return "how many instances it has in each zone is not known"
	case unknownOnTheWay(g) > 0:
		return fmt.Sprintf("in which zone %d of its instances that are on their way come up is not known yet", unknownOnTheWay(g))
	case g.Missing() < 0:
		return "it has more instances than it wants, and which of them goes is not certain"
	case certainCapacityType(g, max(groupRoom(g), 1)) == "":
		return "part of its next nodes are bought on demand and part as Spot"
	}
	return ""
}

// unknownOnTheWay is how many of the instances that the group is still about to
// bring may come up in one of several zones. Pods that need a zone wait until they
// are there: one of them may be right, and asking on would grow the group at every
// look.
func unknownOnTheWay(g *model.NodeGroup) int {
	unknown := max(g.Missing(), 0)
	for _, sure := range g.SureByZone(unknown) {
		unknown -= sure
	}
	return unknown
}

// dryZone says that none of the pools in a zone that the group buys from has
// capacity; its nodes come up elsewhere then.
func dryZone(g *model.NodeGroup, zone string) string {
	wanted, reason := certainCapacityType(g, max(groupRoom(g), 1)), ""
	for i := range g.Types {
		for _, o := range g.Types[i].Offerings {
			if o.Zone != zone || o.CapacityType != wanted {
				continue
			}
			if o.UnavailableReason == "" {
				return ""
			}
			reason = o.UnavailableReason
		}
	}
	if reason == "" {
		return "none of its types is offered there"
	}
	return reason
}

// sureGrowth is how many of so many further nodes are certain to come up in each
// zone. What the group is still about to bring comes first and is not counted.
func sureGrowth(g *model.NodeGroup, nodes int) map[string]int {
	missing := max(g.Missing(), 0)
	sure, earlier := g.SureByZone(missing+nodes), g.SureByZone(missing)
	for zone, count := range earlier {
		sure[zone] -= count
	}
	return sure
}

// growthFor is the least growth that is certain to bring so many nodes in each
// zone, however large.
func growthFor(g *model.NodeGroup, wanted map[string]int) int {
	sum := 0
	for _, count := range wanted {
		sum += count
	}
	if isSplit(g) {
		return growthForWays(g, wanted, sum)
	}
	most := sum
	for zone := range wanted {
		// At this level every zone has what it wants.
		level := g.InstancesByZone[zone] + max(g.Missing(), 0) + wanted[zone]
		most = max(most, (level+1)*len(g.Zones()))
	}
	return sum + sort.Search(most, func(more int) bool {
		sure := sureGrowth(g, sum+more)
		for zone, count := range wanted {
			if sure[zone] < count {
				return false
			}
		}
		return true
	})
}

// offerings are one for each zone besides the one for any, at the same price.
func (p *promises) offerings(g *model.NodeGroup, anywhere model.Offering, as assumed) []model.Offering {
	if p == nil {
		return nil
	}
	var list []model.Offering
	for _, zone := range p.zones {
		one := anywhere
		if p.byWay {
			one.CapacityType, one.UnavailableReason = model.CapacityType(zone), ""
		} else {
			one.Zone, one.ZoneID = zone, zoneID(g, zone)
		}
		switch {
		case p.dry[zone] != "":
			one.UnavailableReason = p.dry[zone]
		case p.doubt[zone] != "":
			one.UnavailableReason = p.doubt[zone]
		case p.short[zone] != "" && !as.hopeful:
			one.UnavailableReason = p.short[zone]
		case as.withdrawn[g.Name]:
			one.UnavailableReason = "what makes such a node certain costs more"
		}
		list = append(list, one)
	}
	return list
}

func zoneID(g *model.NodeGroup, zone string) string {
	for i := range g.Types {
		for _, o := range g.Types[i].Offerings {
			if o.Zone == zone {
				return o.ZoneID
			}
		}
	}
	return ""
}

// limit bounds what the zones can be promised of. Hopeful, one more may be planned
// in each, which turns out to be right in every zone or is too much.
func (p *promises) limit(limits model.Resources, as assumed) {
	if p == nil {
		return
	}
	for _, zone := range p.zones {
		limits[zoneLimit+zone] = int64(p.most[zone])
		if as.hopeful && !p.byWay {
			limits[zoneLimit+zone]++
		}
	}
}

// limitZones finds what the zones of the pool's group can be promised of.
func (p *pool) limitZones(snapshot *model.Snapshot) {
	if len(snapshot.Catalogs[p.spec.NodeClass].Offerings) < 2 {
		return // not sold by the zone
	}
	p.promises = promisesOf(p.group)
}

// zoneCapacity is capacity with the zone of a group's node counted.
func zoneCapacity(p *pool, capacity []int64, offering *model.Offering) []int64 {
	if p.promises == nil {
		return capacity
	}
	counted := append([]int64(nil), capacity...)
	for i, name := range p.limited {
		if zone, isZone := strings.CutPrefix(name, zoneLimit); isZone {
			counted[i] = 0
			if zone == p.promises.promised(offering) {
				counted[i] = 1
			}
		}
	}
	return counted
}

// sort puts the zones first whose nodes are certain with the least growth: among
// equal prices the first is taken.
func (p *promises) sort(offerings []*model.Offering) {
	rank := map[string]int{}
	for i, zone := range p.zones {
		rank[zone] = i + 1
	}
	sort.SliceStable(offerings, func(i, j int) bool { return rank[p.promised(offerings[i])] < rank[p.promised(offerings[j])] })
}

// promised is the zone, or the way to buy, that the offering is sold by; "" for any.
func (p *promises) promised(offering *model.Offering) string {
	if p.byWay {
		return string(offering.CapacityType)
	}
	return offering.Zone
}

// isPromised reports whether the config stands for a node of a group in one of
// its several zones, or bought in one of two ways.
func (c *config) isPromised() bool {
	return c.pool.promises != nil && c.pool.promises.promised(c.offering) != ""
}

// isInZone reports whether it is the zone that is promised.
func (c *config) isInZone() bool { return c.isPromised() && !c.pool.promises.byWay }

// doubts are the values that a label of the config's node may have where that is
// not certain.
func (c *config) doubts(key string) []possible {
	if (key == labelZone || key == labelZoneID) && c.isInZone() || c.isOfWay(key) {
		return nil
	}
	return c.pool.doubts[key]
}

// depth is by how much a group must grow before a node like this is certain.
func (c *config) depth() int64 {
	if !c.isPromised() {
		return 0
	}
	return int64(c.pool.promises.first[c.pool.promises.promised(c.offering)])
}

func (p *problem) leastDepth(set bitset) int64 {
	least := int64(maxGroupSize)
	set.each(func(i int) { least = min(least, p.space.configs[i].depth()) })
	return least
}

// pickOfGroup is the config that a node of a group is launched as: one in any
// zone where that holds the pods.
func (p *problem) pickOfGroup(b *bin, choices []int) int {
	for _, i := range choices {
		if !p.space.configs[i].isPromised() {
			return i
		}
	}
	return b.config
}

// zoneUncertain explains why a group's zones in holding are not for sale, false
// when they are, or have no capacity.
func (s *solution) zoneUncertain(pool *pool, holding []int) (string, bool) {
	why := ""
	for _, i := range holding {
		c := &s.p.space.configs[i]
		if !c.isPromised() || c.available() {
			continue
		}
		value := pool.promises.promised(c.offering)
		if pool.promises.dry[value] != "" {
			return "", false
		}
		if why == "" {
			why = fmt.Sprintf("a node %s is not certain: %s", pool.promises.where(value), c.offering.UnavailableReason)
		}
	}
	return why, why != ""
}

// surplusReason says what a group's growth beyond the plan's launches is for.
func surplusReason(g *model.NodeGroup, wanted map[string]int, growth, surplus int, price int64) model.PoolReason {
	p := promises{byWay: isSplit(g)}
	kinds := make([]string, 0, len(wanted))
	for _, kind := range sortedKeys(wanted) {
		kinds = append(kinds, fmt.Sprintf("%d %s", wanted[kind], p.where(kind)))
	}
	return model.PoolReason{NodeGroup: g.Name, Reason: model.Reason{Code: model.CodeZoneSurplus, Message: fmt.Sprintf(
		"grows by %d so that its nodes %s are certain; %d of them are needed for nothing else, at %s $/h, until they are scaled down: a node group for each %s would do without",
		growth, strings.Join(boundedList(kinds, 6), ", "), surplus, priceText(price*int64(surplus)), chosen(p.byWay, "way to buy", "zone"))}}
}
