package nodes

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/drover-project/drover/lab/nodes/admission"
	"github.com/drover-project/drover/lab/nodes/podrun"
)

// pod is a pod that a running node has taken on.
type pod struct {
	mu       sync.Mutex // held while the pod is synced
	run      *podrun.Pod
	host     *podHost
	requests corev1.ResourceList
	active   bool
	uid      types.UID
	nodeName string
	deleted  bool // its object is on its way out; only its task touches this
	// status is what the node tells of the pod, guarded by the simulator's mu.
	// The watch brings it back a moment after the API server has it.
	status corev1.PodStatus
}

func keyOf(object *corev1.Pod) types.NamespacedName {
	return types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
}

func (s *Simulator) podHandler() cache.ResourceEventHandler {
	add := func(object any) {
		if pod, ok := object.(*corev1.Pod); ok {
			s.podDue(pod, 0)
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) {
			if pod, ok := object.(*corev1.Pod); ok && !pod.Spec.HostNetwork {
				s.addresses.Reserve(pod.Status.PodIP)
			}
			add(object)
		},
		UpdateFunc: func(_, object any) { add(object) },
		DeleteFunc: s.podDeleted,
	}
}

// podDeleted cleans up after a pod whose object is gone. A pod that runs is
// ended by its task; nothing else remembers one whose machine went before.
func (s *Simulator) podDeleted(object any) {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	deleted, ok := object.(*corev1.Pod)
	if !ok {
		return
	}
	s.mu.Lock()
	p := s.pods[keyOf(deleted)]
	s.mu.Unlock()
	if p != nil && p.uid == deleted.UID {
		s.podDue(deleted, 0)
		return
	}
	if !deleted.Spec.HostNetwork {
		s.addresses.Release(deleted.Status.PodIP)
	}
	if err := s.logs.Remove(deleted); err != nil {
		s.report(fmt.Errorf("files of pod %s/%s: %w", deleted.Namespace, deleted.Name, err))
	}
}

// addPodsOf asks for all pods that are bound to a node.
func (s *Simulator) addPodsOf(nodeName string) {
	bound, err := s.podIndex.ByIndex(byNode, nodeName)
	if err != nil {
		s.report(err)
		return
	}
	for _, object := range bound {
		if pod, ok := object.(*corev1.Pod); ok {
			s.podDue(pod, 0)
		}
	}
}

// syncPod moves one pod on. The queue never runs it twice at a time for a key.
func (s *Simulator) syncPod(ctx context.Context, key types.NamespacedName) error {
	object, err := s.podLister.Pods(key.Namespace).Get(key.Name)
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	s.mu.Lock()
	p := s.pods[key]
	s.mu.Unlock()
	if p != nil && (object == nil || p.uid != object.UID) {
		s.forget(key, p)
		p = nil
	}
	if object == nil || s.cutOff(object.Spec.NodeName) {
		return nil
	}
	if p == nil {
		if p = s.takeOn(object); p == nil {
			return nil
		}
	}
	return s.advance(ctx, p, object)
}

// takeOn begins with a pod once its node is up. It returns nil before that.
func (s *Simulator) takeOn(object *corev1.Pod) *pod {
	now := s.opts.Clock.Now()
	host, up := s.hostFor(object, now)
	if !up {
		return nil
	}
	p := &pod{host: host, requests: admission.Requests(object), active: true, uid: object.UID, nodeName: object.Spec.NodeName, status: object.Status}
	addresses, err := s.addressesFor(object, host)
	switch {
	case err != nil:
		s.report(fmt.Errorf("pod %s/%s: %w", object.Namespace, object.Name, err))
		return nil
	case object.Status.StartTime != nil || object.Status.Phase != corev1.PodPending && object.Status.Phase != "":
		p.run = podrun.Adopt(host, object, addresses, !host.continued, now)
	default:
		p.run = podrun.New(host, object, addresses, now)
		if rejection := s.admit(object); rejection != nil {
			p.run.Reject(*rejection)
			host.Event(object, "", podrun.Event{Warning: true, Reason: rejection.Reason, Message: rejection.Message})
		}
	}
	p.active = p.run.Active()
	host.pod = p
	s.mu.Lock()
	s.pods[keyOf(object)] = p
	s.mu.Unlock()
	return p
}

