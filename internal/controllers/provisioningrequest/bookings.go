// Package provisioningrequest finds room, or has node groups grow, for pods that do not
// exist yet: ProvisioningRequests, with Cluster Autoscaler's conditions and times.
package provisioningrequest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/provreq"
)

// Bookings keep the room of requests that were granted. They may be used
// concurrently.
type Bookings struct {
	// Reader reads informer caches.
	Reader   client.Reader
	Settings model.Settings
	Log      logr.Logger

	mu      sync.Mutex
	granted map[types.UID]bool // by this process, whatever the caches show yet
}

// Mark puts the pods of granted requests on nodes that have room for them, so that
// nobody else counts on it; pods that already use a booking take their own place. What
// finds no room any more is not kept: nothing is bought for it.
func (b *Bookings) Mark(snapshot *model.Snapshot) {
	booked, err := b.booked(context.Background())
	if err != nil {
		b.Log.Error(err, "room that is booked for ProvisioningRequests cannot be kept")
		return
	}
	if len(booked) > 0 {
		settle(snapshot, booked, b.Settings)
	}
}

// Grant notes that a request was granted, ahead of the caches.
func (b *Bookings) Grant(request types.UID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.granted == nil {
		b.granted = map[types.UID]bool{}
	}
	b.granted[request] = true
}

// holds reports whether room is kept for the request.
func (b *Bookings) holds(request *provreq.ProvisioningRequest) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if request.IsOver() {
		delete(b.granted, request.UID)
		return false
	}
	return request.IsBooked() || b.granted[request.UID]
}

// booked are the pods that room is kept for.
func (b *Bookings) booked(ctx context.Context) ([]model.Pod, error) {
	var requests provreq.ProvisioningRequestList
	if err := b.Reader.List(ctx, &requests, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing ProvisioningRequests: %w", err)
	}
	var held []*provreq.ProvisioningRequest
	for i := range requests.Items {
		if b.holds(&requests.Items[i]) {
			held = append(held, &requests.Items[i])
		}
	}
	if len(held) == 0 {
		return nil, nil
	}
	slices.SortFunc(held, older)
	using, err := b.using(ctx)
	if err != nil {
		return nil, err
	}
	var booked []model.Pod
	for _, request := range held {
		pods, err := b.pods(ctx, request)
		if err != nil {
			b.Log.Info("the room of a ProvisioningRequest cannot be kept", "provisioning-request", nameOf(request), "cause", err.Error())
			continue
		}
		booked = append(booked, without(pods, using[client.ObjectKeyFromObject(request)])...)
	}
	return booked, nil
}

// using is what pods that run on a booking request, by the request they name.
func (b *Bookings) using(ctx context.Context) (map[client.ObjectKey][]model.Resources, error) {
	var pods corev1.PodList
	if err := b.Reader.List(ctx, &pods, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	using := map[client.ObjectKey][]model.Resources{}
	for i := range pods.Items {
		pod := &pods.Items[i]
		name, ok := provreq.ConsumedBy(pod)
		if ok && pod.Spec.NodeName != "" && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			key := client.ObjectKey{Namespace: pod.Namespace, Name: name}
			using[key] = append(using[key], observe.Requests(pod))
		}
	}
	return using, nil
}

// without leaves out one pod for each that runs: one that requests the same, or any.
func without(pods []model.Pod, running []model.Resources) []model.Pod {
	left := slices.Clone(pods)
	for _, requests := range running {
		same := func(pod model.Pod) bool { return pod.Requests.Fits(requests) && requests.Fits(pod.Requests) }
		at := max(0, slices.IndexFunc(left, same))
		if len(left) > 0 {
			left = slices.Delete(left, at, at+1)
		}
	}
	return left
}

// pods are those of a request, as pods that ask for a place. The error is about the
// request's PodTemplates, or says that nothing could be read.
func (b *Bookings) pods(ctx context.Context, request *provreq.ProvisioningRequest) ([]model.Pod, error) {
	var list corev1.PodTemplateList
	if err := b.Reader.List(ctx, &list, client.InNamespace(request.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing PodTemplates: %w", err)
	}
	templates := make(map[string]*corev1.PodTemplate, len(list.Items))
	for i := range list.Items {
		templates[list.Items[i].Name] = &list.Items[i]
	}
	pods, err := request.Pods(templates)
	if err != nil {
		return nil, &templateError{err}
	}
	return (&observe.Observer{Reader: b.Reader}).Moving(ctx, pods)
}

// templateError is about what a request asks for.
type templateError struct{ error }

// settle puts pods on nodes of the snapshot that have room for them, as promised to
// them, and says of the others why they have none. Nodes of NodePools are left out:
// they come and go for their own pods.
func settle(snapshot *model.Snapshot, pods []model.Pod, settings model.Settings) model.Report {
	trial := *snapshot
	trial.NodePools, trial.NodeGroups, trial.Catalogs = nil, nil, nil
	trial.Pending = pods
	trial.Nodes = groupNodes(snapshot.Nodes)
	plan, report := engine.Solve(&trial, settings)
	promise(snapshot, pods, plan.Placements)
	return report
}

// groupNodes closes the nodes of NodePools.
func groupNodes(nodes []model.Node) []model.Node {
	open := slices.Clone(nodes)
	for i := range open {
		open[i].Unschedulable = open[i].Unschedulable || open[i].NodePool != "" || open[i].NodeClaim != ""
	}
	return open
}

// promise notes the placements in the snapshot.
func promise(snapshot *model.Snapshot, pods []model.Pod, placements []model.Placement) {
	byKey := make(map[model.PodKey]model.Pod, len(pods))
	for _, pod := range pods {
		byKey[pod.PodKey] = pod
	}
	snapshot.Nodes = slices.Clone(snapshot.Nodes)
	at := make(map[string]int, len(snapshot.Nodes))
	for i := range snapshot.Nodes {
		at[snapshot.Nodes[i].Name] = i
	}
	for _, placement := range placements {
		pod := byKey[placement.Pod]
		pod.Promised = true
		node := &snapshot.Nodes[at[placement.Node]]
		node.Pods = append(slices.Clip(node.Pods), pod)
	}
}
