package apply

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

// asking finds the pods that the decision is about by their names.
func (d *Decision) asking() map[model.PodKey]*model.Pod {
	pods := make(map[model.PodKey]*model.Pod, len(d.Snapshot.Pending))
	for i := range d.Snapshot.Pending {
		pods[d.Snapshot.Pending[i].PodKey] = &d.Snapshot.Pending[i]
	}
	return pods
}

// promises is parallel to Plan.Launches: the annotation that remembers which
// pods the launch is for.
func (d *Decision) promises() ([]string, error) {
	asking := d.asking()
	encoded := make([]string, len(d.Plan.Launches))
	for i := range d.Plan.Launches {
		made := translate.Promises{}
		for _, key := range d.Plan.Launches[i].Pods {
			if pod := asking[key]; pod != nil {
				made[key] = translate.Mark(pod)
			}
		}
		var err error
		if encoded[i], err = translate.EncodePromises(made); err != nil {
			return nil, err
		}
	}
	return encoded, nil
}

// Keep keeps the room that the plan found on nodes which are there or on their
// way. On a node that is ready the pods are nominated at once, and once only: the
// scheduler may have reasons to refuse them. On others the NodeClaim remembers
// them, and they are nominated when the node has joined. It
// returns once the informer cache shows what the NodeClaims remember. The error
// joins what went wrong; whatever it is, the pods ask again.
func (a *Applier) Keep(ctx context.Context, decision *Decision) error {
	nodes := make(map[string]*model.Node, len(decision.Snapshot.Nodes))
	for i := range decision.Snapshot.Nodes {
		nodes[decision.Snapshot.Nodes[i].Name] = &decision.Snapshot.Nodes[i]
	}
	asking := decision.asking()
	coming := map[string]translate.Promises{}
	placed := map[types.UID]string{}
	var ready []nomination
	for _, placement := range decision.Plan.Placements {
		pod, node := asking[placement.Pod], nodes[placement.Node]
		switch {
		case pod == nil || node == nil || node.Launching && node.NodeClaim == "":
			// A node group's node on its way has nothing that could remember pods:
			// the next decision finds the same room.
		case !node.Launching:
			uid := types.UID(pod.UID)
			placed[uid] = node.Name
			if a.nominated[uid] != node.Name {
				ready = append(ready, nomination{key: client.ObjectKey(pod.PodKey), uid: uid, node: node.Name})
			}
		case coming[node.NodeClaim] == nil:
			coming[node.NodeClaim] = translate.Promises{pod.PodKey: translate.Mark(pod)}
		default:
			coming[node.NodeClaim][pod.PodKey] = translate.Mark(pod)
		}
	}
	a.nominated = placed
	nominator := Nominator{Client: a.Client}
	err := nominator.all(ctx, ready)
	if apierrors.IsForbidden(err) { // as by the permissions that Cluster Autoscaler's manifest gives
		a.Log.V(1).Info("pods are not nominated: the service account may not patch pods/status", "error", err.Error())
		err = nil
	}
	return errors.Join(a.remember(ctx, coming), err)
}

// remember adds pods to those that NodeClaims are for.
func (a *Applier) remember(ctx context.Context, coming map[string]translate.Promises) error {
	var group errgroup.Group
	group.SetLimit(createConcurrency)
	failures := make(chan error, len(coming))
	for name, promises := range coming {
		group.Go(func() error {
			if err := a.promise(ctx, name, promises); err != nil {
				failures <- fmt.Errorf("writing down which pods NodeClaim %s is for: %w", name, err)
			}
			return nil
		})
	}
	_ = group.Wait() // the functions hand their errors over
	close(failures)
	var all []error
	for err := range failures {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// promise adds pods to those of one NodeClaim; a claim that is gone or going
// promises nothing.
func (a *Applier) promise(ctx context.Context, name string, more translate.Promises) error {
	var version string
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		claim := &karpv1.NodeClaim{}
		if err := a.Live.Get(ctx, client.ObjectKey{Name: name}, claim); err != nil {
			return err
		}
		if claim.DeletionTimestamp != nil {
			return nil
		}
		promises, err := translate.PromisesOf(claim)
		if err != nil || promises == nil {
			promises = translate.Promises{}
		}
		for key, mark := range more {
			promises[key] = mark
		}
		encoded, err := translate.EncodePromises(promises)
		if err != nil {
			return err
		}
		before := claim.DeepCopy()
		if claim.Annotations == nil {
			claim.Annotations = map[string]string{}
		}
		claim.Annotations[translate.PodsAnnotation] = encoded
		version = encoded
		return a.Client.Patch(ctx, claim, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	})
	if err != nil || version == "" {
		return client.IgnoreNotFound(err)
	}
	return a.awaitPromise(ctx, name, version)
}

// awaitPromise waits until the informer cache has caught up: a look before that
// would plan for the same pods again.
func (a *Applier) awaitPromise(ctx context.Context, name, encoded string) error {
	looks := 0
	return wait.PollUntilContextTimeout(ctx, cacheInterval, cacheTimeout, true, func(ctx context.Context) (bool, error) {
		claim := &karpv1.NodeClaim{}
		err := a.Client.Get(ctx, client.ObjectKey{Name: name}, claim)
		if err == nil && claim.Annotations[translate.PodsAnnotation] == encoded || apierrors.IsNotFound(err) {
			return true, nil
		}
		if looks++; err != nil || looks%liveEvery != 0 {
			return false, err
		}
		// Somebody may have changed it since.
		err = a.Live.Get(ctx, client.ObjectKey{Name: name}, claim)
		return claim.Annotations[translate.PodsAnnotation] != encoded, client.IgnoreNotFound(err)
	})
}
