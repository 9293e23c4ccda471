package aws

import (
	"context"
	"sync"
	"time"
)

// batchWindow is how long the first of concurrent calls waits for others. Long
// enough for a burst of reconciles to meet, short against what EC2 takes.
const batchWindow = 50 * time.Millisecond

// batcher merges concurrent calls that each ask about one key into calls about
// many. Its function returns the keys it has a value for; the others are
// reported as not found.
type batcher[K comparable, V any] struct {
	ctx  context.Context
	max  int
	call func(context.Context, []K) (map[K]V, error)

	mu   sync.Mutex
	open *batch[K, V]
}

type batch[K comparable, V any] struct {
	keys   []K
	known  map[K]bool
	done   chan struct{}
	values map[K]V
	err    error
}

func newBatcher[K comparable, V any](ctx context.Context, limit int, call func(context.Context, []K) (map[K]V, error)) *batcher[K, V] {
	return &batcher[K, V]{ctx: ctx, max: limit, call: call}
}

// Do waits for the value of key; found is false when the call did not return
// one. The wait ends with ctx, the shared call goes on for the others.
func (b *batcher[K, V]) Do(ctx context.Context, key K) (value V, found bool, err error) {
	joined := b.join(key)
	select {
	case <-joined.done:
		value, found = joined.values[key]
		return value, found, joined.err
	case <-ctx.Done():
		return value, false, ctx.Err()
	}
}

func (b *batcher[K, V]) join(key K) *batch[K, V] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		opened := &batch[K, V]{known: map[K]bool{}, done: make(chan struct{})}
		b.open = opened
		time.AfterFunc(batchWindow, func() { b.close(opened) })
	}
	joined := b.open
	if !joined.known[key] {
		joined.known[key] = true
		joined.keys = append(joined.keys, key)
	}
	if len(joined.keys) == b.max {
		b.open = nil
		go b.run(joined)
	}
	return joined
}

// close ends the collecting of a batch whose window is over, unless it was
// full before.
func (b *batcher[K, V]) close(opened *batch[K, V]) {
	b.mu.Lock()
	isOpen := b.open == opened
	if isOpen {
		b.open = nil
	}
	b.mu.Unlock()
	if isOpen {
		b.run(opened)
	}
}

func (b *batcher[K, V]) run(closed *batch[K, V]) {
	closed.values, closed.err = b.call(b.ctx, closed.keys)
	close(closed.done)
}
