package provisioningrequest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/provreq"
)

// grow buys what makes room for all of the pods, or says why that cannot be.
func (c *Controller) grow(ctx context.Context, snapshot *model.Snapshot, wanted want) (why string) {
	own := *snapshot
	own.Pending, own.Nodes = wanted.pods, c.Bookings.open(snapshot.Nodes)
	if !c.Bookings.NodePools {
		own.NodePools = nil
	}
	plan, report := c.Decide(&own, c.Bookings.Settings, wanted.objects)
	if len(report.Unplaced) > 0 {
		return whyNot(report)
	}
	decision := &apply.Decision{Snapshot: &own, Plan: forNobody(plan), Report: report}
	outcome, err := c.Grow(ctx, decision)
	if c.Applied != nil {
		c.Applied(decision, outcome)
	}
	if err != nil {
		return err.Error()
	}
	for _, size := range plan.Groups {
		if why := outcome.Failed[size.Name]; why != "" {
			return why
		}
	}
	for _, refused := range outcome.Refused {
		if refused != "" {
			return refused
		}
	}
	return ""
}

// forNobody is the plan whose NodeClaims promise their nodes to nobody: pods that do
// not exist yet have no name that another could not have. The booking keeps the room.
func forNobody(plan model.Plan) model.Plan {
	plan.Launches = slices.Clone(plan.Launches)
	for i := range plan.Launches {
		if plan.Launches[i].NodeGroup == "" {
			plan.Launches[i].Pods = nil
		}
	}
	return plan
}

// restore buys anew what was bought for a booking and is not there: a machine that
// nobody had, or that was taken back. It does so for one booking in a look, and after
// InitialBackoff for the same one again.
func (c *Controller) restore(ctx context.Context, requests []*provreq.ProvisioningRequest) error {
	due := c.mayBeRestored(requests)
	if len(due) == 0 {
		return nil
	}
	c.Turn.Lock()
	defer c.Turn.Unlock()
	bookings, err := c.Bookings.held(ctx)
	if err != nil {
		return err
	}
	users, err := c.Bookings.users(ctx)
	if err != nil {
		return err
	}
	snapshot, err := c.Observer.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("observing the cluster: %w", err)
	}
	c.seatPending(snapshot)
	for _, booking := range bookings {
		lost := booking.lost(snapshot, users[client.ObjectKeyFromObject(booking.request)])
		if !slices.Contains(due, booking.request.UID) || len(lost.pods) == 0 {
			continue
		}
		c.restored[booking.request.UID] = c.Clock.Now()
		c.Log.Info(fmt.Sprintf("ProvisioningRequest %s has lost room that was booked: it is bought anew", nameOf(booking.request)), "pods", len(lost.pods))
		if why := c.grow(ctx, snapshot, lost); why != "" {
			c.Log.Info(fmt.Sprintf("ProvisioningRequest %s has less room than was booked", nameOf(booking.request)), "pods", len(lost.pods), "reason", why)
		}
		return nil
	}
	return nil
}

// mayBeRestored are the bookings that something was bought for, but those whose turn
// was just now.
func (c *Controller) mayBeRestored(requests []*provreq.ProvisioningRequest) []types.UID {
	var due []types.UID
	restored := map[types.UID]time.Time{}
	for _, request := range requests {
		if request.Spec.ProvisioningClassName != provreq.AtomicScaleUp || !c.Bookings.holds(request) {
			continue
		}
		last, ever := c.restored[request.UID]
		if ever {
			restored[request.UID] = last
		}
		if !ever || last.Add(c.InitialBackoff).Before(c.Clock.Now()) {
			due = append(due, request.UID)
		}
	}
	c.restored = restored
	return due
}

// lost are the pods of a booking that no node of the snapshot is kept for, but for
// those that have run and ended.
func (b *booking) lost(snapshot *model.Snapshot, by use) want {
	seated := map[model.PodKey]bool{}
	for i := range snapshot.Nodes {
		for _, pod := range snapshot.Nodes[i].Pods {
			seated[pod.PodKey] = seated[pod.PodKey] || pod.Promised
		}
	}
	pods := slices.DeleteFunc(slices.Clone(b.pods), func(pod model.Pod) bool { return seated[pod.PodKey] })
	wanted := want{pods: without(pods, by.ended)}
	for _, object := range b.objects {
		key := model.PodKey{Namespace: object.Namespace, Name: object.Name}
		if slices.ContainsFunc(wanted.pods, func(pod model.Pod) bool { return pod.PodKey == key }) {
			wanted.objects = append(wanted.objects, object)
		}
	}
	return wanted
}
