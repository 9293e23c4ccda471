package ec2api

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/world"
)

// DescribeAvailabilityZones lists the region's zones; one that is out is impaired.
func (e *EC2) DescribeAvailabilityZones(_ context.Context, in *ec2.DescribeAvailabilityZonesInput) (*ec2.DescribeAvailabilityZonesOutput, error) {
	if err := awswire.Supported(in, "DryRun", "ZoneNames", "ZoneIds", "Filters", "AllAvailabilityZones"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	zones, err := byIDs(e.world.Network.Zones, in.ZoneNames, func(z world.Zone) string { return z.Name }, "InvalidParameterValue", "Invalid availability zone: [%s]")
	if err != nil {
		return nil, err
	}
	if zones, err = byIDs(zones, in.ZoneIds, func(z world.Zone) string { return z.ID }, "InvalidParameterValue", "Invalid availability zone-id: [%s]"); err != nil {
		return nil, err
	}
	states := e.zoneStates()
	zones, err = e.zoneFilters(states).Select(zones, in.Filters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeAvailabilityZonesOutput{}
	for _, z := range zones {
		out.AvailabilityZones = append(out.AvailabilityZones, types.AvailabilityZone{
			ZoneName: aws.String(z.Name), ZoneId: aws.String(z.ID), RegionName: aws.String(e.world.Options.Region),
			GroupName: aws.String(e.world.Options.Region + "-zg-1"), GroupLongName: optional(e.zoneGroup()), NetworkBorderGroup: aws.String(e.world.Options.Region),
			State: states[z.Name], OptInStatus: types.AvailabilityZoneOptInStatusOptInNotRequired,
			ZoneType: aws.String("availability-zone"), Messages: []types.AvailabilityZoneMessage{},
		})
	}
	return out, nil
}

// zoneGroup is how EC2 writes out the group of the region's zones.
func (e *EC2) zoneGroup() string {
	return map[string]string{
		"us-west-2": "US West (Oregon) 1", "us-east-1": "US East (N. Virginia) 1", "eu-west-1": "Europe (Ireland) 1", "ap-northeast-2": "Asia Pacific (Seoul) 1",
	}[e.world.Options.Region]
}

func (e *EC2) zoneStates() map[string]types.AvailabilityZoneState {
	states := map[string]types.AvailabilityZoneState{}
	e.world.Store.View(func() {
		for _, z := range e.world.Network.Zones {
			states[z.Name] = types.AvailabilityZoneStateAvailable
			if e.world.Out(z.Name) {
				states[z.Name] = types.AvailabilityZoneStateImpaired
			}
		}
	})
	return states
}

func (e *EC2) zoneFilters(states map[string]types.AvailabilityZoneState) ec2filter.Set[world.Zone] {
	always := func(value string) func(world.Zone) []string {
		return func(world.Zone) []string { return []string{value} }
	}
	return ec2filter.Set[world.Zone]{Fields: map[string]func(world.Zone) []string{
		"zone-name":     func(z world.Zone) []string { return []string{z.Name} },
		"zone-id":       func(z world.Zone) []string { return []string{z.ID} },
		"region-name":   always(e.world.Options.Region),
		"state":         func(z world.Zone) []string { return []string{string(states[z.Name])} },
		"zone-type":     always("availability-zone"),
		"opt-in-status": always("opt-in-not-required"),
		"group-name":    always(e.world.Options.Region + "-zg-1"),
	}}
}

// DescribeRegions lists the regions that can be simulated.
func (e *EC2) DescribeRegions(_ context.Context, in *ec2.DescribeRegionsInput) (*ec2.DescribeRegionsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "RegionNames", "Filters", "AllRegions"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	names, err := byIDs(slices.Sorted(slices.Values(world.Regions())), in.RegionNames, func(name string) string { return name },
		"InvalidParameterValue", "Invalid region names provided: [%s]")
	if err != nil {
		return nil, err
	}
	names, err = ec2filter.Set[string]{Fields: map[string]func(string) []string{
		"region-name":   func(name string) []string { return []string{name} },
		"endpoint":      func(name string) []string { return []string{regionEndpoint(name)} },
		"opt-in-status": func(string) []string { return []string{"opt-in-not-required"} },
	}}.Select(names, in.Filters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeRegionsOutput{}
	for _, name := range names {
		out.Regions = append(out.Regions, types.Region{
			RegionName: aws.String(name), Endpoint: aws.String(regionEndpoint(name)), OptInStatus: aws.String("opt-in-not-required"),
		})
	}
	return out, nil
}

func regionEndpoint(name string) string { return "ec2." + name + ".amazonaws.com" }

// byIDs gives the items with the ids asked for, all when none are. An id that
// no item has is an error of the given code; text has one %s for it.
func byIDs[T any](items []T, ids []string, idOf func(T) string, code, text string) ([]T, error) {
	if len(ids) == 0 {
		return items, nil
	}
	for _, id := range ids {
		if !slices.ContainsFunc(items, func(item T) bool { return idOf(item) == id }) {
			return nil, awserr.New(code, text, id)
		}
	}
	var found []T
	for _, item := range items {
		if slices.Contains(ids, idOf(item)) {
			found = append(found, item)
		}
	}
	return found, nil
}
