package agent

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/interruption"
)

func (b *bench) interrupt(action string) {
	b.service.spot = cloud.SpotInterruption{Action: action, At: b.Clock.Now().Add(2 * time.Minute)}
}

// TestNothingHappens: then the API server is asked once, at the start.
func TestNothingHappens(t *testing.T) {
	b := newBench(t)
	b.look(50)
	b.wants("schedulable, 2 pods")
	if b.calls.reads != 1 || b.calls.writes != 0 || b.service.asked != 50 {
		t.Errorf("%d reads, %d writes, %d looks", b.calls.reads, b.calls.writes, b.service.asked)
	}
}

func TestSpotInterruptionWithoutAController(t *testing.T) {
	for _, action := range []string{"terminate", "stop", "hibernate"} {
		b := newBench(t)
		b.look(1)
		b.interrupt(action)
		b.look(1)
		b.wants("cordoned, 0 pods")
		notices := interruption.Of(b.node())
		if len(notices) != 1 || notices[0].Kind != interruption.SpotInterruption || notices[0].Action != action || notices[0].InstanceID != instance {
			t.Errorf("%s: recorded %+v", action, notices)
		}
		b.look(3)
		writes := b.calls.writes
		b.look(20)
		if b.calls.writes != writes || len(b.posts) != 1 {
			t.Errorf("%s: %d writes after the end, the webhook was told %d times", action, b.calls.writes-writes, len(b.posts))
		}
		if said := b.said(); said["SpotInterruption"] != 1 || said["Cordon"] != 1 || said["CordonAndDrain"] != 1 {
			t.Errorf("%s: said %v", action, said)
		}
	}
}

// TestAControllerActs: the agent records, and takes over when the controller is
// gone, of which it does not learn from anything but the lease.
func TestAControllerActs(t *testing.T) {
	b := newBench(t)
	b.led()
	b.interrupt("terminate")
	b.look(4)
	b.wants("schedulable, 2 pods")
	if len(interruption.Of(b.node())) != 1 {
		t.Error("nothing is recorded")
	}
	b.led()
	b.look(4)
	b.wants("schedulable, 2 pods")
	b.Clock.Step(10 * time.Second) // the lease ends
	b.look(1)
	b.wants("cordoned, 0 pods")
}

func TestModes(t *testing.T) {
	for _, test := range []struct {
		mode  Mode
		led   bool
		wants string
	}{
		{Always, true, "cordoned, 0 pods"},
		{Never, false, "schedulable, 2 pods"},
		{Auto, true, "schedulable, 2 pods"},
		{Auto, false, "cordoned, 0 pods"},
	} {
		b := newBench(t, func(o *Options) { o.Mode = test.mode })
		if test.led {
			b.led()
		}
		b.interrupt("terminate")
		b.look(3)
		if got := b.state(); got != test.wants {
			t.Errorf("%s, led %t: %s", test.mode, test.led, got)
		}
		if len(interruption.Of(b.node())) != 1 {
			t.Errorf("%s: nothing is recorded", test.mode)
		}
	}
}

// TestALeaseThatCannotBeRead is as good as none.
func TestALeaseThatCannotBeRead(t *testing.T) {
	b := newBench(t)
	b.led()
	b.leases = errGone
	b.interrupt("terminate")
	b.look(3)
	b.wants("cordoned, 0 pods")
}

// TestClocksThatDiffer: a lease that goes on being renewed is held, whatever
// time its holder has.
func TestClocksThatDiffer(t *testing.T) {
	b := newBench(t)
	var l lookout
	read := b.agent.Leads
	b.led()
	b.lease.Spec.RenewTime.Time = b.Clock.Now().Add(-time.Hour)
	if l.look(t.Context(), read, b.Clock.Now(), b.logger()) {
		t.Error("an old lease is held")
	}
	for range 3 {
		b.Clock.Step(2 * time.Second)
		b.lease.Spec.RenewTime.Time = b.lease.Spec.RenewTime.Add(2 * time.Second)
		if !l.look(t.Context(), read, b.Clock.Now(), b.logger()) {
			t.Error("a lease that is renewed is not held")
		}
	}
	b.Clock.Step(10 * time.Second)
	if l.look(t.Context(), read, b.Clock.Now(), b.logger()) {
		t.Error("a lease that is not renewed any more is held")
	}
}

