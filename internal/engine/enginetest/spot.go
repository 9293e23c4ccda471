package enginetest

import (
	"cmp"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// spot sells types as Spot beside on demand, tells how often they are
// interrupted, and asks NodePools for a share on demand.
func (w world) spot(s *model.Snapshot) {
	if !w.chance("spotMarket", 3) {
		return
	}
	catalog := s.Catalogs["default"]
	for _, o := range catalog.Offerings {
		if o.CapacityType != model.OnDemand || w.chance("noSpot", 4) {
			continue
		}
		o.CapacityType, o.PricePerHour, o.UnavailableReason = model.Spot, float64(w.number("spotPrice", 1, 20))/200, ""
		if w.chance("spotDry", 5) {
			o.UnavailableReason = "no capacity since 10:00"
		}
		if w.chance("interrupted", 2) {
			o.InterruptionRate = float64(w.number("rate", 0, 20)) / 20
		}
		catalog.Offerings = append(catalog.Offerings, o)
	}
	slices.SortStableFunc(catalog.Offerings, func(a, b model.Offering) int {
		return cmp.Or(cmp.Compare(a.InstanceType, b.InstanceType), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.CapacityType, b.CapacityType))
	})
	s.Catalogs["default"] = catalog
	for i := range s.NodePools {
		if w.chance("onDemandShare", 3) {
			s.NodePools[i].OnDemand = &model.OnDemandShare{Base: w.number("shareBase", 0, 2), Percentage: w.number("sharePercent", 0, 4) * 25}
		}
	}
	for i := range s.Nodes {
		if w.chance("spotNode", 2) {
			s.Nodes[i].Labels["karpenter.sh/capacity-type"] = w.oneOf("nodeCapacity", "spot", "on-demand")
		}
	}
}
