// Package cloudtest is what the tests of drover use in place of a cloud: Fake,
// an in-memory cloud with finite capacity, and Run, the conformance suite that
// says what every adapter of cloud.Provider must hold to.
package cloudtest

import (
	"time"

	"github.com/drover-project/drover/internal/model"
)

// World is what a Fake has to sell. A Fake made of the zero World has
// DefaultWorld's subnets, security groups, images, types and prices.
type World struct {
	Region         string
	Subnets        []Subnet
	SecurityGroups []SecurityGroup
	Images         []Image
	// InstanceTypes with labels, capacity and allocatable as they join.
	InstanceTypes []model.InstanceType
	// Prices in USD per hour; an offering without a price is not offered.
	Prices map[model.OfferingKey]float64
	// Capacity is how many instances a pool can hold; a pool that is not named
	// is unlimited.
	Capacity map[model.OfferingKey]int

	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// BootTime is spent in state pending, ShutdownTime in shutting-down.
	BootTime, ShutdownTime time.Duration
	// Before runs ahead of each operation, After when it has taken effect but
	// its answer has not been given; an error from either is what the caller
	// gets. Operations are named as the methods of cloud.Provider.
	Before, After func(operation string) error
}

// Subnet is a subnet of the cluster's VPC.
type Subnet struct {
	ID, Zone, ZoneID string
	Tags             map[string]string
}

// SecurityGroup is a security group of the cluster's VPC.
type SecurityGroup struct {
	ID, Name string
	Tags     map[string]string
}

// Image is a machine image; Alias names the family whose alias terms
// (family@version) find it.
type Image struct {
	ID, Name, Arch, Alias string
	Tags                  map[string]string
}

// UnavailableFor is how long a pool that had no capacity is shown as such.
const UnavailableFor = 3 * time.Minute

// SpotWindow is over how long Spot prices are looked at, for moves between pools.
const SpotWindow = 24 * time.Hour

// DiscoveryTag marks what the default NodeClass selects: tag key and value.
const (
	DiscoveryTagKey   = "karpenter.sh/discovery"
	DiscoveryTagValue = "test-cluster"
)

// DefaultWorld has three zones of us-west-2, five instance types with their
// on-demand prices there, Spot at a third of them, and no lack of capacity.
func DefaultWorld() World {
	tags := map[string]string{DiscoveryTagKey: DiscoveryTagValue}
	world := World{
		Region: "us-west-2",
		Subnets: []Subnet{
			{ID: "subnet-a", Zone: "us-west-2a", ZoneID: "usw2-az1", Tags: tags},
			{ID: "subnet-b", Zone: "us-west-2b", ZoneID: "usw2-az2", Tags: tags},
			{ID: "subnet-c", Zone: "us-west-2c", ZoneID: "usw2-az3", Tags: tags},
		},
		SecurityGroups: []SecurityGroup{{ID: "sg-nodes", Name: "nodes", Tags: tags}},
		Images: []Image{
			{ID: "ami-amd64", Name: "al2023-amd64", Arch: "amd64", Alias: "al2023"},
			{ID: "ami-arm64", Name: "al2023-arm64", Arch: "arm64", Alias: "al2023"},
		},
		Prices: map[model.OfferingKey]float64{},
	}
	for _, shape := range defaultShapes {
		world.InstanceTypes = append(world.InstanceTypes, shape.instanceType())
		for _, subnet := range world.Subnets {
			world.Prices[model.OfferingKey{InstanceType: shape.name, Zone: subnet.Zone, CapacityType: model.OnDemand}] = shape.price
			world.Prices[model.OfferingKey{InstanceType: shape.name, Zone: subnet.Zone, CapacityType: model.Spot}] = shape.price / 3
		}
	}
	return world
}
