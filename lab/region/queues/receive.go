package queues

import (
	"context"
	"strconv"
	"time"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// Ask is a request for messages.
type Ask struct {
	Queue string
	Most  int
	// Invisible is how long nobody else gets them.
	Invisible time.Duration
	// Wait is how long to wait for the first.
	Wait time.Duration
}

// Receive takes messages, and waits for the first of them without holding the
// store. It gives none when there is none in time, when ctx is over, or when the
// queue is gone.
func (q *Queues) Receive(ctx context.Context, ask Ask) ([]world.Message, error) {
	until := q.world.Clock.Now().Add(ask.Wait)
	for {
		// Asked for before looking, so that nothing can arrive in between.
		arrival := q.arrival(ask.Queue)
		messages, next, err := q.take(ask)
		if err != nil || len(messages) > 0 {
			return messages, err
		}
		left := until.Sub(q.world.Clock.Now())
		if left <= 0 {
			return nil, nil
		}
		if !next.IsZero() {
			left = min(left, next.Sub(q.world.Clock.Now()))
		}
		if left > 0 && !q.wait(ctx, arrival, left) {
			return nil, nil
		}
	}
}

// wait waits for an arrival or for a time, and reports whether ctx still is.
func (q *Queues) wait(ctx context.Context, arrival <-chan struct{}, left time.Duration) bool {
	rings := make(chan struct{})
	cancel := q.world.After(q.world.Unscaled(left), func() { close(rings) })
	defer cancel()
	select {
	case <-arrival:
	case <-rings:
	case <-ctx.Done():
	case <-q.closed:
		return false
	}
	return ctx.Err() == nil
}

// take takes what can be received now. next is when something else can be, the
// zero time for never.
func (q *Queues) take(ask Ask) (taken []world.Message, next time.Time, err error) {
	due := false
	q.world.Store.View(func() { due, next = q.due(ask.Queue) })
	if !due {
		return nil, next, nil
	}
	err = q.world.Store.Update(func(tx *store.Tx) error {
		queue, exists := q.world.Queues.Get(ask.Queue)
		if !exists {
			return nil
		}
		taken, err = q.takeIn(tx, queue, ask)
		return err
	})
	return taken, next, err
}

// due reports whether there is a message to take, and when the next one will be.
func (q *Queues) due(queue string) (now bool, next time.Time) {
	at := q.world.Clock.Now()
	for m := range q.Messages(queue) {
		if !m.Visible.After(at) {
			return true, next
		}
		if next.IsZero() || m.Visible.Before(next) {
			next = m.Visible
		}
	}
	return false, next
}

func (q *Queues) takeIn(tx *store.Tx, queue world.Queue, ask Ask) (taken []world.Message, err error) {
	now := q.world.Clock.Now()
	for m := range q.Messages(queue.Name) {
		if len(taken) == ask.Most {
			break
		}
		if Expired(queue, m, now) {
			q.Remove(tx, m)
			continue
		}
		if m.Visible.After(now) {
			continue
		}
		if dead, exists := q.graveOf(queue, m); exists {
			if err := q.bury(tx, queue, m, dead); err != nil {
				return nil, err
			}
			continue
		}
		m.Visible = now.Add(ask.Invisible)
		if m.Received++; m.Received == 1 {
			m.FirstReceived = now
		}
		if err := q.world.Messages.Put(tx, m.Key(), m); err != nil {
			return nil, err
		}
		taken = append(taken, m)
	}
	return taken, nil
}

// graveOf is the dead-letter queue of a message that was received too often.
func (q *Queues) graveOf(queue world.Queue, m world.Message) (world.Queue, bool) {
	redrive, redrives := RedriveOf(queue)
	if !redrives || m.Received < redrive.Most {
		return world.Queue{}, false
	}
	return q.world.QueueOf(redrive.Target)
}

// bury moves a message to a dead-letter queue.
func (q *Queues) bury(tx *store.Tx, from world.Queue, m world.Message, dead world.Queue) error {
	q.Remove(tx, m)
	m.Source, m.Visible = q.world.QueueARN(from.Name), q.world.Clock.Now()
	_, err := q.add(tx, dead, m)
	return err
}

// Expired reports whether a queue keeps a message no longer.
func Expired(queue world.Queue, m world.Message, now time.Time) bool {
	return now.Sub(m.Sent) >= Seconds(queue, "MessageRetentionPeriod")
}

// Counts are how many messages of a queue can be received, are taken, and are
// delayed. Use it within View or Update.
func (q *Queues) Counts(queue world.Queue) (visible, taken, delayed int) {
	now := q.world.Clock.Now()
	for m := range q.Messages(queue.Name) {
		switch {
		case Expired(queue, m, now):
		case !m.Visible.After(now):
			visible++
		case m.Received == 0:
			delayed++
		default:
			taken++
		}
	}
	return visible, taken, delayed
}

// Defaults are the attributes that a queue has when they are not set.
func Defaults() map[string]string {
	return map[string]string{
		"VisibilityTimeout": "30", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
		"DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true",
	}
}

// Number is an attribute of a queue that is a whole number.
func Number(queue world.Queue, attribute string) int {
	text, set := queue.Attributes[attribute]
	if !set {
		text = Defaults()[attribute]
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		return 0 // what is stored was checked
	}
	return number
}

// Seconds is a duration among the attributes of a queue.
func Seconds(queue world.Queue, attribute string) time.Duration {
	return time.Duration(Number(queue, attribute)) * time.Second
}
