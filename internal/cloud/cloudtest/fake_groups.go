package cloudtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// Groups is an in-memory cloud.NodeGroups. Instances come when Settle is called.
// The zero value has no groups. It may be used concurrently.
type Groups struct {
	mu     sync.Mutex
	groups map[string]*cloud.NodeGroup
	next   int
	// Findings are what Diagnose says of every instance.
	Findings []string
	// Shrunk lists the instances that were ended, in order.
	Shrunk []string
}

var _ cloud.NodeGroups = (*Groups)(nil)

// GroupInZones is a Group over several zones.
func GroupInZones(name string, zones []string, sizes ...int) cloud.NodeGroup {
	group := Group(name, zones[0], sizes...)
	for _, zone := range zones[1:] {
		offering := group.Types[0].Offerings[0]
		offering.Zone = zone
		group.Types[0].Offerings = append(group.Types[0].Offerings, offering)
	}
	return group
}

// Group is a node group of one type that is sold on demand in one zone.
func Group(name, zone string, sizes ...int) cloud.NodeGroup {
	amounts := model.Resources{model.CPU: 1930, model.Memory: 6903 << 20, model.PodCount: 29, model.EphemeralStorage: 17 << 30}
	group := cloud.NodeGroup{Tags: map[string]string{"k8s.io/cluster-autoscaler/enabled": "true"}}
	group.NodeGroup = model.NodeGroup{Name: name, Min: sizes[0], Desired: sizes[1], Max: sizes[2], OnDemandPercentage: 100, Labels: map[string]string{"group": name}}
	group.Types = []model.GroupType{{
		InstanceType: model.InstanceType{
			Name: "m5.large", Capacity: amounts, Allocatable: amounts,
			Labels: map[string]string{"node.kubernetes.io/instance-type": "m5.large", "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"},
		},
		Offerings: []model.Offering{{PricePerHour: 0.096, OfferingKey: model.OfferingKey{InstanceType: "m5.large", Zone: zone, CapacityType: model.OnDemand}}},
	}}
	return group
}

// Put adds a group or replaces it.
func (g *Groups) Put(group cloud.NodeGroup) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.groups == nil {
		g.groups = map[string]*cloud.NodeGroup{}
	}
	g.groups[group.Name] = &group
}

// Change edits a group as a person or AWS would.
func (g *Groups) Change(name string, edit func(*cloud.NodeGroup)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	edit(g.groups[name])
}

// Delete takes a group away with all its instances.
func (g *Groups) Delete(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.groups, name)
}

// Desired is the desired size of a group.
func (g *Groups) Desired(name string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.groups[name].Desired
}

// Settle launches instances until the group has as many as it wants, each in the
// zone with capacity that has fewest, and returns the new ones.
func (g *Groups) Settle(name string) []cloud.GroupInstance {
	g.mu.Lock()
	defer g.mu.Unlock()
	group := g.groups[name]
	var fresh []cloud.GroupInstance
	for len(group.Instances) < group.Desired {
		g.next++
		offering := nextOffering(group)
		id := fmt.Sprintf("i-%017d", g.next)
		instance := cloud.GroupInstance{ID: id, ProviderID: "aws:///" + offering.Zone + "/" + id, InstanceType: group.Types[0].Name,
			Zone: offering.Zone, Lifecycle: "InService", Healthy: true, Weight: 1, Current: true}
		if group.UnitsBought != nil {
			instance.CapacityType = nextWay(group)
		}
		group.Instances = append(group.Instances, instance)
		fresh = append(fresh, instance)
	}
	return fresh
}

// nextWay is how the next instance is bought: on demand as long as the group has too
// few of those.
func nextWay(group *cloud.NodeGroup) model.CapacityType {
	way := model.Spot
	if unitsBought(group)[model.OnDemand] < group.OnDemandAt(group.Desired) {
		way = model.OnDemand
	}
	return way
}

func unitsBought(group *cloud.NodeGroup) map[model.CapacityType]int {
	units := map[model.CapacityType]int{}
	for _, instance := range group.Instances {
		units[instance.CapacityType]++
	}
	return units
}

// Groups implements cloud.NodeGroups.
func (g *Groups) Groups(_ context.Context, selection cloud.GroupSelection) ([]cloud.NodeGroup, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var found []cloud.NodeGroup
	for _, group := range g.groups {
		copied := *group
		copied.Instances = slices.Clone(group.Instances)
		copied.InstancesByZone = byZone(group)
		if group.UnitsBought != nil {
			copied.UnitsBought = unitsBought(group)
		}
		at := slices.IndexFunc(selection.Named, func(b cloud.GroupBounds) bool { return b.Name == group.Name })
		if at >= 0 {
			copied.Min, copied.Max = selection.Named[at].Min, selection.Named[at].Max
		}
		if at >= 0 || len(selection.Tags) > 0 && carriesTags(group.Tags, selection.Tags) {
			found = append(found, copied)
		}
	}
	slices.SortFunc(found, func(a, b cloud.NodeGroup) int { return cmp.Compare(a.Name, b.Name) })
	return found, nil
}

func byZone(group *cloud.NodeGroup) map[string]int {
	counts := map[string]int{}
	for _, zone := range group.Zones() {
		counts[zone] = 0
	}
	for _, instance := range group.Instances {
		counts[instance.Zone]++
	}
	return counts
}

// nextOffering is in the zone with the fewest instances, the last of several.
func nextOffering(group *cloud.NodeGroup) model.Offering {
	counts := byZone(group)
	next := group.Types[0].Offerings[0]
	for _, offering := range group.Types[0].Offerings[1:] {
		if offering.UnavailableReason == "" && (counts[offering.Zone] <= counts[next.Zone] || next.UnavailableReason != "") {
			next = offering
		}
	}
	return next
}

func carriesTags(tags, wanted map[string]string) bool {
	for key, value := range wanted {
		if has, ok := tags[key]; !ok || value != "" && has != value {
			return false
		}
	}
	return true
}

// Grow implements cloud.NodeGroups.
func (g *Groups) Grow(_ context.Context, name string, to int) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	group, ok := g.groups[name]
	if !ok {
		return 0, fmt.Errorf("group %s: %w", name, cloud.ErrNotFound)
	}
	group.Desired = max(group.Desired, min(to, group.Max))
	return group.Desired, nil
}

// Shrink implements cloud.NodeGroups.
func (g *Groups) Shrink(_ context.Context, instanceID string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, group := range g.groups {
		at := slices.IndexFunc(group.Instances, func(i cloud.GroupInstance) bool { return i.ID == instanceID })
		if at < 0 {
			continue
		}
		if group.Desired <= group.Min {
			return &cloud.MinSizeError{Message: "group " + group.Name + " is at its minimum"}
		}
		group.Desired -= group.Instances[at].Weight
		group.Instances = slices.Delete(slices.Clone(group.Instances), at, at+1)
		g.Shrunk = append(g.Shrunk, instanceID)
		return nil
	}
	return fmt.Errorf("instance %s: %w", instanceID, cloud.ErrNotFound)
}

// Diagnose implements cloud.NodeGroups.
func (g *Groups) Diagnose(context.Context, string, string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.Findings
}
