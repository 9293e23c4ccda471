package ec2api

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
)

// Nobody can reserve capacity or make placement groups in this region, so there
// are none; what asks for them is told so rather than refused.

// DescribeCapacityReservations lists the account's reservations: none.
func (e *EC2) DescribeCapacityReservations(_ context.Context, in *ec2.DescribeCapacityReservationsInput) (*ec2.DescribeCapacityReservationsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "CapacityReservationIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	for _, id := range in.CapacityReservationIds {
		return nil, awserr.New("InvalidCapacityReservationId.NotFound", "The capacity reservation '%s' does not exist", id)
	}
	filters := nothing[types.CapacityReservation]("instance-type", "owner-id", "instance-platform", "availability-zone", "availability-zone-id",
		"tenancy", "outpost-arn", "state", "start-date", "end-date", "end-date-type", "instance-match-criteria", "placement-group-arn", "reservation-type")
	none, err := filters.Select(nil, in.Filters)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeCapacityReservationsOutput{CapacityReservations: none}, nil
}

// DescribePlacementGroups lists the account's placement groups: none.
func (e *EC2) DescribePlacementGroups(_ context.Context, in *ec2.DescribePlacementGroupsInput) (*ec2.DescribePlacementGroupsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "GroupIds", "GroupNames", "Filters"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	for _, id := range in.GroupIds {
		return nil, awserr.New("InvalidPlacementGroupId.Unknown", "The Placement Group '%s' is unknown.", id)
	}
	for _, name := range in.GroupNames {
		return nil, awserr.New("InvalidPlacementGroup.Unknown", "The Placement Group '%s' is unknown.", name)
	}
	none, err := nothing[types.PlacementGroup]("group-name", "group-arn", "group-id", "spread-level", "state", "strategy").Select(nil, in.Filters)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribePlacementGroupsOutput{PlacementGroups: none}, nil
}

// nothing knows the filters of a kind that nothing is of, so that a misspelt
// one is still refused.
func nothing[T any](names ...string) ec2filter.Set[T] {
	set := ec2filter.Set[T]{Fields: map[string]func(T) []string{}, Tags: func(T) []types.Tag { return nil }}
	for _, name := range names {
		set.Fields[name] = func(T) []string { return nil }
	}
	return set
}
