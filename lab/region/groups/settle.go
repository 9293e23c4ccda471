package groups

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/world"
)

// settle moves every instance on that has come to the end of its state.
func (r *Round) settle() {
	for _, m := range slices.Clone(r.Members) {
		r.settleOne(m)
	}
}

func (r *Round) settleOne(m *world.Member) {
	switch m.State {
	case types.LifecycleStatePending, types.LifecycleStatePendingWait, types.LifecycleStatePendingProceed:
		r.settlePending(m)
	case types.LifecycleStateInService:
		r.checkHealth(m)
	case types.LifecycleStateWarmedPending, types.LifecycleStateWarmedPendingWait, types.LifecycleStateWarmedPendingProceed:
		r.settleWarming(m)
	case types.LifecycleStateWarmedStopped, types.LifecycleStateWarmedRunning:
		r.checkWarm(m)
	case types.LifecycleStateTerminatingWait, types.LifecycleStateWarmedTerminatingWait:
		r.settleTerminatingWait(m)
	case types.LifecycleStateTerminating, types.LifecycleStateTerminatingProceed,
		types.LifecycleStateWarmedTerminating, types.LifecycleStateWarmedTerminatingProceed:
		if r.gone(m) {
			r.end(m, types.ScalingActivityStatusCodeSuccessful, "")
			r.remove(m)
		}
	case types.LifecycleStateEnteringStandby:
		if r.over(m.Since, proceedTakes) {
			r.end(m, types.ScalingActivityStatusCodeSuccessful, "")
			r.enter(m, types.LifecycleStateStandby)
		}
	case types.LifecycleStateStandby:
		if r.gone(m) {
			r.remove(m)
		}
	case types.LifecycleStateDetaching:
		if r.over(m.Since, proceedTakes) {
			r.end(m, types.ScalingActivityStatusCodeSuccessful, "")
			r.remove(m)
		}
	}
}

func (r *Round) settlePending(m *world.Member) {
	i, running := r.machine(m)
	switch {
	case !running:
		r.launchLost(m, i)
	case m.State == types.LifecycleStatePending && i.State == machine.Running:
		if r.startActions(m, Launching) {
			r.enter(m, types.LifecycleStatePendingWait)
			r.progress(m, types.ScalingActivityStatusCodeMidLifecycleAction, 40)
			return
		}
		r.serve(m)
	case m.State == types.LifecycleStatePendingWait:
		r.settlePendingWait(m)
	case m.State == types.LifecycleStatePendingProceed && r.over(m.Since, proceedTakes):
		r.serve(m)
	}
}

func (r *Round) settlePendingWait(m *world.Member) {
	switch over, abandoned := r.awaitActions(m); {
	case abandoned != "":
		r.end(m, types.ScalingActivityStatusCodeCancelled, abandoned)
		r.failedLaunch("")
		m.Abandoned = true
		r.terminate(m, At(r.now())+" an instance was taken out of service in response to a launch that was abandoned by a lifecycle hook.")
	case over:
		r.enter(m, types.LifecycleStatePendingProceed)
	}
}

// serve puts an instance into service.
func (r *Round) serve(m *world.Member) {
	m.InService, m.Extra, m.Actions = r.now(), false, nil
	r.end(m, types.ScalingActivityStatusCodeSuccessful, "")
	m.FromPool = false
	r.enter(m, types.LifecycleStateInService)
}

// launchLost gives up an instance that ended before it was in service.
func (r *Round) launchLost(m *world.Member, i world.Instance) {
	reason := "The instance does not exist."
	if i.Reason.Code != "" {
		reason = fmt.Sprintf("%s: %s", i.Reason.Code, i.Reason.Message)
	}
	r.end(m, types.ScalingActivityStatusCodeFailed,
		"Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: "+reason)
	r.failedLaunch(m.Zone)
	if i.State == machine.Stopping || i.State == machine.Stopped {
		r.fail(r.keeper.ec2.Terminate(r.tx, m.InstanceID))
	}
	r.remove(m)
}

