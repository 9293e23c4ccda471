package interruption

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/observe"
)

const (
	// detachedAnnotation names, on a Node, the Auto Scaling group that its instance
	// is taken out of. It is written before the call, so that whoever takes over
	// knows that the instance has no group any more.
	detachedAnnotation = "drover.sh/detached-from"
	// desiredAnnotation is the size that the group had when a node of it got
	// doubtful.
	desiredAnnotation = "drover.sh/group-desired"
	// managedLabel names the EKS node group of a Node.
	managedLabel = "eks.amazonaws.com/nodegroup"
)

// leaveGroup has the Auto Scaling group of a node launch another in its stead, now
// rather than when it finds the instance gone, unless the group does so by itself.
// The member is empty for a node of no group, or of one that drover leaves alone.
func (r *Reconciler) leaveGroup(ctx context.Context, node *corev1.Node, claim *karpv1.NodeClaim, v Verdict) (cloud.GroupMember, error) {
	id := interruption.InstanceOf(node.Spec.ProviderID)
	if claim != nil || r.Cloud == nil || id == "" || node.Labels[managedLabel] != "" || r.Member == nil {
		return cloud.GroupMember{}, nil
	}
	if group := node.Annotations[detachedAnnotation]; group != "" {
		if !r.first(node.Name, "detached") {
			return cloud.GroupMember{}, nil
		}
		member, _ := r.Member(id)
		return cloud.GroupMember{}, r.detach(ctx, node, group, hasGrown(node, member))
	}
	if v.Kind != interruption.SpotInterruption && v.Kind != interruption.RebalanceRecommendation {
		return cloud.GroupMember{}, nil
	}
	member, known := r.Member(id)
	if !known || member.Managed != "" || member.Rebalances || (cloud.GroupInstance{Lifecycle: member.Lifecycle}).IsLeaving() {
		return cloud.GroupMember{}, nil
	}
	before := node.DeepCopy()
	if v.Kind == interruption.RebalanceRecommendation {
		// Nothing is certain: the plan says whether the group has to grow.
		if node.Annotations[desiredAnnotation] == "" {
			node.Annotations[desiredAnnotation] = strconv.Itoa(member.Desired)
			return member, r.patch(ctx, node, before)
		}
		return member, nil
	}
	node.Annotations[detachedAnnotation] = member.Group
	if err := r.patch(ctx, node, before); err != nil {
		return cloud.GroupMember{}, err
	}
	r.first(node.Name, "detached")
	return cloud.GroupMember{}, r.detach(ctx, node, member.Group, hasGrown(node, member))
}

// hasGrown reports whether the group of a node has grown since a recommendation
// about it: it has the instance that comes in this one's stead.
func hasGrown(node *corev1.Node, member cloud.GroupMember) bool {
	before, err := strconv.Atoi(node.Annotations[desiredAnnotation])
	return err == nil && member.Desired > before
}

// detach takes the instance out of its group. Where that may not be done the group
// replaces it when it is gone.
func (r *Reconciler) detach(ctx context.Context, node *corev1.Node, group string, lower bool) error {
	r.Metrics.Calls.WithLabelValues("aws").Inc()
	err := r.Cloud.Detach(ctx, group, interruption.InstanceOf(node.Spec.ProviderID), lower)
	if err != nil {
		var terminal *cloud.TerminalError
		if !errors.As(err, &terminal) {
			r.unsay(node.Name, "detached")
		}
		return err
	}
	r.Log.Info("the node's group launches another instance in its stead", "node", node.Name, "node-group", group)
	return nil
}

// ending is a drain that is over.
type ending struct {
	verdict Verdict
	member  cloud.GroupMember
	// empty says that all pods have left; else time is up.
	empty bool
}

