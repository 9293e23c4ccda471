package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

// initialize marks a node that can run what it was bought for.
func (r *Reconciler) initialize(ctx context.Context, claim *karpv1.NodeClaim) (bool, error) {
	if claim.StatusConditions().Get(karpv1.ConditionTypeInitialized).IsTrue() {
		return true, nil
	}
	node, err := r.nodeOf(ctx, claim)
	if errors.Is(err, errNoNode) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	before := claim.DeepCopy()
	if reason, message := Blocker(node, claim); reason != "" {
		claim.StatusConditions().SetUnknownWithReason(karpv1.ConditionTypeInitialized, reason, message)
		return false, write.Status(ctx, r.Client, claim, before)
	}
	unlabelled := node.DeepCopy()
	node.Labels[karpv1.NodeInitializedLabelKey] = "true"
	if err := write.Changes(ctx, r.Client, node, unlabelled); err != nil {
		return false, fmt.Errorf("labelling node %s as initialized: %w", node.Name, err)
	}
	claim.StatusConditions().SetTrue(karpv1.ConditionTypeInitialized)
	if err := write.Status(ctx, r.Client, claim, before); err != nil {
		return false, fmt.Errorf("recording that node %s is initialized: %w", node.Name, err)
	}
	r.Log.Info("initialized nodeclaim", fields(claim, "node", node.Name, "allocatable", translate.Amounts(node.Status.Allocatable))...)
	return true, nil
}

// Blocker says what a registered node still lacks, as a condition's reason and
// message; an empty reason means nothing.
func Blocker(node *corev1.Node, claim *karpv1.NodeClaim) (reason, message string) {
	if !observe.IsReady(node) {
		return "NodeNotReady", "Node status is NotReady"
	}
	for _, taint := range claim.Spec.StartupTaints {
		if hasTaint(node, taint) {
			return "StartupTaintsExist", fmt.Sprintf("StartupTaint %q still exists", taint.ToString())
		}
	}
	for _, taint := range observe.EphemeralTaints() {
		if hasTaint(node, taint) {
			return "KnownEphemeralTaintsExist", fmt.Sprintf("KnownEphemeralTaint %q still exists", taint.ToString())
		}
	}
	if missing := unregisteredResources(node, claim); len(missing) > 0 {
		return "ResourceNotRegistered", fmt.Sprintf("Resources %v were requested but the node does not report them", missing)
	}
	return "", ""
}

// unregisteredResources are those that the claim was made for and the node has
// none of yet, such as GPUs before their device plugin has started.
func unregisteredResources(node *corev1.Node, claim *karpv1.NodeClaim) []string {
	var missing []string
	for name, requested := range claim.Spec.Resources.Requests {
		promised, reported := claim.Status.Allocatable[name], node.Status.Allocatable[name]
		if !requested.IsZero() && !promised.IsZero() && reported.IsZero() {
			missing = append(missing, string(name))
		}
	}
	slices.Sort(missing)
	return missing
}
