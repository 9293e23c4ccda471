package queues_test

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/region/queues"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// box is one queue of a region with a clock that stands still.
type box struct {
	world  *world.World
	queues *queues.Queues
	clock  *clock.Manual
	queue  world.Queue
}

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
}

func open(t tester, attributes map[string]string) box {
	t.Helper()
	c := clock.NewManual(time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC))
	w, err := world.Open(world.Options{Clock: c, Cluster: world.ClusterInfo{Name: "blue"}})
	if err != nil {
		t.Fatal(err)
	}
	b := box{w, queues.New(w), c, world.Queue{Name: "q", Created: c.Now(), Attributes: attributes}}
	b.update(t, func(tx *store.Tx) error { return w.Queues.Put(tx, "q", b.queue) })
	return b
}

func (b box) update(t tester, change func(*store.Tx) error) {
	t.Helper()
	if err := b.world.Store.Update(change); err != nil {
		t.Fatal(err)
	}
}

func (b box) send(t tester, body string) {
	t.Helper()
	b.update(t, func(tx *store.Tx) error {
		_, err := b.queues.Send(tx, b.queue, world.Message{Body: body}, 0)
		return err
	})
}

// TestForgottenMessages: a queue that nobody receives from keeps nothing beyond
// its retention.
func TestForgottenMessages(t *testing.T) {
	b := open(t, map[string]string{"MessageRetentionPeriod": "60"})
	for range 200 {
		b.send(t, "x")
		b.clock.Advance(time.Second)
	}
	if kept := b.world.Messages.Len(); kept > 61 {
		t.Errorf("%d messages are kept", kept)
	}
}

// TestNothingIsLostOrDoubled: whatever the order of sends, receipts, deletions and
// pauses, a message is with one receiver at a time, comes back until it is
// deleted, and then never again.
func TestNothingIsLostOrDoubled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const invisible = 5 * time.Second
		b := open(t, nil)
		taken := map[string]time.Time{} // until when each is somebody's
		held := map[string]world.Message{}
		var live []string
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				next++
				body := strconv.Itoa(next)
				b.send(t, body)
				live = append(live, body)
			},
			"receive": func(t *rapid.T) {
				most := rapid.IntRange(1, 10).Draw(t, "most")
				messages, err := b.queues.Receive(context.Background(), queues.Ask{Queue: "q", Most: most, Invisible: invisible})
				if err != nil {
					t.Fatal(err)
				}
				free := 0
				for _, body := range live {
					if !taken[body].After(b.clock.Now()) {
						free++
					}
				}
				if len(messages) != min(most, free) {
					t.Fatalf("%d messages of %d free ones, asked for %d", len(messages), free, most)
				}
				for _, m := range messages {
					if !slices.Contains(live, m.Body) || taken[m.Body].After(b.clock.Now()) {
						t.Fatalf("message %s is deleted or somebody else's", m.Body)
					}
					taken[m.Body], held[m.Body] = b.clock.Now().Add(invisible), m
				}
			},
			"delete": func(t *rapid.T) {
				for _, body := range slices.Clone(live) {
					if m, received := held[body]; received && rapid.Bool().Draw(t, "this one") {
						b.update(t, func(tx *store.Tx) error { b.queues.Remove(tx, m); return nil })
						live = slices.DeleteFunc(live, func(other string) bool { return other == body })
					}
				}
			},
			"pause": func(t *rapid.T) {
				b.clock.Advance(time.Duration(rapid.IntRange(1, 7).Draw(t, "seconds")) * time.Second)
			},
			"": func(t *rapid.T) {
				if b.world.Messages.Len() != len(live) {
					t.Fatalf("%d messages, want %d", b.world.Messages.Len(), len(live))
				}
			},
		})
	})
}
