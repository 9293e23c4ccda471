package groups

import (
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/world"
)

// Kinds of scaling policies.
const (
	SimpleScaling = "SimpleScaling"
	StepScaling   = "StepScaling"
)

// Adjustment types of scaling policies.
const (
	ChangeInCapacity        = "ChangeInCapacity"
	ExactCapacity           = "ExactCapacity"
	PercentChangeInCapacity = "PercentChangeInCapacity"
)

// Step finds the step of a policy for a metric that is breach above its
// threshold, or below it when that is negative.
func Step(p world.ScalingPolicy, breach float64) (types.StepAdjustment, bool) {
	for _, s := range p.Steps {
		lower, upper := Bounds(s)
		// Above the threshold the lower bound is part of a step, below it the upper.
		if breach >= 0 && breach >= lower && breach < upper || breach < 0 && breach > lower && breach <= upper {
			return s, true
		}
	}
	return types.StepAdjustment{}, false
}

// Bounds are those of a step; one that is not set is infinite.
func Bounds(s types.StepAdjustment) (lower, upper float64) {
	lower, upper = math.Inf(-1), math.Inf(1)
	if s.MetricIntervalLowerBound != nil {
		lower = *s.MetricIntervalLowerBound
	}
	if s.MetricIntervalUpperBound != nil {
		upper = *s.MetricIntervalUpperBound
	}
	return lower, upper
}

// Execute changes the desired capacity as a policy says; by is its adjustment,
// or that of the step that fits.
func (r *Round) Execute(p world.ScalingPolicy, by int) {
	desired := adjusted(p, r.Group.Desired, by)
	if p.Kind == StepScaling {
		desired = r.stepped(p, by)
	}
	desired = min(max(desired, r.Group.Min), r.Group.Max)
	r.SetDesired(desired, "a user request executed policy "+p.Name)
}

// stepped leaves out instances that still warm up: they are the answer to an
// earlier step. What they are too few for is added, and nothing is taken away
// meanwhile.
func (r *Round) stepped(p world.ScalingPolicy, by int) int {
	warming := r.warming(r.warmup(p))
	wanted := adjusted(p, r.Group.Desired-warming, by)
	if warming > 0 {
		return max(wanted, r.Group.Desired)
	}
	return wanted
}

// warmup is how long an instance counts as new for a policy.
func (r *Round) warmup(p world.ScalingPolicy) time.Duration {
	switch {
	case p.WarmupSeconds != nil:
		return time.Duration(*p.WarmupSeconds) * time.Second
	case r.Group.WarmupSeconds != nil:
		return time.Duration(*r.Group.WarmupSeconds) * time.Second
	}
	return time.Duration(r.Group.CooldownSeconds) * time.Second
}

// warming is the capacity of instances that are on their way in or were so less
// than a warm-up ago.
func (r *Round) warming(warmup time.Duration) (units int) {
	for _, m := range r.Members {
		if Counts(m) && (m.State != types.LifecycleStateInService || !r.world.Over(m.InService, warmup)) {
			units += m.Weight
		}
	}
	return min(units, r.Group.Desired)
}

// adjusted is a capacity after an adjustment. A percentage is rounded towards
// zero, but is one at least, and at least the policy's least change.
func adjusted(p world.ScalingPolicy, capacity, by int) int {
	switch p.Adjustment {
	case ExactCapacity:
		return by
	case ChangeInCapacity:
		return capacity + by
	}
	const percent = 100
	change, least := capacity*by/percent, max(1, int(aws.ToInt32(p.Least)))
	switch {
	case by > 0:
		change = max(change, least)
	case by < 0:
		change = min(change, -least)
	}
	return capacity + change
}

// CoolsDown says why a group does not scale yet: an activity goes on, or the last
// ended less than a cooldown ago. It is empty when the group may scale.
func (r *Round) CoolsDown(cooldown time.Duration) string {
	for _, m := range r.Members {
		if m.Activity != "" && !m.Warm() {
			return fmt.Sprintf("Scaling activity %s is in progress and blocks this action", m.Activity)
		}
	}
	if !r.Group.Scaled.IsZero() && !r.world.Over(r.Group.Scaled, cooldown) {
		return fmt.Sprintf("The cooldown period of %d seconds has not passed since the last scaling activity ended.", int(cooldown.Seconds()))
	}
	return ""
}
