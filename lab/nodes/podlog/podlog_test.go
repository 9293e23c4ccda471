package podlog_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/lab/nodes/podlog"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func read(t *testing.T, file string, options corev1.PodLogOptions) string {
	t.Helper()
	var out bytes.Buffer
	if err := podlog.Read(t.Context(), file, &options, func() bool { return false }, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestReadOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c", "0.log")
	for i := range 5 {
		if err := podlog.Append(file, noon.Add(time.Duration(i)*time.Second), fmt.Sprintf("line %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	two, since, eight := int64(2), corev1.PodLogOptions{}, int64(8)
	at := metav1.NewTime(noon.Add(4 * time.Second))
	since.SinceTime = &at
	for name, test := range map[string]struct {
		options corev1.PodLogOptions
		want    string
	}{
		"all":        {corev1.PodLogOptions{}, "line 0\nline 1\nline 2\nline 3\nline 4\n"},
		"tail":       {corev1.PodLogOptions{TailLines: &two}, "line 3\nline 4\n"},
		"since":      {since, "line 4\n"},
		"limit":      {corev1.PodLogOptions{LimitBytes: &eight}, "line 0\nl"},
		"timestamps": {corev1.PodLogOptions{TailLines: &[]int64{1}[0], Timestamps: true}, "2026-01-02T12:00:04.000000000Z line 4\n"},
	} {
		if got := read(t, file, test.options); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestContainerThatPrintedNothing(t *testing.T) {
	if got := read(t, filepath.Join(t.TempDir(), "c", "0.log"), corev1.PodLogOptions{}); got != "" {
		t.Errorf("log = %q", got)
	}
}

func TestWriterSplitsStreamsIntoLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c", "0.log")
	w, err := podlog.NewWriter(file, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 40_000)
	out := w.Stdout()
	fmt.Fprint(out, "one\nth")
	fmt.Fprintf(w.Stderr(), "problem\n")
	fmt.Fprint(out, "ree\n"+long+"\n")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, file, corev1.PodLogOptions{}), "one\nproblem\nthree\n"+long+"\n"; got != want {
		t.Errorf("log of %d bytes, want %d: %.60q", len(got), len(want), got)
	}
}

func TestFollowEndsWithTheContainer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c", "0.log")
	if err := podlog.Append(file, noon, "first"); err != nil {
		t.Fatal(err)
	}
	var ended atomic.Bool
	lines := make(chan string, 10)
	done := make(chan error, 1)
	go func() {
		done <- podlog.Read(context.Background(), file, &corev1.PodLogOptions{Follow: true},
			func() bool { return !ended.Load() }, writerFunc(func(p []byte) { lines <- string(p) }))
	}()
	if got := <-lines; got != "first\n" {
		t.Fatalf("got %q", got)
	}
	if err := podlog.Append(file, noon, "second"); err != nil {
		t.Fatal(err)
	}
	if got := <-lines; got != "second\n" {
		t.Fatalf("got %q", got)
	}
	ended.Store(true)
	if err := podlog.Append(file, noon, "last"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := <-lines; got != "last\n" {
		t.Fatalf("got %q", got)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }
