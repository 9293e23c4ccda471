package apply_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

func readyNode(name string) *corev1.Node {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	return node
}

func podKey(name string) model.PodKey { return model.PodKey{Namespace: "other", Name: name} }

func podOf(c *clustertest.Cluster, name string) *corev1.Pod {
	return clustertest.Get(c, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other"}}, name)
}

// decide makes a decision of what is seen now.
func decide(t *testing.T, c *clustertest.Cluster, plan model.Plan) *apply.Decision {
	t.Helper()
	seen, err := (&observe.Observer{Reader: c.Client, Cloud: c.Cloud}).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &apply.Decision{Snapshot: seen, Plan: plan}
}

func applierTo(c *clustertest.Cluster, kube client.Client) *apply.Applier {
	return &apply.Applier{Client: kube, Live: c.Client, Events: c.Events, Metrics: metrics.New(prometheus.NewRegistry()), Log: logr.Discard()}
}

// promised names the pods that the claim is for.
func promised(t *testing.T, claim *karpv1.NodeClaim) string {
	t.Helper()
	promises, err := translate.PromisesOf(claim)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, key := range promises.Keys() {
		names = append(names, key.Name)
	}
	return strings.Join(names, " ")
}

func TestClaimsRememberTheirPods(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool(), readyNode("n1"))
	for _, name := range []string{"a", "b", "c", "d"} {
		cluster.Create(clustertest.PendingPod(name, "1Gi"))
	}
	first := launch("default")
	first.Pods = []model.PodKey{podKey("a"), podKey("b")}
	applier := applierTo(cluster, cluster.Client)
	if _, err := applier.Launch(t.Context(), decide(t, cluster, model.Plan{Launches: []model.Launch{first}})); err != nil {
		t.Fatal(err)
	}
	claim := cluster.Claims()[0]
	if got := promised(t, &claim); got != "a b" {
		t.Fatalf("the claim is for %q, want a b", got)
	}
	plan := model.Plan{Placements: []model.Placement{{Pod: podKey("c"), Node: claim.Name}, {Pod: podKey("d"), Node: "n1"}}}
	if err := applier.Keep(t.Context(), decide(t, cluster, plan)); err != nil {
		t.Fatal(err)
	}
	claim = cluster.Claims()[0]
	if got := promised(t, &claim); got != "a b c" {
		t.Errorf("the claim is for %q, want a b c", got)
	}
	for _, name := range []string{"a", "b", "c"} {
		if got := podOf(cluster, name).Status.NominatedNodeName; got != "" {
			t.Errorf("pod %s is nominated to %s before its node has joined", name, got)
		}
	}
	if got := podOf(cluster, "d").Status.NominatedNodeName; got != "n1" {
		t.Errorf("pod d is nominated to %q, want n1", got)
	}
	if seen := decide(t, cluster, model.Plan{}).Snapshot; len(seen.Pending) != 0 {
		t.Errorf("%d pods ask again", len(seen.Pending))
	}
	// The scheduler refuses d; nobody is to force it.
	refused := podOf(cluster, "d")
	refused.Status.NominatedNodeName = ""
	cluster.UpdateStatus(refused)
	if err := applier.Keep(t.Context(), decide(t, cluster, plan)); err != nil {
		t.Fatal(err)
	}
	if got := podOf(cluster, "d").Status.NominatedNodeName; got != "" {
		t.Errorf("pod d is nominated to %s again", got)
	}
}

func TestNodesOfGroupsOnTheirWayRememberNothing(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, clustertest.PendingPod("a", "1Gi"))
	decision := decide(t, cluster, model.Plan{Placements: []model.Placement{{Pod: podKey("a"), Node: "i-1"}}})
	decision.Snapshot.Nodes = append(decision.Snapshot.Nodes, model.Node{Name: "i-1", Launching: true})
	applier := applierTo(cluster, cluster.Client)
	applier.Live = interceptor.NewClient(cluster.Client, interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return fmt.Errorf("the cluster knows no NodeClaims")
		},
	})
	if err := applier.Keep(t.Context(), decision); err != nil {
		t.Error(err)
	}
}

func TestPodsAreLeftAloneWherePermissionsAreFew(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, readyNode("n1"), clustertest.PendingPod("p", "1Gi"))
	decision := decide(t, cluster, model.Plan{Placements: []model.Placement{{Pod: podKey("p"), Node: "n1"}}})
	if err := applierTo(cluster, withoutPodStatus(cluster.Client)).Keep(t.Context(), decision); err != nil {
		t.Error(err)
	}
}

// withoutPodStatus may not write the status of pods.
func withoutPodStatus(allowed client.WithWatch) client.WithWatch {
	return interceptor.NewClient(allowed, interceptor.Funcs{
		SubResourcePatch: func(context.Context, client.Client, string, client.Object, client.Patch, ...client.SubResourcePatchOption) error {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "pods/status"}, "p", fmt.Errorf("no rule allows it"))
		},
	})
}

