package world

import (
	"slices"
	"sync"
	"time"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
)

// How long EC2 takes, before the time scale.
const (
	startTakes     = 8 * time.Second
	stopTakes      = 20 * time.Second
	shutdownTakes  = 25 * time.Second
	terminatedFor  = time.Hour // terminated instances stay visible
	retryAfter     = time.Second
	shortestWait   = 10 * time.Millisecond
	answersKeptFor = 48 * time.Hour
)

// next is what becomes of an instance in a state, and when; ok is false for the
// states that last.
func next(s machine.State) (after machine.State, takes time.Duration, ok bool) {
	switch s {
	case machine.Pending:
		return machine.Running, startTakes, true
	case machine.Stopping:
		return machine.Stopped, stopTakes, true
	case machine.ShuttingDown:
		return machine.Terminated, shutdownTakes, true
	case machine.Terminated:
		return "", terminatedFor, true
	}
	return "", 0, false
}

// enter changes the state of an instance and arranges for what follows.
func (w *World) enter(tx *store.Tx, i Instance, s machine.State) error {
	i.State, i.StateSince = s, w.Clock.Now()
	switch s {
	case machine.Pending: // whatever was announced was of the start before
		i.Notices.Interruption, i.Notices.Rebalance, i.Taken = nil, time.Time{}, ""
	case machine.Stopping, machine.ShuttingDown: // it leaves the machine that the events are of
		i = withEvents(i, EventCompleted, func(machine.ScheduledEvent) bool { return true })
	}
	if err := w.followState(tx, i); err != nil {
		return err
	}
	if s == machine.Terminated {
		if err := w.giveBack(tx, i); err != nil {
			return err
		}
		if err := w.Network.InterfaceGone(tx, i.InterfaceID); err != nil {
			return err
		}
	}
	if _, takes, changes := next(s); changes {
		tx.OnCommit(func() { w.arm(i, takes) })
	}
	tx.OnCommit(func() { w.tell(i) })
	if err := w.emitState(tx, i, s); err != nil {
		return err
	}
	return w.putInstance(tx, i)
}

// arm arranges for an instance to be moved on, with all others whose time has
// come by then. Should the timer be early by the clock that its state is dated
// with, because of rounding or because that clock was set back, it waits again:
// nothing else would move the instance on.
func (w *World) arm(i Instance, wait time.Duration) {
	w.timers.after(wait, func() {
		if w.moved(i) {
			return
		}
		w.settle()
		if _, takes, changes := next(i.State); changes && !w.moved(i) {
			w.arm(i, max(w.remaining(i.StateSince, takes), shortestWait))
		}
	})
}

// moved reports whether an instance is no longer in the state it was in then.
func (w *World) moved(then Instance) (moved bool) {
	w.Store.View(func() {
		now, exists := w.Instances.Get(then.ID)
		moved = !exists || now.State != then.State || !now.StateSince.Equal(then.StateSince)
	})
	return moved
}

// Enter is enter for the services: it gives the instance as it is then.
func (w *World) Enter(tx *store.Tx, i Instance, s machine.State) (Instance, error) {
	err := w.enter(tx, i, s)
	after, _ := w.Instances.Get(i.ID)
	return after, err
}

// settle moves on everything whose time has come, in one transaction.
func (w *World) settle() {
	if err := w.Store.Update(w.settleIn); err != nil {
		w.Options.Log.Error("instances do not change their state, trying again", "error", err)
		w.timers.after(retryAfter, w.settle)
	}
}

func (w *World) settleIn(tx *store.Tx) error {
	now := w.Clock.Now()
	for _, i := range w.Instances.All() {
		after, takes, changes := next(i.State)
		if !changes || now.Sub(i.StateSince) < w.Clock.Scaled(takes) {
			continue
		}
		if err := w.moveOn(tx, i, after); err != nil {
			return err
		}
	}
	w.forgetAnswers(tx, now)
	w.forgetSessions(tx, now)
	return w.settleNAT(tx, now)
}

func (w *World) moveOn(tx *store.Tx, i Instance, after machine.State) error {
	if after == "" {
		return w.forget(tx, i)
	}
	return w.enter(tx, i, after)
}

// forget removes an instance that was terminated long ago.
func (w *World) forget(tx *store.Tx, i Instance) error {
	w.Instances.Delete(tx, i.ID)
	keepRequest := w.dropRequest(tx, i)
	for _, id := range i.resources() {
		if id == i.SpotRequest && keepRequest {
			continue
		}
		if err := w.SetTags(tx, id, nil); err != nil {
			return err
		}
	}
	if w.fleetHasInstances(i.FleetID) {
		return nil
	}
	return w.SetTags(tx, i.FleetID, nil)
}

func (w *World) fleetHasInstances(id string) bool {
	return id != "" && slices.ContainsFunc(w.Instances.All(), func(i Instance) bool { return i.FleetID == id })
}

// resources are the ids that come and go with an instance.
func (i Instance) resources() []string {
	ids := []string{i.ID, i.InterfaceID}
	for _, v := range i.Volumes {
		ids = append(ids, v.ID)
	}
	if i.SpotRequest != "" {
		ids = append(ids, i.SpotRequest)
	}
	return ids
}

// resume arms the timers of what was under way when the state was stored.
func (w *World) resume() {
	for _, i := range w.Instances.All() {
		if _, takes, changes := next(i.State); changes {
			w.arm(i, w.remaining(i.StateSince, takes))
		}
	}
	w.resumeNAT()
}

// remaining is the part of a realistic duration that is left, for a change that
// began at since.
func (w *World) remaining(since time.Time, takes time.Duration) time.Duration {
	done := float64(w.Clock.Now().Sub(since)) / float64(w.Clock.Scaled(takes))
	return time.Duration(float64(takes) * max(0, 1-done))
}

// timers are the calls under way, so that closing can cancel them.
type timers struct {
	clock machine.Clock

	mu      sync.Mutex
	next    int
	cancels map[int]func()
	stopped bool
}

func newTimers(c machine.Clock) *timers {
	return &timers{clock: c, cancels: map[int]func(){}}
}

func (t *timers) after(realistic time.Duration, f func()) (cancel func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return func() {}
	}
	id := t.next
	t.next++
	t.cancels[id] = t.clock.AfterFunc(realistic, func() {
		if t.begin(id) {
			f()
		}
	})
	return func() { t.cancel(id) }
}

// cancel gives up a call that has not begun.
func (t *timers) cancel(id int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if cancel, waits := t.cancels[id]; waits {
		cancel()
		delete(t.cancels, id)
	}
}

// begin reports whether the call may still happen.
func (t *timers) begin(id int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, waits := t.cancels[id]
	delete(t.cancels, id)
	return waits && !t.stopped
}

func (t *timers) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	for _, cancel := range t.cancels {
		cancel()
	}
}
