// Package nodepool keeps the status of NodePools: whether they can launch and,
// if not, what would be right; what their nodes add up to.
package nodepool

import (
	"context"
	"fmt"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

const concurrency = 10

// Reconciler keeps NodePool statuses.
type Reconciler struct {
	Client client.Client
	Cloud  cloud.Provider
	Events *events.Recorder
	Log    logr.Logger
}

// Setup adds the controller to the manager.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("nodepool").
		For(&karpv1.NodePool{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&ec2v1.EC2NodeClass{}, handler.EnqueueRequestsFromMapFunc(r.poolsOf)).
		Watches(&karpv1.NodeClaim{}, handler.EnqueueRequestsFromMapFunc(poolOf), builder.WithPredicates(countChanges())).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(r)
}

// countChanges leaves out what does not change the pool's sums.
func countChanges() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*karpv1.NodeClaim), e.ObjectNew.(*karpv1.NodeClaim)
		return len(before.Status.Capacity) != len(after.Status.Capacity)
	}}
}

func poolOf(_ context.Context, object client.Object) []reconcile.Request {
	name := object.GetLabels()[karpv1.NodePoolLabelKey]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: name}}}
}

func (r *Reconciler) poolsOf(ctx context.Context, class client.Object) []reconcile.Request {
	var pools karpv1.NodePoolList
	if err := r.Client.List(ctx, &pools, client.MatchingFields{index.PoolNodeClass: class.GetName()}); err != nil {
		r.Log.Error(err, "finding the nodepools of a nodeclass", "ec2nodeclass", class.GetName())
		return nil
	}
	var requests []reconcile.Request
	for i := range pools.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&pools.Items[i])})
	}
	return requests
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	pool := &karpv1.NodePool{}
	if err := r.Client.Get(ctx, request.NamespacedName, pool); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if pool.DeletionTimestamp != nil {
		return reconcile.Result{}, nil
	}
	return write.Settled(reconcile.Result{}, r.update(ctx, pool))
}

func (r *Reconciler) update(ctx context.Context, pool *karpv1.NodePool) error {
	before := pool.DeepCopy()
	if pool.Annotations == nil {
		pool.Annotations = map[string]string{}
	}
	pool.Annotations[karpv1.NodePoolHashAnnotationKey] = pool.Hash()
	pool.Annotations[karpv1.NodePoolHashVersionAnnotationKey] = karpv1.NodePoolHashVersion
	if err := write.Changes(ctx, r.Client, pool, before); err != nil {
		return fmt.Errorf("annotating nodepool %s with its hash: %w", pool.Name, err)
	}
	before = pool.DeepCopy()
	if err := r.count(ctx, pool); err != nil {
		return err
	}
	class, err := r.class(ctx, pool)
	if err != nil {
		return err
	}
	wasReady := before.StatusConditions().Root().Message
	r.judge(ctx, pool, class)
	if err := write.Status(ctx, r.Client, pool, before); err != nil {
		return fmt.Errorf("writing the status of nodepool %s: %w", pool.Name, err)
	}
	r.tell(pool, wasReady)
	return nil
}

// count sums up what the pool's claims have or will have.
func (r *Reconciler) count(ctx context.Context, pool *karpv1.NodePool) error {
	var claims karpv1.NodeClaimList
	if err := r.Client.List(ctx, &claims, client.MatchingLabels{karpv1.NodePoolLabelKey: pool.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing the nodeclaims of nodepool %s: %w", pool.Name, err)
	}
	sum := model.Resources{"nodes": int64(len(claims.Items))}
	for i := range claims.Items {
		sum = sum.Add(translate.Resources(claims.Items[i].Status.Capacity))
	}
	nodes := int64(len(claims.Items))
	pool.Status.Nodes = &nodes
	pool.Status.Resources = translate.ResourceList(sum)
	return nil
}

// class returns the pool's NodeClass, nil when it does not exist or is not of
// the kind that drover serves.
func (r *Reconciler) class(ctx context.Context, pool *karpv1.NodePool) (*ec2v1.EC2NodeClass, error) {
	ref := pool.Spec.Template.Spec.NodeClassRef
	if !isServed(ref) {
		return nil, nil
	}
	class := &ec2v1.EC2NodeClass{}
	err := r.Client.Get(ctx, client.ObjectKey{Name: ref.Name}, class)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading EC2NodeClass %s: %w", ref.Name, err)
	}
	return class, nil
}

