package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// progressAfter is how long work may take before anything is said about it.
const progressAfter = time.Second

// progress keeps one line on a terminal up to date while work goes on. It says
// nothing elsewhere.
type progress struct {
	out   io.Writer
	mu    sync.Mutex
	doing string
	since time.Time
	shown bool
	done  chan struct{}
	ended sync.WaitGroup
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, done: make(chan struct{})}
	file, isFile := out.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		p.out = nil
		return p
	}
	p.ended.Go(func() {
		ticker := time.NewTicker(progressAfter)
		defer ticker.Stop()
		for {
			select {
			case <-p.done:
				return
			case <-ticker.C:
				p.show()
			}
		}
	})
	return p
}

// say names what is being done now.
func (p *progress) say(doing string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doing, p.since = doing, time.Now()
}

func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.doing == "" {
		return
	}
	p.shown = true
	fmt.Fprintf(p.out, "\r\x1b[K%s (%d s)", p.doing, int(time.Since(p.since).Seconds()))
}

// stop takes the line away; it may be called more than once.
func (p *progress) stop() {
	if p.out == nil {
		return
	}
	select {
	case <-p.done:
		return
	default:
		close(p.done)
	}
	p.ended.Wait()
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
