package interruption

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/observe"
)

// writes is how many objects are written at a time.
const writes = 20

// Recorder writes notices onto the objects of their instances, and marks Nodes in
// the same call.
type Recorder struct {
	// Client writes, and reads informer caches; Live reads the API server itself.
	Client  client.Client
	Live    client.Reader
	Cloud   cloud.Interruptions
	Policy  Policy
	Cluster string // the cluster's name, in tags of its instances
	// NodesOnly leaves NodeClaims out: the cluster need not know the kind.
	NodesOnly bool
	Events    *events.Recorder
	Metrics   *metrics.Interruption
	Clock     clock.PassiveClock
	Log       logr.Logger
	// Self is the pod that this runs in, if it is one; see evacuate.Rules.
	Self client.ObjectKey
	// Ledger, when set, counts what happens to pools.
	Ledger *Ledger
	// Hurry, when set, asks for a decision soon: pods need other places. Gather is
	// the same for a node that goes, maybe with others in this second.
	Hurry, Gather func(key string)

	// closedAt is when the last node was closed, in nanoseconds of the Unix epoch.
	closedAt atomic.Int64
}

// target is what a notice is recorded on: one of node, claim, or nothing.
type target struct {
	node  string
	claim *karpv1.NodeClaim
	// coming says that the instance is the cluster's and has no Node yet.
	coming bool
}

// record finds the instances' objects and writes. Each item gets its outcome; the
// error joins what went wrong.
func (r *Recorder) record(ctx context.Context, work []*item) error {
	targets, err := r.targets(ctx, work)
	if err != nil {
		for _, w := range work {
			if len(w.notices) > 0 {
				w.outcome = failed
			}
		}
		return err
	}
	byNode := map[string][]interruption.Notice{}
	items := map[string][]*item{}
	var failures []error
	for _, w := range work {
		for _, notice := range w.notices {
			found := targets[notice.InstanceID]
			switch {
			case found.node != "":
				byNode[found.node] = append(byNode[found.node], notice)
				items[found.node] = append(items[found.node], w)
			case found.claim != nil:
				if err := r.onClaim(ctx, found.claim, notice); err != nil {
					w.outcome = failed
					failures = append(failures, err)
				}
			case found.coming && !notice.Over && r.Clock.Since(notice.Noticed) < patience:
				w.outcome = max(w.outcome, postpone)
			default:
				r.Metrics.Ignored.WithLabelValues("unknown_instance").Inc()
			}
		}
	}
	for name, notices := range byNode {
		if slices.ContainsFunc(notices, func(n interruption.Notice) bool { return n.Kind == interruption.SpotInterruption && !n.Over }) {
			r.gather("noticed/" + name) // a decision now would see some of them only
		}
	}
	var group errgroup.Group
	group.SetLimit(writes)
	var mu sync.Mutex
	for name, notices := range byNode {
		group.Go(func() error {
			if err := r.onNode(ctx, name, notices); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err)
				for _, w := range items[name] {
					w.outcome = failed
				}
			}
			return nil
		})
	}
	_ = group.Wait() // the functions collect their own errors
	return errors.Join(failures...)
}