func TestScheduledEvents(t *testing.T) {
	b := newBench(t)
	event := cloud.MaintenanceEvent{ID: "instance-event-1", Code: "system-reboot", NotBefore: b.Clock.Now().Add(3 * time.Hour)}
	b.service.events = []cloud.MaintenanceEvent{event}
	b.look(3)
	b.wants("schedulable, 2 pods")
	if n := interruption.Of(b.node()); len(n) != 1 || n[0].Action != interruption.ActionReboot || n[0].Detail != "system-reboot" {
		t.Fatalf("recorded %+v", n)
	}
	b.Clock.Step(2*time.Hour - time.Minute)
	b.look(1)
	b.wants("schedulable, 2 pods")
	b.Clock.Step(time.Minute)
	b.look(1)
	b.wants("cordoned, 0 pods")
	if labels := b.node().Labels; labels["aws-node-termination-handler/action"] != "UncordonAfterReboot" || labels["aws-node-termination-handler/event-id"] == "" {
		t.Errorf("labels %v", labels)
	}
	// The machine is started anew before the time: it is still to come.
	n := b.node()
	n.Status.NodeInfo.BootID = "boot-2"
	b.update(n)
	b.restart()
	b.look(1)
	b.wants("cordoned, 0 pods")
	b.Clock.Step(time.Hour)
	b.restart()
	b.look(1)
	b.wants("schedulable, 0 pods")
	if labels := b.node().Labels; len(labels) != 0 {
		t.Errorf("labels %v", labels)
	}
	// EC2 takes its time to say so.
	b.look(40)
	b.restart()
	b.look(3)
	b.wants("schedulable, 0 pods")
	event.NotBefore = b.Clock.Now().Add(30 * time.Minute)
	b.service.events = []cloud.MaintenanceEvent{event}
	b.look(1)
	b.wants("cordoned, 0 pods") // another one of the same kind
}

func (b *bench) update(n *corev1.Node) {
	b.t.Helper()
	if err := b.Client.Status().Update(b.t.Context(), n); err != nil {
		b.t.Fatal(err)
	}
}

func TestACancelledEvent(t *testing.T) {
	for name, cancel := range map[string]func(*bench){
		"canceled":  func(b *bench) { b.service.events[0].Over = true },
		"not there": func(b *bench) { b.service.events = nil },
	} {
		b := newBench(t)
		b.service.events = []cloud.MaintenanceEvent{{ID: "instance-event-1", Code: "instance-stop", NotBefore: b.Clock.Now().Add(time.Minute)}}
		b.look(2)
		b.wants("cordoned, 0 pods")
		cancel(b)
		b.look(3)
		b.wants("schedulable, 0 pods")
		if n := b.node(); len(n.Labels) != 0 || n.Annotations[Annotation] != "" {
			t.Errorf("%s: labels %v, annotations %v", name, n.Labels, n.Annotations)
		}
		if said := b.said(); said["ScheduledEvent"] != 2 || said["Uncordon"] != 1 {
			t.Errorf("%s: said %v", name, said)
		}
	}
}

// TestOnlyWhatItDidIsUndone: a node that somebody else cordoned stays so.
func TestOnlyWhatItDidIsUndone(t *testing.T) {
	b := newBench(t)
	n := b.node()
	n.Spec.Unschedulable = true
	if err := b.Client.Update(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	b.service.rebalance = b.Clock.Now()
	b.look(2)
	b.service.rebalance = time.Time{}
	b.look(6)
	b.wants("cordoned, 2 pods")
}

func TestRebalanceRecommendations(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Options)
		wants  string
		after  string // an hour later, still recommended
	}{
		{"recorded only", func(o *Options) { o.Rules.Act.Rebalance = false }, "schedulable, 2 pods", "schedulable, 2 pods"},
		{"cordon", func(*Options) {}, "cordoned, 2 pods", "cordoned, 2 pods"},
		{"drain", func(o *Options) { o.Rules.RebalanceDrain = true }, "cordoned, 0 pods", "cordoned, 0 pods"},
		{"until it is old", func(o *Options) { o.Rules.RebalanceExpiry = 30 * time.Minute }, "cordoned, 2 pods", "schedulable, 2 pods"},
	} {
		b := newBench(t, test.change)
		b.service.rebalance = b.Clock.Now()
		b.look(2)
		if got := b.state(); got != test.wants {
			t.Errorf("%s: %s", test.name, got)
		}
		if n := interruption.Of(b.node()); len(n) != 1 || n[0].Kind != interruption.RebalanceRecommendation {
			t.Errorf("%s: recorded %+v", test.name, n)
		}
		b.Clock.Step(time.Hour)
		b.look(2)
		if got := b.state(); got != test.after {
			t.Errorf("%s, an hour later: %s", test.name, got)
		}
	}
}

