// Package groupnodes is what the nodes of an Auto Scaling group will be: their room, and
// what each pool of them costs. It is arithmetic on plain facts, the same for a group that
// AWS tells of and for one in a file.
package groupnodes

import (
	"fmt"
	"maps"
	"slices"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/drover-project/drover/internal/instancetype"
	"github.com/drover-project/drover/internal/model"
)

// Pool is an instance type in a zone.
type Pool struct{ InstanceType, Zone string }

// Sales are the facts and prices of a region's instance types.
type Sales struct {
	Region string
	Types  map[string]instancetype.Facts
	// Nodes are types whose room is given rather than computed from facts.
	Nodes    map[string]model.InstanceType
	OnDemand map[string]float64
	Spot     map[Pool]float64
	// Zones in which a type is sold, nil when not known.
	Zones map[string][]string
}

// sellsIn reports whether a type is sold in a zone, as far as is known.
func (s *Sales) sellsIn(name, zone string) bool {
	return s.Zones == nil || slices.Contains(s.Zones[name], zone)
}

// Weighted is a type that a group may bring, and how many units of capacity it counts
// for; 0 is 1.
type Weighted struct {
	Name   string
	Weight int
}

// Zone of a group.
type Zone struct{ Name, ID string }

// Image is what a node of a group boots from, as far as its room depends on it.
type Image struct {
	// Family is AL2023, AL2 or Bottlerocket.
	Family string
	// MaxPods is 0 where the network interfaces decide.
	MaxPods int32
	// RootVolume in GiB; 0 is the image's own.
	RootVolume int32
}

// class is the NodeClass that would make the same nodes: their room follows by the same
// arithmetic.
func (i *Image) class() *ec2v1.EC2NodeClass {
	class := &ec2v1.EC2NodeClass{}
	class.Spec.AMIFamily = &i.Family
	if i.MaxPods > 0 {
		class.Spec.Kubelet = &ec2v1.KubeletConfiguration{MaxPods: &i.MaxPods}
	}
	if i.RootVolume > 0 {
		size := resource.MustParse(fmt.Sprintf("%dGi", i.RootVolume))
		class.Spec.BlockDeviceMappings = []*ec2v1.BlockDeviceMapping{{RootVolume: true, EBS: &ec2v1.BlockDevice{VolumeSize: &size}}}
	}
	return class
}

// Types are the group's, in their order, each with its pools; how much is bought on
// demand is the group's own. unknown are types that nobody knows anything of. The
// error is about the image.
func Types(group *model.NodeGroup, image Image, types []Weighted, zones []Zone, sold *Sales) (kinds []model.GroupType, unknown []string, err error) {
	shape, err := instancetype.NewShape(image.class(), instancetype.Options{VMMemoryOverheadPercent: instancetype.DefaultVMMemoryOverheadPercent})
	if err != nil {
		return nil, nil, err
	}
	for _, each := range types {
		made, given := sold.Nodes[each.Name]
		facts, known := sold.Types[each.Name]
		if !given && !known {
			unknown = append(unknown, each.Name)
			continue
		}
		if !given {
			made = nodeOf(facts, shape, sold.Region)
		}
		kind := model.GroupType{InstanceType: made, Weight: each.Weight}
		for _, zone := range zones {
			if sold.sellsIn(each.Name, zone.Name) {
				kind.Offerings = append(kind.Offerings, offerings(each.Name, zone, group, sold)...)
			}
		}
		if len(kind.Offerings) > 0 {
			kinds = append(kinds, kind)
		}
	}
	return kinds, unknown, nil
}

// nodeOf is a node of the type: it has the labels that kubelet and cloud provider give,
// not those of Karpenter.
func nodeOf(facts instancetype.Facts, shape instancetype.Shape, region string) model.InstanceType {
	capacity := shape.Capacity(facts)
	// What plugins add that a cluster may not run is not promised.
	delete(capacity, string(ec2v1.ResourceAWSPodENI))
	return model.InstanceType{
		Name: facts.Name, Capacity: capacity, Allocatable: shape.Allocatable(facts, capacity), AttachLimits: shape.AttachLimits(facts),
		Labels: map[string]string{
			corev1.LabelInstanceTypeStable: facts.Name, corev1.LabelArchStable: facts.Arch, corev1.LabelOSStable: "linux",
			corev1.LabelTopologyRegion: region,
		},
	}
}

