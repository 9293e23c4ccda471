package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/translate"
)

// provisionerNameLabel is what Karpenter called karpenter.sh/nodepool before its
// v1 API: tutorials and dashboards still select nodes by it.
const provisionerNameLabel = "karpenter.sh/provisioner-name"

var errNoNode = errors.New("no node has joined")

// nodeOf finds the Node of a claim by its provider ID.
func (r *Reconciler) nodeOf(ctx context.Context, claim *karpv1.NodeClaim) (*corev1.Node, error) {
	var nodes corev1.NodeList
	if err := r.Client.List(ctx, &nodes, client.MatchingFields{index.NodeProviderID: claim.Status.ProviderID}); err != nil {
		return nil, fmt.Errorf("finding the node of nodeclaim %s: %w", claim.Name, err)
	}
	switch len(nodes.Items) {
	case 0:
		return nil, errNoNode
	case 1:
		return &nodes.Items[0], nil
	}
	return nil, fmt.Errorf("%d nodes say that they are %s: delete those that are not", len(nodes.Items), claim.Status.ProviderID)
}

// register makes a Node that has joined the claim's: labels, taints, owner and
// finalizer. Only then may pods run there.
func (r *Reconciler) register(ctx context.Context, claim *karpv1.NodeClaim) (bool, error) {
	registered := claim.StatusConditions().Get(karpv1.ConditionTypeRegistered).IsTrue()
	node, err := r.nodeOf(ctx, claim)
	if errors.Is(err, errNoNode) {
		if registered {
			return false, r.nodeLost(ctx, claim)
		}
		return false, nil
	}
	if err != nil || registered {
		return registered && err == nil, err
	}
	before := node.DeepCopy()
	if !hasTaint(node, karpv1.UnregisteredNoExecuteTaint) && node.Labels[karpv1.NodeRegisteredLabelKey] == "" {
		r.Events.Warning(claim, events.UnregisteredTaintMissing,
			"the node joined without the taint karpenter.sh/unregistered: pods could start there before its labels and taints were complete; add it to the kubelet's registerWithTaints")
	}
	// Room is kept before the taint goes: the scheduler would fill it otherwise.
	r.keepRoom(ctx, claim, node)
	adopt(node, claim)
	if err := write.Changes(ctx, r.Client, node, before); err != nil {
		return false, fmt.Errorf("registering node %s: %w", node.Name, err)
	}
	stored := claim.DeepCopy()
	claim.Status.NodeName = node.Name
	claim.StatusConditions().SetTrue(karpv1.ConditionTypeRegistered)
	if err := write.Status(ctx, r.Client, claim, stored); err != nil {
		return false, fmt.Errorf("recording that node %s has registered: %w", node.Name, err)
	}
	r.Metrics.NodesCreated.WithLabelValues(claim.Labels[karpv1.NodePoolLabelKey]).Inc()
	r.Log.Info("registered nodeclaim", fields(claim, "node", node.Name)...)
	return true, nil
}

// nodeLost ends a claim whose Node somebody removed: its machine serves nobody.
func (r *Reconciler) nodeLost(ctx context.Context, claim *karpv1.NodeClaim) error {
	var nodes corev1.NodeList
	if err := r.Live.List(ctx, &nodes); err != nil {
		return fmt.Errorf("looking for the node of nodeclaim %s: %w", claim.Name, err)
	}
	for i := range nodes.Items {
		if nodes.Items[i].Spec.ProviderID == claim.Status.ProviderID {
			return nil
		}
	}
	r.Log.Info("deleting nodeclaim whose node is gone", fields(claim, "node", claim.Status.NodeName)...)
	return write.Delete(ctx, r.Client, claim)
}

// adopt writes onto the Node what its claim promises.
func adopt(node *corev1.Node, claim *karpv1.NodeClaim) {
	controllerutil.AddFinalizer(node, karpv1.TerminationFinalizer)
	own(node, claim)
	if node.Labels == nil {
		node.Labels = map[string]string{}
	}
	maps.Copy(node.Labels, claim.Labels)
	node.Labels[karpv1.NodeRegisteredLabelKey] = "true"
	node.Labels[provisionerNameLabel] = claim.Labels[karpv1.NodePoolLabelKey]
	if node.Annotations == nil {
		node.Annotations = map[string]string{}
	}
	for key, value := range claim.Annotations {
		if key != translate.OfferingsAnnotation && key != translate.PodsAnnotation {
			node.Annotations[key] = value
		}
	}
	if node.Labels[karpv1.NodeDoNotSyncTaintsLabelKey] != "true" {
		for _, taint := range slices.Concat(claim.Spec.Taints, claim.Spec.StartupTaints) {
			if !hasTaint(node, taint) {
				node.Spec.Taints = append(node.Spec.Taints, taint)
			}
		}
	}
	node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(taint corev1.Taint) bool {
		return taint.MatchTaint(&karpv1.UnregisteredNoExecuteTaint)
	})
}

func own(node *corev1.Node, claim *karpv1.NodeClaim) {
	reference := metav1.OwnerReference{
		APIVersion: "karpenter.sh/v1", Kind: "NodeClaim", Name: claim.Name, UID: claim.UID, BlockOwnerDeletion: new(true),
	}
	for _, owner := range node.OwnerReferences {
		if owner.UID == claim.UID {
			return
		}
	}
	node.OwnerReferences = append(node.OwnerReferences, reference)
}

func hasTaint(node *corev1.Node, taint corev1.Taint) bool {
	return slices.ContainsFunc(node.Spec.Taints, func(other corev1.Taint) bool { return other.MatchTaint(&taint) })
}
