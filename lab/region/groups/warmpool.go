package groups

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/world"
)

// Warm pools: instances that are launched and initialized ahead of time. They
// boot, run the launch hooks and stop (or run on); when the group scales out,
// they start, run the launch hooks once more and serve.

// restState is what the pool's instances are when they are ready.
func (r *Round) restState() types.LifecycleState {
	if r.Group.WarmPool.Running {
		return types.LifecycleStateWarmedRunning
	}
	return types.LifecycleStateWarmedStopped
}

// restsWarm reports whether an instance of the pool is ready.
func restsWarm(m *world.Member) bool {
	return m.State == types.LifecycleStateWarmedStopped || m.State == types.LifecycleStateWarmedRunning
}

// pooled reports whether an instance is one of the pool's, or on its way there.
func pooled(m *world.Member) bool {
	switch m.State {
	case types.LifecycleStateWarmedTerminating, types.LifecycleStateWarmedTerminatingWait, types.LifecycleStateWarmedTerminatingProceed:
		return false
	}
	return m.Warm() || m.Returns
}

// pool is the pool's capacity, in the group's units.
func (r *Round) pool() (units int) {
	for _, m := range r.Members {
		if pooled(m) {
			units += m.Weight
		}
	}
	return units
}

// poolSize is how much the pool is to have: what is prepared beyond the desired
// capacity, and at least its minimum.
func (r *Round) poolSize() int {
	p, prepared := r.Group.WarmPool, r.Group.Max
	if p.Prepared != nil {
		prepared = *p.Prepared
	}
	return max(prepared-r.Group.Desired, p.Min, 0)
}

// keepPool brings the warm pool towards its size once the group has its own.
func (r *Round) keepPool() {
	p := r.Group.WarmPool
	if p == nil || r.Group.Deleting {
		return
	}
	if p.Deleting {
		r.emptyPool()
		return
	}
	r.endStrayed()
	has, wanted := r.pool(), r.poolSize()
	switch {
	case has > wanted:
		r.shrinkPool(has, wanted)
	case has < wanted && r.Actual() >= r.Group.Desired:
		r.fillPool(has, wanted)
	}
}

// emptyPool ends what the pool has; it is gone with the last of it.
func (r *Round) emptyPool() {
	for _, m := range slices.Clone(r.Members) {
		if pooled(m) && m.Warm() {
			r.endWarm(m, "the warm pool being deleted")
		}
	}
	if !slices.ContainsFunc(r.Members, func(m *world.Member) bool { return m.Warm() || m.Returns }) {
		r.Group.WarmPool = nil
	}
}

// endStrayed ends ready instances in zones that are no longer the group's.
func (r *Round) endStrayed() {
	for _, m := range slices.Clone(r.Members) {
		if restsWarm(m) && !slices.Contains(r.Group.Zones, m.Zone) && r.Runs(Terminate) {
			r.endWarm(m, "a change of the group's Availability Zones")
		}
	}
}

// refreshPool ends the pool's instances that an instance refresh is to replace.
func (r *Round) refreshPool(f world.Refresh) {
	current := func(*world.Member) bool { return false }
	if f.SkipMatching {
		current = r.current()
	}
	for _, m := range slices.Clone(r.Members) {
		if restsWarm(m) && m.Joined.Before(f.Began) && !current(m) {
			r.endWarm(m, "an instance refresh")
		}
	}
}

func (r *Round) endWarm(m *world.Member, why string) {
	r.end(m, types.ScalingActivityStatusCodeCancelled, "The instance was selected for termination before it was in the warm pool.")
	r.terminate(m, fmt.Sprintf("%s an instance was taken out of the warm pool in response to %s.", At(r.now()), why))
}

// shrinkPool ends instances of the pool, those that are not ready first.
func (r *Round) shrinkPool(has, wanted int) {
	if !r.Runs(Terminate) {
		return
	}
	candidates := slices.DeleteFunc(slices.Clone(r.Members), func(m *world.Member) bool { return !pooled(m) || !m.Warm() })
	slices.SortStableFunc(candidates, func(a, b *world.Member) int {
		return cmp.Compare(map[bool]int{true: 1}[restsWarm(a)], map[bool]int{true: 1}[restsWarm(b)])
	})
	for _, m := range candidates {
		if has-m.Weight < wanted {
			continue
		}
		r.endWarm(m, fmt.Sprintf("a difference between desired and actual warm pool capacity, shrinking it from %d to %d", has, has-m.Weight))
		has -= m.Weight
	}
}

