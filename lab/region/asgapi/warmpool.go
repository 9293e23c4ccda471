package asgapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/world"
)

// PutWarmPool gives a group a warm pool of stopped or running instances, or
// changes what the request names of it.
func (a *AutoScaling) PutWarmPool(_ context.Context, in *autoscaling.PutWarmPoolInput) (*autoscaling.PutWarmPoolOutput, error) {
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		pool := world.WarmPool{}
		if r.Group.WarmPool != nil {
			pool = *r.Group.WarmPool
		}
		if pool.Deleting {
			return invalid("The warm pool of Auto Scaling group %s is pending delete", r.Group.Name)
		}
		if err := readPool(&pool, in); err != nil {
			return err
		}
		if err := a.checkWarmable(r.Group); err != nil {
			return err
		}
		r.Group.WarmPool = &pool
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.PutWarmPoolOutput{}, nil
}

// readPool lays a request over a warm pool.
func readPool(pool *world.WarmPool, in *autoscaling.PutWarmPoolInput) error {
	if in.MinSize != nil {
		if *in.MinSize < 0 {
			return below(*in.MinSize, "minSize", 0)
		}
		pool.Min = int(*in.MinSize)
	}
	if in.MaxGroupPreparedCapacity != nil {
		const remove = -1
		switch prepared := int(*in.MaxGroupPreparedCapacity); {
		case prepared < remove:
			return below(*in.MaxGroupPreparedCapacity, "maxGroupPreparedCapacity", remove)
		case prepared == remove:
			pool.Prepared = nil
		default:
			pool.Prepared = &prepared
		}
	}
	if pool.Prepared != nil && *pool.Prepared < pool.Min {
		return invalid("MaxGroupPreparedCapacity, %d, must be greater than or equal to the MinSize of the warm pool, %d", *pool.Prepared, pool.Min)
	}
	if in.InstanceReusePolicy != nil {
		pool.Reuse = aws.ToBool(in.InstanceReusePolicy.ReuseOnScaleIn)
	}
	switch in.PoolState {
	case "":
	case types.WarmPoolStateStopped, types.WarmPoolStateRunning:
		pool.Running = in.PoolState == types.WarmPoolStateRunning
	case types.WarmPoolStateHibernated:
		return unsupported("PoolState Hibernated, only Stopped and Running")
	default:
		return invalid("Invalid warm pool state: %s. Valid values are Stopped, Running and Hibernated", in.PoolState)
	}
	return nil
}

// checkWarmable refuses a group that launches Spot Instances, which cannot be in
// a warm pool.
func (a *AutoScaling) checkWarmable(g world.Group) error {
	const all = 100
	if g.Mixed != nil {
		if aws.ToInt32(g.Mixed.InstancesDistribution.OnDemandPercentageAboveBaseCapacity) < all {
			return invalid("You can't add a warm pool to an Auto Scaling group that has a mixed instances policy with Spot Instances.")
		}
		return nil
	}
	options, err := a.keeper.Options(g, ec2api.AsTemplate)
	if err != nil {
		return err
	}
	for _, o := range options {
		if m := o.Data.InstanceMarketOptions; m != nil && m.MarketType == ec2types.MarketTypeSpot {
			return invalid("You can't add a warm pool to an Auto Scaling group that has a launch template or launch configuration that requests Spot Instances.")
		}
	}
	return nil
}

// DescribeWarmPool describes the warm pool of a group with its instances.
func (a *AutoScaling) DescribeWarmPool(_ context.Context, in *autoscaling.DescribeWarmPoolInput) (*autoscaling.DescribeWarmPoolOutput, error) {
	const most = 50
	size, err := pageSize(in.MaxRecords, most)
	if err != nil {
		return nil, err
	}
	out, list := &autoscaling.DescribeWarmPoolOutput{}, []types.Instance{}
	var exists bool
	a.world.Store.View(func() {
		var g world.Group
		if g, exists = a.world.Groups.Get(aws.ToString(in.AutoScalingGroupName)); !exists {
			return
		}
		out.WarmPoolConfiguration = describePool(g)
		for _, m := range a.membersByGroup()[g.Name] {
			if m.Warm() {
				list = append(list, describeInstance(m))
			}
		}
	})
	if !exists {
		return nil, noGroup(aws.ToString(in.AutoScalingGroupName))
	}
	if out.Instances, out.NextToken, err = awswire.Page(list, in.NextToken, size); err != nil {
		return nil, paged(err)
	}
	return out, nil
}

func describePool(g world.Group) *types.WarmPoolConfiguration {
	if g.WarmPool == nil {
		return nil
	}
	out := &types.WarmPoolConfiguration{MinSize: number(g.WarmPool.Min), PoolState: types.WarmPoolStateStopped}
	if g.WarmPool.Prepared != nil {
		out.MaxGroupPreparedCapacity = number(*g.WarmPool.Prepared)
	}
	if g.WarmPool.Running {
		out.PoolState = types.WarmPoolStateRunning
	}
	if g.WarmPool.Reuse {
		out.InstanceReusePolicy = &types.InstanceReusePolicy{ReuseOnScaleIn: aws.Bool(true)}
	}
	if g.WarmPool.Deleting {
		out.Status = types.WarmPoolStatusPendingDelete
	}
	return out
}

// DeleteWarmPool deletes the warm pool of a group with its instances, with force
// without their hooks.
func (a *AutoScaling) DeleteWarmPool(_ context.Context, in *autoscaling.DeleteWarmPoolInput) (*autoscaling.DeleteWarmPoolOutput, error) {
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		if r.Group.WarmPool == nil {
			return invalid("No warm pool found for Auto Scaling group %s", r.Group.Name)
		}
		r.DeletePool(aws.ToBool(in.ForceDelete))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.DeleteWarmPoolOutput{}, nil
}
