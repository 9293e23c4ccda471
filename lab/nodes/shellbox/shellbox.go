// Package shellbox interprets shell scripts without touching the host: no
// program is started, no file is read, and what is written goes nowhere.
package shellbox

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// These bound a script that loops; nothing in it really waits.
const (
	defaultMaxCommands = 10_000
	maxTime            = 5 * time.Second
)

// ErrEndless is the error for a script that goes on after very many commands.
var ErrEndless = errors.New("the script goes on after very many commands; a loop that waits for something on the machine never ends here")

// Box is what a script sees of its world.
type Box struct {
	Env    []string // NAME=value
	Params []string // $1 and so on
	Stdout io.Writer
	// MaxCommands bounds loops; 10,000 when 0.
	MaxCommands int
	// Exec stands for every program that is not a shell builtin. It answers by
	// writing to stdout; an error that is not an Exit ends the script. Parts of
	// a pipeline run at the same time, so that calls may overlap.
	Exec func(words []string, stdin io.Reader, stdout io.Writer) error
}

// Exit is a program's or the script's exit code other than 0.
type Exit uint8

func (e Exit) Error() string { return fmt.Sprintf("exit status %d", uint8(e)) }

// Run interprets the script. It returns nil for exit code 0, an Exit for
// another one, the error that Exec ended it with, or what is wrong with it.
func (b Box) Run(script []byte) error {
	file, err := syntax.NewParser().Parse(bytes.NewReader(script), "script")
	if err != nil {
		return err
	}
	limit := cmp.Or(b.MaxCommands, defaultMaxCommands)
	stdout := b.Stdout
	if stdout == nil {
		stdout = io.Discard
	}
	runner, err := interp.New(
		interp.Env(expand.ListEnviron(append([]string{"PATH=/usr/bin", "HOME=/root"}, b.Env...)...)),
		interp.Params(append([]string{"--"}, b.Params...)...),
		interp.StdIO(nil, stdout, io.Discard),
		interp.CallHandler(countTo(limit)),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return b.exec }),
		interp.OpenHandler(open),
		interp.ReadDirHandler2(func(_ context.Context, name string) ([]fs.DirEntry, error) { return nil, notExist("readdir", name) }),
		interp.StatHandler(func(_ context.Context, name string, _ bool) (fs.FileInfo, error) { return nil, notExist("stat", name) }),
	)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxTime)
	defer cancel()
	err = runner.Run(ctx, file)
	var status interp.ExitStatus
	if errors.As(err, &status) {
		return Exit(status)
	}
	return err
}

func (b Box) exec(ctx context.Context, words []string) error {
	handler := interp.HandlerCtx(ctx)
	err := b.Exec(words, handler.Stdin, handler.Stdout)
	var exit Exit
	if errors.As(err, &exit) {
		return interp.ExitStatus(exit)
	}
	return err
}

func countTo(limit int) interp.CallHandlerFunc {
	var count atomic.Int64
	return func(_ context.Context, words []string) ([]string, error) {
		if count.Add(1) > int64(limit) {
			return nil, ErrEndless
		}
		return words, nil
	}
}

func notExist(operation, name string) error {
	return &fs.PathError{Op: operation, Path: name, Err: fs.ErrNotExist}
}

// open lets a script write wherever it likes, to nowhere.
func open(_ context.Context, name string, flag int, _ os.FileMode) (io.ReadWriteCloser, error) {
	if flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		return nil, notExist("open", name)
	}
	return nowhere{}, nil
}

type nowhere struct{}

func (nowhere) Read([]byte) (int, error)    { return 0, io.EOF }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Close() error                { return nil }
