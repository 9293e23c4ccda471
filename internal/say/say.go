// Package say writes what goes on during long work, a line at a time, in the
// form that users of eksctl know.
package say

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Log writes lines such as `2026-01-02 15:04:05 [ℹ]  deploying stack "a"`. Its
// methods may be called concurrently.
type Log struct {
	Out io.Writer
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	lock sync.Mutex
}

// Info tells what is being done.
func (l *Log) Info(format string, args ...any) { l.line("ℹ", format, args) }

// Success tells what is done.
func (l *Log) Success(format string, args ...any) { l.line("✔", format, args) }

// Warning tells what may go wrong, or needs a person.
func (l *Log) Warning(format string, args ...any) { l.line("!", format, args) }

// Problem tells what did go wrong while other work goes on.
func (l *Log) Problem(format string, args ...any) { l.line("✖", format, args) }

func (l *Log) line(sign, format string, args []any) {
	now := time.Now
	if l.Now != nil {
		now = l.Now
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n                        ")
	fmt.Fprintf(l.Out, "%s [%s]  %s\n", now().Format(time.DateTime), sign, text)
}
