package provisioner_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-project/drover/internal/controllers/provisioner"
)

// waited is how long a batch took whose triggers come at the given times after
// its first.
func waited(t *testing.T, triggers map[string]time.Duration) time.Duration {
	t.Helper()
	batcher := &provisioner.Batcher{Idle: time.Second, Max: 10 * time.Second}
	for key, after := range triggers {
		time.AfterFunc(after, func() { batcher.Trigger(key) })
	}
	start := time.Now()
	if err := batcher.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

func TestBatchEndsWhenNoNewPodComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := waited(t, map[string]time.Duration{"a": 0, "b": 600 * time.Millisecond, "c": 1200 * time.Millisecond}); got != 2200*time.Millisecond {
			t.Errorf("the batch took %s, want 2.2s", got)
		}
	})
}

func TestBatchEndsAtMaxWhilePodsKeepComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		triggers := map[string]time.Duration{}
		for i := range 30 {
			triggers[string(rune('a'+i))] = time.Duration(i) * 500 * time.Millisecond
		}
		if got := waited(t, triggers); got != 10*time.Second {
			t.Errorf("the batch took %s, want 10s", got)
		}
	})
}

func TestSamePodDoesNotProlongTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batcher := &provisioner.Batcher{Idle: time.Second, Max: 10 * time.Second}
		for i := range 10 {
			time.AfterFunc(time.Duration(i)*300*time.Millisecond, func() { batcher.Trigger("same") })
		}
		start := time.Now()
		if err := batcher.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("the batch took %s, want 1s", got)
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	batcher := &provisioner.Batcher{Idle: time.Second, Max: time.Second}
	if err := batcher.Wait(ctx); err == nil {
		t.Error("Wait returned without a trigger")
	}
}

func TestHurryEndsABatchSoon(t *testing.T) {
	for name, hurry := range map[string]func(*provisioner.Batcher){
		"at once":            func(b *provisioner.Batcher) { b.Hurry("node") },
		"for what was known": func(b *provisioner.Batcher) { b.Trigger("node"); b.Hurry("node") },
	} {
		synctest.Test(t, func(t *testing.T) {
			batcher := &provisioner.Batcher{Idle: time.Second, Max: 10 * time.Second}
			time.AfterFunc(0, func() { batcher.Trigger("pod") })
			time.AfterFunc(300*time.Millisecond, func() { hurry(batcher) })
			start := time.Now()
			if err := batcher.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(start); got != 500*time.Millisecond {
				t.Errorf("%s: the batch took %s, want 500ms", name, got)
			}
			time.AfterFunc(0, func() { batcher.Trigger("pod") })
			start = time.Now()
			if err := batcher.Wait(t.Context()); err != nil || time.Since(start) != time.Second {
				t.Errorf("%s: the next batch took %s (%v), want 1s as ever", name, time.Since(start), err)
			}
		})
	}
}

func TestNodesThatGoTogetherAreOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batcher := &provisioner.Batcher{Idle: time.Second, Max: 10 * time.Second}
		for i := range 5 {
			time.AfterFunc(time.Duration(i)*250*time.Millisecond, func() { batcher.Gather(fmt.Sprint("node-", i)) })
		}
		time.AfterFunc(10*time.Millisecond, func() { batcher.Hurry("place") })
		start := time.Now()
		if err := batcher.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := time.Since(start), 1500*time.Millisecond; got != want {
			t.Errorf("the batch took %s, want %s", got, want)
		}
		stop := time.AfterFunc(0, func() {})
		defer func() { stop.Stop() }()
		count := 0
		var more func()
		more = func() {
			batcher.Gather(fmt.Sprint("another-", count))
			count++
			stop = time.AfterFunc(200*time.Millisecond, more)
		}
		more()
		start = time.Now()
		if err := batcher.Wait(t.Context()); err != nil || time.Since(start) != 2*time.Second {
			t.Errorf("an endless row of nodes held the batch for %s (%v), want 2s", time.Since(start), err)
		}
	})
}
