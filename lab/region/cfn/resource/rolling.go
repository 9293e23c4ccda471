package resource

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/cfn/property"
)

// rolling is how far a rolling update is: AutoScalingRollingUpdate replaces the
// instances that a group had, batch by batch.
type rolling struct {
	// Old are the instances that are still to be replaced, Total how many there were.
	Old   []string
	Total int
	// Batch are those that were terminated and whose successors are waited for.
	Batch []string
	// Served is when the successors were all in service; zero before.
	Served time.Time
	// Signals is how many signals there were when the batch began.
	Signals int
	// Min and Desired are what the group gets back, when that was raised.
	Raised       bool
	Min, Desired int32
}

// rollingPolicy is the update policy's AutoScalingRollingUpdate.
type rollingPolicy struct {
	batch, inService, percent int
	pause                     time.Duration
	signals                   bool
	suspend                   []string
}

func (c *Call) rollingPolicy() (rollingPolicy, bool, error) {
	p := c.UpdatePolicy.Object("AutoScalingRollingUpdate")
	if p == nil {
		return rollingPolicy{}, false, nil
	}
	policy := rollingPolicy{batch: 1, percent: 100, signals: p.Text("WaitOnResourceSignals") == "true", suspend: p.Texts("SuspendProcesses")}
	if policy.signals {
		policy.pause = defaultSignalTimeout
	}
	for name, into := range map[string]*int{"MaxBatchSize": &policy.batch, "MinInstancesInService": &policy.inService, "MinSuccessfulInstancesPercent": &policy.percent} {
		if text := p.Text(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return policy, true, &property.Error{Message: fmt.Sprintf("Value of %s in AutoScalingRollingUpdate must be a number", name)}
			}
			*into = n
		}
	}
	if text := p.Text("PauseTime"); text != "" {
		d, err := ParseDuration(text)
		if err != nil {
			return policy, true, &property.Error{Message: fmt.Sprintf("Invalid PauseTime: %v", err)}
		}
		policy.pause = d
	}
	return policy, true, nil
}

// obsolete reports whether the change leaves instances of another kind behind.
func (c *Call) obsolete() bool {
	for _, name := range []string{"LaunchTemplate", "LaunchConfigurationName", "MixedInstancesPolicy", "VPCZoneIdentifier"} {
		if c.Before.JSON(name) != c.Properties.JSON(name) {
			return true
		}
	}
	return false
}

func (scalingGroup) beginRolling(ctx context.Context, c *Call) error {
	policy, has, err := c.rollingPolicy()
	if err != nil || !has || !c.obsolete() {
		return err
	}
	g, err := c.group(ctx)
	if err != nil {
		return err
	}
	state := rolling{Min: aws.ToInt32(g.MinSize), Desired: aws.ToInt32(g.DesiredCapacity)}
	for _, i := range g.Instances {
		state.Old = append(state.Old, aws.ToString(i.InstanceId))
	}
	state.Total = len(state.Old)
	if state.Total == 0 {
		return nil
	}
	if policy.inService >= int(aws.ToInt32(g.MaxSize)) {
		return Failed{Reason: "MinInstancesInService must be less than the autoscaling group's MaxSize"}
	}
	c.Tell(fmt.Sprintf("Rolling update initiated. Terminating %d obsolete instance(s) in batches of %d, while keeping at least %d instance(s) in service.%s",
		state.Total, policy.batch, policy.inService, policy.waitText()))
	if len(policy.suspend) > 0 {
		if _, err := c.ASG.SuspendProcesses(ctx, &autoscaling.SuspendProcessesInput{AutoScalingGroupName: &c.Physical, ScalingProcesses: policy.suspend}); err != nil {
			return err
		}
	}
	if err := c.raise(ctx, &state, policy, g); err != nil {
		return err
	}
	return c.remember(state)
}

func (p rollingPolicy) waitText() string {
	if !p.signals {
		return ""
	}
	return fmt.Sprintf(" Waiting on resource signals with a timeout of %s when new instances are added to the autoscaling group.", isoDuration(p.pause))
}

// raise lets the group have more instances for as long as a batch is missing.
func (c *Call) raise(ctx context.Context, state *rolling, p rollingPolicy, g types.AutoScalingGroup) error {
	size := max(state.Desired, min(int32(p.inService+p.batch), aws.ToInt32(g.MaxSize)))
	if int(state.Desired)-p.batch >= p.inService || size == state.Desired {
		return nil
	}
	state.Raised = true
	c.Tell(fmt.Sprintf("Temporarily setting autoscaling group MinSize and DesiredCapacity to %d.", size))
	_, err := c.ASG.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: &c.Physical, MinSize: &size, DesiredCapacity: &size})
	return err
}

