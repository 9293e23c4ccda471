package aws

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// record keeps the keys of each call and answers with their lengths; the key
// "gone" has no value.
type record struct {
	mu    sync.Mutex
	calls [][]string
	err   error
}

func (r *record) call(_ context.Context, keys []string) (map[string]int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, keys)
	values := map[string]int{}
	for _, key := range keys {
		if key != "gone" {
			values[key] = len(key)
		}
	}
	return values, r.err
}

func TestBatcherMergesConcurrentCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := &record{}
		b := newBatcher(t.Context(), 100, record.call)
		var group sync.WaitGroup
		for _, key := range []string{"a", "bb", "a", "gone"} {
			group.Go(func() {
				value, found, err := b.Do(t.Context(), key)
				if err != nil || found != (key != "gone") || (found && value != len(key)) {
					t.Errorf("%s: got %d, %v, %v", key, value, found, err)
				}
			})
		}
		start := time.Now()
		group.Wait()
		if len(record.calls) != 1 || len(record.calls[0]) != 3 {
			t.Errorf("calls were %v, want one with three keys", record.calls)
		}
		if took := time.Since(start); took != batchWindow {
			t.Errorf("waited %v, want the window of %v", took, batchWindow)
		}
		if _, _, err := b.Do(t.Context(), "later"); err != nil || len(record.calls) != 2 {
			t.Errorf("a later call: %v, %v", err, record.calls)
		}
	})
}

func TestBatcherSplitsAtItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := &record{}
		b := newBatcher(t.Context(), 2, record.call)
		var group sync.WaitGroup
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			group.Go(func() {
				if _, found, err := b.Do(t.Context(), key); !found || err != nil {
					t.Errorf("%s: %v, %v", key, found, err)
				}
			})
		}
		group.Wait()
		if len(record.calls) != 3 {
			t.Errorf("calls were %v, want two full ones and the rest", record.calls)
		}
	})
}

func TestBatcherErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := errors.New("throttled")
		b := newBatcher(t.Context(), 2, (&record{err: failed}).call)
		if _, _, err := b.Do(t.Context(), "a"); !errors.Is(err, failed) {
			t.Errorf("got %v, want %v", err, failed)
		}
		ctx, cancel := context.WithTimeout(t.Context(), batchWindow/2)
		defer cancel()
		if _, _, err := b.Do(ctx, "b"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of the caller's patience", err)
		}
		// The shared call still runs, for others that may have joined.
		time.Sleep(batchWindow)
	})
}
