package cloudtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/drover-project/drover/internal/cloud"
)

// Queue is an in-memory cloud.Queue that hands messages over again until they are
// deleted, at every Receive: its visibility timeout is no time. The zero value is
// empty.
type Queue struct {
	// Account and Region are its Owner; Broken, when set, is what every call gets.
	Account, Region string
	Broken          error

	mu       sync.Mutex
	serial   int
	messages []cloud.QueueMessage
	deleted  []string
	// Postponed counts messages that were to come again later.
	postponed int
}

var _ cloud.Queue = (*Queue)(nil)

// Send puts a message into the queue.
func (q *Queue) Send(body string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.serial++
	id := fmt.Sprintf("m-%d", q.serial)
	q.messages = append(q.messages, cloud.QueueMessage{ID: id, Receipt: id, Body: body})
}

// Len is how many messages are in the queue.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages)
}

// Postponed is how many messages were to come again later, all in all.
func (q *Queue) Postponed() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.postponed
}

// Name implements cloud.Queue.
func (q *Queue) Name() string { return "test-queue" }

// Owner implements cloud.Queue.
func (q *Queue) Owner() (account, region string) { return q.Account, q.Region }

// Receive implements cloud.Queue: at most ten messages, the oldest first. It does
// not wait.
func (q *Queue) Receive(context.Context) ([]cloud.QueueMessage, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.Broken != nil {
		return nil, q.Broken
	}
	return append([]cloud.QueueMessage(nil), q.messages[:min(10, len(q.messages))]...), nil
}

// Delete implements cloud.Queue.
func (q *Queue) Delete(_ context.Context, messages []cloud.QueueMessage) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.Broken != nil {
		return q.Broken
	}
	gone := map[string]bool{}
	for _, message := range messages {
		gone[message.Receipt] = true
		q.deleted = append(q.deleted, message.ID)
	}
	var left []cloud.QueueMessage
	for _, message := range q.messages {
		if !gone[message.Receipt] {
			left = append(left, message)
		}
	}
	q.messages = left
	return nil
}

// Postpone implements cloud.Queue: the messages go to the end.
func (q *Queue) Postpone(_ context.Context, messages []cloud.QueueMessage, _ time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	late := map[string]bool{}
	for _, message := range messages {
		late[message.Receipt] = true
	}
	var first, last []cloud.QueueMessage
	for _, message := range q.messages {
		if late[message.Receipt] {
			last = append(last, message)
		} else {
			first = append(first, message)
		}
	}
	q.messages, q.postponed = append(first, last...), q.postponed+len(messages)
	return nil
}
