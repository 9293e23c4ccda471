// Package queues keeps the messages of SQS queues: they come, are taken for a
// while, are deleted or come back, and end as dead letters when nobody manages
// them. The region's other services send to queues through it, too.
//
// The durations that its clients give - how long a message stays invisible, is
// delayed, is waited for or is kept - are seconds of the clients' own time, which
// the lab does not scale: a client that asks for 20 seconds to handle a message
// has them.
package queues

import (
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/drover-project/drover/lab/region/policy"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// Queues are the queues of a region. Make it with New; all parts of a region
// share one.
type Queues struct {
	world *world.World

	mu sync.Mutex
	// lines are the numbers of the messages of each queue, in order. They follow
	// the table: they are changed when a transaction is durable.
	lines map[string][]int64
	// arrivals are closed when a queue gets something that can be received.
	arrivals map[string]chan struct{}
	closed   chan struct{}
	closing  sync.Once
}

// New makes the queues of a region with the messages that they have.
func New(w *world.World) *Queues {
	q := &Queues{world: w, lines: map[string][]int64{}, arrivals: map[string]chan struct{}{}, closed: make(chan struct{})}
	w.Store.View(func() {
		for _, m := range w.Messages.All() { // in the order of their numbers
			q.lines[m.Queue] = append(q.lines[m.Queue], m.Number)
		}
	})
	return q
}

// Close ends all waiting.
func (q *Queues) Close() { q.closing.Do(func() { close(q.closed) }) }

// Send adds a message to a queue after a delay, and gives it with its id.
// Queue, Number, ID and the times are set here.
func (q *Queues) Send(tx *store.Tx, queue world.Queue, m world.Message, delay time.Duration) (world.Message, error) {
	// Of several messages of a transaction each counts the ones before.
	if stored, exists := q.world.Queues.Get(queue.Name); exists {
		queue = stored
	}
	now := q.world.Clock.Now()
	q.forget(tx, queue, now)
	m.Sent, m.Visible = now, now.Add(delay)
	m.ID = q.world.FixedUUID("message " + queue.Name + queue.Created.String() + strconv.FormatInt(queue.Sent+1, 10))
	return q.add(tx, queue, m)
}

// forget drops some of the oldest messages when the queue keeps them no longer,
// so that one that nobody receives from does not grow for ever.
func (q *Queues) forget(tx *store.Tx, queue world.Queue, now time.Time) {
	const some = 8
	q.mu.Lock()
	line := q.lines[queue.Name]
	oldest := slices.Clone(line[:min(len(line), some)])
	q.mu.Unlock()
	for _, number := range oldest {
		if m, exists := q.world.Messages.Get(world.MessageKey(queue.Name, number)); exists && Expired(queue, m, now) {
			q.Remove(tx, m)
		}
	}
}

// add puts a message at the end of a queue.
func (q *Queues) add(tx *store.Tx, queue world.Queue, m world.Message) (world.Message, error) {
	queue.Sent++
	m.Queue, m.Number = queue.Name, queue.Sent
	if err := q.world.Queues.Put(tx, queue.Name, queue); err != nil {
		return m, err
	}
	tx.OnCommit(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.lines[m.Queue] = append(q.lines[m.Queue], m.Number)
		q.wake(m.Queue)
	})
	return m, q.world.Messages.Put(tx, m.Key(), m)
}

// Remove takes a message out of its queue.
func (q *Queues) Remove(tx *store.Tx, m world.Message) {
	q.world.Messages.Delete(tx, m.Key())
	tx.OnCommit(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		line := q.lines[m.Queue]
		if at, found := slices.BinarySearch(line, m.Number); found {
			q.lines[m.Queue] = slices.Delete(line, at, at+1)
		}
	})
}

// Show makes a message visible at a time, now or later.
func (q *Queues) Show(tx *store.Tx, m world.Message, at time.Time) error {
	m.Visible = at
	tx.OnCommit(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.wake(m.Queue)
	})
	return q.world.Messages.Put(tx, m.Key(), m)
}

// Clear removes all messages of a queue.
func (q *Queues) Clear(tx *store.Tx, queue string) {
	for m := range q.Messages(queue) {
		q.world.Messages.Delete(tx, m.Key())
	}
	tx.OnCommit(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.lines, queue)
		q.wake(queue)
	})
}

// Messages are those of a queue, in order. Use it within View or Update; what
// the transaction itself sent is not among them.
func (q *Queues) Messages(queue string) iter.Seq[world.Message] {
	q.mu.Lock()
	numbers := slices.Clone(q.lines[queue])
	q.mu.Unlock()
	return func(yield func(world.Message) bool) {
		for _, number := range numbers {
			if m, exists := q.world.Messages.Get(world.MessageKey(queue, number)); exists && !yield(m) {
				return
			}
		}
	}
}

// wake wakes everyone who waits for a queue. mu is held.
func (q *Queues) wake(queue string) {
	if arrival, waits := q.arrivals[queue]; waits {
		close(arrival)
		delete(q.arrivals, queue)
	}
}

// arrival is closed once the queue gets something that can be received.
func (q *Queues) arrival(queue string) <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	arrival, waits := q.arrivals[queue]
	if !waits {
		arrival = make(chan struct{})
		q.arrivals[queue] = arrival
	}
	return arrival
}

// Admits reports whether the queue's policy lets an AWS service send messages on
// behalf of a resource of the account.
func (q *Queues) Admits(queue world.Queue, service, source string) bool {
	document, err := policy.Resource(queue.Attributes["Policy"])
	if err != nil {
		return false // there is none
	}
	return document.Allows(policy.Request{
		Action: "sqs:SendMessage", Resource: q.world.QueueARN(queue.Name),
		// Whoever admits everyone admits services, too.
		Principals: []policy.Principal{{Kind: "Service", ID: service}, {Kind: "AWS", ID: "*"}},
		Context: map[string][]string{
			"aws:SourceArn": {source}, "aws:SourceAccount": {q.world.Options.Account}, "aws:SecureTransport": {"true"},
			"aws:PrincipalIsAWSService": {"true"}, "aws:PrincipalServiceName": {service},
		},
	})
}

// Redrive is what becomes of messages that are received too often.
type Redrive struct {
	Target string // ARN of a queue
	Most   int    // how often a message is received before
}

// RedriveOf reads a queue's RedrivePolicy; ok is false when it has none.
func RedriveOf(queue world.Queue) (r Redrive, ok bool) {
	r, err := ReadRedrive(queue.Attributes["RedrivePolicy"])
	return r, err == nil
}

// ReadRedrive reads a RedrivePolicy, whose count may be a number or a text.
func ReadRedrive(text string) (Redrive, error) {
	var document struct {
		Target string          `json:"deadLetterTargetArn"`
		Most   json.RawMessage `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		return Redrive{}, err
	}
	most, err := strconv.Atoi(string(unquote(document.Most)))
	return Redrive{Target: document.Target, Most: most}, err
}

func unquote(text []byte) []byte {
	if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
		return text[1 : len(text)-1]
	}
	return text
}
