package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/instancetype"
	"github.com/drover-project/drover/internal/model"
)

// catalogs keeps what was computed last for each NodeClass.
type catalogs struct {
	mu      sync.Mutex
	byClass map[string]*classCatalog
}

func newCatalogs() *catalogs { return &catalogs{byClass: map[string]*classCatalog{}} }

func (c *catalogs) forget(class string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byClass, class)
}

// classCatalog is a catalog with all that it was computed from. The types cost
// most to compute and change least, so they are kept apart from the outages.
type classCatalog struct {
	fingerprint string
	version     int // of the facts
	outages     outages
	// offered has every outage left out of its Offerings.
	offered model.Catalog
	// shown is offered with the reasons of the outages; readers share it.
	shown model.Catalog
}

// fingerprint is what a catalog depends on of a NodeClass, as a comparable text.
func fingerprint(class *ec2v1.EC2NodeClass) (string, error) {
	text, err := json.Marshal(struct {
		Family     string
		Kubelet    *ec2v1.KubeletConfiguration
		Volumes    []*ec2v1.BlockDeviceMapping
		Disks      *ec2v1.InstanceStorePolicy
		Interfaces []*ec2v1.NetworkInterface
		CPU        *ec2v1.CPUOptions
		Tracking   *ec2v1.ConnectionTracking
		Subnets    []ec2v1.Subnet
		AMIs       []ec2v1.AMI
	}{
		instancetype.Family(class), class.Spec.Kubelet, class.Spec.BlockDeviceMappings, class.Spec.InstanceStorePolicy,
		class.Spec.NetworkInterfaces, class.Spec.CPUOptions, class.Spec.ConnectionTracking, class.Status.Subnets, class.Status.AMIs,
	})
	return string(text), err
}

// Catalog implements cloud.Provider. The answer is shared between callers and
// must not be changed.
func (p *Provider) Catalog(ctx context.Context, class *ec2v1.EC2NodeClass) (model.Catalog, error) {
	known, err := p.inventory.get(ctx)
	if err != nil {
		return model.Catalog{}, fmt.Errorf("reading what %s sells: %w", p.region, err)
	}
	digest, err := fingerprint(class)
	if err != nil {
		return model.Catalog{}, fmt.Errorf("reading EC2NodeClass %q: %w", class.Name, err)
	}
	p.catalogs.mu.Lock()
	defer p.catalogs.mu.Unlock()
	cached := p.catalogs.byClass[class.Name]
	if cached == nil || cached.fingerprint != digest || cached.version != known.version {
		offered, err := p.buildCatalog(class, known)
		if err != nil {
			return model.Catalog{}, err
		}
		cached = &classCatalog{fingerprint: digest, version: known.version, offered: offered}
		cached.show(p.unavailable.current())
		p.catalogs.byClass[class.Name] = cached
	} else if p.unavailable.isNewerThan(cached.outages) {
		cached.show(p.unavailable.current())
	}
	return cached.shown, nil
}

// show writes the reasons of outages into a copy of the offerings; the copy
// shown before may still be read.
func (c *classCatalog) show(now outages) {
	c.outages, c.shown = now, c.offered
	if len(now.pools) == 0 {
		return
	}
	c.shown.Offerings = slices.Clone(c.offered.Offerings)
	for i := range c.shown.Offerings {
		c.shown.Offerings[i].UnavailableReason = now.reason(c.shown.Offerings[i].OfferingKey)
	}
}

// buildCatalog lists what the class can buy: types that one of its AMIs runs
// on, sold in a zone of its subnets at a known price.
func (p *Provider) buildCatalog(class *ec2v1.EC2NodeClass, known facts) (model.Catalog, error) {
	shape, err := instancetype.NewShape(class, instancetype.Options{
		VMMemoryOverheadPercent: p.options.VMMemoryOverheadPercent, ReservedENIs: p.options.ReservedENIs,
	})
	if err != nil {
		return model.Catalog{}, &cloud.TerminalError{Reason: "KubeletInvalid", Err: err}
	}
	zones := zoneIDs(class.Status.Subnets)
	var catalog model.Catalog
	for _, info := range known.types {
		candidate, runnable := p.instanceType(shape, info, class.Status.AMIs)
		if !runnable {
			continue
		}
		if offerings := known.offerings(info, zones); len(offerings) > 0 {
			catalog.InstanceTypes = append(catalog.InstanceTypes, candidate)
			catalog.Offerings = append(catalog.Offerings, offerings...)
		}
	}
	sort.Slice(catalog.InstanceTypes, func(i, j int) bool { return catalog.InstanceTypes[i].Name < catalog.InstanceTypes[j].Name })
	sort.Slice(catalog.Offerings, func(i, j int) bool {
		a, b := catalog.Offerings[i], catalog.Offerings[j]
		if a.InstanceType != b.InstanceType {
			return a.InstanceType < b.InstanceType
		}
		if a.Zone != b.Zone {
			return a.Zone < b.Zone
		}
		return a.CapacityType < b.CapacityType
	})
	return catalog, nil
}

// zoneIDs gives the zone IDs by zone name.
func zoneIDs(subnets []ec2v1.Subnet) map[string]string {
	zones := map[string]string{}
	for _, subnet := range subnets {
		zones[subnet.Zone] = subnet.ZoneID
	}
	return zones
}

func (p *Provider) instanceType(s instancetype.Shape, info types.InstanceTypeInfo, amis []ec2v1.AMI) (model.InstanceType, bool) {
	facts := factsOf(info)
	capacity := s.Capacity(facts)
	labels := facts.Labels(p.region, capacity[model.PodCount])
	if capacity[model.PodCount] == 0 || !s.Supports(facts) || instancetype.ImageFor(amis, labels) == nil {
		return model.InstanceType{}, false
	}
	return model.InstanceType{
		Name: facts.Name, Labels: labels, Capacity: capacity, Allocatable: s.Allocatable(facts, capacity),
		AttachLimits: s.AttachLimits(facts),
	}, true
}

// offerings are the ways to buy a type in the zones; those whose price is not
// known are left out.
func (f facts) offerings(info types.InstanceTypeInfo, zones map[string]string) []model.Offering {
	name := string(info.InstanceType)
	var offerings []model.Offering
	add := func(zone string, capacityType model.CapacityType, price float64) {
		offerings = append(offerings, model.Offering{
			OfferingKey: model.OfferingKey{InstanceType: name, Zone: zone, CapacityType: capacityType},
			ZoneID:      zones[zone], PricePerHour: price,
		})
	}
	for _, zone := range f.zones[name] {
		if _, usable := zones[zone]; !usable {
			continue
		}
		if price, priced := f.onDemand[name]; priced && slices.Contains(info.SupportedUsageClasses, types.UsageClassTypeOnDemand) {
			add(zone, model.OnDemand, price)
		}
		from := pool{name, zone}
		if price, priced := f.spot.now[from]; priced && slices.Contains(info.SupportedUsageClasses, types.UsageClassTypeSpot) {
			add(zone, model.Spot, price)
			last := &offerings[len(offerings)-1]
			last.LowestPrice, last.HighestPrice = f.spot.lowest[from], f.spot.highest[from]
		}
	}
	return offerings
}

// Price implements cloud.Provider.
func (p *Provider) Price(ctx context.Context, offering model.OfferingKey) float64 {
	known, ok := p.inventory.known(ctx)
	switch {
	case !ok:
		return 0
	case offering.CapacityType == model.Spot:
		return known.spot.now[pool{offering.InstanceType, offering.Zone}]
	}
	return known.onDemand[offering.InstanceType]
}
