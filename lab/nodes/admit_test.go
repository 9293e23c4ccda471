package nodes_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMachineJoinsOnceItsRoleIsMapped(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		reason := "role/own has no access entry"
		l.refusal.Store(&reason)
		m := newMachine(1)
		l.launch(m)
		wait(5 * time.Minute)
		if l.node(m) != nil {
			t.Fatal("a machine joined whose role is not mapped")
		}
		says := func(line string) bool {
			return strings.Contains(line, "Unauthorized") && strings.Contains(line, reason)
		}
		if lines := l.region.consoleOf(m.ID); !slices.ContainsFunc(lines, says) || len(lines) > 3 {
			t.Errorf("the console says %q", lines)
		}
		l.refusal.Store(nil)
		wait(30 * time.Second)
		if l.node(m) == nil {
			t.Error("it does not join when its role is mapped")
		}
	})
}