// hostFor returns the node's side for a pod, or false while the node cannot
// run it: pods with a network of their own wait for the CNI plugin.
func (s *Simulator) hostFor(object *corev1.Pod, now time.Time) (*podHost, bool) {
	s.mu.Lock()
	n := s.names[object.Spec.NodeName]
	s.mu.Unlock()
	if n == nil {
		return nil, false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	power := n.power
	if power == nil || !power.registered || !object.Spec.HostNetwork && now.Before(power.readyAt) {
		return nil, false
	}
	return &podHost{
		simulator: s, images: power.images, continued: power.continued,
		machineID: n.machine.ID, hops: n.machine.Metadata.HopLimit,
		hostIP: n.machine.PrivateIP, subnet: n.machine.SubnetCIDR, allocatable: power.built.Status.Allocatable,
	}, true
}

func (s *Simulator) addressesFor(object *corev1.Pod, host *podHost) (podrun.Addresses, error) {
	switch {
	case object.Spec.HostNetwork:
		return podrun.Addresses{PodIP: host.hostIP, HostIP: host.hostIP}, nil
	case object.Status.PodIP != "":
		s.addresses.Reserve(object.Status.PodIP)
		return podrun.Addresses{PodIP: object.Status.PodIP, HostIP: host.hostIP}, nil
	}
	address, err := s.addresses.Next(host.subnet)
	return podrun.Addresses{PodIP: address, HostIP: host.hostIP}, err
}

// admit is the kubelet's check against the pods that it already has.
func (s *Simulator) admit(object *corev1.Pod) *podrun.Rejection {
	node, err := s.nodeLister.Get(object.Spec.NodeName)
	if err != nil {
		return nil // the Node is going away and the pod with it
	}
	return admission.Check(object, node, s.requestsOn(object.Spec.NodeName))
}

func (s *Simulator) requestsOn(nodeName string) []corev1.ResourceList {
	bound, err := s.podIndex.ByIndex(byNode, nodeName)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var used []corev1.ResourceList
	for _, object := range bound {
		if bound, ok := object.(*corev1.Pod); ok {
			if p := s.pods[keyOf(bound)]; p != nil && p.active && p.nodeName == nodeName {
				used = append(used, p.requests)
			}
		}
	}
	return used
}

// advance syncs the pod and writes what came of it.
func (s *Simulator) advance(ctx context.Context, p *pod, object *corev1.Pod) error {
	now := s.opts.Clock.Now()
	p.mu.Lock()
	step := p.run.Sync(object, now)
	active := p.run.Active()
	p.mu.Unlock()
	s.mu.Lock()
	p.active, p.status = active, step.Status
	s.mu.Unlock()
	if !step.Wake.IsZero() {
		s.podDue(object, step.Wake.Sub(now))
	}
	if err := s.renewCredentials(ctx, p, object, now); err != nil {
		return err
	}
	if isNews(object, step) && !(s.crowded() && step.Passing(now)) {
		updated := object.DeepCopy()
		updated.Status = step.Status
		defer s.answered(time.Now())
		if _, err := s.opts.Client.CoreV1().Pods(object.Namespace).UpdateStatus(ctx, updated, metav1.UpdateOptions{}); err != nil {
			return podError("status", object, err)
		}
	}
	if !step.Finished || p.deleted {
		return nil
	}
	zero := int64(0)
	err := s.opts.Client.CoreV1().Pods(object.Namespace).Delete(ctx, object.Name,
		metav1.DeleteOptions{GracePeriodSeconds: &zero, Preconditions: &metav1.Preconditions{UID: &object.UID}})
	p.deleted = err == nil && len(object.Finalizers) == 0
	return podError("deletion", object, err)
}

// isNews reports whether the API server should hear of a pod's status now. That a
// deletion was seen comes with what the containers ended as, and nobody reads the
// last status of an object that goes at once, unless something holds it.
func isNews(object *corev1.Pod, step podrun.Step) bool {
	if object.DeletionTimestamp == nil {
		return !equality.Semantic.DeepEqual(step.Status, object.Status)
	}
	if step.Finished && len(object.Finalizers) == 0 {
		return false
	}
	return !equality.Semantic.DeepEqual(ungenerated(step.Status), ungenerated(object.Status))
}

// ungenerated is a status without the generation that it is of.
func ungenerated(status corev1.PodStatus) corev1.PodStatus {
	status.ObservedGeneration = 0
	status.Conditions = slices.Clone(status.Conditions)
	for i := range status.Conditions {
		status.Conditions[i].ObservedGeneration = 0
	}
	return status
}

// podError drops the error of a pod that has gone meanwhile.
func podError(what string, object *corev1.Pod, err error) error {
	if err == nil || apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("%s of pod %s/%s: %w", what, object.Namespace, object.Name, err)
}

// forget ends what is left of a pod whose object is gone.
func (s *Simulator) forget(key types.NamespacedName, p *pod) {
	s.mu.Lock()
	if s.pods[key] == p {
		delete(s.pods, key)
	}
	s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run.Kill(s.opts.Clock.Now())
	object, addresses := p.run.Object(), p.run.Addresses()
	s.dropPorts(addresses.PodIP, p)
	if !object.Spec.HostNetwork {
		s.addresses.Release(addresses.PodIP)
	}
	if err := s.logs.Remove(object); err != nil {
		s.report(fmt.Errorf("files of pod %s/%s: %w", object.Namespace, object.Name, err))
	}
}

// killPodsOf ends all pods of a machine that has lost power. Their objects stay
// as they are; logs and addresses stay until the objects go.
func (s *Simulator) killPodsOf(nodeName string) {
	now := s.opts.Clock.Now()
	bound, err := s.podIndex.ByIndex(byNode, nodeName)
	if err != nil {
		s.report(err)
		return
	}
	s.mu.Lock()
	var dead []*pod
	for _, object := range bound {
		if bound, ok := object.(*corev1.Pod); ok && s.pods[keyOf(bound)] != nil {
			dead = append(dead, s.pods[keyOf(bound)])
			delete(s.pods, keyOf(bound))
		}
	}
	s.mu.Unlock()
	for _, p := range dead {
		p.mu.Lock()
		p.run.Kill(now)
		s.dropPorts(p.run.Addresses().PodIP, p)
		p.mu.Unlock()
	}
}

// report logs what went wrong and will be tried again. Conflicts and ends are
// part of the normal course; an API server that is down
// is not told of once per node.
func (s *Simulator) report(err error) {
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return
	}
	s.complaints.Do(func() { s.log.Warn("node simulation: will retry", "error", err.Error()) })
}