func (c *Call) remember(state rolling) (err error) {
	c.Memory, err = json.Marshal(state)
	return err
}

// updated goes on with a rolling update; without one the change is done.
func (scalingGroup) updated(ctx context.Context, c *Call) (bool, error) {
	if len(c.Memory) == 0 {
		return true, nil
	}
	var state rolling
	if err := json.Unmarshal(c.Memory, &state); err != nil {
		return false, err
	}
	policy, _, err := c.rollingPolicy()
	if err != nil {
		return false, err
	}
	g, err := c.group(ctx)
	if err != nil {
		return false, err
	}
	done, err := c.roll(ctx, &state, policy, g)
	if err != nil || done {
		return done, err
	}
	return false, c.remember(state)
}

func (c *Call) roll(ctx context.Context, state *rolling, p rollingPolicy, g types.AutoScalingGroup) (bool, error) {
	if waiting, err := c.batchUnderWay(ctx, state, p, g); waiting || err != nil {
		return false, err
	}
	if len(state.Batch) > 0 {
		c.Tell(fmt.Sprintf("Successfully terminated instance(s) [%s] (Progress %d%%).", strings.Join(state.Batch, ","),
			100*(state.Total-len(state.Old))/state.Total))
	}
	state.Batch, state.Served = nil, time.Time{}
	if len(state.Old) == 0 {
		return true, c.endRolling(ctx, state, p)
	}
	n := min(p.batch, len(state.Old))
	state.Batch, state.Old, state.Signals = slices.Clone(state.Old[:n]), state.Old[n:], len(c.Signals)
	c.Tell(fmt.Sprintf("Terminating instance(s) [%s]; replacing with %d new instance(s).", strings.Join(state.Batch, ","), n))
	for _, id := range state.Batch {
		_, err := c.ASG.TerminateInstanceInAutoScalingGroup(ctx, &autoscaling.TerminateInstanceInAutoScalingGroupInput{InstanceId: &id, ShouldDecrementDesiredCapacity: aws.Bool(false)})
		if unlessGone(err) != nil {
			return false, err
		}
	}
	return false, nil
}

// batchUnderWay reports whether the group is not back at its size yet, or the
// pause after that is not over.
func (c *Call) batchUnderWay(ctx context.Context, state *rolling, p rollingPolicy, g types.AutoScalingGroup) (bool, error) {
	for _, i := range g.Instances {
		if slices.Contains(state.Batch, aws.ToString(i.InstanceId)) {
			return true, nil
		}
	}
	if serving(g) < int(aws.ToInt32(g.DesiredCapacity)) {
		return true, c.notStabilized(ctx, g)
	}
	if len(state.Batch) == 0 {
		return false, nil
	}
	if state.Served.IsZero() {
		state.Served = c.Now
		if p.signals {
			c.Tell(fmt.Sprintf("New instance(s) added to autoscaling group - Waiting on %d resource signal(s) with a timeout of %s.", len(state.Batch), isoDuration(p.pause)))
		}
	}
	waited := c.World.Unscaled(c.Now.Sub(state.Served))
	if !p.signals {
		return waited < p.pause, nil
	}
	success := 0
	for _, s := range c.Signals[min(state.Signals, len(c.Signals)):] {
		if s.Success {
			success++
		}
	}
	if need := (len(state.Batch)*p.percent + 99) / 100; success < need {
		if waited >= p.pause {
			return false, Failed{Reason: fmt.Sprintf("Received %d SUCCESS signal(s) out of %d.  Unable to satisfy %d%% MinSuccessfulInstancesPercent requirement", success, len(state.Batch), p.percent)}
		}
		return true, nil
	}
	return false, nil
}

func (c *Call) endRolling(ctx context.Context, state *rolling, p rollingPolicy) error {
	if len(p.suspend) > 0 {
		if _, err := c.ASG.ResumeProcesses(ctx, &autoscaling.ResumeProcessesInput{AutoScalingGroupName: &c.Physical, ScalingProcesses: p.suspend}); err != nil {
			return err
		}
	}
	if !state.Raised {
		return nil
	}
	c.Tell(fmt.Sprintf("Setting autoscaling group MinSize and DesiredCapacity back to %d and %d.", state.Min, state.Desired))
	_, err := c.ASG.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: &c.Physical, MinSize: &state.Min, DesiredCapacity: &state.Desired})
	return err
}

// isoDuration writes a duration as policies do: PT5M.
func isoDuration(d time.Duration) string {
	return "PT" + strings.ToUpper(strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m"))
}
