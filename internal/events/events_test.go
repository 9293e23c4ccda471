package events_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clientevents "k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/drover-project/drover/internal/events"
)

func TestSameWordsAreSaidOnceInAWhile(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Unix(0, 0))
	sink := clientevents.NewFakeRecorder(10)
	recorder := events.New(sink, clock)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "1"}}

	recorder.Warning(pod, events.FailedScheduling, "no room")
	recorder.Warning(pod, events.FailedScheduling, "no room")
	recorder.Warning(pod, events.FailedScheduling, "no zone")
	recorder.Warning(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "2"}}, events.FailedScheduling, "no room")
	if got := len(sink.Events); got != 3 {
		t.Errorf("%d events, want 3: a repetition, another note, another pod", got)
	}
	clock.Step(6 * time.Minute)
	recorder.Warning(pod, events.FailedScheduling, "no room")
	if got := len(sink.Events); got != 4 {
		t.Errorf("%d events, want 4 after a while", got)
	}
}

// TestEveryNoteReachesTheAPI: the recorder of the events API makes a series of events
// about one object for one reason, of which only the first note is kept.
func TestEveryNoteReachesTheAPI(t *testing.T) {
	client := fake.NewClientset()
	written, err := client.EventsV1().Events("default").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	broadcaster := clientevents.NewBroadcaster(&clientevents.EventSinkImpl{Interface: client.EventsV1()})
	if err := broadcaster.StartRecordingToSinkWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer broadcaster.Shutdown()
	recorder := events.New(broadcaster.NewRecorder(scheme.Scheme, "drover"), clocktesting.NewFakeClock(time.Unix(0, 0)))
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "1", Namespace: "default", Name: "web"}}
	notes := []string{"no room", "no zone", "no capacity"}
	for _, note := range notes {
		recorder.Warning(pod, events.FailedScheduling, note)
	}
	var said []string
	for len(said) < len(notes) {
		select {
		case event := <-written.ResultChan():
			said = append(said, event.Object.(*eventsv1.Event).Note)
		case <-time.After(10 * time.Second):
			t.Fatalf("the API has %q, want %q", said, notes)
		}
	}
	slices.Sort(said)
	slices.Sort(notes)
	if !slices.Equal(said, notes) {
		t.Errorf("the API has %q, want %q", said, notes)
	}
}

func TestLongNotesFitTheAPI(t *testing.T) {
	sink := clientevents.NewFakeRecorder(1)
	recorder := events.New(sink, clocktesting.NewFakeClock(time.Unix(0, 0)))
	recorder.Normal(&corev1.Pod{}, events.Nominated, strings.Repeat("é", 2000))
	note := strings.TrimPrefix(<-sink.Events, "Normal Nominated ")
	if len(note) >= 1024 || !utf8.ValidString(note) || !strings.HasSuffix(note, "…") {
		t.Errorf("the note has %d bytes and ends in %q", len(note), note[len(note)-8:])
	}
}
