package program_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/nodes/program"
)

func TestOf(t *testing.T) {
	service := program.Program{}
	ends := func(after time.Duration, code int32, lines ...program.Line) program.Program {
		return program.Program{Ends: true, After: after, ExitCode: code, Output: lines}
	}
	for name, test := range map[string]struct {
		container   corev1.Container
		annotations map[string]string
		want        program.Program
	}{
		"image's own command": {want: service},
		"unknown program":     {container: corev1.Container{Command: []string{"nginx", "-g", "daemon off;"}}, want: service},
		"sleep":               {container: corev1.Container{Command: []string{"sleep", "90"}}, want: ends(90*time.Second, 0)},
		"sleep by path":       {container: corev1.Container{Command: []string{"/bin/sleep", "1.5m"}}, want: ends(90*time.Second, 0)},
		"sleep as args":       {container: corev1.Container{Args: []string{"sleep", "1h"}}, want: ends(time.Hour, 0)},
		"sleep infinity":      {container: corev1.Container{Command: []string{"sleep", "infinity"}}, want: service},
		"true":                {container: corev1.Container{Command: []string{"/bin/true"}}, want: ends(0, 0)},
		"false":               {container: corev1.Container{Command: []string{"false"}}, want: ends(0, 1)},
		"script": {
			container: corev1.Container{Command: []string{"sh", "-c", "echo start; sleep 5 && echo stop; exit 3"}},
			want:      ends(5*time.Second, 3, program.Line{Text: "start"}, program.Line{At: 5 * time.Second, Text: "stop"}),
		},
		"script with parameters and environment": {
			container: corev1.Container{
				Command: []string{"/bin/bash", "-ec"}, Args: []string{`for i in 1 2; do echo "$GREETING $1 $i"; sleep 1; done`, "name", "you"},
				Env: []corev1.EnvVar{{Name: "GREETING", Value: "hello"}},
			},
			want: ends(2*time.Second, 0, program.Line{Text: "hello you 1"}, program.Line{At: time.Second, Text: "hello you 2"}),
		},
		"script with an unknown program": {
			container: corev1.Container{Command: []string{"sh", "-c", "echo ready; exec /app/server"}},
			want:      program.Program{Output: []program.Line{{Text: "ready"}}},
		},
		"endless loop":            {container: corev1.Container{Command: []string{"sh", "-c", "while true; do sleep 10; done"}}, want: service},
		"script that is not one":  {container: corev1.Container{Command: []string{"sh", "-c", "if"}}, want: service},
		"word that needs quoting": {container: corev1.Container{Command: []string{"echo", "a b", "$HOME"}}, want: ends(0, 0, program.Line{Text: "a b $HOME"})},
		"annotations": {
			container:   corev1.Container{Command: []string{"sleep", "90"}},
			annotations: map[string]string{program.ExitAfter: "2s", program.ExitCode: "7"},
			want:        ends(2*time.Second, 7),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := program.Of(&test.container, test.annotations)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestOfRefusesMalformedAnnotations(t *testing.T) {
	for _, annotations := range []map[string]string{
		{program.ExitAfter: "soon"},
		{program.ExitAfter: "-1s"},
		{program.ExitAfter: "1s", program.ExitCode: "256"},
	} {
		if _, err := program.Of(&corev1.Container{}, annotations); err == nil {
			t.Errorf("%v accepted", annotations)
		}
	}
}

func TestPreStop(t *testing.T) {
	for name, test := range map[string]struct {
		hook *corev1.LifecycleHandler
		want time.Duration
	}{
		"none":     {nil, 0},
		"sleep":    {&corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 7}}, 7 * time.Second},
		"command":  {&corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/sh", "-c", "sleep 15"}}}, 15 * time.Second},
		"unknown":  {&corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"nginx", "-s", "quit"}}}, 0},
		"http get": {&corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{}}, 0},
	} {
		if got := program.PreStop(test.hook); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
