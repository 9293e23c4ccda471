package events_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

func TestLongNotesFitTheAPI(t *testing.T) {
	sink := clientevents.NewFakeRecorder(1)
	recorder := events.New(sink, clocktesting.NewFakeClock(time.Unix(0, 0)))
	recorder.Normal(&corev1.Pod{}, events.Nominated, strings.Repeat("é", 2000))
	note := strings.TrimPrefix(<-sink.Events, "Normal Nominated ")
	if len(note) >= 1024 || !utf8.ValidString(note) || !strings.HasSuffix(note, "…") {
		t.Errorf("the note has %d bytes and ends in %q", len(note), note[len(note)-8:])
	}
}
