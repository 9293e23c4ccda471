// Package nodeclass resolves EC2NodeClasses: what their selectors match now,
// and if something is missing, which selector and what would be right.
package nodeclass

import (
	"context"
	"fmt"
	"time"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"github.com/go-logr/logr"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/index"
)

const (
	concurrency = 10
	// refresh is how often the cloud is asked what selectors match: subnets,
	// groups and images change without an event.
	refresh   = time.Minute
	retryBase = time.Second
	retryMax  = time.Minute
)

// Reconciler keeps the status of EC2NodeClasses.
type Reconciler struct {
	Client client.Client
	Cloud  cloud.Provider
	Events *events.Recorder
	Log    logr.Logger
}

// Setup adds the controller to the manager.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("nodeclass").
		For(&ec2v1.EC2NodeClass{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&karpv1.NodeClaim{}, handler.EnqueueRequestsFromMapFunc(classOf), builder.WithPredicates(predicate.Funcs{
			CreateFunc: func(event.CreateEvent) bool { return false },
			UpdateFunc: func(event.UpdateEvent) bool { return false },
		})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrency,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryBase, retryMax),
		}).
		Complete(r)
}

// classOf wakes a class that waits for its last claim to go.
func classOf(_ context.Context, object client.Object) []reconcile.Request {
	ref := object.(*karpv1.NodeClaim).Spec.NodeClassRef
	if ref == nil {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: ref.Name}}}
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	class := &ec2v1.EC2NodeClass{}
	if err := r.Client.Get(ctx, request.NamespacedName, class); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if class.DeletionTimestamp != nil {
		return write.Settled(r.finalize(ctx, class))
	}
	return write.Settled(r.resolve(ctx, class))
}

func (r *Reconciler) resolve(ctx context.Context, class *ec2v1.EC2NodeClass) (reconcile.Result, error) {
	before := class.DeepCopy()
	controllerutil.AddFinalizer(class, ec2v1.TerminationFinalizer)
	invalid := invalidSpec(class)
	if invalid == "" {
		if class.Annotations == nil {
			class.Annotations = map[string]string{}
		}
		class.Annotations[ec2v1.AnnotationEC2NodeClassHash] = class.Hash(nil)
		class.Annotations[ec2v1.AnnotationEC2NodeClassHashVersion] = ec2v1.EC2NodeClassHashVersion
	}
	if err := write.Changes(ctx, r.Client, class, before); err != nil {
		return reconcile.Result{}, fmt.Errorf("adding finalizer and hash to EC2NodeClass %s: %w", class.Name, err)
	}
	before = class.DeepCopy()
	found := findings{invalid: invalid}
	if invalid == "" {
		found.resolved, found.resolveErr = r.Cloud.Resolve(ctx, class)
		found.profile, found.profileErr = r.Cloud.EnsureInstanceProfile(ctx, class)
	}
	retry := found.apply(class)
	if err := write.Status(ctx, r.Client, class, before); err != nil {
		return reconcile.Result{}, fmt.Errorf("writing the status of EC2NodeClass %s: %w", class.Name, err)
	}
	r.tell(class, before)
	if retry != nil {
		return reconcile.Result{}, fmt.Errorf("resolving EC2NodeClass %s: %w", class.Name, retry)
	}
	return reconcile.Result{RequeueAfter: refresh}, nil
}

// tell says what is not ready: on the object now and then, in the log when it is
// new.
func (r *Reconciler) tell(class, before *ec2v1.EC2NodeClass) {
	conditions, earlier := class.StatusConditions(), before.StatusConditions()
	root := conditions.Root().Type
	for _, condition := range conditions.List() {
		if !condition.IsFalse() || condition.Type == root {
			continue
		}
		r.Events.Warning(class, condition.Reason, condition.Message)
		if old := earlier.Get(condition.Type); !old.IsFalse() || old.Message != condition.Message {
			r.Log.Info("ec2nodeclass is not ready", "ec2nodeclass", class.Name, "condition", condition.Type, "reason", condition.Message)
		}
	}
}

// finalize removes what was made for the class once no claim needs it.
func (r *Reconciler) finalize(ctx context.Context, class *ec2v1.EC2NodeClass) (reconcile.Result, error) {
	if !controllerutil.ContainsFinalizer(class, ec2v1.TerminationFinalizer) {
		return reconcile.Result{}, nil
	}
	var claims karpv1.NodeClaimList
	if err := r.Client.List(ctx, &claims, client.MatchingFields{index.ClaimNodeClass: class.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return reconcile.Result{}, fmt.Errorf("listing the nodeclaims of EC2NodeClass %s: %w", class.Name, err)
	}
	if len(claims.Items) > 0 {
		r.Events.NormalOnce(class, events.WaitingOnNodeClaims, fmt.Sprintf("Waiting on NodeClaim termination for %d NodeClaim(s)", len(claims.Items)))
		return reconcile.Result{RequeueAfter: refresh}, nil
	}
	if err := r.Cloud.DeleteNodeClassResources(ctx, class); err != nil {
		return reconcile.Result{}, fmt.Errorf("removing what was made for EC2NodeClass %s: %w", class.Name, err)
	}
	before := class.DeepCopy()
	controllerutil.RemoveFinalizer(class, ec2v1.TerminationFinalizer)
	if err := write.Changes(ctx, r.Client, class, before); err != nil {
		return reconcile.Result{}, fmt.Errorf("removing the finalizer of EC2NodeClass %s: %w", class.Name, err)
	}
	return reconcile.Result{}, nil
}
