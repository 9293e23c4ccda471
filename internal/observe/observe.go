// Package observe turns what Kubernetes and the cloud say into a
// model.Snapshot. It only translates: nothing here decides. What it reads from
// Kubernetes comes from informer caches, so that a look costs no API call.
package observe

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
)

// Cataloger knows what a NodeClass can buy; the cloud's adapter is one.
type Cataloger interface {
	// Catalog as in cloud.Provider.
	Catalog(ctx context.Context, class *ec2v1.EC2NodeClass) (model.Catalog, error)
}

// Observer makes Snapshots. Snapshot may be called concurrently.
type Observer struct {
	// Reader reads informer caches, or anything else that answers at once.
	Reader client.Reader
	Cloud  Cataloger
	// Groups, when set, tells of node groups.
	Groups GroupSource
	// GroupsOnly leaves NodePools, NodeClaims and NodeClasses out: the cluster
	// need not know these kinds.
	GroupsOnly bool
	// Mark, when set, adds to a Snapshot what is known from elsewhere.
	Mark func(*model.Snapshot)
	// Waits, when set, says of a pod that it does not ask for a node yet.
	Waits func(*corev1.Pod) bool
}

// GroupSource tells of node groups.
type GroupSource interface {
	// View is the present state, given the Nodes that have joined.
	View(ctx context.Context, nodes []corev1.Node) (GroupView, error)
}

// GroupView is node groups as a Snapshot takes them.
type GroupView struct {
	Groups []model.NodeGroup
	// Launching are nodes that have been asked for and have not joined.
	Launching []model.Node
	// Starting, by provider ID, is what is expected of nodes that have joined and
	// are not ready for pods yet.
	Starting map[string]model.Node
}

// view is everything one Snapshot is made of, each list in a fixed order. The
// objects belong to the informer caches: they must not be changed.
type view struct {
	pods       []corev1.Pod
	nodes      []corev1.Node
	claims     []karpv1.NodeClaim
	pools      []karpv1.NodePool
	classes    map[string]*ec2v1.EC2NodeClass
	daemonSets []appsv1.DaemonSet
	services   []corev1.Service
	namespaces map[string]map[string]string
	catalogs   map[string]catalog
	groups     GroupView
	waits      func(*corev1.Pod) bool // Observer.Waits
}

// Snapshot reads the present state. An error means that nothing can be said;
// trouble with a single NodePool or pod is part of the Snapshot.
func (o *Observer) Snapshot(ctx context.Context) (*model.Snapshot, error) {
	snapshot, _, err := o.SnapshotToMove(ctx, nil)
	return snapshot, err
}

// SnapshotToMove is Snapshot with what the pods of some nodes would ask for if they
// had to be placed anew, by node: those that come with a node and those that are
// over left out.
func (o *Observer) SnapshotToMove(ctx context.Context, nodes []string) (*model.Snapshot, map[string][]model.Pod, error) {
	seen, err := o.look(ctx)
	if err != nil {
		return nil, nil, err
	}
	snapshot, err := o.snapshot(ctx, seen)
	if err != nil {
		return nil, nil, err
	}
	moving, err := o.movingFrom(ctx, seen, nodes)
	if err != nil {
		return nil, nil, err
	}
	if anyVolume(snapshot.Pending) || anyVolume(slices.Concat(slices.Collect(maps.Values(moving))...)) {
		err = o.attachLimits(ctx, seen, snapshot)
	}
	snapshot.Nodes = append(snapshot.Nodes, seen.groups.Launching...)
	if o.Mark != nil {
		o.Mark(snapshot)
	}
	return snapshot, moving, err
}

func (o *Observer) snapshot(ctx context.Context, seen *view) (*model.Snapshot, error) {
	pods := o.translator(seen.namespaces, seen.services)
	snapshot := &model.Snapshot{
		Catalogs:        map[string]model.Catalog{},
		NamespaceLabels: seen.namespaces,
	}
	snapshot.Nodes = seen.modelNodes()
	if err := seen.sortPods(ctx, pods, snapshot); err != nil {
		return nil, err
	}
	snapshot.PodGroups = pods.groups.model()
	for name, catalog := range seen.catalogs {
		if catalog.err == nil {
			snapshot.Catalogs[name] = catalog.Catalog
		}
	}
	snapshot.NodePools = seen.modelPools()
	snapshot.NodeGroups = seen.groups.Groups
	for i := range seen.daemonSets {
		snapshot.DaemonSets = append(snapshot.DaemonSets, pods.daemonSet(&seen.daemonSets[i]))
	}
	return snapshot, nil
}

func (o *Observer) look(ctx context.Context) (*view, error) {
	var (
		pods       corev1.PodList
		nodes      corev1.NodeList
		claims     karpv1.NodeClaimList
		pools      karpv1.NodePoolList
		classes    ec2v1.EC2NodeClassList
		daemonSets appsv1.DaemonSetList
		services   corev1.ServiceList
		namespaces corev1.NamespaceList
	)
	lists := []client.ObjectList{&pods, &nodes, &daemonSets, &services, &namespaces}
	if !o.GroupsOnly {
		lists = append(lists, &claims, &pools, &classes)
	}
	for _, list := range lists {
		if err := o.Reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing %T: %w", list, err)
		}
	}
	seen := &view{
		waits:      o.Waits,
		pods:       byName(pods.Items, podName),
		nodes:      byName(nodes.Items, func(n *corev1.Node) string { return n.Name }),
		claims:     byName(claims.Items, func(c *karpv1.NodeClaim) string { return c.Name }),
		pools:      byName(pools.Items, func(p *karpv1.NodePool) string { return p.Name }),
		daemonSets: byName(daemonSets.Items, func(d *appsv1.DaemonSet) string { return d.Namespace + "/" + d.Name }),
		services:   byName(services.Items, func(s *corev1.Service) string { return s.Namespace + "/" + s.Name }),
		namespaces: make(map[string]map[string]string, len(namespaces.Items)),
		classes:    make(map[string]*ec2v1.EC2NodeClass, len(classes.Items)),
	}
	for i := range namespaces.Items {
		seen.namespaces[namespaces.Items[i].Name] = namespaces.Items[i].Labels
	}
	for i := range classes.Items {
		seen.classes[classes.Items[i].Name] = &classes.Items[i]
	}
	seen.catalogs = o.catalogs(ctx, seen)
	if o.Groups == nil {
		return seen, nil
	}
	var err error
	if seen.groups, err = o.Groups.View(ctx, seen.nodes); err != nil {
		return nil, fmt.Errorf("looking at node groups: %w", err)
	}
	return seen, nil
}

func podName(pod *corev1.Pod) string { return pod.Namespace + "/" + pod.Name }

// byName sorts a copy: informer caches answer in any order.
func byName[T any](items []T, name func(*T) string) []T {
	type entry struct {
		name string
		at   int
	}
	order := make([]entry, len(items)) // objects are large, and names are put together
	for i := range items {
		order[i] = entry{name(&items[i]), i}
	}
	slices.SortFunc(order, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	sorted := make([]T, len(items))
	for i, each := range order {
		sorted[i] = items[each.at]
	}
	return sorted
}