// fillPool launches instances into the pool unless the group just failed to
// launch. They are on-demand.
func (r *Round) fillPool(has, wanted int) {
	if !r.Runs(Launch) || r.Group.Failures > 0 && !r.over(r.Group.FailedAt, backoff(r.Group.Failures)) {
		return
	}
	market := ec2api.AsTemplate
	if r.Group.Mixed != nil {
		market = ec2api.OnDemand
	}
	l := &launching{Round: r, warm: true, cause: fmt.Sprintf("%s an instance was started in response to a difference between desired and actual warm pool capacity, "+
		"increasing it from %d to %d.", At(r.now()), has, wanted)}
	if l.market(market, wanted-has) <= 0 {
		r.Group.Failures = 0
		return
	}
	r.fellShort()
}

// settleWarming moves an instance on that is on its way into the pool.
func (r *Round) settleWarming(m *world.Member) {
	i, running := r.machine(m)
	stops := m.State == types.LifecycleStateWarmedPendingProceed && (i.State == machine.Stopping || i.State == machine.Stopped)
	switch {
	case !running && !stops:
		r.launchLost(m, i)
	case m.State == types.LifecycleStateWarmedPending && i.State == machine.Running:
		if r.startActions(m, Launching) {
			r.enter(m, types.LifecycleStateWarmedPendingWait)
			r.progress(m, types.ScalingActivityStatusCodeMidLifecycleAction, 40)
			return
		}
		r.enter(m, types.LifecycleStateWarmedPendingProceed)
	case m.State == types.LifecycleStateWarmedPendingWait:
		r.settleWarmWait(m)
	case m.State == types.LifecycleStateWarmedPendingProceed:
		r.rest(m, i)
	}
}

func (r *Round) settleWarmWait(m *world.Member) {
	switch over, abandoned := r.awaitActions(m); {
	case abandoned != "":
		r.end(m, types.ScalingActivityStatusCodeCancelled, abandoned)
		m.Abandoned = true
		r.terminate(m, At(r.now())+" an instance was taken out of the warm pool in response to a launch that was abandoned by a lifecycle hook.")
	case over:
		m.Actions = nil
		r.enter(m, types.LifecycleStateWarmedPendingProceed)
	}
}

// rest stops an initialized instance unless it is to run on, and makes it ready.
func (r *Round) rest(m *world.Member, i world.Instance) {
	if m.Rests != types.LifecycleStateWarmedRunning && i.State != machine.Stopped {
		r.fail(r.keeper.ec2.Stop(r.tx, m.InstanceID)) // its end is noticed
		return
	}
	if !r.over(m.Since, proceedTakes) {
		return
	}
	r.end(m, types.ScalingActivityStatusCodeSuccessful, "")
	m.Returns, m.Actions = false, nil
	r.enter(m, m.Rests)
}

// checkWarm drops a ready instance that EC2 no longer has as the pool left it.
func (r *Round) checkWarm(m *world.Member) {
	i, running := r.machine(m)
	switch {
	case i.State == machine.Stopped || i.State == machine.Stopping:
		if m.State == types.LifecycleStateWarmedRunning {
			r.endWarm(m, "an EC2 health check indicating it has been terminated or stopped")
		}
	case !running && r.gone(m):
		r.remove(m)
	case !running:
		m.Activity = r.begin(world.Activity{
			Cause:       At(r.now()) + " an instance was taken out of the warm pool in response to an EC2 health check indicating it has been terminated or stopped.",
			Description: terminatingInstance + ": " + m.InstanceID, Status: types.ScalingActivityStatusCodeInProgress, Zone: m.Zone, Subnet: i.SubnetID,
		})
		r.enter(m, types.LifecycleStateWarmedTerminating)
	}
}

// takeWarm puts instances of the pool into the group, the zones with the least
// first, and gives how much of the units they are. What does not start is left
// to ordinary launches.
func (r *Round) takeWarm(units int) (taken int) {
	if r.Group.WarmPool == nil || r.Group.WarmPool.Deleting {
		return 0
	}
	ready := slices.DeleteFunc(slices.Clone(r.Members), func(m *world.Member) bool { return !restsWarm(m) || !slices.Contains(r.Group.Zones, m.Zone) })
	for taken < units && len(ready) > 0 {
		load := map[string]int{}
		for _, m := range r.Members {
			if Counts(m) {
				load[m.Zone] += m.Weight
			}
		}
		next := slices.MinFunc(ready, func(a, b *world.Member) int { return cmp.Compare(load[a.Zone], load[b.Zone]) })
		ready = slices.DeleteFunc(ready, func(m *world.Member) bool { return m == next })
		if r.leavePool(next, units-taken) {
			taken += next.Weight
		}
	}
	return taken
}

