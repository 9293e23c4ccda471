// Package weather is what happens to instances without anybody asking for it:
// Spot instances are taken back, recommendations are made, hosts are maintained,
// pools run dry or become dear, zones go out.
//
// All of it is one function of the state, look, that a timer calls when
// something may have become due. What is to come is stored before it is told, so
// a process that is killed goes on where it was, and the same seed is the same
// weather.
package weather

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// How long things take, before the time scale.
const (
	retryTakes   = time.Second      // after a failure of the state itself
	requestTakes = 15 * time.Second // until an open Spot request is looked at again
	shortest     = 10 * time.Millisecond
	longest      = 24 * time.Hour // that a timer waits: then it is set again
)

// EC2 is what the weather needs of EC2.
type EC2 interface {
	// FulfilSpot looks again at the open Spot requests.
	FulfilSpot(*store.Tx) (open bool, err error)
}

// Keeper makes the weather of a region.
type Keeper struct {
	world *world.World
	ec2   EC2

	plans     *store.Table[Plan]    // by instance
	processes *store.Table[Process] // one at most, under only
	replays   *store.Table[Replay]  // one at most, under only

	mu     sync.Mutex
	at     time.Time // of the next look; zero for none
	cancel func()
}

// only is the key of tables with one row.
const only = "one"

// New makes the weather of a region and goes on with what was under way.
func New(w *world.World, ec2 EC2) (*Keeper, error) {
	k := &Keeper{world: w, ec2: ec2}
	var err [3]error
	k.plans, err[0] = store.NewTable[Plan](w.Store, "reclaim-plans")
	k.processes, err[1] = store.NewTable[Process](w.Store, "weather")
	k.replays, err[2] = store.NewTable[Replay](w.Store, "weather-replays")
	if err := errors.Join(err[:]...); err != nil {
		return nil, fmt.Errorf("weather: %w", err)
	}
	w.OnInstance(k.instanceChanged)
	k.wakeAt(w.Clock.Now())
	return k, nil
}

// instanceChanged looks soon when a Spot instance that the weather follows has
// started. The store is locked.
func (k *Keeper) instanceChanged(i world.Instance) {
	if i.SpotMaxPrice != "" || i.Spot && !world.Runs(i) {
		k.wakeAt(k.world.Clock.Now().Add(k.world.Clock.Scaled(retryTakes)))
	}
}

// wakeAt has the state looked at at a time, or before.
func (k *Keeper) wakeAt(at time.Time) {
	if at.IsZero() {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.at.IsZero() && !k.at.After(at) {
		return
	}
	if k.cancel != nil {
		k.cancel()
	}
	k.at = at
	wait := min(at.Sub(k.world.Clock.Now()), k.world.Clock.Scaled(longest))
	k.cancel = k.world.After(k.world.Unscaled(max(wait, 0)), func() { k.look(at) })
}

// look does what is due.
func (k *Keeper) look(at time.Time) {
	k.mu.Lock()
	if k.at.Equal(at) {
		k.at, k.cancel = time.Time{}, nil
	}
	k.mu.Unlock()
	if err := k.update(func(*look) error { return nil }); err != nil {
		k.world.Options.Log.Error("the weather stands still, trying again", "error", err)
		k.wakeAt(k.world.Clock.Now().Add(k.world.Clock.Scaled(retryTakes)))
	}
}

// update changes the state, does what is due after that, and arranges for what
// comes next, in one transaction.
func (k *Keeper) update(change func(*look) error) error {
	return k.world.Store.Update(func(tx *store.Tx) error {
		l := &look{Keeper: k, tx: tx, now: k.world.Clock.Now()}
		if err := change(l); err != nil {
			return err
		}
		if err := l.run(); err != nil {
			return err
		}
		next := l.next
		tx.OnCommit(func() { k.wakeAt(next) })
		return nil
	})
}

// look is one look at the state within a transaction.
type look struct {
	*Keeper
	tx   *store.Tx
	now  time.Time
	next time.Time // of the next look; zero for none
}

// run does what is due, in the order in which one thing leads to another.
func (l *look) run() error {
	for _, step := range []func() error{l.replay, l.blow, l.carryOut, l.outbid, l.reclaim, l.maintain, l.endOutages, l.fulfil} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// due reports whether a time has come, and asks for a look when it will have
// otherwise.
func (l *look) due(at time.Time) bool {
	if !l.now.Before(at) {
		return true
	}
	if earliest := l.now.Add(l.world.Clock.Scaled(shortest)); at.Before(earliest) && l.world.Clock.Scaled(time.Second) != time.Second {
		at = earliest
	}
	if l.next.IsZero() || at.Before(l.next) {
		l.next = at
	}
	return false
}

// after is the time when a realistic duration from a time is over.
func (k *Keeper) after(t time.Time, realistic time.Duration) time.Time {
	return t.Add(k.world.Clock.Scaled(realistic))
}

// fulfil looks again at the Spot requests that are open.
func (l *look) fulfil() error {
	open, err := l.ec2.FulfilSpot(l.tx)
	if open {
		l.due(l.after(l.now, requestTakes))
	}
	return err
}
