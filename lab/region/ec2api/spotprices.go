package ec2api

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/world"
)

// EC2 keeps 90 days of prices; without a start it gives them all, which here
// would be a million: three days are what is given then.
const (
	keptHistory    = 90 * 24 * time.Hour
	defaultHistory = 72 * time.Hour
)

// linux is the one product that is priced. The older name with "(Amazon VPC)"
// is taken for it, as EC2 does.
const linux = "Linux/UNIX"

// DescribeSpotPriceHistory gives the modelled Spot prices, latest first.
func (e *EC2) DescribeSpotPriceHistory(_ context.Context, in *ec2.DescribeSpotPriceHistoryInput) (*ec2.DescribeSpotPriceHistoryOutput, error) {
	if err := awswire.Supported(in, "AvailabilityZone", "AvailabilityZoneId", "DryRun", "EndTime", "Filters", "InstanceTypes", "MaxResults", "NextToken",
		"ProductDescriptions", "StartTime"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	var prices []types.SpotPrice
	var err error
	e.world.Store.View(func() { prices, err = e.spotHistory(in) })
	if err != nil {
		return nil, err
	}
	if prices, err = spotFilters().Select(prices, in.Filters); err != nil {
		return nil, err
	}
	out := &ec2.DescribeSpotPriceHistoryOutput{}
	out.SpotPriceHistory, out.NextToken, err = awswire.Page(prices, in.NextToken, clamped(in.MaxResults))
	return out, err
}

func (e *EC2) spotHistory(in *ec2.DescribeSpotPriceHistoryInput) ([]types.SpotPrice, error) {
	prices := []types.SpotPrice{}
	if !pricesLinux(in.ProductDescriptions) {
		return prices, nil
	}
	zones := slices.DeleteFunc(slices.Clone(e.world.Network.Zones), func(z world.Zone) bool {
		return (in.AvailabilityZone != nil && *in.AvailabilityZone != z.Name) || (in.AvailabilityZoneId != nil && *in.AvailabilityZoneId != z.ID)
	})
	if len(zones) == 0 {
		return nil, invalid("Invalid availability zone: [%s]", first(aws.ToString(in.AvailabilityZone), aws.ToString(in.AvailabilityZoneId)))
	}
	from, until, err := e.spotWindow(in)
	if err != nil {
		return nil, err
	}
	if until.Before(e.world.Clock.Now().Add(-keptHistory)) {
		return prices, nil
	}
	for _, t := range e.world.Catalog.Offered(e.world.Options.Region) {
		if len(in.InstanceTypes) > 0 && !slices.Contains(in.InstanceTypes, types.InstanceType(t.Name)) {
			continue
		}
		for _, z := range zones {
			if !world.SpotOffered(t.Name) || !e.world.Offered(t.Name, z.Name) {
				continue
			}
			for _, point := range e.world.SpotHistory(world.Pool{InstanceType: t.Name, Zone: z.Name}, from, until) {
				prices = append(prices, types.SpotPrice{
					InstanceType: types.InstanceType(t.Name), AvailabilityZone: aws.String(z.Name), AvailabilityZoneId: aws.String(z.ID),
					ProductDescription: linux, SpotPrice: aws.String(spotPrice(point.USD)), Timestamp: aws.Time(point.Since),
				})
			}
		}
	}
	slices.SortStableFunc(prices, func(a, b types.SpotPrice) int { return b.Timestamp.Compare(*a.Timestamp) })
	return prices, nil
}

func pricesLinux(products []string) bool {
	return len(products) == 0 || slices.Contains(products, linux) || slices.Contains(products, linux+" (Amazon VPC)")
}

// spotWindow is the time asked about. The price in force at its start is part
// of the answer, so a start of now gives the current prices.
func (e *EC2) spotWindow(in *ec2.DescribeSpotPriceHistoryInput) (from, until time.Time, err error) {
	now := e.world.Clock.Now()
	until = now
	if in.EndTime != nil && in.EndTime.Before(now) {
		until = *in.EndTime
	}
	from = until.Add(-defaultHistory)
	if in.StartTime != nil {
		from = *in.StartTime
	}
	if in.EndTime != nil && in.StartTime != nil && in.EndTime.Before(*in.StartTime) {
		return from, until, invalid("EndTime %s is before StartTime %s", timestamp(*in.EndTime), timestamp(*in.StartTime))
	}
	if oldest := now.Add(-keptHistory); from.Before(oldest) {
		from = oldest
	}
	if from.After(until) {
		from = until
	}
	return from, until, nil
}

func spotFilters() ec2filter.Set[types.SpotPrice] {
	return ec2filter.Set[types.SpotPrice]{Fields: map[string]func(types.SpotPrice) []string{
		"availability-zone":    func(p types.SpotPrice) []string { return []string{*p.AvailabilityZone} },
		"availability-zone-id": func(p types.SpotPrice) []string { return []string{*p.AvailabilityZoneId} },
		"instance-type":        func(p types.SpotPrice) []string { return []string{string(p.InstanceType)} },
		"product-description":  func(types.SpotPrice) []string { return []string{linux, linux + " (Amazon VPC)"} },
		"spot-price":           func(p types.SpotPrice) []string { return []string{*p.SpotPrice} },
		"timestamp":            func(p types.SpotPrice) []string { return []string{timestamp(*p.Timestamp)} },
	}}
}