func offerings(name string, zone Zone, group *model.NodeGroup, sold *Sales) []model.Offering {
	var list []model.Offering
	add := func(capacityType model.CapacityType, price float64) {
		key := model.OfferingKey{InstanceType: name, Zone: zone.Name, CapacityType: capacityType}
		list = append(list, model.Offering{OfferingKey: key, ZoneID: zone.ID, PricePerHour: price})
	}
	if group.OnDemandBase > 0 || group.OnDemandPercentage > 0 {
		add(model.OnDemand, sold.OnDemand[name])
	}
	if group.OnDemandPercentage < 100 {
		price, known := sold.Spot[Pool{name, zone.Name}]
		if !known {
			// Spot never costs more; what it costs less is not known.
			price = sold.OnDemand[name]
		}
		add(model.Spot, price)
	}
	return list
}

// SharedByAll is what all of the types have in common in a zone, "" for any.
func SharedByAll(kinds []model.GroupType, zone string) model.InstanceType {
	shared := model.InstanceType{Labels: map[string]string{}}
	zones := map[string]bool{}
	for i := range kinds {
		kind := &kinds[i]
		for _, offering := range kind.Offerings {
			zones[offering.Zone] = true
		}
		if i == 0 {
			shared = kind.InstanceType
			shared.Labels = maps.Clone(kind.Labels)
			continue
		}
		maps.DeleteFunc(shared.Labels, func(key, value string) bool { return kind.Labels[key] != value })
		shared.Allocatable = Least(shared.Allocatable, kind.Allocatable)
		shared.Capacity = Least(shared.Capacity, kind.Capacity)
	}
	if zone == "" && len(zones) == 1 {
		zone = slices.Collect(maps.Keys(zones))[0]
	}
	if zone != "" {
		shared.Labels[corev1.LabelTopologyZone] = zone
	}
	return shared
}

// Least is the smaller amount of each of a's resources.
func Least(a, b model.Resources) model.Resources {
	smaller := model.Resources{}
	for name, amount := range a {
		smaller[name] = min(amount, b[name])
	}
	return smaller
}

// Expected is what is certain of a node to come: its type and zone where they are known,
// else what all that may come have in common. bought is empty where nobody knows.
func Expected(g *model.NodeGroup, instanceType, zone string, bought model.CapacityType, name string) model.Node {
	node := model.Node{Name: name, Labels: maps.Clone(g.Labels), Taints: slices.Clone(g.Taints), StartupTaints: g.StartupTaints, Launching: true}
	if node.Labels == nil {
		node.Labels = map[string]string{}
	}
	kinds := g.Types
	if at := slices.IndexFunc(g.Types, func(t model.GroupType) bool { return t.Name == instanceType }); at >= 0 {
		kinds = g.Types[at : at+1]
	}
	shared := SharedByAll(kinds, zone)
	node.Allocatable, node.Capacity, node.AttachLimits = shared.Allocatable, shared.Capacity, shared.AttachLimits
	for key, value := range shared.Labels {
		if _, own := node.Labels[key]; !own {
			node.Labels[key] = value
		}
	}
	addBought(&node, g, bought)
	node.Labels[corev1.LabelHostname] = name
	return node
}

// addBought gives an expected node what it has by how it is bought; where that is not
// known, it may have the taints of either.
func addBought(node *model.Node, g *model.NodeGroup, bought model.CapacityType) {
	for _, way := range []model.CapacityType{model.OnDemand, model.Spot} {
		own := g.ByCapacityType[way]
		if bought != "" && bought != way {
			continue
		}
		node.Taints = append(node.Taints, own.Taints...)
		for key, value := range own.Labels {
			if _, shared := node.Labels[key]; !shared && bought != "" {
				node.Labels[key] = value
			}
		}
	}
}
