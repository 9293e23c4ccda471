package engine

import (
	"fmt"

	"github.com/drover-project/drover/internal/model"
)

// waysToBuy are how a node of a group may be bought, in the order of their names.
var waysToBuy = [...]model.CapacityType{model.OnDemand, model.Spot}

func wayText(way model.CapacityType) string {
	return chosen(way == model.Spot, "as Spot", "on demand")
}

// withWays gives every group whose next nodes are all bought in one way the labels
// and taints of that way. The others keep those of both.
func withWays(snapshot *model.Snapshot) *model.Snapshot {
	settled := *snapshot
	settled.NodeGroups = append([]model.NodeGroup(nil), snapshot.NodeGroups...)
	for i := range settled.NodeGroups {
		g := &settled.NodeGroups[i]
		if len(g.ByCapacityType) == 0 || groupFault(g) != "" {
			g.ByCapacityType = nil
			continue
		}
		way := settledWay(g)
		if way == "" {
			g.ByCapacityType = map[model.CapacityType]model.Traits{model.OnDemand: g.ByCapacityType[model.OnDemand], model.Spot: g.ByCapacityType[model.Spot]}
			continue
		}
		own := g.ByCapacityType[way]
		g.ByCapacityType = map[model.CapacityType]model.Traits{way: own}
		g.Labels, g.Taints = withLabels(g.Labels, own.Labels), withTaints(g.Taints, own.Taints)
	}
	return &settled
}

// isSplit reports whether the nodes of a group, with its ways settled, differ by how
// they are bought, and it is to grow in both ways or in one that nobody knows.
func isSplit(g *model.NodeGroup) bool { return len(g.ByCapacityType) > 1 }

func withLabels(shared, own map[string]string) map[string]string {
	all := make(map[string]string, len(shared)+len(own))
	for _, labels := range []map[string]string{own, shared} {
		for key, value := range labels {
			all[key] = value
		}
	}
	return all
}

func withTaints(shared, own []model.Taint) []model.Taint {
	return append(append([]model.Taint(nil), shared...), own...)
}

// settledWay is how all of the group's next nodes are certain to be bought, "" when
// that is not certain, or in both ways.
func settledWay(g *model.NodeGroup) model.CapacityType {
	switch {
	case g.OnDemandPercentage == 0 && g.OnDemandBase == 0:
		return model.Spot
	case g.OnDemandPercentage == 100 || g.OnDemandBase >= g.Max:
		return model.OnDemand
	case wayDoubt(g) != "":
		return ""
	}
	return certainCapacityType(g, max(groupRoom(g), 1))
}

// wayDoubt says why nobody can tell how the group's next nodes are bought.
func wayDoubt(g *model.NodeGroup) string {
	switch {
	case g.UnitsBought == nil:
		return "how its instances were bought is not known"
	case g.UnitsBought[model.OnDemand]+g.UnitsBought[model.Spot] > g.Desired:
		return "it has more instances than it wants, and which of them goes is not certain"
	}
	return ""
}

// promisedWays is what is certain about how the next nodes of a split group are
// bought.
func promisedWays(g *model.NodeGroup) *promises {
	p := newPromises()
	p.byWay = true
	doubt := wayDoubt(g)
	if doubt == "" && groupUnit(g) > 1 {
		doubt = "its types count for several units of capacity"
	}
	for _, way := range waysToBuy {
		p.zones = append(p.zones, string(way))
		p.judgeWay(g, way, doubt)
	}
	if p.first[p.zones[1]] < p.first[p.zones[0]] {
		p.zones[0], p.zones[1] = p.zones[1], p.zones[0]
	}
	return p
}

func (p *promises) judgeWay(g *model.NodeGroup, way model.CapacityType, doubt string) {
	name := string(way)
	p.first[name] = growthFor(g, map[string]int{name: 1})
	switch {
	case doubt != "":
		p.doubt[name], p.first[name] = doubt, maxGroupSize
	case dryWay(g, way) != "":
		p.dry[name] = dryWay(g, way)
	case p.first[name] > groupRoom(g):
		p.short[name] = p.tooShort(g, name)
	default:
		p.most[name] = boughtOf(g, groupRoom(g), way)
	}
}

// boughtOf is how many of so many further nodes are bought in one way. The group
// has no weights.
func boughtOf(g *model.NodeGroup, nodes int, way model.CapacityType) int {
	onDemand, spot := purchases(g, nodes)
	if way == model.Spot {
		return spot
	}
	return onDemand
}