// TestANoticeThatCameToNothing: the instance is still there long after its end.
func TestANoticeThatCameToNothing(t *testing.T) {
	b := newBench(t)
	b.interrupt("terminate")
	b.look(2)
	b.Clock.Step(12 * time.Minute)
	b.look(2)
	b.wants("schedulable, 0 pods")
}

// TestAControllerThatTakesOver uncordons what the agent cordoned; the agent does
// not undo what a person does after that.
func TestAControllerThatTakesOver(t *testing.T) {
	b := newBench(t)
	b.service.rebalance = b.Clock.Now()
	b.look(2)
	n := b.node()
	delete(n.Annotations, "drover.sh/cordoned") // the controller, with the cordon; then a person cordons
	if err := b.Client.Update(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	b.led()
	b.service.rebalance = time.Time{}
	b.look(6)
	b.wants("cordoned, 2 pods")
	if marks := b.node().Annotations[Annotation]; marks != "" {
		t.Errorf("the agent still has %s", marks)
	}
}

// TestTheControllersCordonStays: for what only the queue tells of the agent
// neither does nor undoes anything.
func TestTheControllersCordonStays(t *testing.T) {
	b := newBench(t)
	n := b.node()
	interruption.Record(n, interruption.State(instance, "stopping", b.Clock.Now()))
	n.Spec.Unschedulable, n.Annotations["drover.sh/cordoned"] = true, "true"
	if err := b.Client.Update(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	b.service.rebalance = b.Clock.Now()
	b.look(2)
	b.service.rebalance = time.Time{}
	b.look(6)
	b.wants("cordoned, 2 pods")
	if b.node().Annotations["drover.sh/cordoned"] == "" {
		t.Error("the controller's mark is gone")
	}
}

// TestRecommendationThenNotice: what was cordoned is drained, and the webhook
// hears of both.
func TestRecommendationThenNotice(t *testing.T) {
	b := newBench(t)
	b.service.rebalance = b.Clock.Now()
	b.look(2)
	b.wants("cordoned, 2 pods")
	b.restart()
	b.interrupt("terminate")
	b.look(2)
	b.wants("cordoned, 0 pods")
	if len(b.posts) != 2 {
		t.Errorf("the webhook was told %d times", len(b.posts))
	}
}

func TestGroupTermination(t *testing.T) {
	b := newBench(t)
	b.service.target = "InService"
	b.look(2)
	b.wants("schedulable, 2 pods")
	b.service.target = "Terminated"
	b.look(2)
	b.wants("cordoned, 0 pods")
	b.service.target = "InService"
	b.look(4)
	b.wants("schedulable, 0 pods")
}

// TestALateDrain: the node is cordoned at once, and drained when there is as
// much time left as asked for.
func TestALateDrain(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Rules.DrainBefore = time.Minute })
	b.interrupt("terminate")
	b.look(10)
	b.wants("cordoned, 2 pods")
	if len(b.posts) != 0 {
		t.Error("the webhook was told before the drain")
	}
	b.Clock.Step(time.Minute)
	b.look(2)
	b.wants("cordoned, 0 pods")
}

func TestCordonOnly(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Rules.CordonOnly = true })
	b.interrupt("terminate")
	b.look(5)
	b.wants("cordoned, 2 pods")
	if len(b.posts) != 1 {
		t.Errorf("the webhook was told %d times", len(b.posts))
	}
}