// targets finds the objects of all instances: Nodes and NodeClaims by provider ID,
// and for the rest one call that asks EC2.
func (r *Recorder) targets(ctx context.Context, work []*item) (map[string]target, error) {
	found := map[string]target{}
	var unknown []string
	for _, w := range work {
		for _, notice := range w.notices {
			id := notice.InstanceID
			if _, known := found[id]; known || slices.Contains(unknown, id) {
				continue
			}
			one, err := r.byInstance(ctx, id)
			if err != nil {
				return nil, err
			}
			if one.node == "" && one.claim == nil {
				if !notice.Over { // every instance that starts says that it runs
					unknown = append(unknown, id)
				}
				continue
			}
			found[id] = one
		}
	}
	if len(unknown) == 0 || r.Cloud == nil {
		return found, nil
	}
	r.Metrics.Calls.WithLabelValues("aws").Inc()
	instances, err := r.Cloud.Instances(ctx, unknown)
	if err != nil {
		return nil, fmt.Errorf("finding out whose instances %s are: %w", strings.Join(unknown[:min(3, len(unknown))], ", "), err)
	}
	for id, instance := range instances {
		if found[id], err = r.byName(ctx, &instance); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// byInstance looks for an instance's Node, else for its NodeClaim.
func (r *Recorder) byInstance(ctx context.Context, id string) (target, error) {
	var nodes corev1.NodeList
	if err := r.Client.List(ctx, &nodes, client.MatchingFields{index.NodeInstance: id}, client.UnsafeDisableDeepCopy); err != nil {
		return target{}, fmt.Errorf("finding the node of instance %s: %w", id, err)
	}
	if len(nodes.Items) > 0 {
		return target{node: nodes.Items[0].Name}, nil
	}
	if r.NodesOnly {
		return target{}, nil
	}
	var claims karpv1.NodeClaimList
	if err := r.Client.List(ctx, &claims, client.MatchingFields{index.ClaimInstance: id}); err != nil {
		return target{}, fmt.Errorf("finding the nodeclaim of instance %s: %w", id, err)
	}
	if len(claims.Items) > 0 {
		return target{claim: &claims.Items[0]}, nil
	}
	return target{}, nil
}

// byName looks for the Node of an instance whose Node does not say so, and for
// signs that the instance is the cluster's.
func (r *Recorder) byName(ctx context.Context, instance *cloud.Instance) (target, error) {
	if instance.State == cloud.Terminated {
		return target{}, nil
	}
	if instance.PrivateDNSName != "" {
		node := &corev1.Node{}
		err := r.Client.Get(ctx, client.ObjectKey{Name: instance.PrivateDNSName}, node)
		switch {
		case err == nil && (node.Spec.ProviderID == "" || node.Spec.ProviderID == instance.ProviderID):
			return target{node: node.Name}, nil
		case client.IgnoreNotFound(err) != nil:
			return target{}, fmt.Errorf("reading node %s: %w", instance.PrivateDNSName, err)
		}
	}
	ours := instance.Tags["kubernetes.io/cluster/"+r.Cluster] != "" || instance.Tags["k8s.io/cluster/"+r.Cluster] != "" ||
		instance.Tags["eks:cluster-name"] == r.Cluster
	return target{coming: ours && r.Cluster != ""}, nil
}

// onNode records notices on a Node and marks it as they demand, in one call. A
// Node that is gone needs nothing.
func (r *Recorder) onNode(ctx context.Context, name string, notices []interruption.Notice) error {
	var reader client.Reader = r.Client
	var marked *corev1.Node
	var verdict Verdict
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		marked = nil
		node := &corev1.Node{}
		if err := reader.Get(ctx, client.ObjectKey{Name: name}, node); err != nil {
			return err
		}
		reader = r.Live // whoever comes here again has read something old
		before := node.DeepCopy()
		for _, notice := range notices {
			if !tooEarly(node, notice) {
				interruption.Record(node, notice)
			}
		}
		verdict = Assess(interruption.Of(node), r.Clock.Now(), observe.IsReady(node), r.Policy)
		if verdict.Level > Keep && node.DeletionTimestamp == nil {
			Mark(node, markLevel(node, verdict), verdict.Kind)
		}
		if err := r.patch(ctx, node, before); err != nil {
			return err
		}
		if !observe.IsLeaving(before, nil) && observe.IsLeaving(node, nil) || (!before.Spec.Unschedulable && node.Spec.Unschedulable) {
			marked = node
		}
		return nil
	})
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	for _, notice := range notices {
		r.Metrics.QueueDuration.Observe(max(0, r.Clock.Since(notice.Noticed).Seconds()))
	}
	if marked != nil {
		r.marked(marked, verdict)
	}
	return nil
}

// tooEarly reports whether a notice that an instance runs is from its start.
func tooEarly(node *corev1.Node, notice interruption.Notice) bool {
	return notice.Kind == interruption.StateChange && notice.Over && notice.Noticed.Before(node.CreationTimestamp.Time)
}

