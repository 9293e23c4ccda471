package offers

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/groupnodes"
	"github.com/drover-project/drover/internal/instancetype"
	"github.com/drover-project/drover/internal/model"
)

// Sales are what the market sells, as groups buy it. What Spot costs is known where a
// table of rates states it.
func (m *Market) Sales() *groupnodes.Sales {
	sold := &groupnodes.Sales{Region: m.Region, OnDemand: map[string]float64{}, Spot: map[groupnodes.Pool]float64{}}
	if m.Table != nil {
		m.sellTable(sold)
		return sold
	}
	sold.Types = map[string]instancetype.Facts{}
	var bought model.Catalog
	for _, each := range m.facts.Offered(m.Region) {
		sold.Types[each.Name] = Facts(each)
		price, known := m.facts.Price(m.Region, each.Name)
		if !known {
			continue
		}
		sold.OnDemand[each.Name] = price
		for _, zone := range m.Zones {
			key := model.OfferingKey{InstanceType: each.Name, Zone: zone.Name, CapacityType: model.OnDemand}
			bought.Offerings = append(bought.Offerings, model.Offering{OfferingKey: key, PricePerHour: price})
		}
	}
	m.sellSpot(sold, bought)
	return sold
}

// sellTable sells what the file lists: its rows say what room nodes have.
func (m *Market) sellTable(sold *groupnodes.Sales) {
	var zones []string
	for _, zone := range m.Zones {
		zones = append(zones, zone.Name)
	}
	listed := m.Table.Catalog(zones)
	sold.Nodes = map[string]model.InstanceType{}
	for _, each := range listed.InstanceTypes {
		own := each
		own.Labels = map[string]string{corev1.LabelTopologyRegion: m.Region}
		for _, key := range []string{corev1.LabelInstanceTypeStable, corev1.LabelArchStable, corev1.LabelOSStable} {
			if value, known := each.Labels[key]; known {
				own.Labels[key] = value
			}
		}
		sold.Nodes[each.Name] = own
	}
	for _, offering := range listed.Offerings {
		if offering.CapacityType == model.OnDemand {
			sold.OnDemand[offering.InstanceType] = offering.PricePerHour
		}
	}
	m.sellSpot(sold, listed)
}

func (m *Market) sellSpot(sold *groupnodes.Sales, bought model.Catalog) {
	for _, offering := range m.Spot.WithSpot(bought).Offerings {
		if offering.CapacityType == model.Spot {
			sold.Spot[groupnodes.Pool{InstanceType: offering.InstanceType, Zone: offering.Zone}] = offering.PricePerHour
		}
	}
}
