// Package provisioningrequest finds room, or buys nodes, for pods that do not exist yet: ProvisioningRequests, with Cluster Autoscaler's conditions and times.
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
	// NodePools has nodes of NodePools keep room, too: this process looks after them.
	NodePools bool
	Log       logr.Logger

	mu      sync.Mutex
	granted map[types.UID]bool // by this process, whatever the caches show yet
}

// Mark puts the pods of granted requests on nodes that have room for them, so that
// nobody else counts on it; pods that already use a booking take their own place. What
// finds no room any more is not kept: nothing is bought for it.
func (b *Bookings) Mark(snapshot *model.Snapshot) {
	held, err := b.held(context.Background())
	if err != nil {
		b.Log.Error(err, "room that is booked for ProvisioningRequests cannot be kept")
		return
	}
	var pods []model.Pod
	for _, booking := range held {
		pods = append(pods, booking.pods...)
	}
	if len(pods) > 0 {
		b.settle(snapshot, pods)
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

// booking is a request that room is kept for, and the pods that it is kept for.
type booking struct {
	request *provreq.ProvisioningRequest
	objects []*corev1.Pod // of the whole request
	pods    []model.Pod
}

// held are the bookings, the oldest first.
func (b *Bookings) held(ctx context.Context) ([]booking, error) {
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
	users, err := b.users(ctx)
	if err != nil {
		return nil, err
	}
	var bookings []booking
	for _, request := range held {
		objects, pods, err := b.pods(ctx, request)
		if err != nil {
			b.Log.Info("the room of a ProvisioningRequest cannot be kept", "provisioning-request", nameOf(request), "cause", err.Error())
			continue
		}
		isBooked := request.BookedSets()
		var booked []model.Pod
		for i, set := range provreq.BySet(request, pods) {
			if isBooked[i] {
				booked = append(booked, set...)
			}
		}
		bookings = append(bookings, booking{request, objects, without(booked, users[client.ObjectKeyFromObject(request)].running)})
	}
	return bookings, nil
}

// use is what pods that have got a node by a booking request.
type use struct{ running, ended []model.Resources }

// users are the pods that have got a node, by the request they name.
func (b *Bookings) users(ctx context.Context) (map[client.ObjectKey]use, error) {
	var pods corev1.PodList
	if err := b.Reader.List(ctx, &pods, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	users := map[client.ObjectKey]use{}
	for i := range pods.Items {
		pod := &pods.Items[i]
		name, ok := provreq.ConsumedBy(pod)
		if !ok || pod.Spec.NodeName == "" {
			continue
		}
		key := client.ObjectKey{Namespace: pod.Namespace, Name: name}
		known := users[key]
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			known.ended = append(known.ended, observe.Requests(pod))
		} else {
			known.running = append(known.running, observe.Requests(pod))
		}
		users[key] = known
	}
	return users, nil
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
func (b *Bookings) pods(ctx context.Context, request *provreq.ProvisioningRequest) ([]*corev1.Pod, []model.Pod, error) {
	var list corev1.PodTemplateList
	if err := b.Reader.List(ctx, &list, client.InNamespace(request.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("listing PodTemplates: %w", err)
	}
	templates := make(map[string]*corev1.PodTemplate, len(list.Items))
	for i := range list.Items {
		templates[list.Items[i].Name] = &list.Items[i]
	}
	objects, err := request.Pods(templates)
	if err != nil {
		return nil, nil, &templateError{err}
	}
	pods, err := (&observe.Observer{Reader: b.Reader}).Moving(ctx, objects)
	return objects, pods, err
}

// templateError is about what a request asks for.
type templateError struct{ error }

// settle puts pods on nodes of the snapshot that have room for them, as promised to
// them, and says of the others why they have none.
func (b *Bookings) settle(snapshot *model.Snapshot, pods []model.Pod) model.Report {
	trial := *snapshot
	trial.NodePools, trial.NodeGroups, trial.Catalogs = nil, nil, nil
	trial.Pending = pods
	trial.Nodes = b.open(snapshot.Nodes)
	plan, report := engine.Solve(&trial, b.Settings)
	promise(snapshot, pods, plan.Placements)
	return report
}

// open are the nodes with those closed that others look after: nodes of NodePools
// come and go for their own pods.
func (b *Bookings) open(nodes []model.Node) []model.Node {
	if b.NodePools {
		return nodes
	}
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
