package groups

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// Round is one look at a group within a transaction. What its methods change is
// kept by Finish, which also gives the first error that any of them met.
type Round struct {
	Group   world.Group
	Members []*world.Member // the oldest first

	keeper *Keeper
	world  *world.World
	tx     *store.Tx
	err    error
	// again is after which realistic duration to look again, 0 for not by time.
	again time.Duration
	// replacing is how many launches are for an unhealthy instance.
	replacing int
	// refreshing is how many launches are for an instance refresh.
	refreshing int
}

// Round begins a look at a group. Use it within Update.
func (k *Keeper) Round(tx *store.Tx, group string) (r *Round, found bool) {
	g, found := k.world.Groups.Get(group)
	if !found {
		return nil, false
	}
	r = &Round{Group: g, keeper: k, world: k.world, tx: tx}
	for _, m := range k.world.MembersOf(group) {
		m.Actions = slices.Clone(m.Actions) // the stored ones must not change
		r.Members = append(r.Members, &m)
	}
	return r, true
}

// Finish stores what changed and arranges for the next look.
func (r *Round) Finish() error {
	if r.err != nil {
		return r.err
	}
	if r.Group.Deleting && len(r.Members) == 0 {
		return r.forget()
	}
	if err := r.world.Groups.Put(r.tx, r.Group.Name, r.Group); err != nil {
		return err
	}
	if name, in := r.Group.Name, r.again; in > 0 {
		r.tx.OnCommit(func() { r.keeper.wake(name, in) })
	}
	return nil
}

// forget removes the group; its activities stay.
func (r *Round) forget() error {
	for _, a := range r.world.Activities.All() {
		if a.GroupARN != r.Group.ARN {
			continue
		}
		a.Deleted = true
		if err := r.world.Activities.Put(r.tx, a.ID, a); err != nil {
			return err
		}
	}
	r.world.Groups.Delete(r.tx, r.Group.Name)
	return nil
}

func (r *Round) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// lookAgain asks for a look after a realistic duration.
func (r *Round) lookAgain(in time.Duration) {
	if in > 0 && (r.again == 0 || in < r.again) {
		r.again = in
	}
}

// over reports whether a realistic duration has passed, and asks for a look
// when it will have otherwise.
func (r *Round) over(since time.Time, takes time.Duration) bool {
	left := r.world.Remaining(since, takes)
	r.lookAgain(left)
	return left == 0
}

func (r *Round) now() time.Time { return r.world.Clock.Now() }

func (r *Round) keep(m *world.Member) {
	before, _ := r.world.Members.Get(m.InstanceID)
	r.fail(r.world.Members.Put(r.tx, m.InstanceID, *m))
	if before.TargetLifecycle() != m.TargetLifecycle() {
		r.world.TellMachine(r.tx, m.InstanceID)
	}
}

// enter changes an instance's life cycle state.
func (r *Round) enter(m *world.Member, s types.LifecycleState) {
	m.State, m.Since = s, r.now()
	r.keep(m)
	r.lookAgain(noticeTakes)
}

// remove takes an instance out of the group.
func (r *Round) remove(m *world.Member) {
	r.world.Members.Delete(r.tx, m.InstanceID)
	r.world.TellMachine(r.tx, m.InstanceID)
	r.Members = slices.DeleteFunc(r.Members, func(other *world.Member) bool { return other.InstanceID == m.InstanceID })
	r.lookAgain(noticeTakes)
}

// Member finds an instance of the group.
func (r *Round) Member(id string) (*world.Member, bool) {
	i := slices.IndexFunc(r.Members, func(m *world.Member) bool { return m.InstanceID == id })
	if i < 0 {
		return nil, false
	}
	return r.Members[i], true
}

// Runs reports whether a process of the group is not suspended.
func (r *Round) Runs(process string) bool {
	return !slices.ContainsFunc(r.Group.Suspended, func(s world.Suspension) bool { return s.Process == process })
}

// Counts reports whether an instance counts towards the desired capacity.
func Counts(m *world.Member) bool {
	switch m.State {
	case types.LifecycleStatePending, types.LifecycleStatePendingWait, types.LifecycleStatePendingProceed:
		return !m.Extra
	case types.LifecycleStateInService:
		return true
	}
	return false
}

// Actual is the capacity that the group has, in its units.
func (r *Round) Actual() (units int) {
	for _, m := range r.Members {
		if Counts(m) {
			units += m.Weight
		}
	}
	return units
}

// machine is the instance of a member; running is false for one that ends or
// stops, or is not there any more.
func (r *Round) machine(m *world.Member) (i world.Instance, running bool) {
	i, exists := r.world.Instances.Get(m.InstanceID)
	return i, exists && (i.State == machine.Pending || i.State == machine.Running)
}

// gone reports whether nothing is left of the instance of a member.
func (r *Round) gone(m *world.Member) bool {
	i, exists := r.world.Instances.Get(m.InstanceID)
	return !exists || i.State == machine.Terminated
}
