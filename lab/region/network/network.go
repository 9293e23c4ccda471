// Package network is the region's virtual networks as state and rules: VPCs,
// subnets, gateways, addresses, routes, security groups and endpoints. Its
// errors are EC2's. Methods are called within View or Update of the store.
package network

import (
	"errors"
	"slices"
	"time"

	"github.com/drover-project/drover/internal/catalog"
	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
)

// Zone is an availability zone.
type Zone = catalog.Zone

// Surroundings are what networks need of the region that they are in.
type Surroundings struct {
	Region, Account string
	Zones           []Zone
	// NewID makes an identifier with a prefix such as "vpc-".
	NewID func(tx *store.Tx, prefix string) (string, error)
	Now   func() time.Time
	// Instances are the interfaces of all instances that have not ended.
	Instances func() []Interface
}

// Network is all networks of a region.
type Network struct {
	Surroundings
	// Cluster is what the cluster's infrastructure stack made.
	Cluster Cluster

	VPCs             *store.Table[VPC]
	Subnets          *store.Table[Subnet]
	SecurityGroups   *store.Table[SecurityGroup]
	InternetGateways *store.Table[InternetGateway]
	NATGateways      *store.Table[NATGateway]
	Addresses        *store.Table[Address]
	RouteTables      *store.Table[RouteTable]
	Endpoints        *store.Table[Endpoint]
}

// Open opens the tables, which are empty in a new store.
func Open(s *store.Store, around Surroundings) (*Network, error) {
	n := &Network{Surroundings: around}
	return n, errors.Join(
		open(s, "vpcs", &n.VPCs),
		open(s, "subnets", &n.Subnets),
		open(s, "security-groups", &n.SecurityGroups),
		open(s, "internet-gateways", &n.InternetGateways),
		open(s, "nat-gateways", &n.NATGateways),
		open(s, "addresses", &n.Addresses),
		open(s, "route-tables", &n.RouteTables),
		open(s, "vpc-endpoints", &n.Endpoints),
	)
}

func open[T any](s *store.Store, name string, table **store.Table[T]) (err error) {
	*table, err = store.NewTable[T](s, name)
	return err
}

// HasZone reports whether the region has a zone of that name.
func (n *Network) HasZone(name string) bool {
	return slices.ContainsFunc(n.Zones, func(z Zone) bool { return z.Name == name })
}

// find gets a row, or the error that EC2 has for an id that nothing has; text
// has one %s for the id.
func find[T any](table *store.Table[T], id, code, text string) (T, error) {
	row, found := table.Get(id)
	if !found {
		return row, awserr.New(code, text, id)
	}
	return row, nil
}

// filtered are the rows that fit, in the order of their keys.
func filtered[T any](table *store.Table[T], fits func(T) bool) []T {
	return slices.DeleteFunc(table.All(), func(row T) bool { return !fits(row) })
}

func invalid(format string, args ...any) error {
	return awserr.New("InvalidParameterValue", format, args...)
}

func dependency(format string, args ...any) error {
	return awserr.New("DependencyViolation", format, args...)
}
