package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/evacuate"
)

const (
	instance = "i-0123456789abcdef0"
	nodeName = "ip-192-168-1-2.us-west-2.compute.internal"
)

// service is a metadata service that the test speaks through.
type service struct {
	cloud.Identity
	spot      cloud.SpotInterruption
	rebalance time.Time
	events    []cloud.MaintenanceEvent
	target    string
	// broken is what reading gives instead.
	broken error
	asked  int
}

func (s *service) SpotInterruption(context.Context) (cloud.SpotInterruption, error) {
	s.asked++
	return s.spot, s.broken
}

func (s *service) Rebalance(context.Context) (time.Time, error) { return s.rebalance, s.broken }
func (s *service) Maintenance(context.Context) ([]cloud.MaintenanceEvent, error) {
	return s.events, s.broken
}
func (s *service) TargetLifecycle(context.Context) (string, error) { return s.target, s.broken }

type metadata struct{ *service }

func (m metadata) Identity(context.Context) (cloud.Identity, error) {
	return m.service.Identity, m.broken
}

// bench is a node with an agent on it.
type bench struct {
	*clustertest.Cluster
	t       *testing.T
	service *service
	options Options
	lease   *coordinationv1.Lease
	leases  error
	agent   *Agent
	calls   *calls
	posts   []Report
	refuse  error // of the webhook
	dry     bool
	log     []string
}

// calls are what reached the API server.
type calls struct {
	client.Client
	mu     sync.Mutex
	reads  int
	writes int
}

func (c *calls) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	c.mu.Lock()
	c.reads++
	c.mu.Unlock()
	return c.Client.Get(ctx, key, object, options...)
}

func (c *calls) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	c.mu.Lock()
	c.writes++
	c.mu.Unlock()
	return c.Client.Patch(ctx, object, patch, options...)
}

func everything() Kinds { return Kinds{Spot: true, Scheduled: true, Rebalance: true, Group: true} }

func newBench(t *testing.T, change ...func(*Options)) *bench {
	t.Helper()
	b := &bench{
		t: t, Cluster: clustertest.New(t, cloudtest.World{}, node(), pod("web-1"), pod("web-2")),
		service: &service{Identity: cloud.Identity{InstanceID: instance, Type: "m5.large"}},
		options: Options{
			Node: nodeName, Watch: everything(), Mode: Auto, Interval: 2 * time.Second,
			Rules:      Rules{Act: everything(), DrainBefore: 2 * time.Minute, ScheduledLead: time.Hour},
			Evacuation: evacuate.Rules{KeepDaemonSets: true},
		},
	}
	for _, c := range change {
		c(&b.options)
	}
	b.restart()
	return b
}

func node() *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName}}
	n.Spec.ProviderID = "aws:///us-west-2a/" + instance
	n.Status.NodeInfo.BootID = "boot-1"
	return n
}

func pod(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Status: corev1.PodStatus{Phase: corev1.PodRunning},
		Spec: corev1.PodSpec{NodeName: nodeName, TerminationGracePeriodSeconds: new(int64(30)), Containers: []corev1.Container{{Name: "app"}}},
	}
}

// restart replaces the agent's process, as a kill does.
func (b *bench) restart() { b.startWith(b.Client) }

func (b *bench) startWith(c client.Client) {
	b.calls = &calls{Client: c}
	hands := ClusterHands{
		Client: b.calls, Name: nodeName, Webhook: b,
		Drainer: &evacuate.Drainer{Client: b.calls, Clock: b.Clock},
	}
	b.agent = &Agent{
		Metadata: metadata{b.service}, Hands: &hands, Clock: b.Clock, Events: b.Events, Log: b.logger(), Options: b.options,
		Leads: func(context.Context) (*coordinationv1.Lease, error) { return b.lease, b.leases },
	}
	if b.dry {
		b.agent.Hands = &DryHands{ClusterHands: hands, Clock: b.Clock, Log: b.logger()}
	}
}

func (b *bench) logger() logr.Logger {
	return funcr.New(func(_, args string) { b.log = append(b.log, args) }, funcr.Options{})
}

// Post implements Poster.
func (b *bench) Post(_ context.Context, r Report) error {
	b.posts = append(b.posts, r)
	return b.refuse
}

// look takes some looks, two seconds apart.
func (b *bench) look(times int) {
	b.t.Helper()
	for range times {
		b.Clock.Step(b.agent.Look(b.t.Context()))
	}
}

func (b *bench) node() *corev1.Node { return clustertest.Get(b.Cluster, &corev1.Node{}, nodeName) }

// state is the node in one line.
func (b *bench) state() string {
	n := b.node()
	taints := ""
	for _, t := range n.Spec.Taints {
		if t.Key != corev1.TaintNodeUnschedulable {
			taints += " " + t.ToString()
		}
	}
	cordoned := "schedulable"
	if n.Spec.Unschedulable {
		cordoned = "cordoned"
	}
	return fmt.Sprintf("%s, %d pods%s", cordoned, len(b.Pods()), taints)
}

func (b *bench) wants(state string) {
	b.t.Helper()
	if got := b.state(); got != state {
		b.t.Fatalf("the node is %q, want %q", got, state)
	}
}

// led makes a controller hold the lease.
func (b *bench) led() {
	renewed, seconds, holder := metav1.NewMicroTime(b.Clock.Now()), int32(10), "drover-0"
	b.lease = &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, RenewTime: &renewed, LeaseDurationSeconds: &seconds}}
}

// reasons are those of the events so far.
func (b *bench) said() map[string]int {
	b.t.Helper()
	said := map[string]int{}
	for {
		select {
		case line := <-b.Said:
			var kind, reason string
			if _, err := fmt.Sscan(line, &kind, &reason); err != nil {
				b.t.Fatal(err)
			}
			said[reason]++
		default:
			return said
		}
	}
}

var errGone = errors.New("connection refused")
