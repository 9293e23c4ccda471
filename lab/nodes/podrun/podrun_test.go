package podrun_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/lab/nodes/podrun"
)

var rewrite = flag.Bool("rewrite", false, "write what happened into testdata")

// TestScenarios runs testdata: a pod, what is done to it, and what is seen of
// it as time goes by. Each line of "want" is a change of its status or an event.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, section(archive, "pod"))
			got := w.play(strings.Split(strings.TrimSpace(section(archive, "do")), "\n"))
			if *rewrite {
				setSection(archive, "want", got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(section(archive, "want"), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func section(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func setSection(archive *txtar.Archive, name, text string) {
	for i := range archive.Files {
		if archive.Files[i].Name == name {
			archive.Files[i].Data = []byte(text)
		}
	}
}

// world is a node with one pod and a clock that jumps from wake to wake.
type world struct {
	t        *testing.T
	start    time.Time
	now      time.Time
	object   *corev1.Pod
	pod      *podrun.Pod
	pulled   map[string]bool
	noConfig bool
	out      strings.Builder
	seen     string
}

func newWorld(t *testing.T, text string) *world {
	t.Helper()
	pod := &corev1.Pod{}
	if err := yaml.UnmarshalStrict([]byte(text), pod); err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := &world{t: t, start: start, now: start, object: pod, pulled: map[string]bool{}}
	pod.Namespace, pod.Name, pod.UID = "default", "p", "uid"
	w.pod = podrun.New(w, pod, podrun.Addresses{PodIP: "10.0.0.9", HostIP: "10.0.0.1"}, start)
	return w
}

func (w *world) Scaled(d time.Duration) time.Duration { return d }

func (w *world) Image(image string, policy corev1.PullPolicy, now time.Time) podrun.Image {
	switch {
	case policy == corev1.PullNever && !w.pulled[image]:
		return podrun.Image{Problem: "ErrImageNeverPull", Message: "never"}
	case w.pulled[image]:
		return podrun.Image{ReadyAt: now}
	}
	w.pulled[image] = true
	return podrun.Image{ReadyAt: now.Add(2 * time.Second), Pulled: true, PullTime: 2 * time.Second, SizeBytes: 100}
}

func (w *world) Start(request podrun.StartRequest) (podrun.Run, error) {
	if w.noConfig {
		return nil, &podrun.ConfigError{Err: fmt.Errorf("secret %q not found", "s")}
	}
	return podrun.NewSimulated(request, w.Scaled, func(_ time.Time, line string) {
		w.say("%s prints %q", request.Container.Name, line)
	})
}

func (w *world) Resume(request podrun.StartRequest) podrun.Run {
	run, err := podrun.ResumeSimulated(request, w.now, w.Scaled, func(_ time.Time, line string) {
		w.say("%s prints %q after adoption", request.Container.Name, line)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return run
}

func (w *world) Event(_ *corev1.Pod, container string, event podrun.Event) {
	w.say("event %s %s: %s", container, event.Reason, event.Message)
}

func (w *world) say(format string, args ...any) {
	fmt.Fprintf(&w.out, "%s %s\n", strconv.FormatFloat(w.now.Sub(w.start).Seconds(), 'f', 1, 64), fmt.Sprintf(format, args...))
}

// play does each action, "TIME VERB [ARGUMENT]", at its time.
func (w *world) play(actions []string) string {
	for _, action := range actions {
		words := strings.Fields(action)
		at, err := time.ParseDuration(words[0])
		if err != nil {
			w.t.Fatalf("action %q: %v", action, err)
		}
		w.runUntil(w.start.Add(at))
		w.act(words[1], strings.Join(words[2:], " "))
	}
	return w.out.String()
}

func (w *world) act(verb, argument string) {
	switch verb {
	case "delete":
		seconds, err := strconv.ParseInt(argument, 10, 64)
		if err != nil {
			w.t.Fatal(err)
		}
		now := metav1.NewTime(w.now)
		w.object = w.object.DeepCopy()
		w.object.DeletionTimestamp, w.object.DeletionGracePeriodSeconds = &now, &seconds
	case "annotate":
		key, value, _ := strings.Cut(argument, "=")
		w.object = w.object.DeepCopy()
		metav1.SetMetaDataAnnotation(&w.object.ObjectMeta, key, value)
	case "reject":
		w.pod.Reject(podrun.Rejection{Reason: "OutOfcpu", Message: argument})
	case "adopt":
		w.pod = podrun.Adopt(w, w.object, w.pod.Addresses(), argument == "rebooted", w.now)
	case "no-config":
		w.noConfig = argument == "true"
	case "end":
		return
	default:
		w.t.Fatalf("unknown verb %q", verb)
	}
	w.say("%s %s", verb, argument)
}

// runUntil syncs at each wake up to, but not including, the end.
func (w *world) runUntil(end time.Time) {
	for range 10_000 {
		step := w.pod.Sync(w.object, w.now)
		w.object = w.object.DeepCopy()
		w.object.Status = step.Status
		w.look(step)
		if step.Finished || step.Wake.IsZero() || !step.Wake.Before(end) {
			w.now = end
			return
		}
		if !step.Wake.After(w.now) {
			w.t.Fatalf("wake %v is not after now %v", step.Wake, w.now)
		}
		w.now = step.Wake
	}
	w.t.Fatal("the pod never comes to rest")
}

func (w *world) look(step podrun.Step) {
	status := step.Status
	var parts []string
	for _, c := range append(append([]corev1.ContainerStatus{}, status.InitContainerStatuses...), status.ContainerStatuses...) {
		parts = append(parts, c.Name+"="+describe(c))
	}
	line := fmt.Sprintf("%s%s ready=%t [%s]", status.Phase, reason(status), ready(status), strings.Join(parts, " "))
	if step.Finished {
		line += " finished"
	}
	if line != w.seen {
		w.seen = line
		w.say("%s", line)
	}
}

func reason(status corev1.PodStatus) string {
	if status.Reason == "" {
		return ""
	}
	return "/" + status.Reason
}

func ready(status corev1.PodStatus) bool {
	for _, c := range status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func describe(c corev1.ContainerStatus) string {
	text := ""
	switch {
	case c.State.Running != nil:
		text = "running"
	case c.State.Waiting != nil:
		text = c.State.Waiting.Reason
	case c.State.Terminated != nil:
		text = fmt.Sprintf("%s(%d)", c.State.Terminated.Reason, c.State.Terminated.ExitCode)
	}
	if c.RestartCount > 0 {
		text += fmt.Sprintf("/%d", c.RestartCount)
	}
	return text
}
