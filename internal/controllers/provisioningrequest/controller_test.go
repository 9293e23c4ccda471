package provisioningrequest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/provreq"
)

const (
	granted = "Accepted=True/Accepted Provisioned=True/CapacityIsFound"
	refused = "Accepted=True/Accepted Provisioned=False/CapacityIsNotFound"
)

func (w *world) want(name, state string) {
	w.t.Helper()
	if got := w.state(name); got != state {
		w.t.Errorf("%s is %q, want %q; log:\n%s", name, got, state, w.log.String())
	}
}

// booked is how many pods room is kept for that are not there.
func (w *world) booked() int {
	w.t.Helper()
	snapshot, err := w.observer.Snapshot(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	count := 0
	for _, node := range snapshot.Nodes {
		for _, pod := range node.Pods {
			if pod.Promised {
				count++
			}
		}
	}
	return count
}

func TestRoomThatIsThereIsFoundAndBooked(t *testing.T) {
	w := newWorld(t, 2, 2)
	w.ask("job", provreq.CheckCapacity, 4, "900m")
	w.round()
	w.want("job", granted)
	if got := w.booked(); got != 4 {
		t.Errorf("room is kept for %d pods, want 4", got)
	}
	// What is booked is not there for another.
	w.ask("late", provreq.CheckCapacity, 1, "500m")
	w.round()
	w.want("late", refused)
	if text := w.message("late", provreq.Provisioned); !strings.Contains(text, "Capacity is not found, CA will try to find it later.") || !strings.Contains(text, "1 of its pods have no room") {
		t.Errorf("the message is %q", text)
	}
	// The booking ends after ten minutes; the other one asks again, and is served.
	w.clock.Step(10*time.Minute + time.Second)
	w.round()
	w.want("job", granted+" BookingExpired=True/CapacityReservationTimeExpired")
	w.round()
	w.want("late", granted)
	if got := w.booked(); got != 1 {
		t.Errorf("room is kept for %d pods, want that of the second request", got)
	}
}

func TestRequestsAreAskedAgainLaterAndLater(t *testing.T) {
	w := newWorld(t, 1, 1)
	w.ask("job", provreq.CheckCapacity, 1, "4")
	w.round()
	for _, wait := range []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute, 3 * time.Minute} {
		before := w.request("job").Status.Conditions[1].LastTransitionTime
		w.clock.Step(wait)
		w.round()
		if after := w.request("job").Status.Conditions[1].LastTransitionTime; !after.Equal(&before) {
			t.Fatalf("it was asked again after %s, too early", wait)
		}
		w.clock.Step(time.Second)
		w.round()
		if after := w.request("job").Status.Conditions[1].LastTransitionTime; after.Equal(&before) {
			t.Fatalf("it was not asked again after %s", wait)
		}
	}
	w.ask("once", provreq.CheckCapacity, 1, "4", "noRetry")
	w.round()
	w.want("once", "Accepted=True/Accepted Failed=True/CapacityIsNotFound")
}

func TestGroupsGrowForAllPodsOrNone(t *testing.T) {
	w := newWorld(t, 1, 3)
	w.ask("large", provreq.AtomicScaleUp, 8, "900m") // needs four nodes
	w.round()
	w.want("large", refused)
	if got := w.groups.Desired("workers"); got != 1 {
		t.Errorf("the desired size is %d: nothing may grow for a part", got)
	}
	w.ask("job", provreq.AtomicScaleUp, 5, "900m")
	w.round()
	w.want("job", "Accepted=True/Accepted Provisioned=True/CapacityIsProvisioned")
	if got := w.groups.Desired("workers"); got != 3 {
		t.Errorf("the desired size is %d, want 3", got)
	}
	// The room is kept on nodes that are still on their way, and once they are there.
	if got := w.booked(); got != 5 {
		t.Errorf("room is kept for %d pods on nodes to come, want 5", got)
	}
	w.join()
	if got := w.booked(); got != 5 {
		t.Errorf("room is kept for %d pods, want 5", got)
	}
	w.ask("small", provreq.AtomicScaleUp, 1, "500m")
	w.round()
	w.want("small", granted)
}

