package nodes

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	nodeutil "k8s.io/component-helpers/node/util"

	"github.com/drover-project/drover/lab/nodes/capacity"
	"github.com/drover-project/drover/lab/nodes/nodespec"
)

// A kubelet's periods, in wall time because the node lifecycle controller
// judges them by it.
const (
	heartbeatPeriod = 10 * time.Second
	statusPeriod    = 5 * time.Minute
	leaseDuration   = 40 // seconds
)

// syncStatus reports the node's status where it has changed or five minutes
// have passed.
func (s *Simulator) syncStatus(n *node, now time.Time) error {
	p := n.power
	for _, at := range []time.Time{p.readyAt, p.devicesAt} {
		if now.Before(at) {
			s.after(at.Sub(now), task{machine: n.machine.ID})
			break
		}
	}
	current, err := s.nodeLister.Get(p.name)
	if apierrors.IsNotFound(err) {
		return nil // just created and not seen yet, or deleted
	}
	if err != nil {
		return err
	}
	ready := !now.Before(p.readyAt)
	next := current.DeepCopy()
	changed := nodespec.SetConditions(&next.Status, nodespec.Conditions(ready, now))
	changed = setResources(n, next, now) || changed
	if changed || now.Sub(p.reportedAt) >= statusPeriod {
		if _, _, err := nodeutil.PatchNodeStatus(s.opts.Client.CoreV1(), types.NodeName(p.name), current, next); err != nil {
			return fmt.Errorf("status of node %s: %w", p.name, err)
		}
		p.reportedAt = now
	}
	if ready && !p.readySaid {
		p.readySaid = true
		s.nodeEvent(n, "NodeReady", fmt.Sprintf("Node %s status is now: NodeReady", p.name))
		s.addPodsOf(p.name)
	}
	return nil
}

// setResources announces what user data and hardware give, and devices once
// their plugins are up. Resources that others announced stay.
func setResources(n *node, next *corev1.Node, now time.Time) (changed bool) {
	wanted := n.power.built
	if !now.Before(n.power.devicesAt) {
		for name, amount := range capacity.Devices(n.machine.Hardware) {
			wanted.Status.Capacity[name], wanted.Status.Allocatable[name] = amount, amount
		}
	}
	changed = fill(&next.Status.Capacity, wanted.Status.Capacity)
	changed = fill(&next.Status.Allocatable, wanted.Status.Allocatable) || changed
	if !equality.Semantic.DeepEqual(next.Status.NodeInfo, wanted.Status.NodeInfo) {
		next.Status.NodeInfo = wanted.Status.NodeInfo
		changed = true
	}
	if !equality.Semantic.DeepEqual(next.Status.Addresses, wanted.Status.Addresses) {
		next.Status.Addresses = wanted.Status.Addresses
		changed = true
	}
	return changed
}

func fill(list *corev1.ResourceList, with corev1.ResourceList) (changed bool) {
	if *list == nil {
		*list = corev1.ResourceList{}
	}
	for name, amount := range with {
		if have, known := (*list)[name]; !known || have.Cmp(amount) != 0 {
			(*list)[name] = amount
			changed = true
		}
	}
	return changed
}

// heartbeat renews the lease of a node and asks for the next one.
func (s *Simulator) heartbeat(ctx context.Context, id string) error {
	s.mu.Lock()
	n := s.machines[id]
	s.mu.Unlock()
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.power == nil || !n.power.registered || n.removed {
		return nil
	}
	if n.machine.Unreachable {
		s.heartbeats.AddAfter(id, heartbeatPeriod)
		return nil
	}
	now := s.opts.Clock.Now()
	if err := s.renewLease(ctx, n.power, now); err != nil {
		return err
	}
	s.heartbeats.AddAfter(id, heartbeatPeriod)
	return s.syncStatus(n, now)
}

func (s *Simulator) renewLease(ctx context.Context, p *power, now time.Time) error {
	leases := s.opts.Client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	var err error
	if p.lease == nil {
		p.lease, err = s.firstLease(ctx, p)
		if err != nil || p.lease == nil {
			return err
		}
	}
	next := p.lease.DeepCopy()
	renewed := metav1.NewMicroTime(now)
	next.Spec.RenewTime = &renewed
	start := time.Now()
	updated, err := leases.Update(ctx, next, metav1.UpdateOptions{})
	s.answered(start)
	if err != nil {
		p.lease = nil // someone else changed or removed it: begin anew
		return fmt.Errorf("lease of node %s: %w", p.name, err)
	}
	p.lease = updated
	return nil
}

// firstLease gets or makes the lease. It belongs to the Node, so that it goes
// with it; without a Node there is none.
func (s *Simulator) firstLease(ctx context.Context, p *power) (*coordinationv1.Lease, error) {
	leases := s.opts.Client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	lease, err := leases.Get(ctx, p.name, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return lease, err
	}
	owner, err := s.opts.Client.CoreV1().Nodes().Get(ctx, p.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	seconds := int32(leaseDuration)
	return leases.Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name: p.name, Namespace: corev1.NamespaceNodeLease,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: owner.Name, UID: owner.UID}},
		},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &p.name, LeaseDurationSeconds: &seconds},
	}, metav1.CreateOptions{})
}

// nodeEvent tells of a node; the object's UID is its name, as kubelets have it.
func (s *Simulator) nodeEvent(n *node, reason, message string) {
	about := corev1.ObjectReference{Kind: "Node", Name: n.power.name, UID: types.UID(n.power.name)}
	s.events.Say(n.power.name, about, false, reason, message)
}