// end finishes a node: whoever waits for it to be empty is told.
func (r *Reconciler) end(ctx context.Context, node *corev1.Node, claim *karpv1.NodeClaim, e ending) (reconcile.Result, error) {
	if e.empty && r.first(node.Name, "drained") {
		r.Metrics.NoticeToDrained.WithLabelValues(string(e.verdict.Kind)).Observe(max(0, r.Clock.Since(e.verdict.Noticed).Seconds()))
		r.Events.Normal(node, events.InterruptionDrained, fmt.Sprintf("Node is drained %s after AWS's notice", r.Clock.Since(e.verdict.Noticed).Round(time.Second)))
		r.Log.Info("drained node", "node", node.Name, "kind", string(e.verdict.Kind), "took", r.Clock.Since(e.verdict.Noticed).Round(time.Millisecond).String())
	}
	if err := r.completeHooks(ctx, node, interruption.GroupTermination); err != nil {
		return reconcile.Result{RequeueAfter: cloudPoll}, r.said(node, "completing a life cycle hook", err)
	}
	if claim != nil {
		return r.deleteClaim(ctx, node, claim, e.verdict)
	}
	if err := r.handBack(ctx, node, e); err != nil {
		return reconcile.Result{RequeueAfter: cloudPoll}, r.said(node, "handing an instance back", err)
	}
	return r.later(e.verdict, drainPoll), nil
}

// said logs an error of the cloud, which is tried again after a while.
func (r *Reconciler) said(node *corev1.Node, doing string, err error) error {
	r.Log.Error(err, doing+" failed, it is tried again", "node", node.Name)
	return nil
}

func (r *Reconciler) deleteClaim(ctx context.Context, node *corev1.Node, claim *karpv1.NodeClaim, v Verdict) (reconcile.Result, error) {
	r.Events.Warning(claim, events.TerminatingOnInterruption, "Interruption triggered termination for the NodeClaim")
	r.Events.Warning(node, events.TerminatingOnInterruption, "Interruption triggered termination for the Node")
	r.Metrics.Calls.WithLabelValues("kubernetes").Inc()
	if err := write.Delete(ctx, r.Client, claim); err != nil {
		return reconcile.Result{}, fmt.Errorf("deleting nodeclaim %s: %w", claim.Name, err)
	}
	if r.Pods != nil {
		r.Pods.NodeClaimsDisrupted.WithLabelValues("interruption", claim.Labels[karpv1.NodePoolLabelKey], claim.Labels[karpv1.CapacityTypeLabelKey]).Inc()
	}
	r.Log.Info("initiating delete from interruption message", "node", node.Name, "nodeclaim", claim.Name, "kind", string(v.Kind))
	return reconcile.Result{}, nil
}

// handBack ends an empty instance of a group that would not end it by itself.
func (r *Reconciler) handBack(ctx context.Context, node *corev1.Node, e ending) error {
	id := interruption.InstanceOf(node.Spec.ProviderID)
	switch {
	case node.Annotations[detachedAnnotation] != "":
		// Nobody else does: EC2 may only stop it, or not take it after all.
		if !r.first(node.Name, "terminated") {
			return nil
		}
		r.Metrics.Calls.WithLabelValues("aws").Inc()
		if err := r.Cloud.Terminate(ctx, id); err != nil && !cloud.IsNotFound(err) {
			r.unsay(node.Name, "terminated")
			return err
		}
	case e.member.Group != "" && e.verdict.Kind == interruption.RebalanceRecommendation && node.Annotations[cordonedAnnotation] != "" && e.empty:
		if !r.first(node.Name, "terminated") {
			return nil
		}
		// A group that has grown for the pods shrinks to what it was; another
		// launches an instance in this one's stead.
		r.Metrics.Calls.WithLabelValues("aws").Inc()
		err := r.Cloud.Replace(ctx, id, hasGrown(node, e.member))
		if err != nil && !cloud.IsNotFound(err) {
			r.unsay(node.Name, "terminated")
			return err
		}
	}
	return nil
}

// launched answers the life cycle hooks of a new instance once its Node is Ready.
// It returns when to look again.
func (r *Reconciler) launched(ctx context.Context, node *corev1.Node) (time.Duration, error) {
	if !observe.IsReady(node) {
		return 0, nil
	}
	if err := r.completeHooks(ctx, node, interruption.GroupLaunch); err != nil {
		return cloudPoll, r.said(node, "completing a life cycle hook", err)
	}
	return 0, nil
}

