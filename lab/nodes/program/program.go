// Package program says what a simulated container does: what it prints and
// when, and when it ends. Simple commands are understood (sleep, echo, true,
// false, exit and shell scripts of them); everything else is a service that
// runs, silently, until it is stopped.
package program

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"mvdan.cc/sh/v3/syntax"

	"github.com/drover-project/drover/lab/nodes/shellbox"
)

// Annotations of a pod that decide how its simulated containers behave.
const (
	// ExitAfter ends every container this long after its start, such as 30s.
	ExitAfter = "lab.drover.dev/exit-after"
	// ExitCode is the code they end with, 0 without it.
	ExitCode = "lab.drover.dev/exit-code"
)

// Program is a container's life, counted from its start.
type Program struct {
	Output []Line
	// Ends is false for a service.
	Ends     bool
	After    time.Duration
	ExitCode int32
}

// Line is something printed, without its newline.
type Line struct {
	At   time.Duration
	Text string
}

// Of reads a container's command. The pod's annotations win; a malformed one is
// an error that names it.
func Of(container *corev1.Container, annotations map[string]string) (Program, error) {
	if text, set := annotations[ExitAfter]; set {
		return fromAnnotations(text, annotations[ExitCode])
	}
	words := append(append([]string{}, container.Command...), container.Args...)
	if len(words) == 0 {
		return Program{}, nil
	}
	return interpret(words, literalEnv(container)), nil
}

func fromAnnotations(after, code string) (Program, error) {
	duration, err := time.ParseDuration(after)
	if err != nil || duration < 0 {
		return Program{}, fmt.Errorf("annotation %s: %q is not a duration such as 30s", ExitAfter, after)
	}
	program := Program{Ends: true, After: duration}
	if code == "" {
		return program, nil
	}
	number, err := strconv.ParseUint(code, 10, 8)
	if err != nil {
		return Program{}, fmt.Errorf("annotation %s: %q is not a number from 0 to 255", ExitCode, code)
	}
	program.ExitCode = int32(number)
	return program, nil
}

func literalEnv(container *corev1.Container) []string {
	var env []string
	for _, variable := range container.Env {
		if variable.ValueFrom == nil {
			env = append(env, variable.Name+"="+variable.Value)
		}
	}
	return env
}

// errService ends the interpretation at a program that is not understood.
var errService = errors.New("runs until it is stopped")

// interpret runs the command with a clock of its own: sleeping moves it on.
func interpret(words []string, env []string) Program {
	script, params := scriptOf(words)
	r := &recorder{}
	err := shellbox.Box{Env: env, Params: params, Stdout: r, MaxCommands: maxCommands, Exec: r.exec}.Run([]byte(script))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
	program := Program{Output: r.lines}
	var exit shellbox.Exit
	switch {
	case err == nil:
		program.Ends, program.After = true, r.now
	case errors.As(err, &exit):
		program.Ends, program.After, program.ExitCode = true, r.now, int32(exit)
	}
	return program
}

// scriptOf returns the script of sh -c SCRIPT, or the command itself as one.
func scriptOf(words []string) (script string, params []string) {
	switch path.Base(words[0]) {
	case "sh", "bash", "ash":
		if len(words) >= 3 && strings.HasPrefix(words[1], "-") && strings.HasSuffix(words[1], "c") {
			return words[2], words[min(4, len(words)):]
		}
	}
	quoted := make([]string, 0, len(words))
	for i, word := range words {
		if i == 0 {
			word = path.Base(word)
		}
		text, err := syntax.Quote(word, syntax.LangBash)
		if err != nil {
			return unquotable, nil
		}
		quoted = append(quoted, text)
	}
	return strings.Join(quoted, " "), nil
}

// unquotable stands for a command that no shell can spell: a service.
const unquotable = "service"

// recorder is written to by the parts of a pipeline at the same time.
type recorder struct {
	mu      sync.Mutex
	now     time.Duration
	pending strings.Builder
	lines   []Line
}

// These bound what is computed for one container.
const (
	maxLines    = 1000
	maxCommands = 2000
)

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range p {
		if b == '\n' {
			r.flush()
			continue
		}
		r.pending.WriteByte(b)
	}
	if len(r.lines) > maxLines {
		return 0, errService
	}
	return len(p), nil
}

func (r *recorder) flush() {
	if r.pending.Len() == 0 {
		return
	}
	r.lines = append(r.lines, Line{At: r.now, Text: r.pending.String()})
	r.pending.Reset()
}

func (r *recorder) exec(words []string, _ io.Reader, _ io.Writer) error {
	if path.Base(words[0]) != "sleep" {
		return errService
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, word := range words[1:] {
		duration, ok := sleepTime(word)
		if !ok {
			return errService
		}
		r.now += duration
	}
	return nil
}

// sleepTime reads 5, 0.5, 5s, 2m, 1h and 1d; sleeping without end is a service.
func sleepTime(text string) (time.Duration, bool) {
	units := map[string]float64{"s": 1, "m": 60, "h": 3600, "d": 86400}
	unit := 1.0
	if text != "" {
		if factor, has := units[text[len(text)-1:]]; has {
			unit, text = factor, text[:len(text)-1]
		}
	}
	number, err := strconv.ParseFloat(text, 64)
	seconds := number * unit
	if err != nil || seconds < 0 || math.IsNaN(seconds) || seconds > maxSleep.Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// maxSleep keeps sums of sleeps within what a duration can hold.
const maxSleep = 365 * 24 * time.Hour

// PreStop is how long a preStop hook takes: its sleep, or that of a command of
// sleeps. Other hooks are over at once.
func PreStop(hook *corev1.LifecycleHandler) time.Duration {
	switch {
	case hook == nil:
		return 0
	case hook.Sleep != nil:
		return time.Duration(hook.Sleep.Seconds) * time.Second
	case hook.Exec != nil && len(hook.Exec.Command) > 0:
		program := interpret(hook.Exec.Command, nil)
		return program.After
	}
	return 0
}
