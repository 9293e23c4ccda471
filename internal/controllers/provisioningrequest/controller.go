package provisioningrequest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/provreq"
)

// Cluster Autoscaler's times.
const (
	bookingTime = 10 * time.Minute
	// expiry is how long a request may ask in vain, and how long one that has its
	// answer stays.
	expiry = 7 * 24 * time.Hour
)

// Controller answers ProvisioningRequests, one in each look.
type Controller struct {
	// Client writes, and reads informer caches.
	Client   client.Client
	Bookings *Bookings
	// Observer sees what Bookings mark.
	Observer *observe.Observer
	// Decide plans growth for pods; Grow carries it out, and Applied, when set, hears
	// of it.
	Decide  func(*model.Snapshot, model.Settings, []*corev1.Pod) (model.Plan, model.Report)
	Grow    func(context.Context, *apply.Decision) (apply.Outcome, error)
	Applied func(*apply.Decision, apply.Outcome)
	// Turn is held while deciding and acting.
	Turn   sync.Locker
	Events *events.Recorder
	Clock  clock.PassiveClock
	Log    logr.Logger
	// Interval is the pause between looks.
	Interval time.Duration
	// InitialBackoff is how long a request waits that found no room; each further
	// wait is twice as long, up to MaxBackoff.
	InitialBackoff, MaxBackoff time.Duration

	waits map[types.UID]time.Duration
	// restored is when room was bought anew for a booking that had lost it, last.
	restored map[types.UID]time.Time
	told     map[types.UID]string // pods that wait for what is booked
}

// NeedLeaderElection makes the manager run one Controller only.
func (c *Controller) NeedLeaderElection() bool { return true }

