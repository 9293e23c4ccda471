package provisioner

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Batcher collects pods that become pending together, so that one decision sees
// them all: it waits until no new one has come for Idle, but at most Max.
type Batcher struct {
	// Idle and Max are durations above zero, Idle at most Max.
	Idle, Max time.Duration

	mu      sync.Mutex
	seen    map[string]bool
	urgency urgency
	trigger chan struct{}
	once    sync.Once
}

// urgency is how soon a batch has to be complete.
type urgency int

const (
	ordinary urgency = iota
	// hurried is for what pods on nodes that go wait for: each has two minutes only.
	hurried
	// gathering is for nodes that AWS takes back together, as it does as a rule. While
	// more are being closed, buying would take the API server's time from that.
	gathering
)

// waits are the longest pause between two triggers, and the longest wait.
func (b *Batcher) waits(u urgency) (idle, longest time.Duration) {
	switch u {
	case hurried:
		idle, longest = 200*time.Millisecond, time.Second
	case gathering:
		idle, longest = 500*time.Millisecond, 2*time.Second
	default:
		return b.Idle, b.Max
	}
	return min(b.Idle, idle), min(b.Max, longest)
}

func (b *Batcher) init() {
	b.once.Do(func() {
		b.seen = map[string]bool{}
		b.trigger = make(chan struct{}, 1)
	})
}

// Hurry is Trigger for what cannot wait as long as pending pods can.
func (b *Batcher) Hurry(key string) { b.urge(key, hurried) }

// Gather is Hurry for a node that is taken back, as others may be in this second.
func (b *Batcher) Gather(key string) { b.urge(key, gathering) }

func (b *Batcher) urge(key string, how urgency) {
	b.init()
	b.mu.Lock()
	more := how > b.urgency
	b.urgency = max(b.urgency, how)
	known := b.seen[key]
	b.mu.Unlock()
	if more && known {
		key = fmt.Sprint("urgency ", how, "/", key) // a wait that is under way has to hear of it
	}
	b.Trigger(key)
}

func (b *Batcher) urgent() urgency {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.urgency
}

// Trigger asks for a decision. A key that has already been named since the last
// one does not prolong the wait. It never blocks.
func (b *Batcher) Trigger(key string) {
	b.init()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[key] {
		return
	}
	b.seen[key] = true
	select {
	case b.trigger <- struct{}{}:
	default:
	}
}

// Wait returns when a batch is complete, or with the context's error.
func (b *Batcher) Wait(ctx context.Context) error {
	b.init()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-b.trigger:
	}
	longest, idle := time.NewTimer(b.Max), time.NewTimer(b.Idle)
	defer longest.Stop()
	defer idle.Stop()
	known := ordinary
	for {
		now := b.urgent()
		pause, most := b.waits(now)
		if now > known {
			known = now
			longest.Reset(most)
			idle.Reset(pause)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.trigger:
			idle.Reset(pause)
			continue
		case <-longest.C:
		case <-idle.C:
		}
		b.mu.Lock()
		b.seen, b.urgency = map[string]bool{}, ordinary
		b.mu.Unlock()
		return nil
	}
}
