package evacuate

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestStepBeforeADeadline(t *testing.T) {
	nowhere := func(*corev1.Pod) bool { return false }
	web := func(change ...func(*corev1.Pod)) corev1.Pod {
		return pod("web", append(change, ownedBy("ReplicaSet"))...)
	}
	for _, test := range []struct {
		name                       string
		pod                        corev1.Pod
		left                       time.Duration
		force                      Force
		hasPlace                   func(*corev1.Pod) bool
		evict, remove, held, block string
		grace                      time.Duration // of what goes, 0 for its own
		recheck                    time.Duration
	}{
		{name: "a place waits", pod: web(), left: 2 * time.Minute, evict: "web", recheck: 85 * time.Second},
		{name: "no place yet", pod: web(), left: 2 * time.Minute, hasPlace: nowhere, held: "web", recheck: 85 * time.Second},
		{name: "the latest start", pod: web(), left: 35 * time.Second, hasPlace: nowhere, evict: "web"},
		{name: "a pod that nobody makes anew needs no place", pod: pod("web"), left: 2 * time.Minute, hasPlace: nowhere, evict: "web", recheck: 85 * time.Second},
		{name: "do-not-disrupt holds until it would be too late", pod: web(doNotDisrupt("true")), left: 2 * time.Minute, block: "web", recheck: 85 * time.Second},
		{name: "and no longer", pod: web(doNotDisrupt("true")), left: 35 * time.Second, evict: "web"},
		{name: "a grace period that does not fit is shortened", pod: web(graceful(10 * time.Minute)), left: 2 * time.Minute, hasPlace: nowhere, evict: "web", grace: 115 * time.Second},
		{name: "a DaemonSet's pod stays", pod: pod("daemon", ownedBy("DaemonSet")), left: time.Second},
		{name: "budgets count until the end", pod: web(), left: time.Second, evict: "web", grace: time.Second},
		{name: "unless they are not to", pod: web(), left: 20 * time.Second, force: ForceDelete, remove: "web", grace: 20 * time.Second},
		{name: "a pod that is leaving is left alone", pod: web(ending(-20 * time.Second)), left: 20 * time.Second, force: ForceDelete},
		{name: "one that would leave too late is not", pod: web(ending(-30 * time.Second)), left: 20 * time.Second, force: ForceDelete, remove: "web", grace: 20 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			step := Next([]corev1.Pod{test.pod}, noon, Rules{
				Deadline: noon.Add(test.left), HasPlace: test.hasPlace, Margin: 5 * time.Second, Force: test.force, ForceBefore: 20 * time.Second, KeepDaemonSets: true,
			})
			if removals(step.Evict) != test.evict || removals(step.Remove) != test.remove || names(step.Held) != test.held || names(step.Blocked) != test.block {
				t.Errorf("evict %q, remove %q, held %q, blocked %q", removals(step.Evict), removals(step.Remove), names(step.Held), names(step.Blocked))
			}
			grace := time.Duration(0)
			for _, removal := range append(step.Evict, step.Remove...) {
				if removal.Grace != nil {
					grace = *removal.Grace
				}
			}
			if grace != test.grace {
				t.Errorf("grace period %s, want %s", grace, test.grace)
			}
			if test.recheck != 0 && step.Recheck != test.recheck {
				t.Errorf("looked at again after %s, want %s", step.Recheck, test.recheck)
			}
		})
	}
}
