package agent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/interruption"
)

// TestTheServiceIsGone: it is asked less often, told of once, and counted; the
// agent goes on when it is back.
func TestTheServiceIsGone(t *testing.T) {
	b := newBench(t)
	registry := prometheus.NewRegistry()
	b.agent.Metrics = NewMetrics(registry)
	b.look(1)
	b.service.broken = errGone
	var pauses []time.Duration
	for range 6 {
		pauses = append(pauses, b.agent.Look(t.Context()))
	}
	if got := fmt.Sprint(pauses); got != "[4s 8s 10s 10s 10s 10s]" {
		t.Errorf("pauses %s", got)
	}
	if n := testutil.ToFloat64(b.agent.Metrics.errors.WithLabelValues("spot-itn")); n != 6 {
		t.Errorf("%g errors are counted", n)
	}
	if up := testutil.ToFloat64(b.agent.Metrics.reachable); up != 0 {
		t.Error("it counts as up")
	}
	b.service.broken = nil
	b.interrupt("terminate")
	if pause := b.agent.Look(t.Context()); pause != 2*time.Second {
		t.Errorf("pause %s", pause)
	}
	b.wants("cordoned, 0 pods")
	said := strings.Join(b.log, "\n")
	if strings.Count(said, "does not say what it should") != 1 || strings.Count(said, "answers again") != 1 {
		t.Errorf("log:\n%s", said)
	}
	if err := b.agent.Alive(); err != nil {
		t.Error(err)
	}
}

// TestAnAnswerThatIsNone changes nothing, and what was known stays.
func TestAnAnswerThatIsNone(t *testing.T) {
	b := newBench(t)
	b.service.rebalance = b.Clock.Now()
	b.look(2)
	b.wants("cordoned, 2 pods")
	b.service.broken, b.service.rebalance = fmt.Errorf("%w: nonsense", cloud.ErrUnreadable), time.Time{}
	b.look(10)
	b.wants("cordoned, 2 pods")
}

// TestGoneBeforeTheStart: what is recorded is looked after even by an agent that
// never reached the service.
func TestGoneBeforeTheStart(t *testing.T) {
	b := newBench(t)
	b.led()
	b.interrupt("terminate")
	b.look(1)
	b.lease, b.service.broken = nil, errGone
	b.restart()
	b.look(2)
	b.wants("cordoned, 0 pods")
}

// TestKilledAnywhere: the process is killed at each of its calls, ahead of it or
// before its answer, and started again; the work ends the same, once.
func TestKilledAnywhere(t *testing.T) {
	for _, answered := range []bool{false, true} {
		for at := 1; ; at++ {
			b := newBench(t, func(o *Options) { o.Marks.OutOfService = true })
			faults := &clustertest.Faults{At: at, Answered: answered}
			b.startWith(faults.Client(b.Client))
			b.interrupt("terminate")
			b.look(3)
			killed := faults.Dead()
			b.restart()
			b.look(4)
			b.wants("cordoned, 0 pods node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")
			if n := interruption.Of(b.node()); len(n) != 1 {
				t.Fatalf("killed at %d: %d notices", at, len(n))
			}
			// Only a process that is killed between the webhook's answer and the
			// note of it tells the webhook twice.
			if len(b.posts) < 1 || len(b.posts) > 2 || !killed && len(b.posts) != 1 {
				t.Errorf("killed at %d, answered %t: the webhook was told %d times", at, answered, len(b.posts))
			}
			b.service.spot = cloud.SpotInterruption{}
			b.look(5)
			b.wants("schedulable, 0 pods")
			if !killed {
				if at < 4 {
					t.Errorf("only %d calls", at)
				}
				break
			}
		}
	}
}

// TestAWebhookThatRefuses is told three times, and holds nothing up for ever.
func TestAWebhookThatRefuses(t *testing.T) {
	b := newBench(t)
	b.refuse = errGone
	b.interrupt("terminate")
	b.look(10)
	b.wants("cordoned, 0 pods")
	if len(b.posts) != 3 {
		t.Errorf("told %d times", len(b.posts))
	}
	if said := b.said(); said["PostDrainError"] != 1 || said["CordonAndDrain"] != 1 {
		t.Errorf("said %v", said)
	}
}

// TestAlive: an agent that hangs is not.
func TestAlive(t *testing.T) {
	b := newBench(t)
	if err := b.agent.Alive(); err != nil {
		t.Errorf("before the first look: %v", err)
	}
	b.look(1)
	b.Clock.Step(time.Minute)
	if b.agent.Alive() == nil {
		t.Error("no look for more than a minute")
	}
	b.look(1)
	if err := b.agent.Alive(); err != nil {
		t.Error(err)
	}
}

// TestTheNodeIsNotThere: that is told once, until it changes.
func TestTheNodeIsNotThere(t *testing.T) {
	b := newBench(t)
	n := b.node()
	if err := b.Client.Delete(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	b.interrupt("terminate")
	b.look(20)
	if said := strings.Count(strings.Join(b.log, "\n"), "could not be brought up to date"); said != 1 {
		t.Errorf("told %d times", said)
	}
	again := node()
	b.Create(again)
	b.look(2)
	b.wants("cordoned, 0 pods")
}
