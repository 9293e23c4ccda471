package nodegroup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/observe"
)

// showUnneeded keeps a soft taint on the nodes that nobody needs, so that pods rather
// go elsewhere, and takes it off those that are needed again: these first, and as
// many as the options allow in one look. It is of no weight: what fails is tried
// again with the next look.
func (a *Autoscaler) showUnneeded(ctx context.Context, state *state, unneeded []candidate) {
	options := a.Keeper.Options.ScaleDown
	wanted := map[string]bool{}
	if options.SoftTaints > 0 {
		for i := range unneeded {
			wanted[unneeded[i].node.Name] = true
		}
	}
	var changes []taintChange
	for _, node := range shownWithoutNeed(state.groups, wanted) {
		changes = append(changes, taintChange{node: node})
	}
	for _, c := range unneeded {
		if wanted[c.node.Name] && !isCandidate(c.node) {
			changes = append(changes, taintChange{node: c.node, since: a.unneeded[c.node.Name]})
		}
	}
	// Turned off, nothing is bounded: what is left over goes once.
	most, start := options.SoftTaints, a.Clock.Now()
	for i, change := range changes {
		if most > 0 && (i >= most || a.Clock.Since(start) >= options.SoftTaintTime) {
			a.Log.V(1).Info(fmt.Sprintf("Skipped adding/removing soft taints on %d nodes - API call or time limit exceeded", len(changes)-i))
			return
		}
		if err := a.changeTaint(ctx, change); err != nil {
			a.Log.Error(err, "the soft taint of a node could not be changed", "node", change.node.Name)
		}
	}
}

// taintChange is a node that gets the soft taint, or loses it when since is zero.
type taintChange struct {
	node  *corev1.Node
	since time.Time
}

// shownWithoutNeed are the nodes of groups with the taint that are not wanted with
// it, by name. Nodes on their way out keep what they have.
func shownWithoutNeed(groups []Group, wanted map[string]bool) []*corev1.Node {
	var nodes []*corev1.Node
	for i := range groups {
		for _, node := range groups[i].Nodes {
			if isCandidate(node) && !wanted[node.Name] && !isMarked(node) && node.DeletionTimestamp == nil {
				nodes = append(nodes, node)
			}
		}
	}
	slices.SortFunc(nodes, func(a, b *corev1.Node) int { return cmp.Compare(a.Name, b.Name) })
	return nodes
}

func isCandidacy(taint corev1.Taint) bool { return taint.Key == observe.DeletionCandidateTaint }

// isCandidate reports whether a node shows that nobody needs it.
func isCandidate(node *corev1.Node) bool { return slices.ContainsFunc(node.Spec.Taints, isCandidacy) }

// changeTaint writes the node as it is now, not as the cache has it.
func (a *Autoscaler) changeTaint(ctx context.Context, change taintChange) error {
	node := &corev1.Node{}
	if err := a.Live.Get(ctx, client.ObjectKey{Name: change.node.Name}, node); err != nil {
		return client.IgnoreNotFound(err)
	}
	wanted := !change.since.IsZero()
	if isCandidate(node) == wanted || isMarked(node) {
		return nil
	}
	said := "Successfully released DeletionCandidateTaint on node "
	node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, isCandidacy)
	if wanted {
		said = "Successfully added DeletionCandidateTaint on node "
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{
			Key: observe.DeletionCandidateTaint, Value: strconv.FormatInt(change.since.Unix(), 10), Effect: corev1.TaintEffectPreferNoSchedule,
		})
	}
	err := a.Client.Update(ctx, node)
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return nil // it has changed: the next look sees how
	case err != nil:
		return fmt.Errorf("changing the taints of node %s: %w", node.Name, err)
	}
	a.Log.Info(said + node.Name)
	return nil
}

// firstUnneeded is since when a node is unneeded that was not at the look before.
// The first look of a process may believe what the one before it wrote on the node.
func (a *Autoscaler) firstUnneeded(node *corev1.Node) time.Time {
	now, ttl := a.Clock.Now(), a.Keeper.Options.ScaleDown.CandidateTTL
	if a.unneeded != nil || ttl <= 0 {
		return now
	}
	for _, taint := range node.Spec.Taints {
		seconds, err := strconv.ParseInt(taint.Value, 10, 64)
		if since := time.Unix(seconds, 0); isCandidacy(taint) && err == nil && since.Before(now) && now.Sub(since) <= ttl {
			return since
		}
	}
	return now
}
