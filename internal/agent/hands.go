package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/evacuate"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/interruption"
)

// Hands carry out what the agent decides, or only say so.
type Hands interface {
	// Node reads the agent's own Node.
	Node(ctx context.Context) (*corev1.Node, error)
	// Write stores a Node that was read before; a conflict is an error that
	// apierrors.IsConflict knows. No difference is no call.
	Write(ctx context.Context, before, after *corev1.Node) error
	// Drain takes one look at the pods of the Node; see evacuate.Drainer.
	Drain(ctx context.Context, node *corev1.Node, rules evacuate.Rules) (evacuate.Result, error)
	// Post tells the webhook of a notice that was dealt with.
	Post(ctx context.Context, report Report) error
}

// Report is what the webhook is told.
type Report struct {
	Node     *corev1.Node
	Identity cloud.Identity
	Notice   interruption.Notice
	Pods     []string // namespace/name
}

// Poster tells somebody of a report.
type Poster interface {
	Post(ctx context.Context, report Report) error
}

// ClusterHands act in a cluster.
type ClusterHands struct {
	Client client.Client
	// Name of the Node.
	Name    string
	Drainer *evacuate.Drainer
	Webhook Poster // nil for none

	// pods are those that were on the node when its drain began.
	pods []string
}

// Node implements Hands.
func (h *ClusterHands) Node(ctx context.Context) (*corev1.Node, error) {
	node := &corev1.Node{}
	if err := h.Client.Get(ctx, client.ObjectKey{Name: h.Name}, node); err != nil {
		return nil, fmt.Errorf("reading node %s: %w", h.Name, err)
	}
	return node, nil
}

// Write implements Hands.
func (h *ClusterHands) Write(ctx context.Context, before, after *corev1.Node) error {
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	return h.Client.Patch(ctx, after, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// Drain implements Hands.
func (h *ClusterHands) Drain(ctx context.Context, node *corev1.Node, rules evacuate.Rules) (evacuate.Result, error) {
	if h.pods == nil {
		pods, err := h.podsOn(ctx)
		if err != nil {
			return evacuate.Result{}, err
		}
		h.pods = names(pods)
	}
	return h.Drainer.Drain(ctx, node, rules)
}

func (h *ClusterHands) podsOn(ctx context.Context) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := h.Client.List(ctx, &pods, client.MatchingFields{index.PodNode: h.Name}); err != nil {
		return nil, fmt.Errorf("listing the pods of node %s: %w", h.Name, err)
	}
	return pods.Items, nil
}

func names(pods []corev1.Pod) []string {
	list := []string{}
	for i := range pods {
		list = append(list, client.ObjectKeyFromObject(&pods[i]).String())
	}
	slices.Sort(list)
	return list
}

// Post implements Hands.
func (h *ClusterHands) Post(ctx context.Context, report Report) error {
	if h.Webhook == nil {
		return nil
	}
	report.Pods = h.pods
	return h.Webhook.Post(ctx, report)
}

// DryHands read a cluster, keep to themselves what they would write there, and
// say it.
type DryHands struct {
	ClusterHands
	Clock clock.PassiveClock
	Log   logr.Logger

	written *corev1.Node
}

// Node implements Hands: the Node as it would be by now.
func (h *DryHands) Node(ctx context.Context) (*corev1.Node, error) {
	if h.written != nil {
		return h.written.DeepCopy(), nil
	}
	return h.ClusterHands.Node(ctx)
}

// Write implements Hands.
func (h *DryHands) Write(_ context.Context, before, after *corev1.Node) error {
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	h.written = after.DeepCopy()
	h.Log.Info("dry run: the node would be changed", "node", after.Name, "unschedulable", after.Spec.Unschedulable,
		"taints", keys(after.Spec.Taints), "interruptions", after.Annotations[interruption.Annotation])
	return nil
}

func keys(taints []corev1.Taint) string {
	var list []string
	for _, t := range taints {
		list = append(list, t.ToString())
	}
	return strings.Join(list, ",")
}

// Drain implements Hands: all pods count as gone once they are told.
func (h *DryHands) Drain(ctx context.Context, node *corev1.Node, rules evacuate.Rules) (evacuate.Result, error) {
	pods, err := h.podsOn(ctx)
	if err != nil {
		return evacuate.Result{}, err
	}
	step := evacuate.Next(pods, h.Clock.Now(), rules)
	var told []corev1.Pod
	for _, removal := range slices.Concat(step.Evict, step.Remove) {
		told = append(told, *removal.Pod)
	}
	h.Log.Info("dry run: pods would be evicted, others after them", "node", node.Name, "waiting", step.Waiting, "first", strings.Join(names(told), " "))
	return evacuate.Result{Told: len(told)}, nil
}

// Post implements Hands.
func (h *DryHands) Post(_ context.Context, report Report) error {
	h.Log.Info("dry run: the webhook would be told", "notice", report.Notice.ID)
	return nil
}
