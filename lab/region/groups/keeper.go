// Package groups keeps Auto Scaling groups as they are asked to be: it launches
// and ends their instances, moves them through their life cycle, balances them
// over zones and purchase options, and writes down why, as scaling activities.
//
// All of it is one function of the state, reconcile, that a timer calls when
// something may have become due. So a process that is killed continues where it
// was: what is due is not remembered but follows from the state.
package groups

import (
	"sync"
	"time"

	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/queues"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// How long Auto Scaling takes, before the time scale.
const (
	// reactTakes is from a request until the group acts on it.
	reactTakes = 3 * time.Second
	// noticeTakes is from a change of an instance until the group sees it.
	noticeTakes = time.Second
	// healthTakes is how long an instance is gone before a health check says so.
	healthTakes = 30 * time.Second
	// impairedTakes is how long nobody reaches an instance until it is replaced.
	impairedTakes = 3 * time.Minute
	// proceedTakes is how long an instance is in a state between two others:
	// Pending:Proceed, EnteringStandby, Detaching.
	proceedTakes = 2 * time.Second
	retryTakes   = time.Second // after a failure of the state itself
)

// Keeper keeps the groups of a region.
type Keeper struct {
	world *world.World
	ec2   *ec2api.EC2
	// queues are where life cycle hooks may notify.
	queues *queues.Queues

	mu     sync.Mutex
	alarms map[string]alarm // by group
}

// alarm is when a group is looked at next.
type alarm struct {
	at     time.Time
	cancel func()
}

// New makes the keeper of a region and goes on with what was under way.
func New(w *world.World, ec2 *ec2api.EC2, q *queues.Queues) *Keeper {
	k := &Keeper{world: w, ec2: ec2, queues: q, alarms: map[string]alarm{}}
	w.OnInstance(k.instanceChanged)
	w.Store.View(func() {
		for _, name := range w.Groups.Keys() {
			k.wake(name, noticeTakes)
		}
	})
	return k
}

// instanceChanged looks at the group of an instance soon. The store is locked.
func (k *Keeper) instanceChanged(i world.Instance) {
	if m, member := k.world.Members.Get(i.ID); member {
		k.wake(m.Group, noticeTakes)
	}
}

// Changed has a group looked at soon, once the transaction is durable.
func (k *Keeper) Changed(tx *store.Tx, group string) {
	tx.OnCommit(func() { k.wake(group, reactTakes) })
}

// wake has a group looked at after a realistic duration, or before.
func (k *Keeper) wake(group string, in time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := k.world.Clock.Now().Add(k.world.Clock.Scaled(in))
	set, waits := k.alarms[group]
	if waits && !set.at.After(at) {
		return
	}
	if waits {
		set.cancel()
	}
	k.alarms[group] = alarm{at: at, cancel: k.world.After(in, func() { k.look(group, at) })}
}

// look reconciles a group whose alarm of that time rings.
func (k *Keeper) look(group string, at time.Time) {
	k.mu.Lock()
	if set, waits := k.alarms[group]; waits && set.at.Equal(at) {
		delete(k.alarms, group)
	}
	k.mu.Unlock()
	err := k.world.Store.Update(func(tx *store.Tx) error { return k.reconcile(tx, group) })
	if err != nil {
		k.world.Options.Log.Error("an Auto Scaling group is not kept, trying again", "group", group, "error", err)
		k.wake(group, retryTakes)
	}
}

// reconcile does everything that is due in a group.
func (k *Keeper) reconcile(tx *store.Tx, group string) error {
	r, found := k.Round(tx, group)
	if !found {
		return nil
	}
	r.runScheduled()
	r.settle()
	r.relieve()
	r.replace()
	r.expire()
	r.refresh()
	r.resize()
	r.keepPool()
	r.rebalance()
	r.rescue()
	return r.Finish()
}
