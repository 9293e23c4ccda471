package nodegroup_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/controllers/nodegroup"
)

const candidacy = "DeletionCandidateOfClusterAutoscaler"

// candidates are the nodes with the soft taint, by name, and its values.
func (w *world) candidates() (names, values []string) {
	w.t.Helper()
	for _, node := range w.Nodes() {
		for _, taint := range node.Spec.Taints {
			if taint.Key != candidacy {
				continue
			}
			if taint.Effect != corev1.TaintEffectPreferNoSchedule {
				w.t.Errorf("the taint of %s has the effect %s", node.Name, taint.Effect)
			}
			names, values = append(names, node.Name), append(values, taint.Value)
		}
	}
	return names, values
}

func softly(count int) func(*nodegroup.Options) {
	return func(o *nodegroup.Options) { o.ScaleDown.SoftTaints = count }
}

func TestUnneededNodesShowItUntilTheyAreNeeded(t *testing.T) {
	w := newWorld(t, nil, cloudtest.Group("workers", "us-west-2a", 1, 3, 6))
	since := strconv.FormatInt(w.Clock.Now().Unix(), 10)
	w.watch()
	names, values := w.candidates()
	if len(names) != 2 || values[0] != since || values[1] != since {
		t.Fatalf("nodes %v show since %v, want two of three since %s", names, values, since)
	}
	if !strings.Contains(w.log.String(), "Successfully added DeletionCandidateTaint on node "+names[0]) {
		t.Errorf("the log is %q", w.log.String())
	}
	w.pass(time.Minute)
	if _, later := w.candidates(); !slices.Equal(later, values) {
		t.Errorf("the times became %v, want %v", later, values)
	}
	// More than half of two nodes is requested: those are needed again.
	for range 2 {
		w.deployOn(names[0])
		w.deployOn(names[1])
	}
	other := w.others(names)[0]
	w.watch()
	left, _ := w.candidates()
	if slices.Contains(left, names[0]) || slices.Contains(left, names[1]) || !slices.Equal(left, []string{other}) {
		t.Errorf("nodes %v show that nobody needs them, want the empty one, %s", left, other)
	}
	if !strings.Contains(w.log.String(), "Successfully released DeletionCandidateTaint on node "+names[0]) {
		t.Errorf("the log is %q", w.log.String())
	}
}

// others are the names of the nodes that are not among these.
func (w *world) others(names []string) []string {
	var others []string
	for _, node := range w.Nodes() {
		if !slices.Contains(names, node.Name) {
			others = append(others, node.Name)
		}
	}
	return others
}

func TestSoftTaintsAreBoundedInNumberAndTime(t *testing.T) {
	w := newWorld(t, softly(4), cloudtest.Group("workers", "us-west-2a", 0, 11, 20))
	for _, want := range []int{4, 8, 11, 11} {
		w.watch()
		if names, _ := w.candidates(); len(names) != want {
			t.Fatalf("%d nodes show that nobody needs them, want %d", len(names), want)
		}
	}
	// Every change takes two seconds of the three: the third is for the next look.
	w = newWorld(t, nil, cloudtest.Group("workers", "us-west-2a", 0, 5, 20))
	w.slowly(2 * time.Second)
	for _, want := range []int{2, 4, 5} {
		w.watch()
		if names, _ := w.candidates(); len(names) != want {
			t.Fatalf("%d nodes show that nobody needs them, want %d", len(names), want)
		}
	}
	// Turning it off takes them all away, whatever the bounds are.
	w.restart(softly(0))
	w.slowly(2 * time.Second)
	w.watch()
	if names, _ := w.candidates(); len(names) != 0 {
		t.Errorf("turned off, nodes %v still have the taint", names)
	}
}

// slowly makes every change of a Node take so long.
func (w *world) slowly(each time.Duration) {
	w.autoscaler.Client = interceptor.NewClient(w.Client, interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
			if _, ok := object.(*corev1.Node); ok {
				w.Clock.Step(each)
			}
			return c.Update(ctx, object, options...)
		},
	})
}

