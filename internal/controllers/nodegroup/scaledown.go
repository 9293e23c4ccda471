package nodegroup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/observe"
)

// scaleDown goes on with the nodes that are on their way out and chooses others
// that may follow. It reports whether any are.
func (a *Autoscaler) scaleDown(ctx context.Context, state *state) (bool, error) {
	leaving, err := a.proceed(ctx, state)
	if err != nil {
		return leaving.all > 0, err
	}
	if !a.Keeper.Options.ScaleDown.Enabled {
		a.showUnneeded(ctx, state, nil)
		return leaving.all > 0, nil
	}
	list, stay := a.candidates(state)
	unneeded, err := a.together(ctx, state, list, stay)
	if err != nil {
		return leaving.all > 0, err
	}
	a.sayStay(stay)
	a.remember(unneeded)
	a.Metrics.Unneeded.Set(float64(len(unneeded)))
	begun, err := a.beginRipe(ctx, state, leaving, unneeded)
	if begun == 0 {
		a.showUnneeded(ctx, state, unneeded)
	}
	return leaving.all+begun > 0, err
}

// beginRipe begins with as many of the unneeded nodes as may go now, and reports how
// many those are.
func (a *Autoscaler) beginRipe(ctx context.Context, state *state, leaving outgoing, unneeded []candidate) (int, error) {
	ripe := a.ripe(unneeded)
	if len(ripe) == 0 || a.coolingDown() {
		return 0, nil
	}
	chosen := leaving.within(ripe, a.Keeper.Options.ScaleDown)
	trial, err := a.newTrial(ctx, state, chosen)
	if err != nil || !trial.holds(chosen) {
		return 0, err
	}
	for i := range chosen {
		if err := a.begin(ctx, &chosen[i]); err != nil {
			return i + 1, err
		}
	}
	return len(chosen), nil
}

// sayStay notes why nodes stay, and logs for each node what is new.
func (a *Autoscaler) sayStay(stay map[string]refusal) {
	for _, node := range slices.Sorted(maps.Keys(stay)) {
		if why := stay[node]; a.stay[node] != why {
			a.Log.Info(fmt.Sprintf("Node %s is not suitable for removal: %s", node, why.text), "reason", why.reason)
		}
	}
	a.stay = stay
}

// remember keeps since when each node has been unneeded without a break.
func (a *Autoscaler) remember(unneeded []candidate) {
	since := make(map[string]time.Time, len(unneeded))
	for _, c := range unneeded {
		at, known := a.unneeded[c.node.Name]
		if !known {
			at = a.firstUnneeded(c.node)
		}
		since[c.node.Name] = at
	}
	a.unneeded = since
}

// ripe are the nodes that have been unneeded for long enough.
func (a *Autoscaler) ripe(unneeded []candidate) []candidate {
	var ripe []candidate
	for _, c := range unneeded {
		options := groupOptions(a.Keeper.Options.ScaleDown, c.group.Tags)
		need := options.UnneededTime
		if !c.ready {
			need = options.UnreadyTime
		}
		if a.Clock.Now().Sub(a.unneeded[c.node.Name]) >= need {
			ripe = append(ripe, c)
		}
	}
	return ripe
}

// coolingDown reports whether something happened too lately for more nodes to go.
func (a *Autoscaler) coolingDown() bool {
	now, options := a.Clock.Now(), a.Keeper.Options.ScaleDown
	return now.Before(a.lastAdd.Add(options.DelayAfterAdd)) || now.Before(a.lastDelete.Add(options.DelayAfterDelete)) ||
		now.Before(a.lastFailure.Add(options.DelayAfterFailure))
}

// outgoing counts the nodes that are on their way out.
type outgoing struct{ all, drained int }

// within takes as many as may go at once.
func (o outgoing) within(list []candidate, options ScaleDownOptions) []candidate {
	var chosen []candidate
	all, drained := o.all, o.drained
	for _, c := range list {
		if all >= options.Parallelism || len(c.pods) > 0 && drained >= options.DrainParallelism {
			continue
		}
		all++
		if len(c.pods) > 0 {
			drained++
		}
		chosen = append(chosen, c)
	}
	return chosen
}

// begin marks a node: no pod may come any more. The mark is on the Node, so that
// a process that starts anew goes on where this one ended.
func (a *Autoscaler) begin(ctx context.Context, c *candidate) error {
	node := &corev1.Node{}
	if err := a.Live.Get(ctx, client.ObjectKey{Name: c.node.Name}, node); err != nil {
		return client.IgnoreNotFound(err)
	}
	node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{
		Key: observe.ToBeDeletedTaint, Value: strconv.FormatInt(a.Clock.Now().Unix(), 10), Effect: corev1.TaintEffectNoSchedule,
	})
	node.Spec.Unschedulable = true
	if err := a.Client.Update(ctx, node); err != nil {
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return nil // it has changed: look again
		}
		return fmt.Errorf("marking node %s: %w", node.Name, err)
	}
	since := a.Clock.Now().Sub(a.unneeded[c.node.Name]).Round(time.Second)
	a.Log.Info(fmt.Sprintf("%s was unneeded for %s", node.Name, since))
	if len(c.pods) == 0 {
		a.Log.Info(fmt.Sprintf("Scale-down: removing empty node %q", node.Name), "node-group", c.group.Name)
		a.Events.Normal(a.statusObject(), events.ScaleDownEmpty, fmt.Sprintf("Scale-down: removing empty node %q", node.Name))
		a.Events.Normal(node, events.ScaleDown, "marked the node as toBeDeleted/unschedulable")
		return nil
	}
	var names []string
	for _, pod := range c.pods {
		names = append(names, pod.Namespace+"/"+pod.Name)
	}
	text := fmt.Sprintf("Scale-down: removing node %s, utilization: %.2f, pods to reschedule: %s", node.Name, c.utilization, strings.Join(names, ","))
	a.Log.Info(text, "node-group", c.group.Name)
	a.Events.Normal(a.statusObject(), events.ScaleDown, text)
	a.Events.Normal(node, events.ScaleDown, "marked the node as toBeDeleted/unschedulable")
	return nil
}

