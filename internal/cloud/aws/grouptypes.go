package aws

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/aws/joindata"
	"github.com/drover-project/drover/internal/instancetype"
	"github.com/drover-project/drover/internal/model"
)

// weighted is a type that a group may bring.
type weighted struct {
	name   string
	weight int
}

// addTypes says which types may come, how they are bought and what their nodes
// will be.
func (g *Groups) addTypes(translated *cloud.NodeGroup, group *types.AutoScalingGroup, made recipe, sold sales) {
	distribution(translated, group, made)
	shape, err := instancetype.NewShape(made.class(), instancetype.Options{VMMemoryOverheadPercent: instancetype.DefaultVMMemoryOverheadPercent})
	if err != nil {
		translated.Unread = append(translated.Unread, err.Error())
		return
	}
	names, err := typesOf(group, made)
	if err != nil {
		translated.Unread = append(translated.Unread, err.Error())
	}
	ids := zoneIDsOf(group)
	for _, each := range names {
		facts, known := sold.types[each.name]
		if !known {
			translated.Unread = append(translated.Unread, fmt.Sprintf("instance type %s: nothing is known of it in %s", each.name, g.region))
			continue
		}
		kind := model.GroupType{InstanceType: groupType(facts, shape, g.region), Weight: each.weight}
		overrideResources(&kind, translated.Tags)
		for _, zone := range slices.Sorted(slices.Values(group.AvailabilityZones)) {
			if sold.sellsIn(each.name, zone) {
				kind.Offerings = append(kind.Offerings, groupOfferings(each.name, zone, ids[zone], translated, sold)...)
			}
		}
		if len(kind.Offerings) > 0 {
			translated.Types = append(translated.Types, kind)
		}
	}
	if len(translated.Types) == 0 && translated.NotReadyReason == "" {
		translated.NotReadyReason = "what its nodes are is not known"
		if len(translated.Unread) > 0 {
			translated.NotReadyReason += ": " + strings.Join(translated.Unread, "; ")
		}
	}
}

// distribution is how much of the group is bought on demand.
func distribution(translated *cloud.NodeGroup, group *types.AutoScalingGroup, made recipe) {
	if made.spot {
		translated.OnDemandPercentage = 0
	}
	if group.MixedInstancesPolicy == nil {
		return
	}
	translated.OnDemandStrategy = "prioritized"
	shares := group.MixedInstancesPolicy.InstancesDistribution
	if shares == nil {
		return
	}
	translated.OnDemandBase = int(sdk.ToInt32(shares.OnDemandBaseCapacity))
	if shares.OnDemandPercentageAboveBaseCapacity != nil {
		translated.OnDemandPercentage = int(*shares.OnDemandPercentageAboveBaseCapacity)
	}
	translated.OnDemandStrategy = cmpOr(sdk.ToString(shares.OnDemandAllocationStrategy), "prioritized")
	translated.SpotStrategy = cmpOr(sdk.ToString(shares.SpotAllocationStrategy), "lowest-price")
}

// typesOf lists the overrides' types, or the one of the launch template.
func typesOf(group *types.AutoScalingGroup, made recipe) ([]weighted, error) {
	var list []weighted
	unlisted := made.requirements != nil
	if policy := group.MixedInstancesPolicy; policy != nil && policy.LaunchTemplate != nil {
		for _, override := range policy.LaunchTemplate.Overrides {
			weight, _ := strconv.Atoi(sdk.ToString(override.WeightedCapacity))
			if override.InstanceType != nil {
				list = append(list, weighted{*override.InstanceType, weight})
			}
			unlisted = unlisted || override.InstanceRequirements != nil
		}
	}
	switch {
	case len(list) > 0:
		return list, nil
	case made.instanceType != "":
		return []weighted{{name: made.instanceType}}, nil
	case made.managed != nil && len(made.managed.InstanceTypes) > 0:
		for _, name := range made.managed.InstanceTypes {
			list = append(list, weighted{name: name})
		}
		return list, nil
	}
	// A group that has instances shows what it brings.
	for _, instance := range group.Instances {
		if name := sdk.ToString(instance.InstanceType); name != "" && !slices.ContainsFunc(list, func(w weighted) bool { return w.name == name }) {
			list = append(list, weighted{name: name})
		}
	}
	if unlisted {
		return list, errors.New("its types are given by requirements (attributes): only those of its instances are known; list its instance types instead")
	}
	return list, nil
}

