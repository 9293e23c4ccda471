package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

// What pods are promised holds for a time after their node is Initialized.
const (
	// RefusedAfter is how long a pod is nominated anew each time the scheduler
	// has tried it in vain: it may have been tried before the node was ready.
	RefusedAfter = 10 * time.Second
	// DependentAfter is the same for a pod whose turn depends on where others
	// are, such as one that spreads. It counts from when the last node on its
	// way is Initialized: pods there may be the ones it waits for.
	DependentAfter = 30 * time.Second
	// UntriedAfter ends every promise: so long the scheduler may take to try a
	// pod at all.
	UntriedAfter = 2 * time.Minute

	// promisePoll is not shorter, so that pods which spread have tries of their
	// own in between: nominated to one node together they hold each other up.
	promisePoll = 5 * time.Second
)

// reserve is the step that has room kept on a node which has joined and is about
// to take pods.
func (r *Reconciler) reserve(ctx context.Context, claim *karpv1.NodeClaim) (bool, error) {
	if claim.StatusConditions().Get(karpv1.ConditionTypeInitialized).IsTrue() {
		return true, nil // settle does so
	}
	node, err := r.nodeOf(ctx, claim)
	if errors.Is(err, errNoNode) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.keepRoom(ctx, claim, node)
	return true, nil
}

// keepRoom has room kept on the node for the pods that its claim is for. Before
// the node is Ready that would be in vain: the scheduler tries pods all the time
// while nodes come, and each try that fails costs it a write to take back the
// nomination. The kubelet says Ready a moment before the taint goes that keeps
// pods away.
func (r *Reconciler) keepRoom(ctx context.Context, claim *karpv1.NodeClaim, node *corev1.Node) {
	if !observe.IsReady(node) || !observe.TakesPods(node) {
		return
	}
	pods, err := r.promised(ctx, claim)
	if err != nil {
		r.Log.Error(err, "which pods the node is for is not known", fields(claim, "node", node.Name)...)
		return
	}
	r.nominate(ctx, claim, node, pods)
}

// nominate has the scheduler keep room on the node for the pods. It is a help and
// nothing depends on it, so what goes wrong is said and holds up nobody.
func (r *Reconciler) nominate(ctx context.Context, claim *karpv1.NodeClaim, node *corev1.Node, pods []*corev1.Pod) {
	if err := r.nominator().Nominate(ctx, node.Name, pods); err != nil {
		r.Log.Error(err, "pods could not be nominated: the scheduler may put others on their node", fields(claim, "node", node.Name)...)
	}
}

func (r *Reconciler) nominator() apply.Nominator {
	return apply.Nominator{Client: r.Client}
}

