package aws

import (
	"fmt"
	"sync"
	"time"
)

// visibleAfter is how long EC2 may take to show an instance to a Describe call;
// eventual consistency is a matter of seconds.
const visibleAfter = 30 * time.Second

// launchMemory is how long a launch is remembered that nobody asks for again.
const launchMemory = time.Hour

// launches keeps the state of launches between calls. All of it may be lost in
// a crash: tokens are tried in the same order again.
type launches struct {
	now func() time.Time

	mu      sync.Mutex
	byToken map[string]*launchState
	bought  map[string]time.Time // by instance id
}

type launchState struct {
	attempt int
	doubted time.Time
	touched time.Time
}

func newLaunches(now func() time.Time) *launches {
	return &launches{now: now, byToken: map[string]*launchState{}, bought: map[string]time.Time{}}
}

// token is the client token of the next attempt: the request's own, then the
// same with a number. A token whose fleet stayed empty is never used again.
func (l *launches) token(requested string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if state := l.byToken[requested]; state != nil && state.attempt > 0 {
		return fmt.Sprintf("%s-%d", requested, state.attempt)
	}
	return requested
}

// spent moves on to the next token.
func (l *launches) spent(requested string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	state := l.state(requested)
	state.attempt++
	state.doubted = time.Time{}
}

// doubted moves on once an instance bought with the token would be visible.
func (l *launches) doubted(requested string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	state := l.state(requested)
	switch {
	case state.doubted.IsZero():
		state.doubted = l.now()
	case l.now().Sub(state.doubted) >= visibleAfter:
		state.attempt++
		state.doubted = time.Time{}
	}
}

func (l *launches) state(requested string) *launchState {
	now := l.now()
	for token, other := range l.byToken {
		if now.Sub(other.touched) > launchMemory {
			delete(l.byToken, token)
		}
	}
	state := l.byToken[requested]
	if state == nil {
		state = &launchState{}
		l.byToken[requested] = state
	}
	state.touched = now
	return state
}

func (l *launches) succeeded(requested, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byToken, requested)
	now := l.now()
	for other, at := range l.bought {
		if now.Sub(at) > visibleAfter {
			delete(l.bought, other)
		}
	}
	l.bought[id] = now
}

// isFresh reports whether an instance was bought so lately that EC2 may not
// show it yet.
func (l *launches) isFresh(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.bought[id]
	return known && l.now().Sub(at) <= visibleAfter
}