// isMarked reports whether a node is on its way out.
func isMarked(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == observe.ToBeDeletedTaint })
}

// markedAt is when the node was marked, by its taint.
func markedAt(node *corev1.Node) time.Time {
	for _, taint := range node.Spec.Taints {
		if seconds, err := strconv.ParseInt(taint.Value, 10, 64); taint.Key == observe.ToBeDeletedTaint && err == nil {
			return time.Unix(seconds, 0)
		}
	}
	return time.Time{}
}

// proceed goes on with every marked node: pods leave by eviction, then the
// instance ends.
func (a *Autoscaler) proceed(ctx context.Context, state *state) (outgoing, error) {
	var out outgoing
	var failures []error
	for i := range state.groups {
		g := &state.groups[i]
		for _, instance := range g.Instances {
			node := g.Nodes[instance.ID]
			if node == nil || !isMarked(node) || node.DeletionTimestamp != nil || instance.IsLeaving() {
				continue
			}
			out.all++
			drained, err := a.step(ctx, state, g, instance)
			if !drained {
				out.drained++
			}
			if err != nil {
				failures = append(failures, err)
			}
		}
	}
	return out, errors.Join(failures...)
}

// step moves one marked node on by one step. It reports whether no pod is left
// that would have to move.
func (a *Autoscaler) step(ctx context.Context, state *state, g *Group, instance cloud.GroupInstance) (bool, error) {
	node := g.Nodes[instance.ID]
	options := a.Keeper.Options.ScaleDown
	age := a.Clock.Now().Sub(markedAt(node))
	left, refused := 0, ""
	for _, pod := range state.podsOn[node.Name] {
		standing, why := state.rules.judge(pod)
		isLeaving := pod.DeletionTimestamp != nil && !observe.IsOwnedByDaemonSet(pod)
		switch {
		case isLeaving && age < options.EvictionTime+options.GracefulTime:
			left++
		case isLeaving || standing == staysAnyway:
		case standing == blocks && !strings.Contains(why, "PodDisruptionBudget"):
			left, refused = left+1, why
		default:
			left++
			if err := a.evict(ctx, pod); err != nil {
				refused = err.Error()
			}
		}
	}
	switch {
	case left == 0:
		return true, a.end(ctx, g, instance)
	case refused != "" && age >= options.EvictionTime:
		return false, a.release(ctx, node, refused)
	}
	return false, nil
}

// evict asks the Eviction API, which keeps PodDisruptionBudgets.
func (a *Autoscaler) evict(ctx context.Context, pod *corev1.Pod) error {
	err := a.Client.SubResource("eviction").Create(ctx, pod, &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pod.UID}},
	})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return nil // gone, or another pod of the same name
	case err != nil:
		a.Metrics.Evicted.WithLabelValues("failed").Inc()
		return fmt.Errorf("pod %s/%s cannot be evicted: %w", pod.Namespace, pod.Name, err)
	}
	a.Metrics.Evicted.WithLabelValues("succeeded").Inc()
	a.Events.Normal(pod, events.ScaleDown, "deleting pod for node scale down")
	return nil
}

// end has the instance ended and the group lowered by it, in one call: no size
// is computed from what was seen before.
func (a *Autoscaler) end(ctx context.Context, g *Group, instance cloud.GroupInstance) error {
	node := g.Nodes[instance.ID]
	err := a.Keeper.Cloud.Shrink(ctx, instance.ID)
	var atMinimum *cloud.MinSizeError
	switch {
	case cloud.IsNotFound(err):
		return nil // it has ended already
	case errors.As(err, &atMinimum):
		return a.release(ctx, node, "its group "+g.Name+" may not become smaller: "+atMinimum.Message)
	case err != nil:
		return err
	}
	a.lastDelete = a.Clock.Now()
	a.Metrics.ScaledDown.WithLabelValues("underutilized").Inc()
	a.Metrics.LastActivity.WithLabelValues("scaleDown").Set(float64(a.Clock.Now().Unix()))
	a.Log.Info("Scale-down: node removed", "node", node.Name, "node-group", g.Name, "instance", instance.ID)
	a.Events.Normal(node, events.ScaleDown, "node removed by cluster autoscaler")
	return nil
}

// release lets pods onto a node again that could not be emptied.
func (a *Autoscaler) release(ctx context.Context, node *corev1.Node, why string) error {
	a.lastFailure = a.Clock.Now()
	fresh := &corev1.Node{}
	if err := a.Live.Get(ctx, client.ObjectKey{Name: node.Name}, fresh); err != nil {
		return client.IgnoreNotFound(err)
	}
	fresh.Spec.Taints = slices.DeleteFunc(fresh.Spec.Taints, func(t corev1.Taint) bool { return t.Key == observe.ToBeDeletedTaint })
	fresh.Spec.Unschedulable = false
	if err := a.Client.Update(ctx, fresh); err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		return fmt.Errorf("letting pods onto node %s again: %w", node.Name, err)
	}
	a.Log.Info("Scale-down failed: the node takes pods again", "node", node.Name, "cause", why)
	a.Events.Warning(fresh, events.ScaleDownFailed, "failed to drain the node, aborting ScaleDown: "+why)
	a.Events.Warning(a.statusObject(), events.ScaleDownFailed, fmt.Sprintf("Scale-down of node %s failed: %s", node.Name, why))
	return nil
}
