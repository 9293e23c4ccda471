// Package podlog keeps the logs of containers in the files and the format in
// which a node keeps them, and reads them for kubectl logs.
package podlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
	corev1 "k8s.io/api/core/v1"
	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"
)

// A container's log is rotated at this size; as many old files are kept.
const (
	maxSizeMiB = 10
	maxBackups = 4
)

// Dir is the folder that holds all pods' files.
type Dir string

// Pod is the folder of one pod.
func (d Dir) Pod(pod *corev1.Pod) string {
	return filepath.Join(string(d), "pods", fmt.Sprintf("%s_%s_%s", pod.Namespace, pod.Name, pod.UID))
}

// File is the log of one run of a container.
func (d Dir) File(pod *corev1.Pod, container string, attempt int32) string {
	return filepath.Join(d.Pod(pod), container, strconv.Itoa(int(attempt))+".log")
}

// Remove deletes what is kept of a pod.
func (d Dir) Remove(pod *corev1.Pod) error { return os.RemoveAll(d.Pod(pod)) }

// Append adds one line to a log, as if printed to stdout at the given time.
func Append(file string, at time.Time, line string) error {
	out, err := open(file)
	if err != nil {
		return err
	}
	_, err = out.Write(entry(at, runtimeapi.Stdout, runtimeapi.LogTagFull, []byte(line)))
	return errors.Join(err, out.Close())
}

func open(file string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

func entry(at time.Time, stream runtimeapi.LogStreamType, tag runtimeapi.LogTag, text []byte) []byte {
	line := at.UTC().AppendFormat(nil, time.RFC3339Nano)
	line = fmt.Appendf(line, " %s %s ", stream, tag)
	return append(append(line, text...), '\n')
}

// Writer is the log of a real process.
type Writer struct {
	now  func() time.Time
	mu   sync.Mutex // guards file, which both streams write to
	file *lumberjack.Logger
}

// NewWriter opens a log for writing. It keeps at most five files of 10 MiB.
func NewWriter(file string, now func() time.Time) (*Writer, error) {
	created, err := open(file)
	if err != nil {
		return nil, err
	}
	if err := created.Close(); err != nil {
		return nil, err
	}
	return &Writer{now: now, file: &lumberjack.Logger{Filename: file, MaxSize: maxSizeMiB, MaxBackups: maxBackups}}, nil
}

// Stdout and Stderr return writers that split what they get into lines.
func (w *Writer) Stdout() io.Writer { return &stream{log: w, name: runtimeapi.Stdout} }

// Stderr is like Stdout.
func (w *Writer) Stderr() io.Writer { return &stream{log: w, name: runtimeapi.Stderr} }

// Close closes the file.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.file.Close()
}

func (w *Writer) write(line []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.file.Write(line)
	return err
}

// maxLine is where a long line is cut into partial entries.
const maxLine = 16 << 10

type stream struct {
	log     *Writer
	name    runtimeapi.LogStreamType
	pending []byte
}

func (s *stream) Write(p []byte) (int, error) {
	s.pending = append(s.pending, p...)
	for {
		end := bytes.IndexByte(s.pending, '\n')
		switch {
		case end >= 0 && end <= maxLine:
			if err := s.flush(end, 1, runtimeapi.LogTagFull); err != nil {
				return 0, err
			}
		case len(s.pending) > maxLine:
			if err := s.flush(maxLine, 0, runtimeapi.LogTagPartial); err != nil {
				return 0, err
			}
		default:
			return len(p), nil
		}
	}
}

func (s *stream) flush(length, separator int, tag runtimeapi.LogTag) error {
	err := s.log.write(entry(s.log.now(), s.name, tag, s.pending[:length]))
	s.pending = append(s.pending[:0], s.pending[length+separator:]...)
	return err
}

// Read copies a log to out as the options of kubectl logs say. With Follow it
// returns when ctx ends or running says that the container has ended.
func Read(ctx context.Context, file string, options *corev1.PodLogOptions, running func() bool, out io.Writer) error {
	if err := ensure(file); err != nil {
		return err
	}
	err := logs.ReadLogs(ctx, file, "", readOptions(options, time.Now()), status{running: running}, out, out)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func readOptions(options *corev1.PodLogOptions, now time.Time) *logs.LogOptions {
	read := &logs.LogOptions{
		TailLines: options.TailLines, LimitBytes: options.LimitBytes,
		Follow: options.Follow, Timestamp: options.Timestamps,
	}
	switch {
	case options.SinceSeconds != nil:
		read.Since = now.Add(-time.Duration(*options.SinceSeconds) * time.Second)
	case options.SinceTime != nil:
		read.Since = options.SinceTime.Time
	}
	return read
}

// ensure makes an empty log of a container that has printed nothing.
func ensure(file string) error {
	f, err := open(file)
	if err != nil {
		return err
	}
	return f.Close()
}

// status is the one question that following a log asks the runtime.
type status struct {
	internalapi.RuntimeService
	running func() bool
}

func (s status) ContainerStatus(context.Context, string, bool) (*runtimeapi.ContainerStatusResponse, error) {
	state := runtimeapi.ContainerState_CONTAINER_EXITED
	if s.running() {
		state = runtimeapi.ContainerState_CONTAINER_RUNNING
	}
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{State: state}}, nil
}
