package ec2api

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// DescribeSpotInstanceRequests lists the Spot requests, those of fleets and
// groups too, each with its status.
func (e *EC2) DescribeSpotInstanceRequests(_ context.Context, in *ec2.DescribeSpotInstanceRequestsInput) (*ec2.DescribeSpotInstanceRequestsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "Filters", "MaxResults", "NextToken", "SpotInstanceRequestIds"); err != nil {
		return nil, err
	}
	if err := usual().check(in.MaxResults); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	var list []types.SpotInstanceRequest
	var err error
	e.world.Store.View(func() {
		var found []world.SpotRequest
		if found, err = e.findSpotRequests(in.SpotInstanceRequestIds); err != nil {
			return
		}
		for _, r := range found {
			list = append(list, e.spotRequest(r))
		}
		list, err = e.spotRequestFilters().Select(list, in.Filters)
	})
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeSpotInstanceRequestsOutput{}
	out.SpotInstanceRequests, out.NextToken, err = page(list, in.NextToken, in.MaxResults, usual())
	return out, err
}

// CancelSpotInstanceRequests cancels Spot requests; the instances that they
// have go on.
func (e *EC2) CancelSpotInstanceRequests(_ context.Context, in *ec2.CancelSpotInstanceRequestsInput) (*ec2.CancelSpotInstanceRequestsOutput, error) {
	if len(in.SpotInstanceRequestIds) == 0 {
		return nil, missing("SpotInstanceRequestId")
	}
	out := &ec2.CancelSpotInstanceRequestsOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		found, err := e.findSpotRequests(in.SpotInstanceRequestIds)
		if err != nil {
			return err
		}
		if err := dryRun(in.DryRun); err != nil {
			return err
		}
		for _, r := range found {
			if err := e.cancelSpot(tx, r); err != nil {
				return err
			}
			out.CancelledSpotInstanceRequests = append(out.CancelledSpotInstanceRequests, types.CancelledSpotInstanceRequest{
				SpotInstanceRequestId: aws.String(r.ID), State: types.CancelSpotInstanceRequestStateCancelled,
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (e *EC2) cancelSpot(tx *store.Tx, r world.SpotRequest) error {
	r.Launch = nil
	switch r.State {
	case world.SpotActive, world.SpotDisabled:
		return e.world.SetSpotStatus(tx, r, world.SpotCancelled, "request-canceled-and-instance-running",
			"Your Spot request is canceled, but your instance is still running.")
	case world.SpotOpen:
		return e.world.SetSpotStatus(tx, r, world.SpotCancelled, "canceled-before-fulfillment", "Your Spot request is canceled before it was fulfilled.")
	}
	return e.world.SpotRequests.Put(tx, r.ID, r)
}

func (e *EC2) findSpotRequests(ids []string) ([]world.SpotRequest, error) {
	if len(ids) == 0 {
		return e.world.SpotRequests.All(), nil
	}
	var found []world.SpotRequest
	var unknown []string
	for _, id := range ids {
		if err := malformed("InvalidSpotInstanceRequestID.Malformed", id, "sir-"); err != nil {
			return nil, err
		}
		if r, exists := e.world.SpotRequests.Get(id); exists {
			found = append(found, r)
		} else {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		return nil, awserr.New("InvalidSpotInstanceRequestID.NotFound", "The spot instance request ID '%s' does not exist", strings.Join(unknown, ", "))
	}
	return found, nil
}

func (e *EC2) spotRequest(r world.SpotRequest) types.SpotInstanceRequest {
	out := types.SpotInstanceRequest{
		SpotInstanceRequestId: aws.String(r.ID), CreateTime: aws.Time(r.Created), State: types.SpotInstanceState(r.State),
		Status: &types.SpotInstanceStatus{Code: aws.String(r.Code), Message: aws.String(r.Message), UpdateTime: aws.Time(r.Updated)},
		Type:   types.SpotInstanceTypeOneTime, InstanceInterruptionBehavior: types.InstanceInterruptionBehavior(r.Behavior),
		ProductDescription: linux, SpotPrice: aws.String(r.MaxPrice), InstanceId: optional(r.InstanceID), LaunchedAvailabilityZone: optional(r.Zone),
		LaunchSpecification: &types.LaunchSpecification{InstanceType: types.InstanceType(r.Type)}, Tags: e.tagsOf(r.ID),
	}
	if r.MaxPrice == "" {
		usd, _ := e.world.Catalog.Price(e.world.Options.Region, r.Type)
		out.SpotPrice = aws.String(spotPrice(usd))
	}
	if r.Persistent {
		out.Type = types.SpotInstanceTypePersistent
	}
	if !r.Valid.IsZero() {
		out.ValidUntil = aws.Time(r.Valid)
	}
	if i, exists := e.world.Instances.Get(r.InstanceID); exists {
		out.LaunchSpecification.ImageId, out.LaunchSpecification.KeyName = aws.String(i.ImageID), optional(i.Config.KeyName)
		out.LaunchSpecification.SubnetId = aws.String(i.SubnetID)
		out.LaunchSpecification.Placement = &types.SpotPlacement{AvailabilityZone: optional(r.Zone)}
		out.LaunchSpecification.Monitoring = &types.RunInstancesMonitoringEnabled{Enabled: aws.Bool(i.Config.Monitoring)}
		names := e.namesOf(i.Config.SecurityGroups)
		for n, id := range i.Config.SecurityGroups {
			out.LaunchSpecification.SecurityGroups = append(out.LaunchSpecification.SecurityGroups, types.GroupIdentifier{GroupId: aws.String(id), GroupName: aws.String(names[n])})
		}
	}
	return out
}

func (e *EC2) spotRequestFilters() ec2filter.Set[types.SpotInstanceRequest] {
	return ec2filter.Set[types.SpotInstanceRequest]{
		Tags: func(r types.SpotInstanceRequest) []types.Tag { return r.Tags },
		Fields: map[string]func(types.SpotInstanceRequest) []string{
			"spot-instance-request-id": func(r types.SpotInstanceRequest) []string { return []string{*r.SpotInstanceRequestId} },
			"state":                    func(r types.SpotInstanceRequest) []string { return []string{string(r.State)} },
			"status-code":              func(r types.SpotInstanceRequest) []string { return []string{*r.Status.Code} },
			"status-message":           func(r types.SpotInstanceRequest) []string { return []string{*r.Status.Message} },
			"instance-id":              func(r types.SpotInstanceRequest) []string { return []string{aws.ToString(r.InstanceId)} },
			"type":                     func(r types.SpotInstanceRequest) []string { return []string{string(r.Type)} },
			"launch.instance-type": func(r types.SpotInstanceRequest) []string {
				return []string{string(r.LaunchSpecification.InstanceType)}
			},
			"launched-availability-zone": func(r types.SpotInstanceRequest) []string { return []string{aws.ToString(r.LaunchedAvailabilityZone)} },
			"spot-price":                 func(r types.SpotInstanceRequest) []string { return []string{*r.SpotPrice} },
			"product-description":        func(types.SpotInstanceRequest) []string { return []string{linux} },
		},
	}
}
