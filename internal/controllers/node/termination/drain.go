package termination

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/evacuate"
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

// drain moves the pods on; it returns a time to wait while some are left.
func (r *Reconciler) drain(ctx context.Context, node *corev1.Node, deadline *time.Time) (time.Duration, error) {
	drainer := evacuate.Drainer{
		Client: r.Client, Events: r.Events, Metrics: r.Metrics, Clock: r.Clock, Reason: "termination",
		Note: "Evicted pod: node " + node.Name + " is terminating",
		Past: "Deleted pod: the node's terminationGracePeriod ends before the pod's grace period would",
	}
	rules := evacuate.Rules{Force: evacuate.ForceGrace, Self: r.Self}
	if deadline != nil {
		rules.Deadline = *deadline
	}
	result, err := drainer.Drain(ctx, node, rules)
	switch {
	case err != nil:
		return 0, err
	case result.Waiting == 0:
		r.Backoff.Forget(node.UID)
		return 0, nil
	case len(result.Refused) > 0:
		r.Events.WarningOnce(node, events.FailedDraining, fmt.Sprintf("Failed to drain node, %d pods are waiting to be evicted", result.Waiting))
		return r.Backoff.When(node.UID), nil
	}
	r.Backoff.Forget(node.UID)
	if result.Recheck > 0 {
		return min(result.Recheck, drainPoll), nil
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
