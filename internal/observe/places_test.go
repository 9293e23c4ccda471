package observe_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

func readyNode(name string) *corev1.Node {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	return node
}

// claimFor is a NodeClaim on its way that is meant for the pod.
func claimFor(t *testing.T, name string, age time.Duration, pod *corev1.Pod) *karpv1.NodeClaim {
	t.Helper()
	claim := apply.NewNodeClaim(clustertest.Pool(), &model.Launch{NodePool: "default", Offerings: []model.Offering{
		{OfferingKey: model.OfferingKey{InstanceType: "m5.large", Zone: "us-west-2a", CapacityType: model.OnDemand}, PricePerHour: 0.096},
	}})
	encoded, err := translate.EncodePromises(translate.Promises{{Namespace: pod.Namespace, Name: pod.Name}: observe.Mark(pod)})
	if err != nil {
		t.Fatal(err)
	}
	claim.Name, claim.CreationTimestamp = name, metav1.NewTime(time.Unix(1_000_000, 0).Add(-age))
	claim.Annotations[translate.PodsAnnotation] = encoded
	return claim
}

// joined gives the claim's node, which is ready, to the cluster.
func joined(c *clustertest.Cluster, change func(*corev1.Node)) {
	claim := clustertest.Get(c, &karpv1.NodeClaim{}, "young")
	claim.Status.ProviderID = "aws:///us-west-2a/i-1"
	c.UpdateStatus(claim)
	node := readyNode("n1")
	node.Spec.ProviderID = claim.Status.ProviderID
	change(node)
	c.Create(node)
}

func TestWherePodsThatArePlannedForCount(t *testing.T) {
	change := func(c *clustertest.Cluster, how func(*corev1.Pod)) {
		pod := clustertest.Get(c, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other"}}, "p")
		how(pod)
		status := pod.DeepCopy()
		c.Update(pod)
		status.ResourceVersion = pod.ResourceVersion
		c.UpdateStatus(status)
	}
	for _, test := range []struct {
		name  string
		since func(*clustertest.Cluster)
		want  string // the node, or empty when the pod asks
	}{
		{"on the younger of two nodes on their way", func(*clustertest.Cluster) {}, "young"},
		{"on the node that has joined", func(c *clustertest.Cluster) { joined(c, func(*corev1.Node) {}) }, "n1"},
		{"nowhere: both nodes are going", func(c *clustertest.Cluster) {
			for _, claim := range c.Claims() {
				c.Delete(&claim)
			}
		}, ""},
		{"on the older node: the younger is cordoned", func(c *clustertest.Cluster) {
			joined(c, func(n *corev1.Node) { n.Spec.Unschedulable = true })
		}, "old"},
		{"where the scheduler nominated it", func(c *clustertest.Cluster) {
			c.Create(readyNode("n2"))
			change(c, func(p *corev1.Pod) { p.Status.NominatedNodeName = "n2" })
		}, "n2"},
		{"on its way: the nominated node is gone", func(c *clustertest.Cluster) {
			change(c, func(p *corev1.Pod) { p.Status.NominatedNodeName = "n2" })
		}, "young"},
		{"where it runs", func(c *clustertest.Cluster) {
			c.Create(readyNode("n2"))
			change(c, func(p *corev1.Pod) { p.Spec.NodeName = "n2" })
		}, "n2"},
		{"nowhere: its labels have changed", func(c *clustertest.Cluster) {
			change(c, func(p *corev1.Pod) { p.Labels["app"] = "other" })
		}, ""},
		{"nowhere: it asks for more", func(c *clustertest.Cluster) {
			change(c, func(p *corev1.Pod) {
				p.Spec.Containers[0].Resources.Requests[corev1.ResourceCPU] = resource.MustParse("1")
			})
		}, ""},
		{"nowhere: another pod has its name", func(c *clustertest.Cluster) {
			pod := clustertest.Get(c, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other"}}, "p")
			c.Delete(pod)
			c.Create(clustertest.PendingPod("p", "1Gi"))
		}, ""},
		{"nowhere: nobody can read what was promised", func(c *clustertest.Cluster) {
			for _, claim := range c.Claims() {
				claim.Annotations[translate.PodsAnnotation] = "p"
				c.Update(&claim)
			}
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			cluster := clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool(), clustertest.PendingPod("p", "1Gi"))
			pod := clustertest.Get(cluster, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other"}}, "p")
			for _, claim := range []client.Object{claimFor(t, "old", time.Minute, pod), claimFor(t, "young", time.Second, pod)} {
				cluster.Create(claim)
			}
			test.since(cluster)
			seen := snapshot(t, cluster)
			if got := len(seen.Pending); (got == 1) != (test.want == "") {
				t.Errorf("%d pods ask, want the pod on %q", got, test.want)
			}
			for _, node := range seen.Nodes {
				if (len(node.Pods) == 1) != (node.Name == test.want) {
					t.Errorf("node %s has pods %v, want the pod on %q", node.Name, node.Pods, test.want)
				}
				for _, pod := range node.Pods {
					if pod.Promised != (test.name != "where it runs") {
						t.Errorf("promised is %t", pod.Promised)
					}
				}
			}
		})
	}
}
