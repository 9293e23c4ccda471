package clock

import (
	"sync"
	"time"

	"github.com/drover-project/drover/lab/machine"
)

// Manual stands still until Advance moves it. Make it with NewManual.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	next   int // order of calls that are due at the same time
	timers map[int]timer
}

type timer struct {
	due  time.Time
	call func()
}

var _ machine.Clock = (*Manual)(nil)

// NewManual makes a clock that shows start.
func NewManual(start time.Time) *Manual {
	return &Manual{now: start.UTC(), timers: map[int]timer{}}
}

// Now is where the clock was last moved to.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Scaled is the realistic duration: a manual clock has no scale.
func (m *Manual) Scaled(realistic time.Duration) time.Duration { return realistic }

// AfterFunc arranges for f to be called by the Advance that reaches its time.
func (m *Manual) AfterFunc(realistic time.Duration, f func()) (cancel func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := m.next
	m.next++
	m.timers[id] = timer{due: m.now.Add(realistic), call: f}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.timers, id)
	}
}

// Advance moves the clock by d and calls, in order of their time and in this
// goroutine, everything that falls due, including what those calls arrange.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	end := m.now.Add(d)
	m.mu.Unlock()
	for {
		call := m.popDue(end)
		if call == nil {
			return
		}
		call()
	}
}

// popDue takes the earliest timer up to end and moves the clock to its time;
// without one it moves the clock to end and gives nil.
func (m *Manual) popDue(end time.Time) func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := -1
	for id, t := range m.timers {
		if t.due.After(end) {
			continue
		}
		if first < 0 || t.due.Before(m.timers[first].due) || (t.due.Equal(m.timers[first].due) && id < first) {
			first = id
		}
	}
	if first < 0 {
		m.now = end
		return nil
	}
	t := m.timers[first]
	delete(m.timers, first)
	if t.due.After(m.now) {
		m.now = t.due
	}
	return t.call
}
