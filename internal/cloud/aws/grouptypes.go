package aws

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/aws/joindata"
	"github.com/drover-project/drover/internal/groupnodes"
	"github.com/drover-project/drover/internal/model"
)

// addTypes says which types may come, how they are bought and what their nodes
// will be.
func (g *Groups) addTypes(translated *cloud.NodeGroup, group *types.AutoScalingGroup, made recipe, sold *groupnodes.Sales) {
	distribution(translated, group, made)
	names, err := typesOf(group, made)
	if err != nil {
		translated.Unread = append(translated.Unread, err.Error())
	}
	kinds, unknown, err := groupnodes.Types(&translated.NodeGroup, made.image(), names, zonesOf(group), sold)
	if err != nil {
		translated.Unread = append(translated.Unread, err.Error())
		return
	}
	for _, name := range unknown {
		translated.Unread = append(translated.Unread, fmt.Sprintf("instance type %s: nothing is known of it in %s", name, g.region))
	}
	for i := range kinds {
		overrideResources(&kinds[i], translated.Tags)
	}
	translated.Types = kinds
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
func typesOf(group *types.AutoScalingGroup, made recipe) ([]groupnodes.Weighted, error) {
	var list []groupnodes.Weighted
	unlisted := made.requirements != nil
	if policy := group.MixedInstancesPolicy; policy != nil && policy.LaunchTemplate != nil {
		for _, override := range policy.LaunchTemplate.Overrides {
			weight, _ := strconv.Atoi(sdk.ToString(override.WeightedCapacity))
			if override.InstanceType != nil {
				list = append(list, groupnodes.Weighted{Name: *override.InstanceType, Weight: weight})
			}
			unlisted = unlisted || override.InstanceRequirements != nil
		}
	}
	switch {
	case len(list) > 0:
		return list, nil
	case made.instanceType != "":
		return []groupnodes.Weighted{{Name: made.instanceType}}, nil
	case made.managed != nil && len(made.managed.InstanceTypes) > 0:
		for _, name := range made.managed.InstanceTypes {
			list = append(list, groupnodes.Weighted{Name: name})
		}
		return list, nil
	}
	// A group that has instances shows what it brings.
	for _, instance := range group.Instances {
		if name := sdk.ToString(instance.InstanceType); name != "" && !slices.ContainsFunc(list, func(w groupnodes.Weighted) bool { return w.Name == name }) {
			list = append(list, groupnodes.Weighted{Name: name})
		}
	}
	if unlisted {
		return list, errors.New("its types are given by requirements (attributes): only those of its instances are known; list its instance types instead")
	}
	return list, nil
}

// image is what the nodes boot from.
func (r *recipe) image() groupnodes.Image {
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
	return groupnodes.Image{Family: cmpOr(family, joindata.Nodeadm), MaxPods: r.join.MaxPods, RootVolume: volume}
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

// zonesOf are the group's zones, by name.
func zonesOf(group *types.AutoScalingGroup) []groupnodes.Zone {
	ids := map[string]string{}
	if len(group.AvailabilityZoneIds) == len(group.AvailabilityZones) {
		for i, zone := range group.AvailabilityZones {
			ids[zone] = group.AvailabilityZoneIds[i]
		}
	}
	var zones []groupnodes.Zone
	for _, zone := range slices.Sorted(slices.Values(group.AvailabilityZones)) {
		zones = append(zones, groupnodes.Zone{Name: zone, ID: ids[zone]})
	}
	return zones
}
