package asgapi

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/world"
)

// defaultMinHealthy is how many percent of a group stay healthy during a refresh.
const defaultMinHealthy = 90

// StartInstanceRefresh begins to replace the instances of a group, some at a
// time, so that they are as the group would launch them now.
func (a *AutoScaling) StartInstanceRefresh(_ context.Context, in *autoscaling.StartInstanceRefreshInput) (*autoscaling.StartInstanceRefreshOutput, error) {
	if err := supported(in, "AutoScalingGroupName", "Preferences", "Strategy"); err != nil {
		return nil, err
	}
	if in.Strategy != "" && in.Strategy != types.RefreshStrategyRolling {
		return nil, unsupported("Strategy " + string(in.Strategy) + ", only Rolling")
	}
	out := &autoscaling.StartInstanceRefreshOutput{}
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		if _, active := r.ActiveRefresh(); active {
			return awserr.New("InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
		}
		refresh, err := readPreferences(r.Group, in.Preferences)
		if err != nil {
			return err
		}
		id, err := r.StartRefresh(refresh)
		out.InstanceRefreshId = &id
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func readPreferences(g world.Group, p *types.RefreshPreferences) (f world.Refresh, err error) {
	f.MinHealthy, f.WarmupSeconds = defaultMinHealthy, g.HealthGraceSeconds
	if g.WarmupSeconds != nil {
		f.WarmupSeconds = int(*g.WarmupSeconds)
	}
	if p == nil {
		return f, nil
	}
	plain := *p
	if plain.ScaleInProtectedInstances == types.ScaleInProtectedInstancesWait {
		plain.ScaleInProtectedInstances = ""
	}
	if plain.StandbyInstances == types.StandbyInstancesIgnore {
		plain.StandbyInstances = ""
	}
	if aws.ToInt32(plain.MaxHealthyPercentage) == 100 {
		plain.MaxHealthyPercentage = nil
	}
	if err := supported(plain, "InstanceWarmup", "MinHealthyPercentage", "SkipMatching"); err != nil {
		return f, err
	}
	if p.MinHealthyPercentage != nil {
		if f.MinHealthy = int(*p.MinHealthyPercentage); f.MinHealthy < 0 || f.MinHealthy > 100 {
			return f, invalid("MinHealthyPercentage must be between 0 and 100, not %d.", f.MinHealthy)
		}
	}
	if p.InstanceWarmup != nil {
		if *p.InstanceWarmup < 0 {
			return f, below(*p.InstanceWarmup, "preferences.instanceWarmup", 0)
		}
		f.WarmupSeconds = int(*p.InstanceWarmup)
	}
	f.SkipMatching = aws.ToBool(p.SkipMatching)
	return f, nil
}

// CancelInstanceRefresh ends the refresh that goes on; what was replaced stays
// so.
func (a *AutoScaling) CancelInstanceRefresh(_ context.Context, in *autoscaling.CancelInstanceRefreshInput) (*autoscaling.CancelInstanceRefreshOutput, error) {
	if in.WaitForTransitioningInstances != nil && !*in.WaitForTransitioningInstances {
		return nil, unsupported("WaitForTransitioningInstances false")
	}
	out := &autoscaling.CancelInstanceRefreshOutput{}
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		f, active := r.ActiveRefresh()
		if !active || f.Status == types.InstanceRefreshStatusCancelling {
			return awserr.New("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found for Auto Scaling group %s", r.Group.Name)
		}
		r.CancelRefresh(f)
		out.InstanceRefreshId = &f.ID
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DescribeInstanceRefreshes lists the refreshes of a group, the latest first.
func (a *AutoScaling) DescribeInstanceRefreshes(_ context.Context, in *autoscaling.DescribeInstanceRefreshesInput) (*autoscaling.DescribeInstanceRefreshesOutput, error) {
	size, err := pageSize(in.MaxRecords, mostRecords)
	if err != nil {
		return nil, err
	}
	var g world.Group
	var exists bool
	a.world.Store.View(func() { g, exists = a.world.Groups.Get(aws.ToString(in.AutoScalingGroupName)) })
	if !exists {
		return nil, noGroup(aws.ToString(in.AutoScalingGroupName))
	}
	var list []types.InstanceRefresh
	for _, f := range slices.Backward(g.Refreshes) {
		if len(in.InstanceRefreshIds) == 0 || slices.Contains(in.InstanceRefreshIds, f.ID) {
			list = append(list, describeRefresh(g, f))
		}
	}
	out := &autoscaling.DescribeInstanceRefreshesOutput{}
	if out.InstanceRefreshes, out.NextToken, err = awswire.Page(list, in.NextToken, size); err != nil {
		return nil, paged(err)
	}
	return out, nil
}

func describeRefresh(g world.Group, f world.Refresh) types.InstanceRefresh {
	percent := 100
	if f.Total > 0 {
		percent = 100 * (f.Total - f.Left) / f.Total
	}
	return types.InstanceRefresh{
		AutoScalingGroupName: aws.String(g.Name), InstanceRefreshId: aws.String(f.ID), Status: f.Status, StatusReason: optional(f.Reason),
		StartTime: aws.Time(f.Began), EndTime: f.Ended, InstancesToUpdate: number(f.Left), PercentageComplete: number(percent),
		Strategy: types.RefreshStrategyRolling, Preferences: &types.RefreshPreferences{
			MinHealthyPercentage: number(f.MinHealthy), MaxHealthyPercentage: aws.Int32(100), InstanceWarmup: number(f.WarmupSeconds), SkipMatching: aws.Bool(f.SkipMatching),
			ScaleInProtectedInstances: types.ScaleInProtectedInstancesWait, StandbyInstances: types.StandbyInstancesIgnore,
		},
	}
}