// Start runs until the context ends; it is a manager.Runnable of the leader.
func (c *Controller) Start(ctx context.Context) error {
	ticker := time.NewTicker(c.Interval)
	defer ticker.Stop()
	for {
		if err := c.Round(ctx); err != nil && ctx.Err() == nil {
			c.Log.Error(err, "looking after ProvisioningRequests failed, trying again", "after", c.Interval.String())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Round is one look: what has run out is said, and the next request that waits gets
// its answer.
func (c *Controller) Round(ctx context.Context) error {
	var list provreq.ProvisioningRequestList
	if err := c.Client.List(ctx, &list); err != nil {
		return fmt.Errorf("listing ProvisioningRequests: %w", err)
	}
	var requests []*provreq.ProvisioningRequest
	for i := range list.Items {
		if list.Items[i].IsSupported() && list.Items[i].DeletionTimestamp == nil {
			requests = append(requests, &list.Items[i])
		}
	}
	slices.SortFunc(requests, older)
	users, err := c.Bookings.users(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for _, request := range requests {
		failures = append(failures, c.upkeep(ctx, request, users[client.ObjectKeyFromObject(request)]))
	}
	failures = append(failures, c.tellConsumers(ctx))
	failures = append(failures, c.restore(ctx, requests))
	if next := c.next(requests); next != nil {
		failures = append(failures, c.answer(ctx, next))
	}
	return errors.Join(failures...)
}

func older(a, b *provreq.ProvisioningRequest) int {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(nameOf(a), nameOf(b)))
}

func nameOf(request *provreq.ProvisioningRequest) string {
	return request.Namespace + "/" + request.Name
}

// upkeep ends a booking whose time is over or whose pods have all come, and a request
// that has asked for too long, and removes what has been settled for long.
func (c *Controller) upkeep(ctx context.Context, request *provreq.ProvisioningRequest, by use) error {
	now := c.Clock.Now()
	passed := func(since time.Time, duration time.Duration) bool { return since.Add(duration).Before(now) }
	provisioned := meta.FindStatusCondition(request.Status.Conditions, provreq.Provisioned)
	isProvisioned := provisioned != nil && provisioned.Status == metav1.ConditionTrue
	failed := meta.FindStatusCondition(request.Status.Conditions, provreq.Failed)
	switch {
	case isProvisioned && passed(provisioned.LastTransitionTime.Time, expiry), failed != nil && passed(failed.LastTransitionTime.Time, expiry):
		c.Log.Info("Delete old ProvisioningRequest "+nameOf(request), "provisioning-request", nameOf(request))
		return client.IgnoreNotFound(c.Client.Delete(ctx, request))
	case request.IsOver():
		return nil
	case isProvisioned && passed(provisioned.LastTransitionTime.Time, bookingTime):
		return c.write(ctx, request, c.condition(provreq.BookingExpired, true, "CapacityReservationTimeExpired", "Capacity reservation time is expired"))
	case isProvisioned && len(by.running)+len(by.ended) >= bookedPods(request):
		return c.write(ctx, request, c.condition(provreq.BookingExpired, true, "CapacityBookingConsumed", "All pods of the ProvisioningRequest have got a node"))
	case !isProvisioned && passed(request.CreationTimestamp.Time, expiry):
		return c.write(ctx, request, c.condition(provreq.Failed, true, "Expired", "ProvisioningRequest is expired"))
	}
	return nil
}

// bookedPods is how many pods room was booked for.
func bookedPods(request *provreq.ProvisioningRequest) int {
	count := 0
	for i, isBooked := range request.BookedSets() {
		if isBooked {
			count += int(request.Spec.PodSets[i].Count)
		}
	}
	return count
}

func (c *Controller) condition(kind string, isTrue bool, reason, message string) metav1.Condition {
	status := metav1.ConditionFalse
	if isTrue {
		status = metav1.ConditionTrue
	}
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(c.Clock.Now())}
}

// write stores conditions. A request that somebody has changed is looked at again.
func (c *Controller) write(ctx context.Context, request *provreq.ProvisioningRequest, conditions ...metav1.Condition) error {
	_, err := c.store(ctx, request, conditions)
	return err
}

// store is write that reports whether the conditions are there now.
func (c *Controller) store(ctx context.Context, request *provreq.ProvisioningRequest, conditions []metav1.Condition) (bool, error) {
	for _, condition := range conditions {
		request.Set(condition)
	}
	err := c.Client.Status().Update(ctx, request)
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("writing the conditions of ProvisioningRequest %s: %w", nameOf(request), err)
	}
	last := conditions[len(conditions)-1]
	c.Log.Info(fmt.Sprintf("ProvisioningRequest %s: %s=%s", nameOf(request), last.Type, last.Status), "reason", last.Reason, "message", last.Message)
	return true, nil
}

// next is the oldest request that has no answer yet, or whose wait is over.
func (c *Controller) next(requests []*provreq.ProvisioningRequest) *provreq.ProvisioningRequest {
	if c.waits == nil {
		c.waits = map[types.UID]time.Duration{}
	}
	var chosen *provreq.ProvisioningRequest
	waits := map[types.UID]time.Duration{}
	for _, request := range requests {
		if request.IsOver() || c.Bookings.holds(request) {
			continue
		}
		refused := meta.FindStatusCondition(request.Status.Conditions, provreq.Provisioned)
		wait := cmp.Or(c.waits[request.UID], c.InitialBackoff)
		isDue := refused == nil || refused.LastTransitionTime.Add(wait).Before(c.Clock.Now())
		if chosen == nil && isDue {
			chosen = request
			if refused != nil {
				wait = min(2*wait, c.MaxBackoff)
			}
		}
		waits[request.UID] = wait
	}
	c.waits = waits
	return chosen
}

// tellConsumers says of pods that wait why nothing grows for them, once.
func (c *Controller) tellConsumers(ctx context.Context) error {
	var pods corev1.PodList
	if err := c.Client.List(ctx, &pods, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing pods: %w", err)
	}
	told := map[types.UID]string{}
	for i := range pods.Items {
		pod := &pods.Items[i]
		name, ok := provreq.ConsumedBy(pod)
		if !ok || !observe.IsProvisionable(pod) {
			continue
		}
		told[pod.UID] = name
		if c.told[pod.UID] != name {
			c.Events.Normal(pod.DeepCopy(), events.NotTriggerScaleUp,
				fmt.Sprintf("Unschedulable pod didn't trigger scale-up, because it's consuming ProvisioningRequest %s/%s", pod.Namespace, name))
		}
	}
	c.told = told
	return nil
}

// answer finds out whether there is, or can be, room for all pods of the request.
func (c *Controller) answer(ctx context.Context, request *provreq.ProvisioningRequest) error {
	c.Turn.Lock()
	defer c.Turn.Unlock()
	objects, pods, err := c.Bookings.pods(ctx, request)
	var wrong *templateError
	if errors.As(err, &wrong) {
		return c.write(ctx, request, c.condition(provreq.Failed, true, "FailedToCreatePods", err.Error()))
	}
	if err != nil {
		return err
	}
	snapshot, err := c.Observer.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("observing the cluster: %w", err)
	}
	verdict := c.judge(ctx, request, snapshot, want{objects, pods})
	conditions := []metav1.Condition{verdict}
	if !meta.IsStatusConditionTrue(request.Status.Conditions, provreq.Accepted) {
		accepted := c.condition(provreq.Accepted, true, "Accepted", "ProvisioningRequest is accepted by ClusterAutoscaler")
		conditions = []metav1.Condition{accepted, verdict}
	}
	stored, err := c.store(ctx, request, conditions)
	if stored && verdict.Type == provreq.Provisioned && verdict.Status == metav1.ConditionTrue {
		c.Bookings.Grant(request.UID)
	}
	return err
}

