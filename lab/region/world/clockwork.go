package world

import "time"

// After calls f once a realistic duration is over, unless it is cancelled or
// the region is closed before.
func (w *World) After(realistic time.Duration, f func()) (cancel func()) {
	return w.timers.after(realistic, f)
}

// Remaining is the part of a realistic duration that is left, 0 when it is over,
// for something that began at since.
func (w *World) Remaining(since time.Time, takes time.Duration) time.Duration {
	if w.Over(since, takes) {
		return 0
	}
	return max(w.remaining(since, takes), shortestWait)
}

// Over reports whether a realistic duration has passed since a time.
func (w *World) Over(since time.Time, takes time.Duration) bool {
	return w.Clock.Now().Sub(since) >= w.Clock.Scaled(takes)
}

// OnInstance has changed called on every change of an instance's state, once
// that is durable: while the store is locked, so it must only note it or arm a
// timer. It is for the region's own services, before the region is used.
func (w *World) OnInstance(changed func(Instance)) { w.listeners = append(w.listeners, changed) }

func (w *World) tell(i Instance) {
	for _, changed := range w.listeners {
		changed(i)
	}
}
