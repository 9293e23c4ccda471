package termination

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/index"
)

const (
	// evictionBase and evictionMax bound the growing pause between attempts.
	evictionBase = 200 * time.Millisecond
	evictionMax  = 10 * time.Second
	// drainPoll is a safety net: pods that leave wake the node.
	drainPoll = 5 * time.Second
)

// NewBackoff is the growing pause between attempts to evict from a node.
func NewBackoff() Backoff {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[types.UID](evictionBase, evictionMax)
}

// Backoff says how long to wait after refused evictions, by the node's UID.
type Backoff = workqueue.TypedRateLimiter[types.UID]

// errBlocked says that an eviction was refused for now.
var errBlocked = errors.New("evictions are refused for now")

// drain moves the pods on; it returns a time to wait while some are left.
func (r *Reconciler) drain(ctx context.Context, node *corev1.Node, deadline *time.Time) (time.Duration, error) {
	pods, err := r.podsOn(ctx, node)
	if err != nil {
		return 0, err
	}
	next := nextStep(pods, r.Clock.Now(), deadline)
	if next.waiting == 0 {
		r.Backoff.Forget(node.UID)
		return 0, nil
	}
	for _, removal := range next.remove {
		if err := r.remove(ctx, removal); err != nil {
			return 0, err
		}
	}
	for _, pod := range next.blocked {
		r.Events.Warning(pod, events.FailedDraining, fmt.Sprintf("Node %s waits for the pod: it is annotated %s", node.Name, karpv1.DoNotDisruptAnnotationKey))
	}
	refused := 0
	for _, pod := range next.evict {
		switch err := r.evict(ctx, node, pod); {
		case errors.Is(err, errBlocked):
			refused++
		case err != nil:
			return 0, err
		}
	}
	if refused > 0 {
		r.Events.Warning(node, events.FailedDraining, fmt.Sprintf("Failed to drain node, %d pods are waiting to be evicted", next.waiting))
		return r.Backoff.When(node.UID), nil
	}
	r.Backoff.Forget(node.UID)
	if next.recheck > 0 {
		return min(next.recheck, drainPoll), nil
	}
	return drainPoll, nil
}

func (r *Reconciler) podsOn(ctx context.Context, node *corev1.Node) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := r.Client.List(ctx, &pods, client.MatchingFields{index.PodNode: node.Name}); err != nil {
		return nil, fmt.Errorf("listing the pods of node %s: %w", node.Name, err)
	}
	return pods.Items, nil
}

// evict asks the Eviction API, which keeps PodDisruptionBudgets.
func (r *Reconciler) evict(ctx context.Context, node *corev1.Node, pod *corev1.Pod) error {
	eviction := &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pod.UID}},
	}
	err := r.Client.SubResource("eviction").Create(ctx, pod, eviction)
	r.Metrics.PodsEvicted.WithLabelValues(statusCode(err)).Inc()
	switch {
	case err == nil:
		r.Metrics.PodsDrained.WithLabelValues("termination").Inc()
		r.Events.Normal(pod, events.Evicted, "Evicted pod: node "+node.Name+" is terminating")
		return nil
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return nil // gone, or another pod of the same name
	case apierrors.IsTooManyRequests(err), apierrors.IsInternalError(err):
		// 429: a budget does not allow it now. 500: several budgets select the
		// pod, which the Eviction API refuses until a person mends it.
		r.Events.Warning(pod, events.FailedDraining, fmt.Sprintf("Failed to evict: %s", err))
		return errBlocked
	}
	return fmt.Errorf("evicting pod %s/%s: %w", pod.Namespace, pod.Name, err)
}

func statusCode(err error) string {
	var status apierrors.APIStatus
	switch {
	case err == nil:
		return "200"
	case errors.As(err, &status):
		return strconv.Itoa(int(status.Status().Code))
	}
	return ""
}

// remove deletes a pod past its budgets, with what is left of its grace period:
// terminationGracePeriod of the NodePool says so.
func (r *Reconciler) remove(ctx context.Context, removal removal) error {
	pod := removal.pod
	seconds := int64(removal.grace.Seconds())
	err := r.Client.Delete(ctx, pod, client.GracePeriodSeconds(seconds), client.Preconditions{UID: &pod.UID})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("deleting pod %s/%s before the node's deadline: %w", pod.Namespace, pod.Name, err)
	}
	r.Metrics.PodsDrained.WithLabelValues("terminationGracePeriod").Inc()
	r.Events.Normal(pod, events.TerminationGracePeriod, "Deleted pod: the node's terminationGracePeriod ends before the pod's grace period would")
	return nil
}

// awaitVolumes waits until the volumes of drained pods are detached, so that
// the pods can start elsewhere without EBS's force-detach delay.
func (r *Reconciler) awaitVolumes(ctx context.Context, node *corev1.Node, deadline *time.Time) (time.Duration, error) {
	if deadline != nil && !r.Clock.Now().Before(*deadline) {
		return 0, nil
	}
	var attachments storagev1.VolumeAttachmentList
	if err := r.Client.List(ctx, &attachments, client.MatchingFields{index.AttachmentNodeName: node.Name}); err != nil {
		return 0, fmt.Errorf("listing the volume attachments of node %s: %w", node.Name, err)
	}
	if len(attachments.Items) == 0 {
		return 0, nil
	}
	kept, err := r.keptVolumes(ctx, node)
	if err != nil {
		return 0, err
	}
	for i := range attachments.Items {
		volume := attachments.Items[i].Spec.Source.PersistentVolumeName
		if volume != nil && !kept[*volume] {
			return instancePoll, nil
		}
	}
	return 0, nil
}

// keptVolumes are those of pods that stay to the end and never detach.
func (r *Reconciler) keptVolumes(ctx context.Context, node *corev1.Node) (map[string]bool, error) {
	pods, err := r.podsOn(ctx, node)
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for i := range pods {
		if pods[i].Status.Phase == corev1.PodSucceeded || pods[i].Status.Phase == corev1.PodFailed {
			continue
		}
		for j := range pods[i].Spec.Volumes {
			source := pods[i].Spec.Volumes[j].PersistentVolumeClaim
			if source == nil {
				continue
			}
			claim := &corev1.PersistentVolumeClaim{}
			if err := r.Client.Get(ctx, client.ObjectKey{Namespace: pods[i].Namespace, Name: source.ClaimName}, claim); err != nil {
				if apierrors.IsNotFound(err) {
					continue
				}
				return nil, fmt.Errorf("reading PersistentVolumeClaim %s/%s: %w", pods[i].Namespace, source.ClaimName, err)
			}
			kept[claim.Spec.VolumeName] = true
		}
	}
	return kept, nil
}
