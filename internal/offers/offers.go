// Package offers says what a NodeClass can buy without asking AWS: from the
// shipped catalog of a region, or from a catalogue in a file. The room of a
// node comes from the same arithmetic as in the adapter of AWS.
package offers

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/catalog"
	"github.com/drover-project/drover/internal/instancetype"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/spotrisk"
	"github.com/drover-project/drover/internal/workload"
)

// Market is a region as a buyer sees it. Spot prices change by the hour and are in
// no file: Spot is offered only at the savings that a table of rates states.
type Market struct {
	Region string
	Zones  []catalog.Zone
	// Table, when set, is sold instead of the region's types.
	Table *workload.CatalogTable
	// Spot, when set, says which types are sold as Spot too.
	Spot *spotrisk.Table

	facts *catalog.Catalog
}

// New opens the market of a region. zones are names; none means the region's
// first three. An unknown region is an error that lists the known ones.
func New(region string, zones []string, table *workload.CatalogTable) (*Market, error) {
	facts, err := catalog.Load()
	if err != nil {
		return nil, fmt.Errorf("reading the shipped catalog: %w", err)
	}
	known := catalog.Zones(region)
	if known == nil {
		return nil, fmt.Errorf("region %q is not in the catalog: use one of %s", region, strings.Join(facts.Regions(), ", "))
	}
	market := &Market{Region: region, Zones: known, Table: table, facts: facts}
	if len(zones) == 0 {
		return market, nil
	}
	for i, zone := range zones {
		switch {
		case slices.Contains(zones[:i], zone):
			return nil, fmt.Errorf("zone %q is given twice", zone)
		case table == nil && (!strings.HasPrefix(zone, region) || zone == region):
			return nil, fmt.Errorf("zone %q is not a zone of %s: its zones are called %s, %s and so on", zone, region, known[0].Name, known[1].Name)
		}
	}
	market.Zones = named(zones, known)
	return market, nil
}

// named gives zones their IDs, as far as those are known.
func named(names []string, known []catalog.Zone) []catalog.Zone {
	var zones []catalog.Zone
	for _, name := range names {
		zone := catalog.Zone{Name: name}
		if i := slices.IndexFunc(known, func(z catalog.Zone) bool { return z.Name == name }); i >= 0 {
			zone = known[i]
		}
		zones = append(zones, zone)
	}
	return zones
}

// Source names where types and prices come from, with their date.
func (m *Market) Source() string {
	if m.Table != nil {
		return fmt.Sprintf("%s, %d types", m.Table.File, len(m.Table.Types))
	}
	date, _ := catalog.PricesPublished(m.Region)
	if m.Spot != nil {
		return fmt.Sprintf("%s, on-demand prices of %s, %d types; Spot at the savings of %s", m.Region, date, len(m.facts.Offered(m.Region)), m.Spot.Source)
	}
	return fmt.Sprintf("%s, on-demand prices of %s, %d types", m.Region, date, len(m.facts.Offered(m.Region)))
}

// Catalog lists what the class can buy: types that its images, where they are
// known, run on, in the zones of its subnets or else of the market.
func (m *Market) Catalog(_ context.Context, class *ec2v1.EC2NodeClass) (model.Catalog, error) {
	zones := m.zonesOf(class)
	if m.Table != nil {
		var names []string
		for _, zone := range zones {
			names = append(names, zone.Name)
		}
		return m.Spot.WithSpot(m.Table.Catalog(names)), nil
	}
	shape, err := instancetype.NewShape(class, instancetype.Options{VMMemoryOverheadPercent: instancetype.DefaultVMMemoryOverheadPercent})
	if err != nil {
		return model.Catalog{}, fmt.Errorf("EC2NodeClass %s: %w", class.Name, err)
	}
	var offered model.Catalog
	for _, t := range m.facts.Offered(m.Region) {
		if !slices.Contains(t.Virtualization(), "hvm") {
			continue // no image of a node is made for it, and the adapter of AWS does not ask for it
		}
		facts := Facts(t)
		capacity := shape.Capacity(facts)
		labels := facts.Labels(m.Region, capacity[model.PodCount])
		if capacity[model.PodCount] == 0 || !shape.Supports(facts) || !runnable(class, labels) {
			continue
		}
		offered.InstanceTypes = append(offered.InstanceTypes, model.InstanceType{
			Name: t.Name, Labels: labels, Capacity: capacity, Allocatable: shape.Allocatable(facts, capacity),
			AttachLimits: shape.AttachLimits(facts),
		})
		price, _ := m.facts.Price(m.Region, t.Name)
		for _, zone := range zones {
			offered.Offerings = append(offered.Offerings, model.Offering{
				OfferingKey: model.OfferingKey{InstanceType: t.Name, Zone: zone.Name, CapacityType: model.OnDemand},
				ZoneID:      zone.ID, PricePerHour: price,
			})
		}
	}
	return m.Spot.WithSpot(offered), nil
}

// runnable reports whether an image of the class runs on the type; a class that
// has not resolved its images is taken to have one for every architecture.
func runnable(class *ec2v1.EC2NodeClass, labels map[string]string) bool {
	return len(class.Status.AMIs) == 0 || instancetype.ImageFor(class.Status.AMIs, labels) != nil
}

// zonesOf are the zones of the subnets that the class has found, by name.
func (m *Market) zonesOf(class *ec2v1.EC2NodeClass) []catalog.Zone {
	if len(class.Status.Subnets) == 0 {
		return m.Zones
	}
	var zones []catalog.Zone
	for _, subnet := range class.Status.Subnets {
		zones = append(zones, catalog.Zone{Name: subnet.Zone, ID: subnet.ZoneID})
	}
	slices.SortFunc(zones, func(a, b catalog.Zone) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(zones, func(a, b catalog.Zone) bool { return a.Name == b.Name })
}

// Facts brings a row of the catalog into the form that nodes follow from.
func Facts(t catalog.Type) instancetype.Facts {
	f := instancetype.Facts{
		Name: t.Name, Arch: t.Arch, VCPUs: t.VCPU, MemoryMiB: t.MemoryMiB, Hypervisor: t.Hypervisor, Manufacturer: t.Manufacturer(),
		ENIs: t.ENIs, IPv4PerENI: t.IPv4PerENI, DefaultNetworkCard: int(t.DefaultNetworkCard),
		BandwidthMbps:  int64(math.Round(t.NetworkGbps * 1000)),
		LocalDisks:     t.LocalStorage.Disks,
		LocalStorageGB: t.LocalStorage.Disks * t.LocalStorage.DiskGB, LocalNVMe: t.LocalStorage.NVMe,
	}
	for _, card := range t.NetworkCards {
		f.NetworkCards = append(f.NetworkCards, instancetype.NetworkCard{ENIs: card.ENIs})
	}
	if t.GPU.Count > 0 {
		f.GPUs = []instancetype.Device{{Name: t.GPU.Name, Manufacturer: t.GPU.Manufacturer, Count: t.GPU.Count, MemoryMiB: t.GPU.MemoryMiB}}
	}
	if t.Neuron.Devices > 0 {
		f.Neuron = []instancetype.Device{{Name: t.Neuron.Name, Count: t.Neuron.Devices, Cores: t.Neuron.CoresPerDevice, MemoryMiB: t.Neuron.MemoryMiB}}
	}
	return f
}
