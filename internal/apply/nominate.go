package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/observe"
)

// nominateConcurrency bounds how many pods of one node are nominated at a time.
const nominateConcurrency = 10

// Nominator has kube-scheduler keep room for pods: status.nominatedNodeName,
// which the scheduler tries first and counts as taken for everyone else. It
// takes the name away when the node turns out not to do.
type Nominator struct {
	// Client writes, and reads informer caches.
	Client client.Client
}

type nomination struct {
	key  client.ObjectKey
	uid  types.UID
	node string
}

// Nominate nominates the pods to the node, unless they wait for nothing any more
// or the scheduler has nominated another node that takes pods. The error joins
// what went wrong; a pod that is gone or has changed is not wrong.
func (n Nominator) Nominate(ctx context.Context, node string, pods []*corev1.Pod) error {
	nominations := make([]nomination, len(pods))
	for i, pod := range pods {
		nominations[i] = nomination{key: client.ObjectKeyFromObject(pod), uid: pod.UID, node: node}
	}
	return n.all(ctx, nominations)
}

// Withdraw takes the nominations to the node away from the pods that have them.
func (n Nominator) Withdraw(ctx context.Context, node string, pods []*corev1.Pod) error {
	var failures []error
	for _, pod := range pods {
		if pod.Status.NominatedNodeName == node {
			failures = append(failures, n.withdraw(ctx, pod))
		}
	}
	return errors.Join(failures...)
}

func (n Nominator) all(ctx context.Context, nominations []nomination) error {
	var (
		group    errgroup.Group
		mu       sync.Mutex
		failures []error
	)
	group.SetLimit(nominateConcurrency)
	for _, each := range nominations {
		group.Go(func() error {
			if err := n.nominate(ctx, each); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, fmt.Errorf("nominating pod %s to node %s: %w", each.key, each.node, err))
			}
			return nil
		})
	}
	_ = group.Wait() // the functions collect their own errors
	return errors.Join(failures...)
}

// nominate goes by the cache. What has changed since is written over: the
// scheduler writes to waiting pods all the time, and hundreds of writes that fail
// and are tried again help nobody. A pod that was bound meanwhile is left alone, as is
// another one of the name.
func (n Nominator) nominate(ctx context.Context, wanted nomination) error {
	pod := &corev1.Pod{}
	if err := n.Client.Get(ctx, wanted.key, pod); err != nil {
		return client.IgnoreNotFound(err)
	}
	open, err := n.isOpen(ctx, pod, wanted)
	if err != nil || !open {
		return err
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": wanted.uid}, "status": map[string]any{"nominatedNodeName": wanted.node},
	})
	if err != nil {
		return err
	}
	err = n.Client.Status().Patch(ctx, pod, client.RawPatch(types.MergePatchType, patch))
	if apierrors.IsConflict(err) || apierrors.IsInvalid(err) {
		return nil // another pod of the name, or one that has been bound
	}
	return client.IgnoreNotFound(err)
}

// isOpen reports whether the pod still needs the nomination. One to a node that
// is gone or takes no pods keeps nothing; any other is the scheduler's.
func (n Nominator) isOpen(ctx context.Context, pod *corev1.Pod, wanted nomination) (bool, error) {
	if pod.UID != wanted.uid || !observe.IsWaiting(pod) || pod.Status.NominatedNodeName == wanted.node {
		return false, nil
	}
	if pod.Status.NominatedNodeName == "" {
		return true, nil
	}
	node := &corev1.Node{}
	err := n.Client.Get(ctx, client.ObjectKey{Name: pod.Status.NominatedNodeName}, node)
	if err != nil {
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	}
	return !observe.TakesPods(node), nil
}

// withdraw clears the nomination and nothing else. It fails with a conflict when
// someone else has changed the pod since.
func (n Nominator) withdraw(ctx context.Context, pod *corev1.Pod) error {
	changed := pod.DeepCopy()
	changed.Status.NominatedNodeName = ""
	return n.Client.Status().Patch(ctx, changed, client.MergeFromWithOptions(pod, client.MergeFromWithOptimisticLock{}))
}
