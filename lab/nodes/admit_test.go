package nodes_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestMachineJoinsOnceItCan: the console says once what keeps it away, and it joins when
// that is gone.
func TestMachineJoinsOnceItCan(t *testing.T) {
	for reason, c := range map[string]struct {
		of   func(l *lab) *atomic.Pointer[string]
		says string
	}{
		"role/own has no access entry": {func(l *lab) *atomic.Pointer[string] { return &l.refusal }, "Unauthorized"},
		"subnet-1 has no route":        {func(l *lab) *atomic.Pointer[string] { return &l.trapped }, "i/o timeout"},
	} {
		inBubble(t, func(t *testing.T, l *lab) {
			c.of(l).Store(&reason)
			m := newMachine(1)
			l.launch(m)
			wait(5 * time.Minute)
			if l.node(m) != nil {
				t.Fatalf("a machine joined although %s", reason)
			}
			says := func(line string) bool { return strings.Contains(line, c.says) && strings.Contains(line, reason) }
			if lines := l.region.consoleOf(m.ID); !slices.ContainsFunc(lines, says) || len(lines) > 3 {
				t.Errorf("the console says %q", lines)
			}
			c.of(l).Store(nil)
			wait(30 * time.Second)
			if l.node(m) == nil {
				t.Errorf("it does not join when no longer %s", reason)
			}
		})
	}
}
