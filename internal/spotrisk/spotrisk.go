// Package spotrisk reads how often Spot instances are interrupted from a file in
// the form of the public Spot Instance Advisor data, and tells the engine.
package spotrisk

import (
	"math"
	"os"

	"github.com/drover-project/drover/internal/model"
)

// UnknownRate is the rate of a type that the file does not have: the middle of
// the advisor's ranges.
const UnknownRate = 0.125

// Table is what the file says of Linux in one region. The zero value knows nothing
// and marks nothing.
type Table struct {
	// Types by instance type.
	Types map[string]Advice
	// Source says where it is from and how much it has, for people.
	Source string
}

// Advice is what is known of an instance type as Spot.
type Advice struct {
	// Rate is the share of instances interrupted in a month, 0 to 1.
	Rate float64
	// Savings is by what part Spot is cheaper than on demand, 0 to 1.
	Savings float64
}

// Load reads a file. Every mistake is an error with file, line and field; so is a
// region that the file does not have.
func Load(path, region string) (*Table, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text, region)
}

// Rate is the rate of a type, UnknownRate for one that is not in the file.
func (t *Table) Rate(instanceType string) float64 {
	if advice, known := t.Types[instanceType]; known {
		return advice.Rate
	}
	return UnknownRate
}

// Mark gives every Spot offering of the snapshot its rate. What the snapshot
// shares with caches stays as it is.
func (t *Table) Mark(snapshot *model.Snapshot) {
	if t == nil || len(t.Types) == 0 {
		return
	}
	catalogs := make(map[string]model.Catalog, len(snapshot.Catalogs))
	for name, catalog := range snapshot.Catalogs {
		catalog.Offerings = t.marked(catalog.Offerings)
		catalogs[name] = catalog
	}
	snapshot.Catalogs = catalogs
	snapshot.NodeGroups = append([]model.NodeGroup(nil), snapshot.NodeGroups...)
	for i := range snapshot.NodeGroups {
		group := &snapshot.NodeGroups[i]
		group.Types = append([]model.GroupType(nil), group.Types...)
		for j := range group.Types {
			group.Types[j].Offerings = t.marked(group.Types[j].Offerings)
		}
	}
}

func (t *Table) marked(offerings []model.Offering) []model.Offering {
	marked := append([]model.Offering(nil), offerings...)
	for i := range marked {
		if marked[i].CapacityType == model.Spot {
			marked[i].InterruptionRate = t.Rate(marked[i].InstanceType)
		}
	}
	return marked
}

// WithSpot adds Spot offerings to those on demand at the savings that the file
// states, for plans where no Spot prices are known.
func (t *Table) WithSpot(catalog model.Catalog) model.Catalog {
	if t == nil {
		return catalog
	}
	var all []model.Offering
	for _, o := range catalog.Offerings {
		all = append(all, o)
		advice, known := t.Types[o.InstanceType]
		if !known || o.CapacityType != model.OnDemand {
			continue
		}
		o.CapacityType, o.InterruptionRate = model.Spot, advice.Rate
		o.PricePerHour = math.Round(o.PricePerHour*(1-advice.Savings)*1e6) / 1e6
		all = append(all, o)
	}
	catalog.Offerings = all
	return catalog
}