func TestNeededNodesComeFirst(t *testing.T) {
	w := newWorld(t, softly(1), cloudtest.Group("workers", "us-west-2a", 0, 3, 20))
	w.watch()
	first, _ := w.candidates()
	w.deployOn(first[0])
	w.deployOn(first[0])
	w.deployOn(first[0])
	w.watch()
	if names, _ := w.candidates(); len(names) != 0 {
		t.Errorf("nodes %v have the taint, want it off %s before another gets it", names, first[0])
	}
	w.watch()
	if names, _ := w.candidates(); len(names) != 1 || names[0] == first[0] {
		t.Errorf("nodes %v have the taint, want one that is empty", names)
	}
}

func TestSoftTaintIsNoReasonToGrow(t *testing.T) {
	w := newWorld(t, nil, cloudtest.Group("workers", "us-west-2a", 0, 3, 20))
	w.watch()
	if names, _ := w.candidates(); len(names) != 3 {
		t.Fatalf("nodes %v have the taint, want all three", names)
	}
	w.deploy(9) // three on each
	w.grow()
	if got := w.groups.Desired("workers"); got != 3 {
		t.Errorf("the desired size is %d: the nodes that nobody needed have room", got)
	}
	snapshot, err := w.autoscaler.Observer.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range snapshot.Nodes {
		if len(node.Taints) > 0 {
			t.Errorf("the planner sees %v on %s", node.Taints, node.Name)
		}
	}
}

func TestNodesOnTheirWayOutKeepTheSoftTaint(t *testing.T) {
	w := newWorld(t, func(o *nodegroup.Options) { o.ScaleDown.UnneededTime = time.Minute }, cloudtest.Group("workers", "us-west-2a", 1, 2, 20))
	w.watch()
	names, _ := w.candidates()
	w.pass(time.Minute)
	node := w.Nodes()[slices.IndexFunc(w.Nodes(), func(n corev1.Node) bool { return n.Name == names[0] })]
	if len(node.Spec.Taints) != 2 || !node.Spec.Unschedulable {
		t.Fatalf("the node has taints %v, want it marked", node.Spec.Taints)
	}
	w.restart(softly(0))
	w.watch()
	if left, _ := w.candidates(); !slices.Equal(left, names) {
		t.Errorf("nodes %v have the taint, want that of %v left alone", left, names)
	}
}

func TestOnlyNodesOfGroupsAreTouched(t *testing.T) {
	w := newWorld(t, nil, cloudtest.Group("workers", "us-west-2a", 0, 1, 20))
	foreign := &corev1.Node{}
	foreign.Name = "foreign"
	foreign.Spec.Taints = []corev1.Taint{{Key: candidacy, Value: "1", Effect: corev1.TaintEffectPreferNoSchedule}}
	w.Create(foreign)
	w.watch()
	if names, _ := w.candidates(); !slices.Contains(names, "foreign") || len(names) != 2 {
		t.Errorf("nodes %v have the taint, want the group's and the other one", names)
	}
	// Without scale-down nobody is a candidate.
	w.restart(func(o *nodegroup.Options) { o.ScaleDown.Enabled = false })
	w.watch()
	if names, _ := w.candidates(); !slices.Equal(names, []string{"foreign"}) {
		t.Errorf("nodes %v have the taint, want only the one that is not the group's", names)
	}
}

func TestAProcessMayGoOnFromTheSoftTaint(t *testing.T) {
	for _, test := range []struct {
		ttl  time.Duration
		down time.Duration
		size int
	}{{0, time.Minute, 1}, {time.Hour, time.Minute, 0}, {10 * time.Minute, 30 * time.Minute, 1}} {
		t.Run(fmt.Sprint(test.ttl, " ", test.down), func(t *testing.T) {
			believing := func(o *nodegroup.Options) { o.ScaleDown.CandidateTTL = test.ttl }
			w := newWorld(t, believing, cloudtest.Group("workers", "us-west-2a", 0, 1, 20))
			w.pass(8 * time.Minute)
			w.Clock.Step(test.down)
			w.restart(believing)
			w.pass(2 * time.Minute)
			if got := w.groups.Desired("workers"); got != test.size {
				t.Errorf("the desired size is %d, want %d", got, test.size)
			}
		})
	}
}
