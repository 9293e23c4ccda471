// Package events writes the events of thousands of kubelets without giving each
// of them a goroutine. What is said again and again is counted in one Event, as
// kubelets do; in a flood some events are lost rather than everything delayed.
package events

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
)

// The flood limits: what waits at most, and what is written per second.
const (
	maxWaiting = 20_000
	perSecond  = 300
)

// lull is when it is asked again whether more important work is done.
const lull = 200 * time.Millisecond

// Writer writes events in the background.
type Writer struct {
	// Busy, when set before Run, reports whether events had better wait.
	Busy func() bool

	client     kubernetes.Interface
	log        *slog.Logger
	waiting    chan *corev1.Event
	correlator *record.EventCorrelator
	limit      *rate.Limiter
	lost       rate.Sometimes
}

// New makes a writer; Run does its work.
func New(client kubernetes.Interface, log *slog.Logger) *Writer {
	return &Writer{
		client: client, log: log, waiting: make(chan *corev1.Event, maxWaiting),
		correlator: record.NewEventCorrelator(clock.RealClock{}),
		limit:      rate.NewLimiter(perSecond, perSecond),
		lost:       rate.Sometimes{Interval: time.Minute},
	}
}

// Say records that something happened to an object, as seen by the kubelet of a
// node. It never waits.
func (w *Writer) Say(nodeName string, about corev1.ObjectReference, warning bool, reason, message string) {
	event := newEvent(nodeName, about, warning, reason, message)
	select {
	case w.waiting <- event:
	default:
		w.lost.Do(func() {
			w.log.Warn("more events than can be written: some are lost", "reason", reason, "object", about.Name)
		})
	}
}

func newEvent(nodeName string, about corev1.ObjectReference, warning bool, reason, message string) *corev1.Event {
	now := metav1.Now()
	namespace := about.Namespace
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	kind := corev1.EventTypeNormal
	if warning {
		kind = corev1.EventTypeWarning
	}
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: fmt.Sprintf("%s.%x", about.Name, now.UnixNano()), Namespace: namespace},
		InvolvedObject: about, Type: kind, Reason: reason, Message: message,
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
		Source:              corev1.EventSource{Component: "kubelet", Host: nodeName},
		ReportingController: "kubelet", ReportingInstance: nodeName,
	}
}

// Run writes until ctx ends.
func (w *Writer) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-w.waiting:
			if w.limit.Wait(ctx) != nil || !w.idle(ctx) {
				return
			}
			w.write(ctx, event)
		}
	}
}

// idle waits until nothing is more important; it reports whether ctx goes on.
func (w *Writer) idle(ctx context.Context) bool {
	for w.Busy != nil && w.Busy() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(lull):
		}
	}
	return ctx.Err() == nil
}

func (w *Writer) write(ctx context.Context, event *corev1.Event) {
	result, err := w.correlator.EventCorrelate(event)
	if err != nil || result.Skip {
		return
	}
	written, err := w.send(ctx, result)
	switch {
	case err == nil:
		w.correlator.UpdateState(written)
	case ctx.Err() != nil, apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause), apierrors.IsNotFound(err):
		// The lab stops or the namespace goes: nobody will read it.
	default:
		w.log.Debug("event not written", "reason", event.Reason, "object", event.InvolvedObject.Name, "error", err)
	}
}

// send counts up the Event that is there, or creates one.
func (w *Writer) send(ctx context.Context, result *record.EventCorrelateResult) (*corev1.Event, error) {
	event := result.Event
	api := w.client.CoreV1().Events(event.Namespace)
	if event.Count > 1 {
		written, err := api.Patch(ctx, event.Name, types.StrategicMergePatchType, result.Patch, metav1.PatchOptions{})
		if !apierrors.IsNotFound(err) {
			return written, err
		}
	}
	event.ResourceVersion = ""
	return api.Create(ctx, event, metav1.CreateOptions{})
}