// markLevel keeps a node closed that was closed because its pods had places.
func markLevel(node *corev1.Node, v Verdict) Level {
	if v.Level == Wary && node.Annotations[cordonedAnnotation] != "" {
		return Leave
	}
	return v.Level
}

func (r *Recorder) patch(ctx context.Context, object, before client.Object) error {
	if equality.Semantic.DeepEqual(object, before) {
		return nil
	}
	r.Metrics.Calls.WithLabelValues("kubernetes").Inc()
	return write.Changes(ctx, r.Client, object, before)
}

// marked tells everybody that a node takes no more pods, once.
func (r *Recorder) marked(node *corev1.Node, v Verdict) {
	r.closedAt.Store(r.Clock.Now().UnixNano())
	r.Metrics.NoticeToCordon.WithLabelValues(string(v.Kind)).Observe(max(0, r.Clock.Since(v.Noticed).Seconds()))
	r.Metrics.Nodes.WithLabelValues(string(v.Kind)).Inc()
	r.Ledger.Count(node.Labels, v.Kind, v.Noticed)
	r.avoid(node.Labels, v.Kind)
	r.Log.Info("node is taken back by AWS", "node", node.Name, "kind", string(v.Kind), "deadline", stamp(v.Deadline), "noticed", stamp(v.Noticed))
	r.gather("interrupted/" + node.Name)
}

func (r *Recorder) gather(key string) {
	if r.Gather != nil {
		r.Gather(key)
	}
}

// avoid has nothing be bought for a while from a Spot pool that is taken back.
func (r *Recorder) avoid(labels map[string]string, kind interruption.Kind) {
	if pool, known := spotPool(labels); known && r.Cloud != nil && kind == interruption.SpotInterruption {
		r.Cloud.MarkUnavailable(pool, string(kind))
	}
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return "none"
	}
	return at.UTC().Format(time.RFC3339)
}

// onClaim deals with an instance whose Node has not joined: there is nothing to
// drain, so a node that has to go is given up at once, and its pods ask again.
// What is not urgent waits on the NodeClaim for the Node.
func (r *Recorder) onClaim(ctx context.Context, claim *karpv1.NodeClaim, notice interruption.Notice) error {
	if notice.Kind == interruption.StateChange && notice.Over && len(interruption.OfInstance(claim, notice.InstanceID)) == 0 {
		return nil // every instance runs before its Node joins
	}
	before := claim.DeepCopy()
	interruption.RecordOn(claim, notice)
	verdict := Assess(interruption.OfInstance(claim, notice.InstanceID), r.Clock.Now(), false, r.Policy)
	if verdict.Level < Leave {
		err := r.patch(ctx, claim, before)
		if apierrors.IsConflict(err) {
			return fmt.Errorf("recording an interruption on nodeclaim %s: %w", claim.Name, err)
		}
		return client.IgnoreNotFound(err)
	}
	if claim.DeletionTimestamp != nil {
		return nil
	}
	r.Metrics.Calls.WithLabelValues("kubernetes").Inc()
	if err := write.Delete(ctx, r.Client, claim); err != nil {
		return fmt.Errorf("deleting nodeclaim %s, whose instance is taken back: %w", claim.Name, err)
	}
	r.Metrics.Nodes.WithLabelValues(string(verdict.Kind)).Inc()
	r.Ledger.Count(claim.Labels, verdict.Kind, verdict.Noticed)
	reason, note := wording(verdict.Kind, notice.Detail)
	r.Events.Warning(claim, reason, note)
	r.Events.Warning(claim, events.TerminatingOnInterruption, "Interruption triggered termination for the NodeClaim before its node had joined")
	r.Log.Info("initiating delete from interruption message", "nodeclaim", claim.Name, "kind", string(verdict.Kind))
	r.avoid(claim.Labels, verdict.Kind)
	r.gather("interrupted/" + claim.Name)
	return nil
}
