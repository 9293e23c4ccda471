package model

// Traits are what a node has besides what all nodes of its group have.
type Traits struct {
	Labels map[string]string `json:"labels,omitempty"`
	Taints []Taint           `json:"taints,omitempty"`
}

// Unit is how many units of capacity one more node takes at most.
func (g *NodeGroup) Unit() int {
	unit := 1
	for i := range g.Types {
		unit = max(unit, g.Types[i].Weight)
	}
	return unit
}

// OnDemandAt is how many units are on demand at a size.
func (g *NodeGroup) OnDemandAt(size int) int {
	base := min(size, g.OnDemandBase)
	above := (size - base) * g.OnDemandPercentage
	return base + (above+99)/100
}

// MissingBought is how the units are bought that the group is still about to
// launch: as many on demand as its shares ask for. They are not known where it is
// not known how its instances were bought.
func (g *NodeGroup) MissingBought() (onDemand, spot int, known bool) {
	if g.UnitsBought == nil {
		return 0, 0, false
	}
	has := g.UnitsBought[OnDemand]
	missing := max(0, g.Desired-has-g.UnitsBought[Spot])
	onDemand = min(max(g.OnDemandAt(g.Desired)-has, 0), missing)
	return onDemand, missing - onDemand, true
}

// Bought is how so many further units are bought. Where nobody knows how its
// instances were bought, they are taken to be as its shares ask for.
func (g *NodeGroup) Bought(units int) (onDemand, spot int) {
	if g.OnDemandPercentage == 100 || g.Desired+units <= g.OnDemandBase {
		return units, 0
	}
	have := g.OnDemandAt(g.Desired)
	if coming, _, known := g.MissingBought(); known {
		have = g.UnitsBought[OnDemand] + coming
	}
	onDemand = min(max(g.OnDemandAt(g.Desired+units)-have, 0), units)
	return onDemand, units - onDemand
}

// BuysFrom are the offerings of a type in the ways in which the group buys: where
// it never buys Spot, or nothing else, no node comes from the others. Where none is
// left, nobody knows, and it is all of them.
func (g *NodeGroup) BuysFrom(t *GroupType) []Offering {
	onDemand := g.OnDemandPercentage > 0 || g.OnDemandBase > 0
	spot := g.OnDemandPercentage < 100 && g.OnDemandBase < g.Max
	if onDemand && spot {
		return t.Offerings
	}
	var bought []Offering
	for _, o := range t.Offerings {
		if (o.CapacityType == Spot) == spot {
			bought = append(bought, o)
		}
	}
	if len(bought) == 0 {
		return t.Offerings
	}
	return bought
}
