package disruption

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/evacuate"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/observe"
)

// state is the cluster as far as disruption looks at it.
type state struct {
	nodes  []corev1.Node
	claims map[string]*karpv1.NodeClaim // by provider ID
	// allClaims has those without a machine, too.
	allClaims []*karpv1.NodeClaim
	pools     []karpv1.NodePool
	// resting are claims that may be disrupted as far as their pods go, with
	// their nodes, by age.
	resting []candidate
	// pods by node name, of resting nodes only.
	pods map[string][]corev1.Pod
}

type candidate struct {
	claim *karpv1.NodeClaim
	node  *corev1.Node
}

func (r *Reconciler) look(ctx context.Context) (*state, error) {
	var (
		nodes  corev1.NodeList
		claims karpv1.NodeClaimList
		pools  karpv1.NodePoolList
	)
	for _, list := range []client.ObjectList{&nodes, &claims, &pools} {
		if err := r.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing %T: %w", list, err)
		}
	}
	cluster := &state{nodes: nodes.Items, pools: pools.Items, claims: map[string]*karpv1.NodeClaim{}, pods: map[string][]corev1.Pod{}}
	for i := range claims.Items {
		cluster.allClaims = append(cluster.allClaims, &claims.Items[i])
		if id := claims.Items[i].Status.ProviderID; id != "" {
			cluster.claims[id] = &claims.Items[i]
		}
	}
	for i := range cluster.nodes {
		node := &cluster.nodes[i]
		claim := cluster.claims[node.Spec.ProviderID]
		if claim == nil || !atRest(claim, node) {
			continue
		}
		// The cache's objects must not be changed, and these will be.
		cluster.resting = append(cluster.resting, candidate{claim: claim.DeepCopy(), node: node.DeepCopy()})
		var pods corev1.PodList
		if err := r.Client.List(ctx, &pods, client.MatchingFields{index.PodNode: node.Name}, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing the pods of node %s: %w", node.Name, err)
		}
		cluster.pods[node.Name] = pods.Items
	}
	slices.SortFunc(cluster.resting, func(a, b candidate) int {
		return cmp.Or(a.claim.CreationTimestamp.Compare(b.claim.CreationTimestamp.Time), cmp.Compare(a.claim.Name, b.claim.Name))
	})
	return cluster, nil
}

func atRest(claim *karpv1.NodeClaim, node *corev1.Node) bool {
	return claim.DeletionTimestamp == nil && node.DeletionTimestamp == nil &&
		isTrue(claim, karpv1.ConditionTypeInitialized) && isTrue(claim, karpv1.ConditionTypeConsolidatable)
}

// empty are the candidates without a pod that would miss them.
func (s *state) empty(now time.Time) []candidate {
	var empty []candidate
	filling := map[string]bool{}
	for _, by := range s.replacements() {
		filling[by] = true
	}
	for _, each := range s.resting {
		if filling[each.claim.Name] {
			continue // the pods of the node that it replaces are still to come
		}
		if each.node.Annotations[karpv1.DoNotDisruptAnnotationKey] != "true" && isEmpty(s.pods[each.node.Name], now) {
			empty = append(empty, each)
		}
	}
	return empty
}

// isEmpty reports whether only pods that belong to the node are left, and none
// of them asks not to be disturbed.
func isEmpty(pods []corev1.Pod, now time.Time) bool {
	for i := range pods {
		pod := &pods[i]
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		owner := metav1.GetControllerOfNoCopy(pod)
		isStatic := owner != nil && owner.Kind == "Node"
		if !observe.IsOwnedByDaemonSet(pod) && !isStatic {
			return false
		}
		if evacuate.MayNotBeDisturbed(pod, now) {
			return false
		}
	}
	return true
}

// allowed is how many more nodes of each pool its budgets let go now for a reason.
// Nodes that are ending or not ready use the budget up.
func (r *Reconciler) allowed(cluster *state, reason karpv1.DisruptionReason) map[string]int {
	total, away := map[string]int{}, map[string]int{}
	for i := range cluster.nodes {
		node := &cluster.nodes[i]
		claim := cluster.claims[node.Spec.ProviderID]
		if claim == nil || !isTrue(claim, karpv1.ConditionTypeInitialized) {
			continue
		}
		pool := claim.Labels[karpv1.NodePoolLabelKey]
		total[pool]++
		if claim.DeletionTimestamp != nil || node.DeletionTimestamp != nil || !observe.IsReady(node) {
			away[pool]++
		}
	}
	allowed := map[string]int{}
	for i := range cluster.pools {
		pool := &cluster.pools[i]
		budget := pool.MustGetAllowedDisruptions(r.Clock, total[pool.Name], reason)
		allowed[pool.Name] = max(0, budget-away[pool.Name])
		r.Metrics.AllowedDisruptions.WithLabelValues(pool.Name, string(reason)).Set(float64(allowed[pool.Name]))
	}
	return allowed
}
