package events_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/drover-project/drover/lab/nodes/events"
)

func about(name string) corev1.ObjectReference {
	return corev1.ObjectReference{Kind: "Pod", APIVersion: "v1", Namespace: "ns", Name: name, UID: "uid", FieldPath: "spec.containers{app}"}
}

// written runs a writer on what is said and returns the Events that come of it.
func written(t *testing.T, log *slog.Logger, say func(w *events.Writer)) []corev1.Event {
	t.Helper()
	client := fake.NewClientset()
	synctest.Test(t, func(t *testing.T) {
		w := events.New(client, log)
		say(w)
		ctx, cancel := context.WithCancel(t.Context())
		go w.Run(ctx)
		synctest.Wait()
		cancel()
	})
	list, err := client.CoreV1().Events(metav1.NamespaceAll).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestEventSaysWhoSawWhat(t *testing.T) {
	got := written(t, slog.New(slog.DiscardHandler), func(w *events.Writer) {
		w.Say("n", about("p"), true, "BackOff", "Back-off restarting")
	})
	if len(got) != 1 {
		t.Fatalf("%d events", len(got))
	}
	event := got[0]
	if event.Namespace != "ns" || event.Type != "Warning" || event.Reason != "BackOff" || event.InvolvedObject != about("p") ||
		event.Source != (corev1.EventSource{Component: "kubelet", Host: "n"}) {
		t.Errorf("event %+v", event)
	}
}

func TestRepetitionIsCounted(t *testing.T) {
	got := written(t, slog.New(slog.DiscardHandler), func(w *events.Writer) {
		for range 5 {
			w.Say("n", about("p"), false, "Started", "Container started")
		}
	})
	if len(got) != 1 || got[0].Count != 5 {
		t.Errorf("%d events, count %d; want one with count 5", len(got), got[0].Count)
	}
}

func TestFloodLosesEventsAndSaysSo(t *testing.T) {
	var out strings.Builder
	written(t, slog.New(slog.NewTextHandler(&out, nil)), func(w *events.Writer) {
		for i := range 30_000 {
			w.Say("n", about(fmt.Sprint("p", i)), false, "Started", "Container started")
		}
	})
	if lines := strings.Count(out.String(), "some are lost"); lines != 1 {
		t.Errorf("%d lines say that events are lost, want 1", lines)
	}
}

func TestEventsWaitWhileThereIsMoreImportantWork(t *testing.T) {
	client := fake.NewClientset()
	count := func() int {
		list, err := client.CoreV1().Events(metav1.NamespaceAll).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	synctest.Test(t, func(t *testing.T) {
		w := events.New(client, slog.New(slog.DiscardHandler))
		var busy atomic.Bool
		busy.Store(true)
		w.Busy = busy.Load
		w.Say("n", about("p"), false, "Started", "Container started")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go w.Run(ctx)
		time.Sleep(time.Minute)
		if got := count(); got != 0 {
			t.Errorf("%d events were written in the rush", got)
		}
		busy.Store(false)
		time.Sleep(time.Second)
		if got := count(); got != 1 {
			t.Errorf("%d events after the rush, want 1", got)
		}
	})
}