// growthForWays is the least growth, of sum at least, that brings so many nodes
// bought in each way. One that cannot be is beyond every size.
func growthForWays(g *model.NodeGroup, wanted map[string]int, sum int) int {
	enough := func(nodes int) bool {
		for way, count := range wanted {
			if boughtOf(g, nodes, model.CapacityType(way)) < count {
				return false
			}
		}
		return true
	}
	low, high := sum, 1
	for high = max(sum, 1); !enough(high); high *= 2 {
		if high >= maxGroupSize {
			return maxGroupSize
		}
		low = high
	}
	for low < high {
		if middle := (low + high) / 2; enough(middle) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// dryWay says that no pool has capacity from which the group would buy in this way.
func dryWay(g *model.NodeGroup, way model.CapacityType) string {
	reason := ""
	for i := range g.Types {
		for _, o := range g.Types[i].Offerings {
			if o.CapacityType != way {
				continue
			}
			if o.UnavailableReason == "" {
				return ""
			}
			reason = o.UnavailableReason
		}
	}
	return chosen(reason == "", "none of its types is offered "+wayText(way), reason)
}

// wayValues are the values of a label that depends on how a split group's node is
// bought.
func wayValues(g *model.NodeGroup, key string) []possible {
	var values []possible
	depends := false
	for _, way := range waysToBuy {
		value, present := lookup(g.ByCapacityType[way].Labels, key)
		depends = depends || present
		values = append(values, possible{value: value, present: present})
	}
	if !depends || !isSplit(g) {
		return nil
	}
	return values
}

// boughtAs is what a node of a split group has that is bought in one way.
type boughtAs struct {
	labels map[string]string
	taints []model.Taint
}

// splitWays finds what the group's nodes are by how they are bought.
func (p *pool) splitWays() {
	if !isSplit(p.group) {
		return
	}
	p.bought = map[model.CapacityType]boughtAs{}
	for _, way := range waysToBuy {
		own := p.group.ByCapacityType[way]
		p.bought[way] = boughtAs{labels: own.Labels, taints: lastingTaints(withTaints(p.group.Taints, own.Taints), p.group.StartupTaints)}
	}
}

// isDoubtful reports whether the pool's nodes are not all alike.
func (p *pool) isDoubtful() bool { return len(p.doubts) > 0 || p.bought != nil }

// way is how the config's node is certain to be bought where that makes a
// difference.
func (c *config) way() (boughtAs, bool) {
	own, certain := c.pool.bought[c.offering.CapacityType]
	return own, certain
}

// isOfWay reports whether a label is one that depends on how the node is bought, and
// that is certain.
func (c *config) isOfWay(key string) bool {
	if _, certain := c.way(); !certain {
		return false
	}
	for _, own := range c.pool.bought {
		if _, there := lookup(own.labels, key); there {
			return true
		}
	}
	return false
}

// taints are those that the config's node may have.
func (c *config) taints() []model.Taint {
	if own, certain := c.way(); certain {
		return own.taints
	}
	return c.pool.taints
}

// mayTolerate reports whether the node could turn out to have no taint in the way of
// a pod: a DaemonSet that may come takes its room.
func (c *config) mayTolerate(tolerations []model.Toleration) bool {
	if _, off := untolerated(c.taints(), tolerations, false); !off {
		return true
	}
	if _, certain := c.way(); certain {
		return false
	}
	for _, own := range c.pool.bought {
		if _, off := untolerated(own.taints, tolerations, false); !off {
			return true
		}
	}
	return false
}

// mayTolerate adds to what a pod tolerates the configs that may turn out to have no
// taint in its way.
func (s *space) mayTolerate(tolerations []model.Toleration, pools []*pool) bitset {
	set := s.tolerated(tolerations, pools, false)
	for _, p := range pools {
		for _, i := range p.configs {
			if p.bought != nil && s.configs[i].mayTolerate(tolerations) {
				set.set(i)
			}
		}
	}
	return set
}

// taintInTheWay is the taint that keeps a pod off every node of the pool.
func (p *pool) taintInTheWay(tolerations []model.Toleration) (model.Taint, bool) {
	taint, off := untolerated(p.taints, tolerations, false)
	for _, own := range p.bought {
		if _, offToo := untolerated(own.taints, tolerations, false); !offToo {
			return model.Taint{}, false
		}
	}
	return taint, off
}

// wayReason says why a label has the one value or the other.
func (p *pool) wayReason(key string) string {
	if p.group == nil {
		return ""
	}
	for way, own := range p.group.ByCapacityType {
		if _, depends := lookup(own.Labels, key); !depends {
			continue
		}
		if isSplit(p.group) {
			return "; that depends on how it is bought"
		}
		return fmt.Sprintf("; its next nodes are bought %s (on-demand base %d, %d %% above, size %d)",
			wayText(way), p.group.OnDemandBase, p.group.OnDemandPercentage, p.group.Desired)
	}
	return ""
}
