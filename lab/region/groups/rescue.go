package groups

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/world"
)

// Capacity rebalancing: a Spot instance at risk is replaced by another Spot
// instance before EC2 takes it back. relieve ends those whose replacement serves,
// rescue launches replacements.

// atRisk reports whether EC2 said that it may take an instance of the group
// back, or will.
func (r *Round) atRisk(m *world.Member) bool {
	i, running := r.machine(m)
	return m.Spot && running && m.State == types.LifecycleStateInService && m.Unhealthy == "" &&
		(!i.Notices.Rebalance.IsZero() || i.Notices.Interruption != nil)
}

// rebalances reports whether the group replaces instances at risk.
func (r *Round) rebalances() bool {
	return r.Group.CapacityRebalance && !r.Group.Deleting && r.Runs(Launch) && r.Runs(Terminate)
}

// relieve ends the instances at risk whose replacement is in service.
func (r *Round) relieve() {
	if !r.rebalances() {
		return
	}
	for _, m := range slices.Clone(r.Members) {
		if m.Replaces == "" || m.State != types.LifecycleStateInService {
			continue
		}
		if old, member := r.Member(m.Replaces); member && old.State == types.LifecycleStateInService {
			r.relieveOne(old)
		}
		m.Replaces = ""
		r.keep(m)
	}
}

// relieveOne ends one instance that is no longer needed. One that EC2 has taken
// back is found gone at once: until it were, there would be one too many.
func (r *Round) relieveOne(old *world.Member) {
	if r.atRisk(old) {
		r.terminate(old, At(r.now())+" an instance was taken out of service in response to an EC2 instance rebalance recommendation.")
		return
	}
	if _, running := r.machine(old); !running {
		old.Unhealthy = byEC2
		r.keep(old)
	}
}

// rescue launches a replacement for each instance at risk that has none, as many
// at a time as the group may exceed its size by. What cannot be launched as Spot
// is not launched as on-demand.
func (r *Round) rescue() {
	if !r.rebalances() || r.Group.Failures > 0 && !r.over(r.Group.FailedAt, backoff(r.Group.Failures)) {
		return
	}
	room := r.spareRoom()
	for _, m := range slices.Clone(r.Members) {
		if !r.atRisk(m) || r.rescued(m) {
			continue
		}
		if room <= 0 {
			return // the next look comes when one of those under way is over
		}
		if !r.launchFor(m) {
			r.fellShort()
			return
		}
		room -= m.Weight
	}
}

// spareRoom is how many more units the group may have now: up to its maximum
// size, which it may exceed by a tenth of the desired capacity, one at least.
func (r *Round) spareRoom() int {
	const tenth = 10
	most := r.Group.Max + max(1, (r.Group.Desired+tenth-1)/tenth)
	there := 0
	for _, m := range r.Members {
		if Counts(m) || m.Extra {
			there += m.Weight
		}
	}
	return most - there
}

// rescued reports whether a replacement of an instance is under way.
func (r *Round) rescued(m *world.Member) bool {
	return slices.ContainsFunc(r.Members, func(other *world.Member) bool { return other.Replaces == m.InstanceID })
}

// launchFor launches a replacement of one instance, in the zones with the least
// first, and reports whether it could.
func (r *Round) launchFor(m *world.Member) bool {
	market := ec2api.Spot
	if r.Group.Mixed == nil {
		market = ec2api.AsTemplate
	}
	options, err := r.keeper.Options(r.Group, market)
	if err != nil {
		return false
	}
	l := &launching{Round: r, extra: true, replaces: m.InstanceID,
		cause: At(r.now()) + " an instance was launched in response to an EC2 instance rebalance recommendation."}
	places := r.places()
	for len(places) > 0 {
		load := r.load(places)
		least := slices.Index(load, slices.Min(load))
		if _, complete := l.in(places[least], market, 1, options); complete {
			return true
		}
		places = slices.Delete(places, least, least+1)
	}
	return false
}
