package interruption_test

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/interruption"
)

func noon() time.Time { return time.Date(2026, 9, 18, 12, 0, 0, 0, time.UTC) }

func nodeOf(instance string) *corev1.Node {
	return &corev1.Node{Spec: corev1.NodeSpec{ProviderID: "aws:///us-east-1a/" + instance}}
}

func TestBothWaysOfHearingGiveOneEvent(t *testing.T) {
	pairs := map[string][2]interruption.Notice{
		"spot": {
			interruption.Spot("i-1", "terminate", noon(), time.Time{}),
			interruption.Spot("i-1", "terminate", noon().Add(5*time.Second), noon().Add(2*time.Minute)),
		},
		"rebalance": {interruption.Rebalance("i-1", noon()), interruption.Rebalance("i-1", noon().Add(time.Second))},
		"reboot": {
			interruption.Scheduled("i-1", "system-reboot", noon(), noon().Add(time.Hour), false),
			interruption.Scheduled("i-1", "AWS_EC2_SYSTEM_REBOOT_MAINTENANCE_SCHEDULED", noon(), noon().Add(time.Hour), false),
		},
		"retirement": {
			interruption.Scheduled("i-1", "instance-retirement", noon(), noon().Add(time.Hour), false),
			interruption.Scheduled("i-1", "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED", noon(), noon().Add(time.Hour), false),
		},
		"group": {
			interruption.Termination("i-1", noon(), nil),
			interruption.Termination("i-1", noon(), &interruption.Hook{Group: "g", Name: "h", Token: "t"}),
		},
	}
	for name, pair := range pairs {
		node := nodeOf("i-1")
		if !interruption.Record(node, pair[0]) {
			t.Errorf("%s: the first notice changes the record", name)
		}
		interruption.Record(node, pair[1])
		if got := interruption.Of(node); len(got) != 1 {
			t.Errorf("%s: one event must have one entry, not %d: %+v", name, len(got), got)
		}
	}
}

func TestTheOrderOfNoticesDoesNotMatter(t *testing.T) {
	later := noon().Add(time.Minute)
	all := []interruption.Notice{
		interruption.Spot("i-1", "stop", noon(), time.Time{}),
		interruption.Spot("i-1", "stop", noon().Add(3*time.Second), noon().Add(119*time.Second)),
		interruption.Rebalance("i-1", noon()),
		interruption.Rebalance("i-1", later),
		interruption.Scheduled("i-1", "instance-stop", noon(), noon().Add(time.Hour), false),
		interruption.Scheduled("i-1", "instance-stop", later, noon().Add(time.Hour), true),
		interruption.Termination("i-1", noon(), &interruption.Hook{Group: "g", Name: "a", Token: "1"}),
		interruption.Termination("i-1", noon(), &interruption.Hook{Group: "g", Name: "b", Token: "2"}),
		interruption.State("i-1", "stopping", noon()),
		interruption.State("i-1", "stopped", noon().Add(time.Second)),
	}
	want := ""
	for round := range 200 {
		order := rand.New(rand.NewSource(int64(round))).Perm(2 * len(all))
		node := nodeOf("i-1")
		for _, i := range order {
			interruption.Record(node, all[i%len(all)])
		}
		got := node.Annotations[interruption.Annotation]
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("round %d:\n got %s\nwant %s", round, got, want)
		}
		for _, n := range all {
			if interruption.Record(node, n) {
				t.Fatalf("a notice that is known changes nothing: %+v", n)
			}
		}
	}
	node := nodeOf("i-1")
	node.Annotations = map[string]string{interruption.Annotation: want}
	for _, n := range interruption.Of(node) {
		switch n.Kind {
		case interruption.SpotInterruption:
			if !n.Deadline.Equal(noon().Add(119 * time.Second)) {
				t.Errorf("the earlier deadline counts, not %s", n.Deadline)
			}
		case interruption.ScheduledEvent:
			if !n.Over {
				t.Error("the later word was that the event is cancelled")
			}
		case interruption.GroupTermination:
			if len(n.Hooks) != 2 {
				t.Errorf("two hooks wait for an answer, not %d", len(n.Hooks))
			}
		}
	}
}

func TestRunningAgainEndsAStop(t *testing.T) {
	node := nodeOf("i-1")
	interruption.Record(node, interruption.Spot("i-1", "stop", noon(), time.Time{}))
	interruption.Record(node, interruption.State("i-1", "stopped", noon().Add(2*time.Minute)))
	interruption.Record(node, interruption.State("i-1", "running", noon().Add(time.Hour)))
	for _, n := range interruption.Of(node) {
		if !n.Over {
			t.Errorf("still in force after the instance runs again: %+v", n)
		}
	}
}

func TestAnotherInstancesNoticesDoNotCount(t *testing.T) {
	node := nodeOf("i-1")
	if interruption.Record(node, interruption.Rebalance("i-2", noon())) {
		t.Error("a notice about another instance was recorded")
	}
	interruption.Record(node, interruption.Rebalance("i-1", noon()))
	node.Spec.ProviderID = "aws:///us-east-1a/i-3"
	if got := interruption.Of(node); len(got) != 0 {
		t.Errorf("the Node of that name is another instance now: %+v", got)
	}
}

func TestTheRecordIsBoundedAndForgiving(t *testing.T) {
	node := nodeOf("i-1")
	node.Annotations = map[string]string{interruption.Annotation: "{not json"}
	for i := range 40 {
		n := interruption.Rebalance("i-1", noon().Add(time.Duration(i)*time.Second))
		n.ID = fmt.Sprintf("future/%02d", i)
		n.Detail = string(make([]byte, 5000))
		interruption.Record(node, n)
	}
	got := interruption.Of(node)
	if len(got) != 16 || got[15].ID != "future/39" {
		t.Errorf("%d notices, the last %q: the newest sixteen are kept", len(got), got[len(got)-1].ID)
	}
	if size := len(node.Annotations[interruption.Annotation]); size > 40_000 {
		t.Errorf("the annotation has %d bytes", size)
	}
	if !interruption.Set(node, nil) || node.Annotations[interruption.Annotation] != "" {
		t.Error("an empty record is no annotation")
	}
}

// A message that an instance stops may come after the one that it runs again.
func TestAStopThatIsHeardOfTooLateIsOver(t *testing.T) {
	node := nodeOf("i-1")
	interruption.Record(node, interruption.State("i-1", "running", noon().Add(time.Hour)))
	interruption.Record(node, interruption.State("i-1", "stopping", noon()))
	for _, n := range interruption.Of(node) {
		if !n.Over {
			t.Errorf("in force although the instance runs again: %+v", n)
		}
	}
}
