package model

// CapacityType is how a node is bought.
type CapacityType string

// Capacity types with the label values of karpenter.sh/capacity-type.
const (
	OnDemand CapacityType = "on-demand"
	Spot     CapacityType = "spot"
	Reserved CapacityType = "reserved"
)

// InstanceType is a kind of machine as it would join the cluster.
type InstanceType struct {
	Name string `json:"name"`
	// Labels the node will have whatever the zone and capacity type: arch, os,
	// instance-type and the karpenter.k8s.aws/instance-* family.
	Labels map[string]string `json:"labels"`
	// Capacity is what the node reports; Allocatable what pods may use of it.
	Capacity    Resources `json:"capacity"`
	Allocatable Resources `json:"allocatable"`
	// AttachLimits bound the volumes that each driver attaches; a driver that
	// is missing has no limit.
	AttachLimits map[string]int64 `json:"attachLimits,omitempty"`
}

// OfferingKey names a pool of capacity: instance type x zone x capacity type.
type OfferingKey struct {
	InstanceType string       `json:"instanceType"`
	Zone         string       `json:"zone"`
	CapacityType CapacityType `json:"capacityType"`
}

// Offering is one way to buy an instance type.
type Offering struct {
	OfferingKey
	ZoneID string `json:"zoneID,omitempty"`
	// PricePerHour in USD. An offering whose price nobody knows is not offered
	// to the engine: an unknown price is not zero.
	PricePerHour float64 `json:"pricePerHour"`
	// LowestPrice and HighestPrice are what a Spot pool cost over the time that
	// counts for moves between pools, in USD per hour; 0 when nobody knows.
	LowestPrice  float64 `json:"lowestPrice,omitempty"`
	HighestPrice float64 `json:"highestPrice,omitempty"`
	// InterruptionRate is the share of its instances that are interrupted in a
	// month, 0 to 1; 0 when nothing is known or nothing is to be weighed.
	InterruptionRate float64 `json:"interruptionRate,omitempty"`
	// UnavailableReason is set while the pool is known to have no capacity.
	UnavailableReason string `json:"unavailableReason,omitempty"`
}

// Catalog is what a NodeClass can buy. Different NodeClasses may see different
// zones, allocatable or types.
type Catalog struct {
	// InstanceTypes in order of name.
	InstanceTypes []InstanceType `json:"instanceTypes"`
	// Offerings in order of type, zone, capacity type.
	Offerings []Offering `json:"offerings"`
}