func TestPodsOfAClaimThatIsGoneAskAgain(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool(), clustertest.PendingPod("a", "1Gi"))
	applier := applierTo(cluster, cluster.Client)
	if _, err := applier.Launch(t.Context(), decide(t, cluster, model.Plan{Launches: []model.Launch{launch("default")}})); err != nil {
		t.Fatal(err)
	}
	claim := cluster.Claims()[0]
	decision := decide(t, cluster, model.Plan{Placements: []model.Placement{{Pod: podKey("a"), Node: claim.Name}}})
	cluster.Delete(&claim)
	if err := applier.Keep(t.Context(), decision); err != nil {
		t.Fatal(err)
	}
	if seen := decide(t, cluster, model.Plan{}).Snapshot; len(seen.Pending) != 1 {
		t.Errorf("%d pods ask, want the one", len(seen.Pending))
	}
}

func TestWhomANominationIsFor(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*corev1.Pod)
		want   string
	}{
		{"a pod that waits", func(*corev1.Pod) {}, "n1"},
		{"another pod of that name", func(p *corev1.Pod) { p.UID = "other" }, ""},
		{"a pod that is over", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, ""},
		{"a pod that is bound", func(p *corev1.Pod) { p.Spec.NodeName = "n2" }, ""},
		{"nominated by the scheduler", func(p *corev1.Pod) { p.Status.NominatedNodeName = "n2" }, "n2"},
		{"nominated to a node that is gone", func(p *corev1.Pod) { p.Status.NominatedNodeName = "n3" }, "n1"},
		{"nominated to a cordoned node", func(p *corev1.Pod) { p.Status.NominatedNodeName = "cordoned" }, "n1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cordoned := readyNode("cordoned")
			cordoned.Spec.Unschedulable = true
			pod := clustertest.PendingPod("p", "1Gi")
			pod.UID = "mine"
			test.change(pod)
			cluster := clustertest.New(t, cloudtest.World{}, readyNode("n1"), readyNode("n2"), cordoned, pod)
			wanted := pod.DeepCopy()
			wanted.UID = "mine"
			nominator := apply.Nominator{Client: cluster.Client}
			if err := nominator.Nominate(t.Context(), "n1", []*corev1.Pod{wanted}); err != nil {
				t.Fatal(err)
			}
			if got := podOf(cluster, "p").Status.NominatedNodeName; got != test.want {
				t.Errorf("nominated to %q, want %q", got, test.want)
			}
		})
	}
}

// TestNominationsAgainstTime: what the cache shows may be out of date; nothing but
// the nomination is written over.
func TestNominationsAgainstTime(t *testing.T) {
	for _, test := range []struct{ since, want string }{{"", "n1"}, {"n2", "n1"}} {
		cluster := clustertest.New(t, cloudtest.World{}, readyNode("n1"), readyNode("n2"), clustertest.PendingPod("p", "1Gi"))
		old := podOf(cluster, "p")
		changed := old.DeepCopy()
		changed.Status.Message, changed.Status.NominatedNodeName = "tried again", test.since
		cluster.UpdateStatus(changed)
		cache := interceptor.NewClient(cluster.Client, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
				if pod, ok := object.(*corev1.Pod); ok {
					old.DeepCopyInto(pod)
					return nil
				}
				return c.Get(ctx, key, object, options...)
			},
		})
		if err := (apply.Nominator{Client: cache}).Nominate(t.Context(), "n1", []*corev1.Pod{old}); err != nil {
			t.Fatal(err)
		}
		if got := podOf(cluster, "p").Status; got.NominatedNodeName != test.want || got.Message != "tried again" {
			t.Errorf("nominated to %q, message %q; want %q and what was written before", got.NominatedNodeName, got.Message, test.want)
		}
	}
}

func TestNominationThatIsRefusedIsSaid(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, readyNode("n1"), clustertest.PendingPod("p", "1Gi"))
	forbidden := withoutPodStatus(cluster.Client)
	err := apply.Nominator{Client: forbidden}.Nominate(t.Context(), "n1", []*corev1.Pod{podOf(cluster, "p")})
	if err == nil || !strings.Contains(err.Error(), "nominating pod other/p to node n1") {
		t.Errorf("error is %v", err)
	}
}

func TestWithdrawalLeavesOthersAlone(t *testing.T) {
	mine, others := clustertest.PendingPod("mine", "1Gi"), clustertest.PendingPod("others", "1Gi")
	mine.Status.NominatedNodeName, others.Status.NominatedNodeName = "n1", "n2"
	cluster := clustertest.New(t, cloudtest.World{}, mine, others)
	nominator := apply.Nominator{Client: cluster.Client}
	if err := nominator.Withdraw(t.Context(), "n1", []*corev1.Pod{podOf(cluster, "mine"), podOf(cluster, "others")}); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, pod := range cluster.Pods() {
		got[pod.Name] = pod.Status.NominatedNodeName
	}
	if want := map[string]string{"mine": "", "others": "n2"}; !maps.Equal(got, want) {
		t.Errorf("nominations are %v, want %v", got, want)
	}
}
