package ec2api

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
)

// Nobody can reserve capacity in this region, so there is none; what asks for
// reservations is told so rather than refused.

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

// nothing knows the filters of a kind that nothing is of, so that a misspelt
// one is still refused.
func nothing[T any](names ...string) ec2filter.Set[T] {
	set := ec2filter.Set[T]{Fields: map[string]func(T) []string{}, Tags: func(T) []types.Tag { return nil }}
	for _, name := range names {
		set.Fields[name] = func(T) []string { return nil }
	}
	return set
}
