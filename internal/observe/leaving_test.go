package observe_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/observe"
)

// running is a pod of a ReplicaSet on node gone.
func running(name string, change ...func(*corev1.Pod)) *corev1.Pod {
	pod := clustertest.PendingPod(name, "1Gi")
	pod.Spec.NodeName = "gone"
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning}
	pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", UID: "1", Controller: new(true)}}
	for _, each := range change {
		each(pod)
	}
	return pod
}

func tainted(effect corev1.TaintEffect) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{{Key: observe.InterruptionTaint, Effect: effect}} }
}

func TestPodsOfANodeThatLeavesAskForAPlace(t *testing.T) {
	owner := func(kind string) func(*corev1.Pod) { return func(p *corev1.Pod) { p.OwnerReferences[0].Kind = kind } }
	for _, test := range []struct {
		name string
		node func(*corev1.Node)
		pod  *corev1.Pod
		asks bool
	}{
		{"a node that stays", func(*corev1.Node) {}, running("p"), false},
		{"a node that AWS takes back", tainted(corev1.TaintEffectNoSchedule), running("p"), true},
		{"a node that AWS may take back", tainted(corev1.TaintEffectPreferNoSchedule), running("p"), true},
		{"a node that is deleted", func(n *corev1.Node) {
			n.DeletionTimestamp, n.Finalizers = new(metav1.Now()), []string{karpv1.TerminationFinalizer}
		}, running("p"), true},
		{"a pod that may not be disturbed, of a node that is deleted", func(n *corev1.Node) {
			n.DeletionTimestamp, n.Finalizers = new(metav1.Now()), []string{karpv1.TerminationFinalizer}
		}, running("p", func(p *corev1.Pod) { p.Annotations = map[string]string{karpv1.DoNotDisruptAnnotationKey: "true"} }), false},
		{"and of one that AWS takes back", tainted(corev1.TaintEffectNoSchedule), running("p", func(p *corev1.Pod) {
			p.Annotations = map[string]string{karpv1.DoNotDisruptAnnotationKey: "true"}
		}), true},
		{"a DaemonSet's pod", tainted(corev1.TaintEffectNoSchedule), running("p", owner("DaemonSet")), false},
		{"a static pod", tainted(corev1.TaintEffectNoSchedule), running("p", owner("Node")), false},
		{"a pod that nobody makes anew", tainted(corev1.TaintEffectNoSchedule), running("p", func(p *corev1.Pod) { p.OwnerReferences = nil }), false},
		{"a pod that is leaving already", tainted(corev1.TaintEffectNoSchedule), running("p", func(p *corev1.Pod) {
			p.DeletionTimestamp, p.Finalizers = new(metav1.Now()), []string{"test/keep"}
		}), false},
		{"a pod that is over", tainted(corev1.TaintEffectNoSchedule), running("p", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }), false},
		{"a pod that chose to stay", tainted(corev1.TaintEffectNoSchedule), running("p", func(p *corev1.Pod) {
			p.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
		}), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			node := readyNode("gone")
			test.node(node)
			cluster := clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool())
			for _, object := range []interface{ GetDeletionTimestamp() *metav1.Time }{node, test.pod} {
				deleted := object.GetDeletionTimestamp() != nil
				switch o := object.(type) {
				case *corev1.Node:
					o.DeletionTimestamp = nil
					cluster.Create(o)
					if deleted {
						cluster.Delete(o)
					}
				case *corev1.Pod:
					o.DeletionTimestamp = nil
					cluster.Create(o)
					if deleted {
						cluster.Delete(o)
					}
				}
			}
			seen := snapshot(t, cluster)
			if asks := len(seen.Pending) == 1; asks != test.asks {
				t.Fatalf("the pod asks: %t, want %t", asks, test.asks)
			}
			if test.asks && (seen.Pending[0].Leaving != "gone" || len(seen.Nodes[0].Pods) > 0 || !seen.Nodes[0].Unschedulable) {
				t.Errorf("pending %+v, node %+v: the pod is one that leaves, and the node has none and takes none", seen.Pending[0], seen.Nodes[0])
			}
		})
	}
}

func TestALeavingPodCountsWhereItIsPlanned(t *testing.T) {
	pod := running("p")
	cluster := clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool(), pod)
	node := readyNode("gone")
	tainted(corev1.TaintEffectNoSchedule)(node)
	cluster.Create(node)
	bound := clustertest.Get(cluster, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other"}}, "p")
	cluster.Create(claimFor(t, "young", time.Second, bound))
	seen := snapshot(t, cluster)
	if len(seen.Pending) != 0 {
		t.Fatalf("a place was bought for the pod, and it asks again: %+v", seen.Pending)
	}
	for _, n := range seen.Nodes {
		if n.Name == "young" && (len(n.Pods) != 1 || !n.Pods[0].Promised || n.Pods[0].Leaving != "gone") {
			t.Errorf("the node on its way has %+v", n.Pods)
		}
		if n.Name == "gone" && len(n.Pods) > 0 {
			t.Errorf("the node that goes still counts %+v", n.Pods)
		}
	}
}
