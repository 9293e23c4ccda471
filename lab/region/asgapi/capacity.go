package asgapi

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/world"
)

// SetDesiredCapacity changes the desired capacity within the group's bounds.
func (a *AutoScaling) SetDesiredCapacity(_ context.Context, in *autoscaling.SetDesiredCapacityInput) (*autoscaling.SetDesiredCapacityOutput, error) {
	desired := int(aws.ToInt32(in.DesiredCapacity))
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		switch {
		case desired < r.Group.Min:
			return invalid("New SetDesiredCapacity value %d is below min value %d for the AutoScalingGroup.", desired, r.Group.Min)
		case desired > r.Group.Max:
			return invalid("New SetDesiredCapacity value %d is above max value %d for the AutoScalingGroup.", desired, r.Group.Max)
		}
		if aws.ToBool(in.HonorCooldown) {
			if why := r.CoolsDown(time.Duration(r.Group.CooldownSeconds) * time.Second); why != "" {
				return awserr.New("ScalingActivityInProgress", "%s", why)
			}
		}
		r.SetDesired(desired, "a user request explicitly set group desired capacity")
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.SetDesiredCapacityOutput{}, nil
}

// TerminateInstanceInAutoScalingGroup ends an instance, which is replaced unless
// the desired capacity shrinks with it.
func (a *AutoScaling) TerminateInstanceInAutoScalingGroup(_ context.Context, in *autoscaling.TerminateInstanceInAutoScalingGroupInput) (*autoscaling.TerminateInstanceInAutoScalingGroupOutput, error) {
	out := &autoscaling.TerminateInstanceInAutoScalingGroupOutput{}
	err := a.changeOf(in.InstanceId, func(r *groups.Round, m *world.Member) error {
		decrement := aws.ToBool(in.ShouldDecrementDesiredCapacity)
		if decrement && groups.Counts(m) && r.Group.Desired <= r.Group.Min {
			return invalid("Currently, desiredSize equals minSize (%d). Terminating instance without replacement will violate group's min size constraint. "+
				"Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.", r.Group.Min)
		}
		activity, _ := a.world.Activities.Get(r.Terminate(m, decrement && groups.Counts(m)))
		described := describeActivity(activity, false)
		out.Activity = &described
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteAutoScalingGroup deletes a group without instances, or with force one
// with all of them.
func (a *AutoScaling) DeleteAutoScalingGroup(_ context.Context, in *autoscaling.DeleteAutoScalingGroupInput) (*autoscaling.DeleteAutoScalingGroupOutput, error) {
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		if !aws.ToBool(in.ForceDelete) && len(r.Members) > 0 {
			if slices.ContainsFunc(r.Members, func(m *world.Member) bool { return !terminating(m) }) {
				return awserr.New("ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.")
			}
			return awserr.New("ScalingActivityInProgress", "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.")
		}
		r.Delete()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.DeleteAutoScalingGroupOutput{}, nil
}

func terminating(m *world.Member) bool {
	return strings.Contains(string(m.State), "Terminating")
}