func TestTaintsAndLabels(t *testing.T) {
	b := newBench(t, func(o *Options) {
		o.Marks = Marks{Taint: true, Effect: corev1.TaintEffectNoSchedule, OutOfService: true, NoLoadBalancers: true}
	})
	b.service.rebalance = b.Clock.Now()
	b.look(2)
	b.wants("cordoned, 2 pods aws-node-termination-handler/rebalance-recommendation=RebalanceRecommendation_" + instance + ":NoSchedule")
	if got := b.node().Labels[corev1.LabelNodeExcludeBalancers]; got != "aws-node-termination-handler" {
		t.Errorf("label %q", got)
	}
	b.service.rebalance = time.Time{}
	b.look(4)
	b.wants("schedulable, 2 pods")
	b.interrupt("terminate")
	b.look(2)
	b.wants("cordoned, 0 pods aws-node-termination-handler/spot-itn=SpotInterruption_" + instance + "_terminate:NoSchedule node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")
	b.service.spot = cloud.SpotInterruption{}
	b.look(4)
	b.wants("schedulable, 0 pods")
	if n := b.node(); len(n.Labels) != 0 || n.Annotations[Annotation] != "" {
		t.Errorf("labels %v, annotations %v", n.Labels, n.Annotations)
	}
}

// TestTheControllersTaintsStay, and so does what a person set.
func TestOthersTaintsStay(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Marks = Marks{Taint: true, Effect: corev1.TaintEffectNoSchedule} })
	n := b.node()
	n.Spec.Taints = []corev1.Taint{{Key: "spotInstance", Value: "true", Effect: corev1.TaintEffectPreferNoSchedule}}
	if err := b.Client.Update(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	b.interrupt("terminate")
	b.look(2)
	b.service.spot = cloud.SpotInterruption{}
	b.look(4)
	b.wants("schedulable, 0 pods spotInstance=true:PreferNoSchedule")
}

// TestAnotherInstance: a node name that is not the agent's own changes nothing.
func TestAnotherInstance(t *testing.T) {
	b := newBench(t)
	b.service.Identity.InstanceID = "i-0ffffffffffffffff"
	b.interrupt("terminate")
	b.look(3)
	b.wants("schedulable, 2 pods")
	if len(b.node().Annotations) != 0 || !strings.Contains(strings.Join(b.log, "\n"), "--node-name") {
		t.Errorf("annotations %v, log %v", b.node().Annotations, b.log)
	}
}

// TestADisruptionBudget: the pod that is held is asked for again, until it may go.
func TestTheDrainGoesOn(t *testing.T) {
	b := newBench(t)
	held := clustertest.Get(b.Cluster, &corev1.Pod{ObjectMeta: pod("web-1").ObjectMeta}, "web-1")
	held.Annotations = map[string]string{"karpenter.sh/do-not-disrupt": "true"}
	if err := b.Client.Update(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	b.interrupt("terminate")
	b.look(3)
	b.wants("cordoned, 1 pods")
	if len(b.posts) != 0 {
		t.Error("the webhook was told before the node is empty")
	}
	b.Clock.Step(90 * time.Second) // it would be too late
	b.look(2)
	b.wants("cordoned, 0 pods")
}

func TestDryRun(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Marks = Marks{Taint: true, Effect: corev1.TaintEffectNoSchedule} })
	b.dry = true
	b.restart()
	b.interrupt("terminate")
	b.look(20)
	b.wants("schedulable, 2 pods")
	if b.calls.writes != 0 || len(b.posts) != 0 || len(b.node().Annotations) != 0 {
		t.Errorf("%d writes, webhook %d", b.calls.writes, len(b.posts))
	}
	said := strings.Join(b.log, "\n")
	for _, part := range []string{"the node would be changed", "spot-itn", "shop/web-1 shop/web-2", "the webhook would be told"} {
		if strings.Count(said, part) == 0 {
			t.Errorf("the log does not say %q:\n%s", part, said)
		}
	}
	if strings.Count(said, "pods would be evicted") != 1 {
		t.Errorf("the drain is said again and again:\n%s", said)
	}
}
