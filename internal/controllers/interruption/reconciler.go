package interruption

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/evacuate"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/observe"
)

const (
	// blockedPoll is how often evictions are asked for again that budgets refused,
	// drainPoll a safety net: pods that leave wake their node.
	blockedPoll = time.Second
	drainPoll   = 5 * time.Second
	// While nodes are closed one after the other, with pauses of at most calm, all
	// else about a node waits, until its notice is patient old: nodes that are still
	// open get pods that would have to move at once.
	calm    = 500 * time.Millisecond
	patient = 3 * time.Second
	// cloudPoll is when a call to the cloud that failed is made again.
	cloudPoll = 5 * time.Second
)

// Reconciler acts on Nodes with a record of interruptions.
type Reconciler struct {
	*Recorder
	Places *Places
	// Member, when set, says which of the Auto Scaling groups that drover sizes an
	// instance belongs to: only from such groups instances are taken.
	Member func(instanceID string) (cloud.GroupMember, bool)
	// Pods counts what is told to pods.
	Pods *metrics.Metrics

	turns evacuate.Turns
	mu    sync.Mutex
	// told is what was counted and said of each node, so that it is done once by a
	// process: nothing depends on it.
	told     map[string]map[string]bool // by the node's name
	timeouts map[string]time.Duration   // of life cycle hooks
	extended map[string]time.Time       // when a hook was asked to wait longer
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	node := &corev1.Node{}
	if err := r.Client.Get(ctx, request.NamespacedName, node); err != nil {
		r.forget(request.Name)
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	return write.Settled(r.node(ctx, node))
}

// node takes the next steps about one Node.
func (r *Reconciler) node(ctx context.Context, node *corev1.Node) (reconcile.Result, error) {
	claim, err := r.claimOf(ctx, node)
	if err != nil {
		return reconcile.Result{}, err
	}
	if node.DeletionTimestamp != nil {
		r.forget(node.Name)
		return reconcile.Result{}, nil // termination ends it
	}
	verdict, err := r.mark(ctx, node, claim)
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("marking node %s: %w", node.Name, err)
	}
	if wait := r.whileOthersClose(verdict); wait > 0 {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	launch, err := r.launched(ctx, node)
	if err != nil || verdict.Level == Keep {
		return r.later(verdict, launch), err
	}
	r.announce(node, claim, verdict)
	if claim != nil && claim.DeletionTimestamp != nil {
		return reconcile.Result{}, nil
	}
	member, err := r.leaveGroup(ctx, node, claim, verdict)
	if err != nil {
		r.Log.Error(err, "the node's Auto Scaling group could not be asked for another instance yet", "node", node.Name)
	}
	result, err := r.drain(ctx, node, verdict)
	if err != nil {
		return reconcile.Result{}, err
	}
	r.countLost(node, verdict, result)
	if result.Waiting > 0 && !r.isPast(verdict) {
		if err := r.extendHooks(ctx, node); err != nil {
			r.Log.Error(err, "a life cycle hook could not be extended", "node", node.Name)
		}
		return r.later(verdict, pause(result)), nil
	}
	return r.end(ctx, node, claim, ending{verdict: verdict, member: member, empty: result.Waiting == 0})
}

// whileOthersClose is how long to wait because other nodes are being closed.
func (r *Reconciler) whileOthersClose(v Verdict) time.Duration {
	now := r.Clock.Now()
	left := calm - now.Sub(time.Unix(0, r.closedAt.Load()))
	if v.Level != Leave || left <= 0 || left > calm || now.Sub(v.Noticed) >= patient {
		return 0
	}
	return left
}

// mark brings the record up to date and makes the Node look as it demands.
func (r *Reconciler) mark(ctx context.Context, node *corev1.Node, claim *karpv1.NodeClaim) (Verdict, error) {
	before := node.DeepCopy()
	if claim != nil {
		for _, notice := range interruption.OfInstance(claim, interruption.InstanceOf(node.Spec.ProviderID)) {
			interruption.Record(node, notice)
		}
	}
	verdict := r.assess(node)
	if len(verdict.Expired) > 0 {
		notices := interruption.Of(node)
		for i := range notices {
			notices[i].Over = notices[i].Over || slices.Contains(verdict.Expired, notices[i].ID)
		}
		interruption.Set(node, notices)
	}
	undone := Mark(node, markLevel(node, verdict), verdict.Kind) && verdict.Level == Keep
	if err := r.patch(ctx, node, before); err != nil {
		return verdict, err
	}
	switch {
	case undone:
		r.undone(before, node)
	case !observe.IsLeaving(before, nil) && observe.IsLeaving(node, nil):
		r.marked(node, verdict)
	}
	return verdict, nil
}

// assess is the verdict about a Node; one that has left its group cannot stay.
func (r *Reconciler) assess(node *corev1.Node) Verdict {
	notices := interruption.Of(node)
	for i := range notices {
		if n := &notices[i]; n.Kind == interruption.GroupTermination && n.Deadline.IsZero() {
			n.Deadline = r.hookDeadline(n)
		}
	}
	verdict := Assess(notices, r.Clock.Now(), observe.IsReady(node), r.Policy)
	if node.Annotations[detachedAnnotation] != "" && verdict.Level < Leave {
		verdict.Level, verdict.Kind, verdict.Deadline = Leave, interruption.SpotInterruption, time.Time{}
	}
	return verdict
}

func (r *Reconciler) undone(before, node *corev1.Node) {
	kind := ""
	for _, taint := range before.Spec.Taints {
		if taint.Key == observe.InterruptionTaint {
			kind = taint.Value
		}
	}
	r.Metrics.Undone.WithLabelValues(kind).Inc()
	r.forget(node.Name)
	r.Events.Normal(node, events.InterruptionOver, "The interruption ("+kind+") is over or came to nothing: the node takes pods again")
	r.Log.Info("interruption is over, the node takes pods again", "node", node.Name, "kind", kind)
	if r.Hurry != nil {
		r.Hurry("over/" + node.Name)
	}
}

// announce says once, to the node and its claim, what happens to them, and has
// nothing be bought from the pool that is taken back. The pods hear that they are
// evicted, and why, and their successors where they go: more would be thousands of
// writes in the seconds that count.
func (r *Reconciler) announce(node *corev1.Node, claim *karpv1.NodeClaim, v Verdict) {
	if !r.first(node.Name, "announced/"+string(v.Kind)) {
		return
	}
	r.avoid(node.Labels, v.Kind) // after a restart
	detail := ""
	for _, n := range interruption.Of(node) {
		if n.Kind == v.Kind && !n.Over {
			detail = n.Detail
		}
	}
	reason, note := wording(v.Kind, detail)
	tell := r.Events.Warning
	if v.Level == Wary {
		tell = r.Events.Normal
	}
	tell(node, reason, note)
	if claim != nil {
		tell(claim, reason, note)
	}
}

func (r *Reconciler) podsOn(ctx context.Context, node *corev1.Node) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := r.Client.List(ctx, &pods, client.MatchingFields{index.PodNode: node.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the pods of node %s: %w", node.Name, err)
	}
	return pods.Items, nil
}

// drain lets the pods go whose turn it is. A node that AWS may take is closed
// first, and only once one of its pods has a place elsewhere.
func (r *Reconciler) drain(ctx context.Context, node *corev1.Node, v Verdict) (evacuate.Result, error) {
	hasPlace := func(pod *corev1.Pod) bool { return r.Places.Has(pod.UID) }
	if v.Level == Wary && node.Annotations[cordonedAnnotation] == "" {
		pods, err := r.podsOn(ctx, node)
		if err != nil {
			return evacuate.Result{}, err
		}
		moves := slices.ContainsFunc(pods, func(pod corev1.Pod) bool { return observe.ComesBack(&pod) && hasPlace(&pod) })
		if !moves {
			return evacuate.Result{Waiting: 1, Held: 1}, nil
		}
		before := node.DeepCopy()
		Mark(node, Leave, v.Kind)
		if err := r.patch(ctx, node, before); err != nil {
			return evacuate.Result{}, fmt.Errorf("marking node %s: %w", node.Name, err)
		}
	}
	drainer := evacuate.Drainer{
		Client: r.Client, Clock: r.Clock, Events: r.Events, Metrics: r.Pods, Turns: &r.turns, Reason: "interruption",
		Note: "Evicted pod: AWS takes node " + node.Name + " back",
		Past: "Deleted pod past its PodDisruptionBudgets: AWS takes node " + node.Name + " back",
		Done: func(*corev1.Pod, bool) { r.Metrics.Calls.WithLabelValues("kubernetes").Inc() },
	}
	result, err := drainer.Drain(ctx, node, evacuate.Rules{
		Deadline: v.Deadline, HasPlace: hasPlace, Margin: r.Policy.Margin, Force: r.Policy.Force, ForceBefore: r.Policy.ForceBefore, KeepDaemonSets: true,
		Self: r.Self,
	})
	if err == nil && len(result.Refused) > 0 {
		r.Events.WarningOnce(node, events.FailedDraining, "Failed to drain node: "+refusals(result.Refused))
	}
	return result, err
}

// refusals names a few pods with what holds them.
func refusals(refused map[string]string) string {
	const shown = 3
	var names []string
	for name := range refused {
		names = append(names, name)
	}
	slices.Sort(names)
	text := ""
	for i, name := range names[:min(shown, len(names))] {
		if i > 0 {
			text += "; "
		}
		text += "pod " + name + ": " + refused[name]
	}
	if more := len(names) - shown; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// pause is when a drain is looked at again.
func pause(result evacuate.Result) time.Duration {
	wait := drainPoll
	if len(result.Refused) > 0 {
		wait = blockedPoll
	}
	if result.Recheck > 0 {
		wait = min(wait, result.Recheck)
	}
	return wait
}

func (r *Reconciler) isPast(v Verdict) bool {
	return !v.Deadline.IsZero() && !r.Clock.Now().Before(v.Deadline)
}

// countLost counts pods that are still there when AWS takes the node.
func (r *Reconciler) countLost(node *corev1.Node, v Verdict, result evacuate.Result) {
	if !r.isPast(v) || !r.first(node.Name, "lost") {
		return
	}
	r.Metrics.PodsLost.WithLabelValues(string(v.Kind)).Add(float64(result.Waiting))
	if result.Waiting > 0 {
		r.Log.Info("pods were still on the node at its deadline", "node", node.Name, "pod-count", result.Waiting)
	}
}

// later comes back after a time, or when the verdict changes by itself.
func (r *Reconciler) later(v Verdict, wait time.Duration) reconcile.Result {
	for _, at := range []time.Time{v.Until, v.Deadline} {
		if left := at.Sub(r.Clock.Now()); !at.IsZero() && left > 0 && (wait == 0 || left < wait) {
			wait = left
		}
	}
	return reconcile.Result{RequeueAfter: wait}
}

func (r *Reconciler) claimOf(ctx context.Context, node *corev1.Node) (*karpv1.NodeClaim, error) {
	if node.Spec.ProviderID == "" || r.NodesOnly {
		return nil, nil
	}
	var claims karpv1.NodeClaimList
	err := r.Client.List(ctx, &claims, client.MatchingFields{index.ClaimProviderID: node.Spec.ProviderID})
	if err != nil || len(claims.Items) == 0 {
		return nil, err
	}
	return &claims.Items[0], nil
}

// first reports whether this process has not said something of a node before.
func (r *Reconciler) first(node, what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told == nil {
		r.told = map[string]map[string]bool{}
	}
	if r.told[node] == nil {
		r.told[node] = map[string]bool{}
	}
	known := r.told[node][what]
	r.told[node][what] = true
	return !known
}

// unsay makes what was said of a node something to be said again.
func (r *Reconciler) unsay(node, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.told[node], what)
}

func (r *Reconciler) forget(node string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.told, node)
}