// promised are the pods that the claim is for and that still wait for a node, by
// name.
func (r *Reconciler) promised(ctx context.Context, claim *karpv1.NodeClaim) ([]*corev1.Pod, error) {
	promises, err := translate.PromisesOf(claim)
	if err != nil {
		// It promises nothing to anybody; settle takes it away.
		r.Log.Error(err, "which pods the node is for cannot be read", fields(claim)...)
	}
	var pods []*corev1.Pod
	for _, key := range promises.Keys() {
		pod := &corev1.Pod{}
		if err := r.Client.Get(ctx, client.ObjectKey(key), pod); client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("reading pod %s: %w", key, err)
		} else if err == nil && observe.IsWaiting(pod) && observe.Mark(pod) == promises[key] {
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

// settle ends what was promised on an Initialized node: when the pods are bound,
// here or elsewhere, or when the node will not have them.
func (r *Reconciler) settle(ctx context.Context, claim *karpv1.NodeClaim) (reconcile.Result, error) {
	if claim.Annotations[translate.PodsAnnotation] == "" {
		return reconcile.Result{}, nil
	}
	node, err := r.nodeOf(ctx, claim)
	if errors.Is(err, errNoNode) {
		return reconcile.Result{}, nil // the next look ends the claim
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	waiting, err := r.promised(ctx, claim)
	if err != nil {
		return reconcile.Result{}, err
	}
	kept, lost, err := r.judge(ctx, claim, node, waiting)
	if err != nil {
		return reconcile.Result{}, err
	}
	if len(lost) > 0 || len(kept) == 0 {
		if err := r.release(ctx, claim, node, kept, lost); err != nil {
			return reconcile.Result{}, err
		}
	}
	if len(kept) == 0 {
		return reconcile.Result{}, nil
	}
	r.nominate(ctx, claim, node, kept)
	return reconcile.Result{RequeueAfter: promisePoll}, nil
}

// judge tells pods that the node may still get from those that it will not: they
// find no room, or the scheduler has taken their nomination back for good, or
// never comes to them.
func (r *Reconciler) judge(ctx context.Context, claim *karpv1.NodeClaim, node *corev1.Node, waiting []*corev1.Pod) (kept, lost []*corev1.Pod, err error) {
	if !observe.TakesPods(node) || len(waiting) == 0 {
		return nil, waiting, nil
	}
	var there corev1.PodList
	if err := r.Client.List(ctx, &there, client.MatchingFields{index.PodNode: node.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("listing the pods of node %s: %w", node.Name, err)
	}
	at, _ := initializedAt(claim)
	age := r.Clock.Since(at)
	// The scheduler keeps a nomination while others leave the node to make room.
	emptying := slices.ContainsFunc(there.Items, func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil })
	open, err := r.mayChange(ctx, age)
	if err != nil {
		return nil, nil, err
	}
	free := roomOn(node, there.Items)
	for _, pod := range waiting {
		requests := observe.Requests(pod)
		if (emptying || requests.Fits(free)) && holds(pod, node.Name, age, emptying, open) {
			kept, free = append(kept, pod), free.Sub(requests)
		} else {
			lost = append(lost, pod)
		}
	}
	return kept, lost, nil
}

// holds reports whether a pod for which there is room may still come to the
// node. Others are open as long as pods that it depends on may be bound.
func holds(pod *corev1.Pod, node string, age time.Duration, emptying, open bool) bool {
	nominated := pod.Status.NominatedNodeName
	switch {
	case age < RefusedAfter:
		return true
	case nominated == node:
		return age < UntriedAfter || emptying
	case nominated == "":
		return open && dependsOnOthers(pod)
	}
	return false // the scheduler has other plans
}

// roomOn is what the pods that are there leave free.
func roomOn(node *corev1.Node, there []corev1.Pod) model.Resources {
	free := translate.Resources(node.Status.Allocatable)
	for i := range there {
		if pod := &there[i]; pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			free = free.Sub(observe.Requests(pod))
		}
	}
	return free
}

// mayChange reports whether pods that others depend on may still be bound: a
// node is on its way to its pods or has not been there for long.
func (r *Reconciler) mayChange(ctx context.Context, age time.Duration) (bool, error) {
	if age < RefusedAfter || age >= UntriedAfter {
		return false, nil // nobody asks, or it is too late
	}
	var claims karpv1.NodeClaimList
	if err := r.Client.List(ctx, &claims, client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("listing nodeclaims: %w", err)
	}
	return slices.ContainsFunc(claims.Items, func(claim karpv1.NodeClaim) bool {
		at, initialized := initializedAt(&claim)
		switch {
		case claim.DeletionTimestamp != nil:
			return false
		case !initialized:
			return claim.Annotations[translate.PodsAnnotation] != ""
		}
		return r.Clock.Since(at) < DependentAfter
	}), nil
}

// initializedAt only reads the claim, which may belong to the cache.
func initializedAt(claim *karpv1.NodeClaim) (time.Time, bool) {
	for _, condition := range claim.Status.Conditions {
		if condition.Type == karpv1.ConditionTypeInitialized {
			return condition.LastTransitionTime.Time, condition.IsTrue()
		}
	}
	return time.Time{}, false
}

// dependsOnOthers reports whether the scheduler may refuse the pod now and have
// it later, when other pods are bound.
func dependsOnOthers(pod *corev1.Pod) bool {
	if pod.Spec.SchedulingGroup != nil {
		return true
	}
	if affinity := pod.Spec.Affinity; affinity != nil && affinity.PodAffinity != nil &&
		len(affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution) > 0 {
		return true
	}
	return slices.ContainsFunc(pod.Spec.TopologySpreadConstraints, func(spread corev1.TopologySpreadConstraint) bool {
		return spread.WhenUnsatisfiable == corev1.DoNotSchedule
	})
}

// release lets the lost pods ask for a node again: first the scheduler forgets
// them, then the claim, so that a crash in between only makes it do so again.
func (r *Reconciler) release(ctx context.Context, claim *karpv1.NodeClaim, node *corev1.Node, kept, lost []*corev1.Pod) error {
	if err := r.nominator().Withdraw(ctx, node.Name, lost); err != nil {
		return fmt.Errorf("withdrawing nominations to node %s: %w", node.Name, err)
	}
	remaining := translate.Promises{}
	for _, pod := range kept {
		remaining[model.PodKey(client.ObjectKeyFromObject(pod))] = observe.Mark(pod)
	}
	encoded, err := translate.EncodePromises(remaining)
	if err != nil {
		return err
	}
	before := claim.DeepCopy()
	claim.Annotations[translate.PodsAnnotation] = encoded
	if encoded == "" {
		delete(claim.Annotations, translate.PodsAnnotation)
	}
	if err := write.Changes(ctx, r.Client, claim, before); err != nil {
		return fmt.Errorf("taking pods off nodeclaim %s: %w", claim.Name, err)
	}
	if len(lost) > 0 {
		r.Log.Info("planned pod(s) were not bound, they are planned for again", fields(claim, "node", node.Name,
			"Pods", apply.Sample(names(lost)), "pod-count", len(lost))...)
	}
	return nil
}

func names(pods []*corev1.Pod) []string {
	var list []string
	for _, pod := range pods {
		list = append(list, client.ObjectKeyFromObject(pod).String())
	}
	return list
}
