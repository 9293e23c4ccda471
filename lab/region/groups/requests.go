package groups

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/world"
)

// SetDesired changes the desired capacity. request is the sentence that causes
// begin with: "a user request explicitly set group desired capacity". The group
// tries again at once if it had failed to launch.
func (r *Round) SetDesired(desired int, request string) {
	r.Retry()
	if desired == r.Group.Desired {
		return
	}
	r.Group.Why = fmt.Sprintf("%s %s changing the desired capacity from %d to %d.", At(r.now()), request, r.Group.Desired, desired)
	r.Group.Desired = desired
}

// Retry forgets that the group failed to launch.
func (r *Round) Retry() { r.Group.Failures, r.Group.ZoneFailed = 0, nil }

// Terminate ends an instance at a user's request and gives the activity.
func (r *Round) Terminate(m *world.Member, decrement bool) (activity string) {
	cause := fmt.Sprintf("%s instance %s was taken out of service in response to a user request", At(r.now()), m.InstanceID)
	if decrement {
		cause += r.shrink(m)
	}
	switch m.State {
	case types.LifecycleStateTerminating, types.LifecycleStateTerminatingWait, types.LifecycleStateTerminatingProceed,
		types.LifecycleStateWarmedTerminating, types.LifecycleStateWarmedTerminatingWait, types.LifecycleStateWarmedTerminatingProceed:
		return m.Activity // it is under way
	}
	r.end(m, types.ScalingActivityStatusCodeCancelled, "The instance was terminated by a user request before it was in service.")
	r.terminate(m, cause+".")
	return m.Activity
}

// shrink takes an instance out of the desired capacity, and says so.
func (r *Round) shrink(m *world.Member) string {
	before := r.Group.Desired
	r.Group.Desired = max(r.Group.Desired-m.Weight, r.Group.Min)
	return fmt.Sprintf(", shrinking the capacity from %d to %d", before, r.Group.Desired)
}

// Detach takes an instance out of the group, which goes on running, and gives
// the activity.
func (r *Round) Detach(m *world.Member, decrement bool) (activity string) {
	cause := fmt.Sprintf("%s instance %s was detached in response to a user request", At(r.now()), m.InstanceID)
	if decrement {
		cause += r.shrink(m)
	}
	m.Activity = r.begin(world.Activity{
		Cause: cause + ".", Description: "Detaching EC2 instance: " + m.InstanceID,
		Status: types.ScalingActivityStatusCodeInProgress, Progress: 50, Zone: m.Zone, Subnet: r.subnetOf(m),
	})
	tags := r.world.TagsOf(m.InstanceID).With(nil)
	delete(tags, GroupTag)
	r.fail(r.world.SetTags(r.tx, m.InstanceID, tags))
	r.enter(m, types.LifecycleStateDetaching)
	return m.Activity
}

func (r *Round) subnetOf(m *world.Member) string {
	i, _ := r.world.Instances.Get(m.InstanceID)
	return i.SubnetID
}

// EnterStandby takes an instance out of service without ending it.
func (r *Round) EnterStandby(m *world.Member, decrement bool) (activity string) {
	cause := fmt.Sprintf("%s instance %s was moved to standby in response to a user request", At(r.now()), m.InstanceID)
	if decrement {
		cause += r.shrink(m)
	}
	m.Activity = r.begin(world.Activity{
		Cause: cause + ".", Description: "Moving EC2 instance to Standby: " + m.InstanceID,
		Status: types.ScalingActivityStatusCodeInProgress, Progress: 50, Zone: m.Zone, Subnet: r.subnetOf(m),
	})
	r.enter(m, types.LifecycleStateEnteringStandby)
	return m.Activity
}

// ExitStandby puts an instance back into service; the desired capacity grows by
// it.
func (r *Round) ExitStandby(m *world.Member) (activity string) {
	before := r.Group.Desired
	r.Group.Desired += m.Weight
	m.Activity = r.begin(world.Activity{
		Cause: fmt.Sprintf("%s instance %s was moved out of standby in response to a user request, increasing the capacity from %d to %d.",
			At(r.now()), m.InstanceID, before, r.Group.Desired),
		Description: "Moving EC2 instance out of Standby: " + m.InstanceID,
		Status:      types.ScalingActivityStatusCodePreInService, Progress: 30, Zone: m.Zone, Subnet: r.subnetOf(m),
	})
	r.enter(m, types.LifecycleStatePending)
	return m.Activity
}

