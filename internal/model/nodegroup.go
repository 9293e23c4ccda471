package model

// NodeGroup is an Auto Scaling group whose instances join the cluster: it grows
// by a number, and which of its types comes next is AWS's choice. Sizes are in
// units of capacity, which are instances where no type has a weight.
type NodeGroup struct {
	Name string `json:"name"`
	// Min, Max and Desired are the group's sizes now; what has been asked for
	// and is on its way is part of Desired.
	Min     int `json:"min"`
	Max     int `json:"max"`
	Desired int `json:"desired"`
	// Priority orders groups as NodePool.Weight orders pools.
	Priority int32 `json:"priority,omitempty"`
	// Types that may come, in the group's order.
	Types []GroupType `json:"types"`
	// OnDemandBase is how many units are on demand before Spot is bought, and
	// OnDemandPercentage how much of what is above: 0 to 100.
	OnDemandBase       int `json:"onDemandBase,omitempty"`
	OnDemandPercentage int `json:"onDemandPercentage"`
	// OnDemandStrategy and SpotStrategy are Auto Scaling's allocation
	// strategies, such as prioritized, lowest-price or capacity-optimized.
	OnDemandStrategy string `json:"onDemandStrategy,omitempty"`
	SpotStrategy     string `json:"spotStrategy,omitempty"`
	// Labels and Taints that every node has, whichever type and zone it is of.
	Labels        map[string]string `json:"labels,omitempty"`
	Taints        []Taint           `json:"taints,omitempty"`
	StartupTaints []Taint           `json:"startupTaints,omitempty"`
	// ByCapacityType is what a node has besides, by how it is bought: its user data
	// asks at boot. Empty where that makes no difference.
	ByCapacityType map[CapacityType]Traits `json:"byCapacityType,omitempty"`
	// UnitsBought are the units that the group has, by how they were bought; nil when
	// nobody knows, and then how the next are bought is not certain either.
	UnitsBought map[CapacityType]int `json:"unitsBought,omitempty"`
	// UncertainLabels are those of which it is not known whether and with which value
	// the next node has them, and why.
	UncertainLabels map[string]string `json:"uncertainLabels,omitempty"`
	// NotReadyReason, when set, keeps the group from growing and says why.
	NotReadyReason string `json:"notReadyReason,omitempty"`
	// InstancesByZone are those that the group has in each of its zones, with 0 for a
	// zone that has none; nil when nobody knows, and then no zone is certain.
	InstancesByZone map[string]int `json:"instancesByZone,omitempty"`
	// UncertainZones are zones of which nothing is promised, and why.
	UncertainZones map[string]string `json:"uncertainZones,omitempty"`
}

// GroupType is an instance type of a NodeGroup.
type GroupType struct {
	InstanceType
	// Weight is how many units of capacity an instance counts for; 0 is 1.
	Weight int `json:"weight,omitempty"`
	// Offerings are its pools: zones x capacity types that the group buys from.
	Offerings []Offering `json:"offerings,omitempty"`
}

// GroupSize is a node group's growth in a Plan, in units of capacity.
type GroupSize struct {
	Name string `json:"name"`
	From int    `json:"from"`
	To   int    `json:"to"`
	// Surplus is how many nodes come besides those of the plan's launches: the
	// group has to grow by them so that a node in the zone that pods need is certain.
	Surplus int `json:"surplus,omitempty"`
}
