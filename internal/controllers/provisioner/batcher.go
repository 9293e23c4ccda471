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
	hurried bool
	trigger chan struct{}
	once    sync.Once
}

// A batch that somebody is in a hurry for is complete sooner: nodes that AWS
// takes back go together as a rule, but each has two minutes only. While more are
// being marked, buying would take the API server's time from closing them.
const (
	hurryIdle = 300 * time.Millisecond
	hurryMax  = 2 * time.Second
)

func (b *Batcher) init() {
	b.once.Do(func() {
		b.seen = map[string]bool{}
		b.trigger = make(chan struct{}, 1)
	})
}

// Hurry is Trigger for what cannot wait as long as pending pods can.
func (b *Batcher) Hurry(key string) {
	b.init()
	b.mu.Lock()
	first := !b.hurried
	b.hurried = true
	known := b.seen[key]
	b.mu.Unlock()
	if first && known {
		key = "hurry/" + key // a wait that is under way has to hear of it
	}
	b.Trigger(key)
}

func (b *Batcher) isHurried() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hurried
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
	hurried := false
	for {
		if !hurried && b.isHurried() {
			hurried = true
			longest.Reset(min(b.Max, hurryMax))
			idle.Reset(min(b.Idle, hurryIdle))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.trigger:
			if hurried {
				idle.Reset(min(b.Idle, hurryIdle))
			} else {
				idle.Reset(b.Idle)
			}
			continue
		case <-longest.C:
		case <-idle.C:
		}
		b.mu.Lock()
		b.seen, b.hurried = map[string]bool{}, false
		b.mu.Unlock()
		return nil
	}
}