// checkHealth marks an instance that EC2 no longer runs.
func (r *Round) checkHealth(m *world.Member) {
	i, running := r.machine(m)
	if m.Unhealthy != "" || !r.Runs(HealthCheck) {
		return
	}
	if running {
		if since, unreachable := r.world.UnreachableSince(i); unreachable && i.State == machine.Running && r.over(since, impairedTakes) {
			m.Unhealthy = byStatus
			r.keep(m)
		}
		return
	}
	if i.ID == "" || r.over(i.StateSince, healthTakes) {
		m.Unhealthy = byEC2
		r.keep(m)
	}
}

// settleTerminatingWait ends an instance once its hooks are done.
func (r *Round) settleTerminatingWait(m *world.Member) {
	over, abandoned := r.awaitActions(m)
	switch {
	case over && m.Returns:
		m.Actions = nil
		r.enter(m, types.LifecycleStateWarmedPendingProceed)
	case over || abandoned != "":
		r.proceedToEnd(m)
		r.progress(m, types.ScalingActivityStatusCodeInProgress, 60)
	}
}

// proceedToEnd ends an instance whose hooks are over.
func (r *Round) proceedToEnd(m *world.Member) {
	after := types.LifecycleStateTerminatingProceed
	if m.Warm() {
		after = types.LifecycleStateWarmedTerminatingProceed
	}
	m.Actions, m.Returns = nil, false
	r.enter(m, after)
	r.fail(r.keeper.ec2.Terminate(r.tx, m.InstanceID))
}

// Who says that an instance is unhealthy.
const (
	byEC2  = "EC2"
	byUser = "user"
	// byStatus is EC2, whose status checks fail.
	byStatus = "status"
)

// replace ends the instances that are unhealthy; resize launches others.
func (r *Round) replace() {
	if !r.Runs(ReplaceUnhealthy) || !r.Runs(Terminate) {
		return
	}
	for _, m := range slices.Clone(r.Members) {
		if m.Unhealthy == "" || m.State != types.LifecycleStateInService {
			continue
		}
		sentence := " an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped."
		switch m.Unhealthy {
		case byUser:
			sentence = " an instance was taken out of service in response to a user health-check."
		case byStatus:
			sentence = " an instance was taken out of service in response to an EC2 instance status checks failure."
		}
		r.terminate(m, At(r.now())+sentence)
		r.replacing++
	}
}

// expire ends the oldest instance that has reached the group's maximum lifetime,
// one after the other: while another is on its way in or out, it waits.
func (r *Round) expire() {
	if r.Group.MaxLifetimeSeconds == 0 || !r.atRest() {
		return
	}
	for _, m := range r.Members {
		if m.State == types.LifecycleStateInService && r.over(m.Joined, time.Duration(r.Group.MaxLifetimeSeconds)*time.Second) {
			r.terminate(m, At(r.now())+" an instance was taken out of service in response to its maximum instance lifetime.")
			return
		}
	}
}

// terminate takes an instance out of service: its hooks run before it ends.
func (r *Round) terminate(m *world.Member, cause string) {
	subnet := ""
	if i, exists := r.world.Instances.Get(m.InstanceID); exists {
		subnet = i.SubnetID
	}
	m.Activity = r.begin(world.Activity{
		Cause: cause, Description: terminatingInstance + ": " + m.InstanceID,
		Status: types.ScalingActivityStatusCodeInProgress, Zone: m.Zone, Subnet: subnet,
	})
	m.Extra, m.Protected, m.Returns = false, false, false
	waits, ends := types.LifecycleStateTerminatingWait, types.LifecycleStateTerminating
	if m.Warm() {
		waits, ends = types.LifecycleStateWarmedTerminatingWait, types.LifecycleStateWarmedTerminating
	}
	if !r.Group.Deleting && r.startActions(m, Terminating) {
		r.enter(m, waits)
		r.progress(m, types.ScalingActivityStatusCodeMidLifecycleAction, 0)
		return
	}
	m.Actions = nil
	r.enter(m, ends)
	r.fail(r.keeper.ec2.Terminate(r.tx, m.InstanceID))
}