// leavePool starts an instance of the pool for the group, and reports whether
// EC2 could.
func (r *Round) leavePool(m *world.Member, units int) bool {
	before := r.Actual()
	cause := r.because("an instance was started in response to a difference between desired and actual capacity, "+
		"increasing the capacity from %d to %d.", before, before+units)
	if m.State == types.LifecycleStateWarmedStopped {
		if err := r.keeper.ec2.Start(r.tx, m.InstanceID); err != nil {
			l := &launching{Round: r, cause: cause}
			l.report(ec2api.AsTemplate, place{zone: m.Zone, subnet: r.subnetOf(m)}, err)
			return false
		}
	}
	m.Activity = r.begin(world.Activity{
		Cause: cause, Description: launchingInstance + " from warm pool: " + m.InstanceID,
		Status: types.ScalingActivityStatusCodePreInService, Progress: 30, Zone: m.Zone, Subnet: r.subnetOf(m),
	})
	m.FromPool, m.Protected = true, r.Group.ProtectNew
	r.enter(m, types.LifecycleStatePending)
	return true
}

// reusable reports whether an instance that the group no longer needs goes back
// to the pool.
func (r *Round) reusable(m *world.Member) bool {
	p := r.Group.WarmPool
	return p != nil && p.Reuse && !p.Deleting && !r.Group.Deleting && !m.Spot && m.State == types.LifecycleStateInService && m.Unhealthy == "" &&
		r.pool()+m.Weight <= r.poolSize()
}

// toPool takes an instance out of service and back to the pool: its terminating
// hooks run before.
func (r *Round) toPool(m *world.Member, cause string) {
	m.Activity = r.begin(world.Activity{
		Cause: cause, Description: "Returning EC2 instance to warm pool: " + m.InstanceID,
		Status: types.ScalingActivityStatusCodeInProgress, Zone: m.Zone, Subnet: r.subnetOf(m),
	})
	m.Returns, m.Rests, m.Extra, m.Protected = true, r.restState(), false, false
	if r.startActions(m, Terminating) {
		r.enter(m, types.LifecycleStateTerminatingWait)
		r.progress(m, types.ScalingActivityStatusCodeMidLifecycleAction, 0)
		return
	}
	r.enter(m, types.LifecycleStateWarmedPendingProceed)
}

// DeletePool begins to delete the warm pool: with force its instances end without
// their hooks and the pool is gone at once.
func (r *Round) DeletePool(force bool) {
	pool := *r.Group.WarmPool
	pool.Deleting = true
	r.Group.WarmPool = &pool
	if !force {
		r.emptyPool()
		return
	}
	for _, m := range slices.Clone(r.Members) {
		switch {
		case m.Returns && !m.Warm():
			r.proceedToEnd(m)
		case m.State == types.LifecycleStateWarmedTerminatingWait:
			r.proceedToEnd(m)
		case pooled(m):
			r.end(m, types.ScalingActivityStatusCodeCancelled, "The warm pool was deleted.")
			m.Activity = r.begin(world.Activity{
				Cause:       At(r.now()) + " an instance was taken out of the warm pool in response to the warm pool being deleted.",
				Description: terminatingInstance + ": " + m.InstanceID, Status: types.ScalingActivityStatusCodeInProgress, Zone: m.Zone, Subnet: r.subnetOf(m),
			})
			m.Actions, m.Returns = nil, false
			r.enter(m, types.LifecycleStateWarmedTerminating)
			r.fail(r.keeper.ec2.Terminate(r.tx, m.InstanceID))
		}
	}
	r.Group.WarmPool = nil
}

// load is the capacity that what is launched for has in places.
func (l *launching) load(places []place) []int {
	if !l.warm {
		return l.Round.load(places)
	}
	load := make([]int, len(places))
	for i, p := range places {
		for _, m := range l.Members {
			if m.Zone == p.zone && pooled(m) {
				load[i] += m.Weight
			}
		}
	}
	return load
}
