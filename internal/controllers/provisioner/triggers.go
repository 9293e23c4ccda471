package provisioner

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

// trigger turns events into calls of Batcher.Trigger. Its queue merges events
// about the same object.
type trigger struct {
	client  client.Client
	batcher *Batcher
}

// SetupTriggers watches for pods that need a node, and for changes that may let
// pods be placed that could not be before.
func SetupTriggers(mgr ctrl.Manager, batcher *Batcher) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("provisioner.trigger").
		For(&corev1.Pod{}, builder.WithPredicates(predicate.NewPredicateFuncs(func(object client.Object) bool {
			return observe.IsProvisionable(object.(*corev1.Pod))
		}))).
		Watches(&corev1.Node{}, enqueueAs(interruptedPrefix), builder.WithPredicates(interrupted())).
		Watches(&karpv1.NodePool{}, enqueueAs("nodepool"), builder.WithPredicates(poolChanged())).
		Watches(&karpv1.NodeClaim{}, enqueueAs("nodeclaim"), builder.WithPredicates(promiseEnds())).
		Complete(&trigger{client: mgr.GetClient(), batcher: batcher})
}

// SetupPodTriggers watches for pods that need a node, those on nodes that AWS takes
// back included, and nothing else.
func SetupPodTriggers(mgr ctrl.Manager, batcher *Batcher) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("provisioner.trigger").
		For(&corev1.Pod{}, builder.WithPredicates(predicate.NewPredicateFuncs(func(object client.Object) bool {
			return observe.IsProvisionable(object.(*corev1.Pod))
		}))).
		Watches(&corev1.Node{}, enqueueAs(interruptedPrefix), builder.WithPredicates(interrupted())).
		Complete(&trigger{client: mgr.GetClient(), batcher: batcher})
}

// Reconcile implements reconcile.Reconciler. Requests with a namespace name a
// pod, others what has changed.
func (t *trigger) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	if strings.HasPrefix(request.Name, interruptedPrefix) && request.Namespace == "" {
		t.batcher.Gather(request.Name)
		return reconcile.Result{}, nil
	}
	if request.Namespace == "" {
		t.batcher.Trigger(request.Name)
		return reconcile.Result{}, nil
	}
	pod := &corev1.Pod{}
	if err := t.client.Get(ctx, request.NamespacedName, pod); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if observe.IsProvisionable(pod) {
		t.batcher.Trigger(string(pod.UID))
	}
	return reconcile.Result{}, nil
}

func enqueueAs(kind string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, object client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: kind + "/" + object.GetName()}}}
	})
}

const interruptedPrefix = "interrupted"

// interrupted lets through that the informer cache shows a node to be taken back.
// Whoever marked it has asked for a decision before, which may have been too soon
// to see all of many nodes.
func interrupted() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !observe.IsLeaving(e.ObjectOld.(*corev1.Node), nil) && observe.IsLeaving(e.ObjectNew.(*corev1.Node), nil)
		},
	}
}

// poolChanged lets through what may change a decision: the spec and the
// conditions, not the count of nodes.
func poolChanged() predicate.Predicate {
	return predicate.Funcs{
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*karpv1.NodePool), e.ObjectNew.(*karpv1.NodePool)
			return before.Generation != after.Generation ||
				!equality.Semantic.DeepEqual(before.Status.Conditions, after.Status.Conditions)
		},
	}
}

// promiseEnds lets through that a claim ends or is no longer for all of its pods:
// they need another place, or its pool has room below its limits again.
func promiseEnds() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			if e.ObjectOld.GetDeletionTimestamp() == nil && e.ObjectNew.GetDeletionTimestamp() != nil {
				return true
			}
			before := e.ObjectOld.GetAnnotations()[translate.PodsAnnotation]
			return before != "" && before != e.ObjectNew.GetAnnotations()[translate.PodsAnnotation]
		},
	}
}