// want is pods that need room, as Kubernetes has them and as the engine does.
type want struct {
	objects []*corev1.Pod
	pods    []model.Pod
}

// judge is the condition that answers the request. What the class says besides is
// noted on the request.
func (c *Controller) judge(ctx context.Context, request *provreq.ProvisioningRequest, snapshot *model.Snapshot, wanted want) metav1.Condition {
	c.seatPending(snapshot)
	if request.Spec.ProvisioningClassName == provreq.CheckCapacity {
		return c.check(request, snapshot, wanted.pods)
	}
	trial := *snapshot
	if report := c.Bookings.settle(&trial, wanted.pods); len(report.Unplaced) == 0 {
		return c.found()
	}
	if why := c.grow(ctx, snapshot, wanted); why != "" {
		return c.refusal(why)
	}
	return c.condition(provreq.Provisioned, true, "CapacityIsProvisioned", "Capacity is found in the cluster")
}

// seatPending gives pods that are there and wait the room there is: the scheduler is
// about to bind them.
func (c *Controller) seatPending(snapshot *model.Snapshot) {
	here := *snapshot
	here.NodePools, here.NodeGroups, here.Catalogs = nil, nil, nil
	plan, _ := engine.Solve(&here, c.Bookings.Settings)
	promise(snapshot, snapshot.Pending, plan.Placements)
}

func (c *Controller) found() metav1.Condition {
	return c.condition(provreq.Provisioned, true, "CapacityIsFound", "Capacity is found in the cluster")
}

func (c *Controller) refusal(why string) metav1.Condition {
	return c.condition(provreq.Provisioned, false, "CapacityIsNotFound", "Capacity is not found, CA will try to find it later. "+why)
}

// whyNot is the first reason, and how many pods have no room.
func whyNot(report model.Report) string {
	return withCount(report, apply.Explain(report.Unplaced[0]))
}

// noRoom is whyNot where nothing would be bought in any case.
func noRoom(report model.Report) string {
	if report.Unplaced[0].Code == model.CodeNoNodePool {
		return withCount(report, "no node of the cluster has room")
	}
	return whyNot(report)
}

func withCount(report model.Report, why string) string {
	const most = 1024
	text := fmt.Sprintf("%d of its pods have no room: %s", unplaced(report), why)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + " ..."
	}
	return text
}
