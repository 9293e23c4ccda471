package interruption_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/interruption"
	notices "github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/metrics"
)

type bench struct {
	*clustertest.Cluster
	queue    *cloudtest.Queue
	away     *cloudtest.Interruptions
	measures *metrics.Interruption
	listener *interruption.Listener
}

func newBench(t *testing.T, nodes int) *bench {
	b := &bench{Cluster: clustertest.New(t, cloudtest.World{}), queue: &cloudtest.Queue{}, away: &cloudtest.Interruptions{}}
	for i := range nodes {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("n%d", i)}}
		node.Spec.ProviderID = "aws:///us-west-2a/" + instance(i)
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		b.Create(node)
	}
	b.measures = metrics.NewInterruption(prometheus.NewRegistry())
	b.listener = &interruption.Listener{
		Queue: b.queue, Events: b.Events, Metrics: b.measures, Clock: b.Clock, Log: logr.Discard(), Namespace: "karpenter",
		Recorder: &interruption.Recorder{
			Client: b.Client, Live: b.Client, Cloud: b.away, Policy: interruption.DefaultPolicy(), Cluster: "test", Events: b.Events,
			Metrics: b.measures, Clock: b.Clock, Log: logr.Discard(),
		},
	}
	return b
}

// value is what a counter counts.
func value(counter prometheus.Counter) float64 {
	var out dto.Metric
	if err := counter.Write(&out); err != nil {
		return -1
	}
	return out.GetCounter().GetValue()
}

func instance(serial int) string { return fmt.Sprintf("i-%017d", serial) }

func (b *bench) warn(id string) {
	b.queue.Send(fmt.Sprintf(`{"version":"0","detail-type":"EC2 Spot Instance Interruption Warning","source":"aws.ec2","time":%q,"detail":{"instance-id":%q,"instance-action":"terminate"}}`,
		b.Clock.Now().UTC().Format(time.RFC3339), id))
}

func (b *bench) hear(t *testing.T, rounds int) {
	t.Helper()
	for range rounds {
		if err := b.listener.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestManyNodesAtOnceTakeOneCallEach(t *testing.T) {
	const nodes = 200
	b := newBench(t, nodes)
	for i := range nodes {
		b.warn(instance(i))
		b.warn(instance(i)) // SQS hands over more than once
	}
	b.hear(t, 2*nodes/10)
	for _, node := range b.Nodes() {
		if !node.Spec.Unschedulable || len(notices.Of(&node)) != 1 {
			t.Fatalf("node %s: unschedulable %t, notices %v", node.Name, node.Spec.Unschedulable, notices.Of(&node))
		}
	}
	kubernetes, aws := value(b.measures.Calls.WithLabelValues("kubernetes")), value(b.measures.Calls.WithLabelValues("aws"))
	t.Logf("%d nodes are cordoned with %.2f calls to Kubernetes and %.2f to AWS for each, besides those to the queue", nodes, kubernetes/nodes, aws/nodes)
	if kubernetes > nodes || aws > 0 {
		t.Errorf("%.0f calls to Kubernetes and %.0f to AWS for %d nodes", kubernetes, aws, nodes)
	}
	if b.queue.Len() != 0 {
		t.Errorf("%d messages are left", b.queue.Len())
	}
}

func TestInstancesWithoutANode(t *testing.T) {
	b := newBench(t, 1)
	b.away.Known = map[string]cloud.Instance{
		"i-named":  {ID: "i-named", PrivateDNSName: "by-name", State: cloud.Running},
		"i-coming": {ID: "i-coming", State: cloud.Running, Tags: map[string]string{"kubernetes.io/cluster/test": "owned"}},
		"i-other":  {ID: "i-other", State: cloud.Running, Tags: map[string]string{"kubernetes.io/cluster/another": "owned"}},
	}
	b.Create(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "by-name"}})
	for _, id := range []string{"i-named", "i-coming", "i-other", "i-gone"} {
		b.warn(id)
	}
	b.hear(t, 1)
	if node := clustertest.Get(b.Cluster, &corev1.Node{}, "by-name"); !node.Spec.Unschedulable {
		t.Error("the node with the instance's host name is not found")
	}
	if b.away.Described != 1 {
		t.Errorf("%d calls to find out whose instances they are, want one for all", b.away.Described)
	}
	if got := value(b.measures.Ignored.WithLabelValues("unknown_instance")); got != 2 || b.queue.Len() != 1 || b.queue.Postponed() != 1 {
		t.Errorf("%.0f messages ignored, %d left, %d postponed: want 2, and 1 that waits for its node", got, b.queue.Len(), b.queue.Postponed())
	}
	b.Clock.Step(time.Hour)
	b.hear(t, 1)
	if b.queue.Len() != 0 {
		t.Error("the message of a node that never joined stays for ever")
	}
}

