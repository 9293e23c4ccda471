package asgapi

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/world"
)

// SetInstanceHealth marks an instance; one that is unhealthy is replaced.
func (a *AutoScaling) SetInstanceHealth(_ context.Context, in *autoscaling.SetInstanceHealthInput) (*autoscaling.SetInstanceHealthOutput, error) {
	status := aws.ToString(in.HealthStatus)
	if !strings.EqualFold(status, healthy) && !strings.EqualFold(status, unhealthy) {
		return nil, invalid("Invalid health status: %s. Valid values are Healthy and Unhealthy", status)
	}
	err := a.changeOf(in.InstanceId, func(r *groups.Round, m *world.Member) error {
		grace := time.Duration(r.Group.HealthGraceSeconds) * time.Second
		respected := in.ShouldRespectGracePeriod == nil || *in.ShouldRespectGracePeriod
		if respected && strings.EqualFold(status, unhealthy) && !m.InService.IsZero() && !a.world.Over(m.InService, grace) {
			return nil // within the grace period it does not count
		}
		r.Mark(m, strings.EqualFold(status, healthy))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.SetInstanceHealthOutput{}, nil
}

// SetInstanceProtection protects instances from scaling in, or no longer.
func (a *AutoScaling) SetInstanceProtection(_ context.Context, in *autoscaling.SetInstanceProtectionInput) (*autoscaling.SetInstanceProtectionOutput, error) {
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		chosen, err := members(r, in.InstanceIds)
		if err != nil {
			return err
		}
		for _, m := range chosen {
			if !inService(m) {
				return notIn(r, m, "InService")
			}
			r.Protect(m, aws.ToBool(in.ProtectedFromScaleIn))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.SetInstanceProtectionOutput{}, nil
}

func notIn(r *groups.Round, m *world.Member, state string) error {
	return invalid("The instance %s is not in %s. Its current state in Auto Scaling group %s is %s.", m.InstanceID, state, r.Group.Name, m.State)
}

// AttachInstances makes running instances part of a group.
func (a *AutoScaling) AttachInstances(_ context.Context, in *autoscaling.AttachInstancesInput) (*autoscaling.AttachInstancesOutput, error) {
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		if len(in.InstanceIds) == 0 {
			return invalid("At least one instance ID must be specified.")
		}
		for _, id := range in.InstanceIds {
			i, err := a.attachable(r, id)
			if err != nil {
				return err
			}
			r.Attach(i)
		}
		if r.Group.Desired > r.Group.Max {
			return invalid("AutoScalingGroup %s has min: %d, max: %d, desired: %d: attaching the instances would exceed its max size.",
				r.Group.Name, r.Group.Min, r.Group.Max, r.Group.Desired)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.AttachInstancesOutput{}, nil
}

func (a *AutoScaling) attachable(r *groups.Round, id string) (world.Instance, error) {
	i, exists := a.world.Instances.Get(id)
	if !exists {
		return i, invalid("Invalid Instance ID: %s", id)
	}
	if !groups.Running(i) {
		return i, invalid("Instance %s is not in correct state. Instance(s) must be in 'running' state.", id)
	}
	if m, taken := a.world.Members.Get(id); taken {
		return i, invalid("Instance %s is already part of AutoScalingGroup:%s", id, m.Group)
	}
	if _, attached := r.Member(id); attached {
		return i, invalid("Instance %s is specified twice", id)
	}
	if s, _ := a.world.Network.Subnet(i.SubnetID); !slices.Contains(r.Group.Zones, s.Zone.Name) {
		return i, invalid("Instance %s is in the Availability Zone %s, which the Auto Scaling group %s does not have.", id, s.Zone.Name, r.Group.Name)
	}
	return i, nil
}

// DetachInstances takes instances out of a group; they go on running.
func (a *AutoScaling) DetachInstances(_ context.Context, in *autoscaling.DetachInstancesInput) (*autoscaling.DetachInstancesOutput, error) {
	out := &autoscaling.DetachInstancesOutput{}
	decrement := aws.ToBool(in.ShouldDecrementDesiredCapacity)
	err := a.takeOut(in.AutoScalingGroupName, in.InstanceIds, decrement, func(r *groups.Round, chosen []*world.Member) error {
		for _, m := range chosen {
			if !inService(m) && m.State != types.LifecycleStateStandby {
				return notIn(r, m, "InService or Standby")
			}
		}
		out.Activities = a.onAll(chosen, func(m *world.Member) string { return r.Detach(m, decrement && groups.Counts(m)) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// takeOut is for operations that leave a group with fewer instances in service.
func (a *AutoScaling) takeOut(group *string, ids []string, decrement bool, do func(*groups.Round, []*world.Member) error) error {
	return a.change(group, func(r *groups.Round) error {
		if len(ids) == 0 {
			return invalid("At least one instance ID must be specified.")
		}
		chosen, err := members(r, ids)
		if err != nil {
			return err
		}
		counting := 0
		for _, m := range chosen {
			if groups.Counts(m) {
				counting += m.Weight
			}
		}
		if decrement && r.Group.Desired-counting < r.Group.Min {
			return invalid("AutoScalingGroup %s has min: %d, max: %d, desired: %d: the instances cannot leave it without going below its min size.",
				r.Group.Name, r.Group.Min, r.Group.Max, r.Group.Desired)
		}
		return do(r, chosen)
	})
}

// EnterStandby takes instances out of service without ending them.
func (a *AutoScaling) EnterStandby(_ context.Context, in *autoscaling.EnterStandbyInput) (*autoscaling.EnterStandbyOutput, error) {
	out := &autoscaling.EnterStandbyOutput{}
	decrement := aws.ToBool(in.ShouldDecrementDesiredCapacity)
	err := a.takeOut(in.AutoScalingGroupName, in.InstanceIds, decrement, func(r *groups.Round, chosen []*world.Member) error {
		for _, m := range chosen {
			if !inService(m) {
				return notIn(r, m, "InService")
			}
		}
		out.Activities = a.onAll(chosen, func(m *world.Member) string { return r.EnterStandby(m, decrement) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ExitStandby puts instances back into service.
func (a *AutoScaling) ExitStandby(_ context.Context, in *autoscaling.ExitStandbyInput) (*autoscaling.ExitStandbyOutput, error) {
	out := &autoscaling.ExitStandbyOutput{}
	err := a.takeOut(in.AutoScalingGroupName, in.InstanceIds, false, func(r *groups.Round, chosen []*world.Member) error {
		for _, m := range chosen {
			if m.State != types.LifecycleStateStandby {
				return notIn(r, m, "Standby")
			}
		}
		out.Activities = a.onAll(chosen, func(m *world.Member) string { return r.ExitStandby(m) })
		if r.Group.Desired > r.Group.Max {
			return invalid("AutoScalingGroup %s has min: %d, max: %d, desired: %d: the instances cannot leave Standby without exceeding its max size.",
				r.Group.Name, r.Group.Min, r.Group.Max, r.Group.Desired)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