func isServed(ref *karpv1.NodeClassReference) bool {
	return ref != nil && ref.Group == "karpenter.k8s.aws" && ref.Kind == "EC2NodeClass"
}

// judge sets the pool's conditions.
func (r *Reconciler) judge(ctx context.Context, pool *karpv1.NodePool, class *ec2v1.EC2NodeClass) {
	conditions := pool.StatusConditions()
	switch reason, message := classTrouble(pool.Spec.Template.Spec.NodeClassRef, class); reason {
	case "":
		conditions.SetTrue(karpv1.ConditionTypeNodeClassReady)
		pool.Status.NodeClassObservedGeneration = class.Generation
	case notYetKnown:
		conditions.SetUnknownWithReason(karpv1.ConditionTypeNodeClassReady, reason, message)
	default:
		conditions.SetFalse(karpv1.ConditionTypeNodeClassReady, reason, message)
	}
	if err := Validate(ctx, pool); err != nil {
		conditions.SetFalse(karpv1.ConditionTypeValidationSucceeded, "NodePoolValidationFailed", err.Error())
		return
	}
	if conditions.IsTrue(karpv1.ConditionTypeNodeClassReady) {
		catalog, err := r.Cloud.Catalog(ctx, class)
		if err == nil {
			if message := Incompatible(translate.Requirements(pool.Spec.Template.Spec.Requirements), catalog); message != "" {
				conditions.SetFalse(karpv1.ConditionTypeValidationSucceeded, events.NoCompatibleInstanceTypes, message)
				return
			}
		} else {
			r.Log.Error(err, "what a nodeclass can buy is not known, so requirements are not checked against it", "ec2nodeclass", class.Name, "nodepool", pool.Name)
		}
	}
	conditions.SetTrue(karpv1.ConditionTypeValidationSucceeded)
}

// notYetKnown is the reason while a class is still being resolved, which is
// nobody's mistake.
const notYetKnown = "NodeClassReadinessUnknown"

func classTrouble(ref *karpv1.NodeClassReference, class *ec2v1.EC2NodeClass) (reason, message string) {
	switch {
	case ref == nil:
		return "NodeClassNotFound", "spec.template.spec.nodeClassRef is missing: name an EC2NodeClass"
	case !isServed(ref):
		return "NodeClassNotSupported", fmt.Sprintf("nodeClassRef is a %s of group %q: drover serves kind EC2NodeClass of group karpenter.k8s.aws", ref.Kind, ref.Group)
	case class == nil:
		return "NodeClassNotFound", fmt.Sprintf("EC2NodeClass %q does not exist: create it, or correct spec.template.spec.nodeClassRef.name", ref.Name)
	case class.DeletionTimestamp != nil:
		return "NodeClassTerminating", fmt.Sprintf("EC2NodeClass %q is being deleted: name another", ref.Name)
	}
	conditions := class.DeepCopy().StatusConditions()
	if conditions.Root().IsTrue() {
		return "", ""
	}
	for _, condition := range conditions.List() {
		if condition.IsFalse() && condition.Type != conditions.Root().Type {
			return "NodeClassNotReady", fmt.Sprintf("EC2NodeClass %q: %s", class.Name, condition.Message)
		}
	}
	return notYetKnown, fmt.Sprintf("EC2NodeClass %q is not ready yet: %s", class.Name, conditions.Root().Message)
}

// tell says once, on the object and in the log, what keeps the pool from
// launching.
func (r *Reconciler) tell(pool *karpv1.NodePool, before string) {
	conditions := pool.StatusConditions()
	for _, condition := range conditions.List() {
		if condition.IsFalse() && condition.Type != conditions.Root().Type {
			r.Events.Warning(pool, condition.Reason, condition.Message)
			if before != conditions.Root().Message {
				r.Log.Info("nodepool cannot launch nodes", "nodepool", pool.Name, "condition", condition.Type, "reason", condition.Message)
			}
		}
	}
}
