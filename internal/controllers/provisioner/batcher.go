package provisioner

import (
	"context"
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
	trigger chan struct{}
	once    sync.Once
}

func (b *Batcher) init() {
	b.once.Do(func() {
		b.seen = map[string]bool{}
		b.trigger = make(chan struct{}, 1)
	})
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
	longest := time.NewTimer(b.Max)
	defer longest.Stop()
	idle := time.NewTimer(b.Idle)
	defer idle.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.trigger:
			idle.Reset(b.Idle)
			continue
		case <-longest.C:
		case <-idle.C:
		}
		b.mu.Lock()
		b.seen = map[string]bool{}
		b.mu.Unlock()
		return nil
	}
}