// Attach makes a running instance one of the group; the desired capacity grows
// by it.
func (r *Round) Attach(i world.Instance) {
	subnet, _ := r.world.Network.Subnet(i.SubnetID)
	before := r.Group.Desired
	m := &world.Member{
		InstanceID: i.ID, Group: r.Group.Name, Type: i.Type, Zone: subnet.Zone.Name, ZoneID: subnet.Zone.ID, Image: i.ImageID, Spot: i.Spot,
		Joined: r.now(), Weight: r.keeper.weight(r.Group, i.Type, override(r.Group, i.Type)), Weighted: weighted(r.Group), Protected: r.Group.ProtectNew,
	}
	tags := r.world.TagsOf(i.ID)
	if id := tags["aws:ec2launchtemplate:id"]; id != "" {
		t, _ := r.world.Templates.Get(id)
		m.Template = &world.TemplateUse{ID: id, Name: t.Name, Version: tags["aws:ec2launchtemplate:version"]}
	}
	r.Group.Desired += m.Weight
	m.Activity = r.begin(world.Activity{
		Cause: fmt.Sprintf("%s an instance was attached in response to a user request, increasing the capacity from %d to %d.",
			At(r.now()), before, r.Group.Desired),
		Description: "Attaching an existing EC2 instance: " + i.ID,
		Status:      types.ScalingActivityStatusCodePreInService, Progress: 30, Zone: m.Zone, Subnet: i.SubnetID,
	})
	r.fail(r.world.SetTags(r.tx, i.ID, tags.With(world.Tags{GroupTag: r.Group.Name})))
	r.Members = append(r.Members, m)
	r.enter(m, types.LifecycleStatePending)
}

// Running reports whether EC2 runs the instance.
func Running(i world.Instance) bool { return i.State == machine.Running }

// Mark sets the health that a user gives an instance.
func (r *Round) Mark(m *world.Member, healthy bool) {
	m.Unhealthy = byUser
	if healthy {
		m.Unhealthy = ""
	}
	r.keep(m)
	r.lookAgain(reactTakes)
}

// Protect changes whether an instance may be ended to scale in.
func (r *Round) Protect(m *world.Member, protected bool) {
	m.Protected = protected
	r.keep(m)
}

// Answer ends an action of an instance with a result, or with an empty one
// keeps it going. The action is that of a token, or of a hook when the token is
// empty. It reports whether there is such an action.
func (r *Round) Answer(m *world.Member, hook, token, result string) bool {
	i := slices.IndexFunc(m.Actions, func(a world.HookAction) bool {
		return a.Result == "" && a.Hook == hook && (token == "" || a.Token == token)
	})
	if i < 0 || !strings.HasSuffix(string(m.State), ":Wait") {
		return false
	}
	m.Actions[i].Result = result
	if result == "" {
		m.Actions[i].Heartbeat = r.now()
	}
	r.keep(m)
	r.lookAgain(noticeTakes)
	return true
}

// DropHook forgets a hook; the actions that run for it are over.
func (r *Round) DropHook(name string) {
	r.Group.Hooks = slices.DeleteFunc(slices.Clone(r.Group.Hooks), func(h world.Hook) bool { return h.Name == name })
	for _, m := range r.Members {
		for i := range m.Actions {
			if m.Actions[i].Hook == name && m.Actions[i].Result == "" {
				m.Actions[i].Result = Continue
				r.keep(m)
				r.lookAgain(noticeTakes)
			}
		}
	}
}

// Delete ends the group with all its instances, without their hooks. A group
// without instances is gone at once.
func (r *Round) Delete() {
	r.Group.Deleting, r.Group.Min, r.Group.Max = true, 0, 0
	r.SetDesired(0, "a user request force deleted AutoScalingGroup")
	before := len(r.Members)
	for _, m := range slices.Clone(r.Members) {
		switch m.State {
		case types.LifecycleStateTerminating, types.LifecycleStateTerminatingProceed, types.LifecycleStateDetaching,
			types.LifecycleStateWarmedTerminating, types.LifecycleStateWarmedTerminatingProceed:
			continue
		case types.LifecycleStateTerminatingWait, types.LifecycleStateWarmedTerminatingWait:
			r.proceedToEnd(m)
			continue
		}
		r.end(m, types.ScalingActivityStatusCodeCancelled, "The group was deleted.")
		r.terminate(m, r.because("an instance was taken out of service in response to a difference between desired and actual capacity, "+
			"shrinking the capacity from %d to 0.  %s instance %s was selected for termination.", before, At(r.now()), m.InstanceID))
	}
}
