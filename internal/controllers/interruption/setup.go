package interruption

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/observe"
)

// concurrency is how many nodes are dealt with at a time: they are taken back
// together as a rule.
const concurrency = 100

// movedBuffer is how many nodes may have news of places for their pods at a time.
const movedBuffer = 4096

// Setup adds the controller to the manager.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	moved := make(chan event.GenericEvent, movedBuffer)
	r.Places.Moved = func(nodes []string) {
		for _, name := range nodes {
			node := &corev1.Node{}
			node.Name = name
			select {
			case moved <- event.GenericEvent{Object: node}:
			default: // it looks by itself every few seconds
			}
		}
	}
	duty := ctrl.NewControllerManagedBy(mgr).
		Named("interruption").
		For(&corev1.Node{}, builder.WithPredicates(predicate.NewPredicateFuncs(concerns)))
	if !r.NodesOnly {
		duty = duty.Watches(&karpv1.NodeClaim{}, handler.EnqueueRequestsFromMapFunc(nodeOfClaim))
	}
	return duty.
		Watches(&corev1.Node{}, handler.EnqueueRequestsFromMapFunc(r.hasRoom), builder.WithPredicates(becameReady())).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(r.leavingNodeOf), builder.WithPredicates(left())).
		WatchesRawSource(source.Channel(moved, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(r)
}

// concerns reports whether there is something to do, or to undo, about a Node.
func concerns(object client.Object) bool {
	node := object.(*corev1.Node)
	return node.Annotations[interruption.Annotation] != "" || node.Annotations[cordonedAnnotation] != "" ||
		slices.ContainsFunc(node.Spec.Taints, func(taint corev1.Taint) bool { return taint.Key == observe.InterruptionTaint })
}

// nodeOfClaim is the Node that takes over what a NodeClaim has recorded.
func nodeOfClaim(_ context.Context, object client.Object) []reconcile.Request {
	claim := object.(*karpv1.NodeClaim)
	if claim.Annotations[interruption.Annotation] == "" || claim.Status.NodeName == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: claim.Status.NodeName}}}
}

// left lets through that a pod has left its node.
func left() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(event.UpdateEvent) bool { return false },
	}
}

func (r *Reconciler) leavingNodeOf(ctx context.Context, object client.Object) []reconcile.Request {
	node := &corev1.Node{}
	key := client.ObjectKey{Name: object.(*corev1.Pod).Spec.NodeName}
	if key.Name == "" || r.Client.Get(ctx, key, node) != nil || !concerns(node) {
		return nil
	}
	return []reconcile.Request{{NamespacedName: key}}
}

// becameReady lets through that a node can take pods and could not before.
func becameReady() predicate.Predicate {
	takes := func(object client.Object) bool {
		node := object.(*corev1.Node)
		return observe.IsReady(node) && (node.Labels[karpv1.NodePoolLabelKey] == "" || node.Labels[karpv1.NodeInitializedLabelKey] == "true")
	}
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool { return !takes(e.ObjectOld) && takes(e.ObjectNew) },
	}
}

// hasRoom asks for a decision as soon as pods that have to move may have a place:
// on a node that has just become ready. There is nothing to do about that node.
func (r *Reconciler) hasRoom(ctx context.Context, object client.Object) []reconcile.Request {
	var nodes corev1.NodeList
	if r.Hurry == nil || r.Client.List(ctx, &nodes, client.UnsafeDisableDeepCopy) != nil {
		return nil
	}
	if slices.ContainsFunc(nodes.Items, func(node corev1.Node) bool { return concerns(&node) }) {
		r.Hurry("ready/" + object.GetName())
	}
	return nil
}
