package controllers_test

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/observe"
)

// TestKilledWhileInterrupted kills the process at every call it makes because of
// an interruption, ahead of the call and before its answer; another takes over.
func TestKilledWhileInterrupted(t *testing.T) {
	t.Parallel()
	whole := &clustertest.Faults{}
	survive(t, whole)
	if whole.Calls() < 15 {
		t.Fatalf("an interruption took %d calls, which cannot be all", whole.Calls())
	}
	for at := 1; at <= whole.Calls(); at++ {
		for _, answered := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d, answered %t", at, answered), func(t *testing.T) {
				t.Parallel()
				faults := &clustertest.Faults{At: at, Answered: answered}
				survive(t, faults)
				if !faults.Dead() {
					t.Error("the process was never killed")
				}
			})
		}
	}
}

// survive lets a node be taken back under a process with the given faults and one
// that takes over: the pods run on, each was told to go once, and as many nodes
// are there as before.
func survive(t *testing.T, faults *clustertest.Faults) {
	w := newSpotWorld(t, 2)
	before := len(w.lasting())
	node := w.cluster.Nodes()[0]
	w.take(faults)
	w.warn(&node)
	w.settleSpot(4)
	w.take(&clustertest.Faults{})
	w.settleSpot(5)
	w.requireEvictedOnce()
	if w.running() != 2 || w.queue.Len() != 0 {
		t.Errorf("%d pods run, %d messages are left", w.running(), w.queue.Len())
	}
	if got := len(w.lasting()); got != before || w.cluster.Exists(&corev1.Node{}, node.Name) {
		t.Errorf("%d nodes, want %d without %s", got, before, node.Name)
	}
}

// TestWhateverTheQueueSays sends the whole corpus of messages, about an instance of
// the cluster and about others, in any order and more than once: nothing is
// drained but what real messages about the instance ask for.
func TestWhateverTheQueueSays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../interruption/message/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	harmful := []string{"spot-", "rebalance", "reservation", "health-", "asg-", "state-", "no-time"}
	w := newSpotWorld(t, 2)
	w.queue.Account, w.queue.Region = "123456789012", "us-east-1"
	node := w.cluster.Nodes()[0]
	sent := 0
	for _, round := range []string{"i-0b662ef9931388ba0", instanceOf(&node)} {
		for _, at := range rand.New(rand.NewSource(1)).Perm(2 * len(files)) {
			file := files[at%len(files)]
			name := filepath.Base(file)
			ours := round == instanceOf(&node)
			harms := false
			for _, prefix := range harmful {
				harms = harms || strings.HasPrefix(name, prefix)
			}
			if ours && harms {
				continue
			}
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w.queue.Send(strings.ReplaceAll(string(body), "i-0b662ef9931388ba0", round))
			sent++
		}
	}
	for range sent {
		w.mind(w.listener.Round(t.Context()))
	}
	w.act()
	if w.queue.Len() != 0 {
		t.Errorf("%d messages are never done with", w.queue.Len())
	}
	if got := w.node(node.Name); got.Spec.Unschedulable || len(got.Spec.Taints) > 0 || len(w.cluster.Evictions()) > 0 {
		t.Errorf("a node is drained that should not be: %+v", got.Spec)
	}
}

// TestRandomInterruptions has nodes of random clusters be taken back in any order,
// each told of more than once, by processes that die, and looks at the promises
// that hold whatever happens.
func TestRandomInterruptions(t *testing.T) {
	t.Parallel()
	for seed := range int64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewSource(seed))
			w := newSpotWorld(t, 4+random.Intn(9))
			least := w.replicas - 1 - random.Intn(3)
			w.protect(least)
			taken := map[string]bool{}
			for beat := range 22 {
				if nodes := w.cluster.Nodes(); beat < 12 && len(nodes) > 0 && random.Intn(2) == 0 {
					node := nodes[random.Intn(len(nodes))]
					for range 1 + random.Intn(3) {
						if random.Intn(3) == 0 {
							w.advise(&node)
						} else {
							w.warn(&node)
							taken[node.Name] = true
						}
					}
				}
				if random.Intn(6) == 0 {
					w.take(&clustertest.Faults{At: 1 + random.Intn(20), Answered: random.Intn(2) == 0})
				} else if w.faults.Dead() {
					w.take(&clustertest.Faults{})
				}
				marked := map[string]bool{}
				for _, node := range w.cluster.Nodes() {
					marked[node.Name] = observe.IsLeaving(&node, nil)
				}
				w.watch = func() { w.requireUntouched(marked) }
				w.beat()
				w.watch = nil
				w.cluster.Clock.Step(time.Duration(1+random.Intn(9)) * time.Second)
			}
			w.take(&clustertest.Faults{})
			w.settleSpot(20)
			w.requireEvictedOnce()
			if got := w.running(); got != w.replicas {
				t.Errorf("%d pods run, want %d", got, w.replicas)
			}
			for name := range taken {
				if w.cluster.Exists(&corev1.Node{}, name) {
					t.Errorf("node %s, which AWS has taken, is still there", name)
				}
			}
			if w.queue.Len() != 0 {
				t.Errorf("%d messages are left", w.queue.Len())
			}
		})
	}
}

// requireUntouched checks that pods terminate on nodes only that were marked, or
// are on their way out.
func (w *spotWorld) requireUntouched(marked map[string]bool) {
	w.t.Helper()
	granted := w.cluster.Evictions()
	for _, pod := range w.cluster.Pods() {
		if pod.DeletionTimestamp == nil || pod.Spec.NodeName == "" {
			continue
		}
		if granted[pod.UID] == 0 {
			w.t.Errorf("pod %s was told to go without asking its budget", pod.Name)
		}
		node := &corev1.Node{}
		if !w.cluster.Exists(node, pod.Spec.NodeName) {
			continue
		}
		if !marked[node.Name] && !observe.IsLeaving(node, nil) && node.Labels[karpv1.NodePoolLabelKey] != "" {
			w.t.Errorf("pod %s was told to leave node %s, which stays", pod.Name, node.Name)
		}
	}
}