// class is the NodeClass that would make the same nodes: their room follows by
// the same arithmetic.
func (r *recipe) class() *ec2v1.EC2NodeClass {
	family := r.join.Kind
	volume := r.rootVolume
	if r.managed != nil {
		switch ami := string(r.managed.AmiType); {
		case strings.HasPrefix(ami, "BOTTLEROCKET"):
			family = joindata.Bottlerocket
		case strings.HasPrefix(ami, "AL2_"):
			family = joindata.Bootstrap
		}
		if volume == 0 {
			volume = sdk.ToInt32(r.managed.DiskSize)
		}
	}
	class := &ec2v1.EC2NodeClass{}
	class.Spec.AMIFamily = sdk.String(cmpOr(family, joindata.Nodeadm))
	if r.join.MaxPods > 0 {
		class.Spec.Kubelet = &ec2v1.KubeletConfiguration{MaxPods: sdk.Int32(r.join.MaxPods)}
	}
	if volume > 0 {
		size := resource.MustParse(fmt.Sprintf("%dGi", volume))
		class.Spec.BlockDeviceMappings = []*ec2v1.BlockDeviceMapping{{RootVolume: true, EBS: &ec2v1.BlockDevice{VolumeSize: &size}}}
	}
	return class
}

// groupType is a node of the type: it has the labels that kubelet and cloud
// provider give, not those of Karpenter.
func groupType(facts instancetype.Facts, shape instancetype.Shape, region string) model.InstanceType {
	capacity := shape.Capacity(facts)
	// What plugins add that a cluster may not run is not promised.
	delete(capacity, string(ec2v1.ResourceAWSPodENI))
	return model.InstanceType{
		Name: facts.Name, Capacity: capacity, Allocatable: shape.Allocatable(facts, capacity), AttachLimits: shape.AttachLimits(facts),
		Labels: map[string]string{
			"node.kubernetes.io/instance-type": facts.Name, "kubernetes.io/arch": facts.Arch, "kubernetes.io/os": "linux",
			"topology.kubernetes.io/region": region,
		},
	}
}

// overrideResources takes amounts that the group's tags give.
func overrideResources(kind *model.GroupType, tags map[string]string) {
	for key, text := range tags {
		name, ok := strings.CutPrefix(key, templateTag+"resources/")
		amount, err := resource.ParseQuantity(text)
		if !ok || err != nil {
			continue
		}
		value := amount.Value()
		if name == model.CPU {
			value = amount.MilliValue()
		}
		kind.Allocatable = kind.Allocatable.Add(model.Resources{name: value - kind.Allocatable[name]})
		kind.Capacity = kind.Capacity.Add(model.Resources{name: value - kind.Capacity[name]})
	}
}

func groupOfferings(name, zone, id string, group *cloud.NodeGroup, sold sales) []model.Offering {
	var list []model.Offering
	add := func(capacityType model.CapacityType, price float64) {
		list = append(list, model.Offering{OfferingKey: model.OfferingKey{InstanceType: name, Zone: zone, CapacityType: capacityType}, ZoneID: id, PricePerHour: price})
	}
	if group.OnDemandBase > 0 || group.OnDemandPercentage > 0 {
		add(model.OnDemand, sold.onDemand[name])
	}
	if group.OnDemandPercentage < 100 {
		price, known := sold.spot[pool{name, zone}]
		if !known {
			// Spot never costs more; what it costs less is not known.
			price = sold.onDemand[name]
		}
		add(model.Spot, price)
	}
	return list
}

func zoneIDsOf(group *types.AutoScalingGroup) map[string]string {
	ids := map[string]string{}
	if len(group.AvailabilityZoneIds) == len(group.AvailabilityZones) {
		for i, zone := range group.AvailabilityZones {
			ids[zone] = group.AvailabilityZoneIds[i]
		}
	}
	return ids
}