func TestMessagesStayUntilTheyAreRecorded(t *testing.T) {
	b := newBench(t, 1)
	faults := &clustertest.Faults{At: 1}
	b.listener.Recorder.Client = faults.Client(b.Client)
	b.warn(instance(0))
	if err := b.listener.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.queue.Len() != 1 {
		t.Fatal("the message was deleted although its notice was not recorded")
	}
	b.listener.Recorder.Client = b.Client
	b.hear(t, 1)
	if b.queue.Len() != 0 {
		t.Error("the message is left")
	}
}

func TestAQueueThatIsGoneIsNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.listener.Clock = clock.RealClock{}
		b.queue.Broken = fmt.Errorf("no queue: %w", cloud.ErrNotFound)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := b.listener.Start(ctx); err != nil {
			t.Errorf("the listener ends with %v", err)
		}
		// 1 s, 2 s, 4 s ... 60 s: one receiver asks for all.
		if tries := value(b.measures.QueueErrors); tries < 8 || tries > 20 {
			t.Errorf("%.0f tries in ten minutes", tries)
		}
		said := ""
		for len(b.Said) > 0 {
			said += <-b.Said + "\n"
		}
		if !strings.Contains(said, "InterruptionQueueFailed") || !strings.Contains(said, "--interruption-queue") {
			t.Errorf("events:\n%s", said)
		}
	})
}

func TestStatusChecks(t *testing.T) {
	b := newBench(t, 2)
	poller := &interruption.HealthPoller{Recorder: b.listener.Recorder, Clock: b.Clock, Log: logr.Discard()}
	now := b.Clock.Now()
	b.away.Health = []cloud.InstanceHealth{
		{InstanceID: instance(0), Failed: "system status"},
		{InstanceID: instance(1), Events: []cloud.InstanceEvent{{Code: "system-reboot", NotBefore: now.Add(30 * time.Minute)}}},
		{InstanceID: "i-foreign", Failed: "instance status", Since: now.Add(-time.Hour)},
	}
	round := func() {
		t.Helper()
		if err := poller.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	closed := func(name string) bool {
		return clustertest.Get(b.Cluster, &corev1.Node{}, name).Spec.Unschedulable
	}
	round()
	if closed("n0") || !closed("n1") {
		t.Fatal("a check that fails for a moment is nothing; an event in half an hour is")
	}
	b.Clock.Step(3 * time.Minute)
	round()
	if !closed("n0") {
		t.Error("a check has failed for three minutes and the node is open")
	}
	b.away.Health = nil
	b.Clock.Step(time.Minute)
	round()
	if n := notices.Of(clustertest.Get(b.Cluster, &corev1.Node{}, "n0")); len(n) != 1 || !n[0].Over {
		t.Errorf("the check passes again, recorded is %+v", n)
	}
	b.away.Health = []cloud.InstanceHealth{}
	if errors.Is(poller.Round(t.Context()), cloud.ErrNotFound) {
		t.Error("nothing wrong is no error")
	}
}
