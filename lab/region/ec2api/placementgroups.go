package ec2api

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

const mostPartitions = 7

// CreatePlacementGroup makes a placement group. Instances in it are launched
// like others: there are no racks here.
func (e *EC2) CreatePlacementGroup(_ context.Context, in *ec2.CreatePlacementGroupInput) (*ec2.CreatePlacementGroupOutput, error) {
	if err := awswire.Supported(in, "DryRun", "GroupName", "PartitionCount", "SpreadLevel", "Strategy", "TagSpecifications"); err != nil {
		return nil, err
	}
	g := world.PlacementGroup{Name: aws.ToString(in.GroupName), Strategy: first(string(in.Strategy), "cluster"), Partitions: aws.ToInt32(in.PartitionCount), SpreadLevel: string(in.SpreadLevel)}
	if err := checkPlacementGroup(&g); err != nil {
		return nil, err
	}
	out := &ec2.CreatePlacementGroupOutput{}
	_, err := e.create("CreatePlacementGroup", creation{dry: in.DryRun, resource: types.ResourceTypePlacementGroup, specs: in.TagSpecifications}, func(tx *store.Tx) (id string, err error) {
		if _, exists := e.world.PlacementGroups.Get(g.Name); exists {
			return "", awserr.New("InvalidPlacementGroup.Duplicate", "The Placement Group '%s' already exists.", g.Name)
		}
		if g.ID, err = e.world.NewID(tx, "pg-"); err != nil {
			return "", err
		}
		return g.ID, e.world.PlacementGroups.Put(tx, g.Name, g)
	}, func(string) {
		described := e.placementGroup(g)
		out.PlacementGroup = &described
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func checkPlacementGroup(g *world.PlacementGroup) error {
	if g.Name == "" {
		return missing("groupName")
	}
	if !slices.Contains(types.PlacementStrategy("").Values(), types.PlacementStrategy(g.Strategy)) {
		return invalid("Value (%s) for parameter strategy is invalid. Expecting cluster, spread or partition.", g.Strategy)
	}
	if g.Partitions != 0 && g.Strategy != "partition" {
		return invalidCombination("PartitionCount can only be used with the strategy partition")
	}
	if g.Strategy == "partition" {
		if g.Partitions == 0 {
			g.Partitions = 2
		}
		if g.Partitions < 1 || g.Partitions > mostPartitions {
			return invalid("Value (%d) for parameter partitionCount is invalid. Expecting 1 to %d.", g.Partitions, mostPartitions)
		}
	}
	if g.SpreadLevel != "" && g.Strategy != "spread" {
		return invalidCombination("SpreadLevel can only be used with the strategy spread")
	}
	if g.Strategy == "spread" {
		g.SpreadLevel = first(g.SpreadLevel, "rack")
	}
	return nil
}

// DeletePlacementGroup deletes a placement group that no instance is in.
func (e *EC2) DeletePlacementGroup(_ context.Context, in *ec2.DeletePlacementGroupInput) (*ec2.DeletePlacementGroupOutput, error) {
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		g, found := e.world.PlacementGroups.Get(aws.ToString(in.GroupName))
		if !found {
			return unknownPlacementGroup(aws.ToString(in.GroupName))
		}
		if anyInstance(e.world, func(i world.Instance) bool { return i.Config.PlacementGroup == g.Name && i.State != machine.Terminated }) {
			return awserr.New("InvalidPlacementGroup.InUse", "The placement group '%s' is in use and may not be deleted.", g.Name)
		}
		e.world.PlacementGroups.Delete(tx, g.Name)
		return e.forget(tx, g.ID)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DeletePlacementGroupOutput{}, nil
}

func unknownPlacementGroup(name string) error {
	return awserr.New("InvalidPlacementGroup.Unknown", "The Placement Group '%s' is unknown.", name)
}

// DescribePlacementGroups describes the account's placement groups.
func (e *EC2) DescribePlacementGroups(_ context.Context, in *ec2.DescribePlacementGroupsInput) (*ec2.DescribePlacementGroupsOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	f := fields[world.PlacementGroup]{}
	f.one("group-name", func(g world.PlacementGroup) string { return g.Name })
	f.one("group-id", func(g world.PlacementGroup) string { return g.ID })
	f.one("group-arn", e.placementGroupARN)
	f.one("strategy", func(g world.PlacementGroup) string { return g.Strategy })
	f.one("spread-level", func(g world.PlacementGroup) string { return g.SpreadLevel })
	f.always("state", "available")
	l := listing[world.PlacementGroup]{
		rows: e.world.PlacementGroups.All, ids: in.GroupNames, idOf: func(g world.PlacementGroup) string { return g.Name },
		code: "InvalidPlacementGroup.Unknown", text: "The Placement Group '%s' is unknown.",
		set: f.set(e, func(g world.PlacementGroup) string { return g.ID }), filters: in.Filters,
	}
	if len(in.GroupIds) > 0 {
		l.ids, l.idOf, l.code = in.GroupIds, func(g world.PlacementGroup) string { return g.ID }, "InvalidPlacementGroupId.Unknown"
	}
	part, _, err := list(e, l, e.placementGroup)
	return &ec2.DescribePlacementGroupsOutput{PlacementGroups: part}, err
}

func (e *EC2) placementGroupARN(g world.PlacementGroup) string {
	return fmt.Sprintf("arn:aws:ec2:%s:%s:placement-group/%s", e.world.Options.Region, e.world.Options.Account, g.Name)
}

func (e *EC2) placementGroup(g world.PlacementGroup) types.PlacementGroup {
	out := types.PlacementGroup{
		GroupId: aws.String(g.ID), GroupName: aws.String(g.Name), GroupArn: aws.String(e.placementGroupARN(g)), Strategy: types.PlacementStrategy(g.Strategy),
		State: types.PlacementGroupStateAvailable, SpreadLevel: types.SpreadLevel(g.SpreadLevel), Tags: e.tagsOf(g.ID),
	}
	if g.Partitions > 0 {
		out.PartitionCount = aws.Int32(g.Partitions)
	}
	return out
}