// completeHooks answers the hooks of one kind of notice that wait, and writes down
// that it did. Those of EKS's groups are EKS's.
func (r *Reconciler) completeHooks(ctx context.Context, node *corev1.Node, kind interruption.Kind) error {
	if r.Cloud == nil || node.Labels[managedLabel] != "" {
		return nil
	}
	notices := interruption.Of(node)
	changed := false
	for i := range notices {
		if notices[i].Kind != kind {
			continue
		}
		for j := range notices[i].Hooks {
			hook := &notices[i].Hooks[j]
			if !hook.Completed.IsZero() {
				continue
			}
			r.Metrics.Calls.WithLabelValues("aws").Inc()
			if err := r.Cloud.CompleteHook(ctx, actionOf(&notices[i], hook)); err != nil {
				return err
			}
			hook.Completed, changed = r.Clock.Now().UTC().Truncate(time.Second), true
			r.Log.Info("completed life cycle hook", "node", node.Name, "node-group", hook.Group, "hook", hook.Name)
		}
		if kind == interruption.GroupLaunch && changed {
			notices[i].Over = true
		}
	}
	if !changed {
		return nil
	}
	before := node.DeepCopy()
	interruption.Set(node, notices)
	return r.patch(ctx, node, before)
}

func actionOf(n *interruption.Notice, hook *interruption.Hook) cloud.HookAction {
	return cloud.HookAction{Group: hook.Group, Hook: hook.Name, Token: hook.Token, InstanceID: n.InstanceID}
}

// hookDeadline is when the group ends the instance whatever its hooks get to hear:
// the hook's own timeout where that is longer than what the policy gives.
func (r *Reconciler) hookDeadline(n *interruption.Notice) time.Time {
	longest := r.Policy.GroupTermination
	for _, hook := range n.Hooks {
		longest = max(longest, r.timeout(hook.Group, hook.Name))
	}
	return n.Noticed.Add(longest)
}

// timeout is what is known of a hook's timeout; 0 when that is nothing.
func (r *Reconciler) timeout(group, hook string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.timeouts[group+"\x00"+hook]
}

// extendHooks asks the hooks of a node that is being drained to wait longer, half
// way through their timeout.
func (r *Reconciler) extendHooks(ctx context.Context, node *corev1.Node) error {
	if r.Cloud == nil || node.Labels[managedLabel] != "" {
		return nil
	}
	for _, n := range interruption.Of(node) {
		if n.Kind != interruption.GroupTermination || n.Over {
			continue
		}
		for i := range n.Hooks {
			if !n.Hooks[i].Completed.IsZero() {
				continue
			}
			if err := r.extendHook(ctx, &n, &n.Hooks[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Reconciler) extendHook(ctx context.Context, n *interruption.Notice, hook *interruption.Hook) error {
	timeout := r.timeout(hook.Group, hook.Name)
	if timeout == 0 {
		r.Metrics.Calls.WithLabelValues("aws").Inc()
		asked, err := r.Cloud.HookTimeout(ctx, hook.Group, hook.Name)
		if err != nil {
			return err
		}
		timeout = asked
	}
	key := n.InstanceID + "\x00" + hook.Name + "\x00" + hook.Token
	r.mu.Lock()
	if r.timeouts == nil {
		r.timeouts, r.extended = map[string]time.Duration{}, map[string]time.Time{}
	}
	r.timeouts[hook.Group+"\x00"+hook.Name] = timeout
	last, known := r.extended[key]
	if !known {
		last = n.Noticed
	}
	now := r.Clock.Now()
	due := !now.Before(last.Add(timeout / 2))
	if due {
		r.extended[key] = now
	}
	r.mu.Unlock()
	if !due {
		return nil
	}
	r.Metrics.Calls.WithLabelValues("aws").Inc()
	return r.Cloud.ExtendHook(ctx, actionOf(n, hook))
}
