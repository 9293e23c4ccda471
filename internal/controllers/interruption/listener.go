package interruption

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/interruption/message"
	"github.com/drover-project/drover/internal/metrics"
)

const (
	// Receivers is how many requests wait at the queue at a time: each brings ten
	// messages at most.
	Receivers = 5
	// queuePause and queuePauseMax bound the growing pause after the queue failed.
	queuePause    = time.Second
	queuePauseMax = time.Minute
	// again is when a message is looked at again whose instance has no Node yet, or
	// that could not be recorded; patience is how long.
	again     = 10 * time.Second
	againSoon = 2 * time.Second
	patience  = 20 * time.Minute
)

// Listener receives messages and records what they say. A message is deleted once
// that is recorded, and not before.
type Listener struct {
	Queue    cloud.Queue
	Recorder *Recorder
	Events   *events.Recorder
	Metrics  *metrics.Interruption
	Clock    clock.Clock
	Log      logr.Logger
	// Namespace is where events about the queue are shown.
	Namespace string

	// broken is set while the queue does not answer: then one receiver asks for all.
	broken atomic.Bool
}

// NeedLeaderElection makes the manager run one Listener only.
func (l *Listener) NeedLeaderElection() bool { return true }

// Start runs until the context ends; it is a manager.Runnable of the leader.
func (l *Listener) Start(ctx context.Context) error {
	l.Log.Info("watching interruption queue", "queue", l.Queue.Name())
	var group sync.WaitGroup
	for i := range Receivers {
		group.Go(func() { l.receive(ctx, i == 0) })
	}
	group.Wait()
	return nil
}

// receive is one receiver. Whatever happens to the queue, it goes on. While the
// queue does not answer, the first asks and the others wait for it.
func (l *Listener) receive(ctx context.Context, first bool) {
	pause := time.Duration(0)
	for ctx.Err() == nil {
		if first || !l.broken.Load() {
			err := l.Round(ctx)
			if err == nil || ctx.Err() != nil {
				pause = 0
				if first {
					l.broken.Store(false)
				}
				continue
			}
			l.broken.Store(true)
			pause = min(max(2*pause, queuePause), queuePauseMax)
			if first {
				l.failed(err, pause)
			}
		}
		select {
		case <-ctx.Done():
		case <-l.Clock.After(max(pause, queuePause)):
		}
	}
}

// failed says what is wrong with the queue, and what would be right.
func (l *Listener) failed(err error, pause time.Duration) {
	l.Metrics.QueueErrors.Inc()
	remedy := ""
	var terminal *cloud.TerminalError
	switch {
	case cloud.IsNotFound(err):
		remedy = ": make the queue, or name another with --interruption-queue"
	case errors.As(err, &terminal):
		remedy = ": the controller's role needs sqs:GetQueueUrl, sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility on it"
	}
	l.Log.Error(err, "the interruption queue does not answer: nodes that AWS takes back are not known from it"+remedy, "queue", l.Queue.Name(), "again-after", pause.String())
	where := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: l.Namespace}}
	l.Events.Warning(where, events.InterruptionQueueFailed, fmt.Sprintf("Interruption queue %s does not answer%s: %s", l.Queue.Name(), remedy, err))
}

// Round receives once and deals with what came.
func (l *Listener) Round(ctx context.Context) error {
	messages, err := l.Queue.Receive(ctx)
	if err != nil || len(messages) == 0 {
		return err
	}
	work := l.read(messages)
	if err := l.Recorder.record(ctx, work); err != nil {
		// What could not be recorded stays in the queue.
		l.Log.Error(err, "not every interruption could be recorded, it is tried again")
	}
	var done, later, soon []cloud.QueueMessage
	for _, w := range work {
		switch w.outcome {
		case failed:
			soon = append(soon, w.message)
		case postpone:
			later = append(later, w.message)
		default:
			done = append(done, w.message)
		}
	}
	return errors.Join(l.delete(ctx, done), l.postpone(ctx, later, again), l.postpone(ctx, soon, againSoon))
}

func (l *Listener) delete(ctx context.Context, messages []cloud.QueueMessage) error {
	if len(messages) == 0 {
		return nil
	}
	if err := l.Queue.Delete(ctx, messages); err != nil {
		return err // they come again, and change nothing then
	}
	l.Metrics.Deleted.Add(float64(len(messages)))
	return nil
}

func (l *Listener) postpone(ctx context.Context, messages []cloud.QueueMessage, after time.Duration) error {
	if len(messages) == 0 {
		return nil
	}
	return l.Queue.Postpone(ctx, messages, after)
}

// outcome is what becomes of a message.
type outcome int

const (
	finished outcome = iota // recorded, or not to be recorded
	postpone                // its instance has no Node yet
	failed                  // recording failed
)

// item is a message under way.
type item struct {
	message cloud.QueueMessage
	notices []interruption.Notice
	outcome outcome
}

// read parses the messages; those that ask for nothing come back without notices.
func (l *Listener) read(messages []cloud.QueueMessage) []*item {
	account, region := l.Queue.Owner()
	now := l.Clock.Now()
	work := make([]*item, 0, len(messages))
	for _, m := range messages {
		w := &item{message: m}
		work = append(work, w)
		sent := m.Sent
		if sent.IsZero() {
			sent = now
		}
		parsed, err := message.Parse(m.Body, message.Source{Account: account, Region: region}, sent)
		if err != nil {
			l.ignore("malformed")
			l.Metrics.Received.WithLabelValues("malformed").Inc()
			l.Log.Error(err, "failed parsing interruption message, it is deleted", "message-id", m.ID)
			continue
		}
		l.Metrics.Received.WithLabelValues(string(parsed.Kind)).Inc()
		switch {
		case parsed.Foreign != "":
			l.ignore("foreign")
			l.Log.V(1).Info("interruption message is not for this cluster", "message-id", m.ID, "why", parsed.Foreign)
		case len(parsed.Notices) == 0:
			l.ignore("no_op")
			l.Log.V(1).Info("interruption message asks for nothing", "message-id", m.ID, "kind", string(parsed.Kind), "what", parsed.Note)
		default:
			w.notices = parsed.Notices
		}
	}
	return work
}

func (l *Listener) ignore(reason string) { l.Metrics.Ignored.WithLabelValues(reason).Inc() }