func TestPodsThatWaitHaveTheirRoomFirst(t *testing.T) {
	w := newWorld(t, 1, 1)
	w.pod("web", "1500m", "")
	w.ask("job", provreq.CheckCapacity, 1, "1")
	w.round()
	w.want("job", refused)
}

func TestPodsUseWhatIsBooked(t *testing.T) {
	w := newWorld(t, 1, 4)
	w.ask("job", provreq.CheckCapacity, 3, "600m")
	w.round()
	w.want("job", granted)
	w.pod("job-a", "600m", "job")
	w.pod("web", "600m", "")
	snapshot, err := w.observer.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(snapshot.Pending) != 1 || snapshot.Pending[0].Name != "web" {
		t.Errorf("pods that make groups grow are %v, want web alone", snapshot.Pending)
	}
	w.round()
	w.round()
	close(w.said)
	told := 0
	for text := range w.said {
		if strings.Contains(text, "didn't trigger scale-up, because it's consuming ProvisioningRequest default/job") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("the pod was told %d times that it uses a booking, want once", told)
	}
	w.bind("job-a")
	if got := w.booked(); got != 2 {
		t.Errorf("room is kept for %d pods, want that of the two that are not there yet", got)
	}
}

func TestBookedNodesStay(t *testing.T) {
	w := newWorld(t, 2, 2)
	w.ask("job", provreq.CheckCapacity, 2, "1500m") // one on each
	w.round()
	w.want("job", granted)
	w.watchFor(5 * time.Minute)
	if got := w.groups.Desired("workers"); got != 2 {
		t.Errorf("the desired size is %d: both nodes are booked", got)
	}
	w.clock.Step(5*time.Minute + time.Second)
	w.round()
	w.watchFor(2 * time.Minute)
	if got := w.groups.Desired("workers"); got != 0 {
		t.Errorf("the desired size is %d: nobody came for the nodes", got)
	}
}

// watchFor lets time go by with a look every half minute.
func (w *world) watchFor(duration time.Duration) {
	w.t.Helper()
	for range duration / (30 * time.Second) {
		w.clock.Step(30 * time.Second)
		if _, err := w.autoscaler.Round(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestRequestsEnd(t *testing.T) {
	w := newWorld(t, 1, 1)
	w.ask("in-vain", provreq.CheckCapacity, 1, "4")
	w.ask("served", provreq.CheckCapacity, 1, "500m")
	w.round()
	w.round()
	w.clock.Step(7*24*time.Hour - time.Minute)
	w.round()
	w.want("served", granted+" BookingExpired=True/CapacityReservationTimeExpired")
	w.clock.Step(2 * time.Minute)
	w.round()
	w.want("in-vain", "Accepted=True/Accepted Provisioned=False/CapacityIsNotFound Failed=True/Expired")
	w.want("served", "gone")
	w.clock.Step(7*24*time.Hour + time.Minute)
	w.round()
	w.want("in-vain", "gone")
}

func TestRequestsThatNobodyCanRead(t *testing.T) {
	w := newWorld(t, 1, 1)
	w.ask("job", provreq.CheckCapacity, 1, "500m")
	template := &corev1.PodTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "job"}}
	if err := w.client.Delete(t.Context(), template); err != nil {
		t.Fatal(err)
	}
	w.ask("other", "queued-provisioning.gke.io", 1, "500m")
	w.round()
	w.round()
	w.want("job", "Failed=True/FailedToCreatePods")
	if text := w.message("job", provreq.Failed); !strings.Contains(text, "PodTemplate default/job of podSets[0] does not exist") {
		t.Errorf("the message is %q", text)
	}
	w.want("other", "")
}

func TestAnotherProcessKeepsWhatIsBooked(t *testing.T) {
	w := newWorld(t, 1, 1)
	w.ask("job", provreq.CheckCapacity, 2, "900m")
	w.round()
	w.restart()
	if got := w.booked(); got != 2 {
		t.Errorf("room is kept for %d pods, want 2", got)
	}
	for i := range 3 {
		w.ask(fmt.Sprintf("more-%d", i), provreq.CheckCapacity, 1, "900m")
	}
	for range 3 {
		w.round()
	}
	for i := range 3 {
		w.want(fmt.Sprintf("more-%d", i), refused)
	}
}
