package evacuate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/drain"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/metrics"
)

// evictions is how many pods of one node are told to go at a time.
const evictions = 10

// Drainer empties nodes. Only Client and Clock are needed; the client may read
// the API server itself or informer caches that are searched by index.PodNode.
type Drainer struct {
	Client client.Client
	Clock  clock.PassiveClock
	// Events and Metrics, when set, hear of each pod.
	Events  *events.Recorder
	Metrics *metrics.Metrics
	// Reason is the metric's label, Note and Past the events' words about a pod
	// that was evicted, and about one that was deleted past its budgets.
	Reason, Note, Past string
	// Turns, when set, is shared by those who drain at the same time.
	Turns *Turns
	// Done, when set, hears of each pod that was told to go: its Pods are the
	// caller's, and must not be changed.
	Done func(pod *corev1.Pod, forced bool)
}

// Result is the state of a drain after one look.
type Result struct {
	// Waiting is how many pods still have to leave: 0 when the node is drained.
	Waiting int
	// Told is how many were told to go now, Held how many wait for a place
	// elsewhere.
	Told, Held int
	// Refused says, by pod (namespace/name), what keeps it from being evicted now.
	Refused map[string]string
	// Recheck is when something changes by itself; zero for never.
	Recheck time.Duration
}

// Drain takes one look at a node and tells the pods to go whose turn it is. Call
// it again when a pod has left, after Recheck, and every second or two while
// evictions are refused. It may be repeated after a crash: a pod that is
// leaving is not told again. It does not cordon the node.
func (d *Drainer) Drain(ctx context.Context, node *corev1.Node, rules Rules) (Result, error) {
	var pods corev1.PodList
	if err := d.Client.List(ctx, &pods, client.MatchingFields{index.PodNode: node.Name}); err != nil {
		return Result{}, fmt.Errorf("listing the pods of node %s: %w", node.Name, err)
	}
	step := Next(pods.Items, d.Clock.Now(), rules)
	result := Result{Waiting: step.Waiting, Held: len(step.Held), Recheck: step.Recheck, Refused: map[string]string{}}
	for _, pod := range step.Blocked {
		why := fmt.Sprintf("it is annotated %s", karpv1.DoNotDisruptAnnotationKey)
		d.warn(pod, fmt.Sprintf("Node %s waits for the pod: %s", node.Name, why))
	}
	var (
		mu       sync.Mutex
		failures []error
		group    errgroup.Group
	)
	group.SetLimit(evictions)
	act := func(removal Removal, tell func(context.Context, Removal) (string, error)) {
		group.Go(func() error {
			why, err := tell(ctx, removal)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				failures = append(failures, err)
			case why != "":
				result.Refused[client.ObjectKeyFromObject(removal.Pod).String()] = why
			default:
				result.Told++
			}
			return nil
		})
	}
	for _, removal := range step.Remove {
		act(removal, d.remove)
	}
	for _, removal := range step.Evict {
		act(removal, d.evict)
	}
	_ = group.Wait() // the functions collect their own errors
	return result, errors.Join(failures...)
}

// evict asks the Eviction API, which keeps PodDisruptionBudgets. It returns what
// keeps the pod for now.
func (d *Drainer) evict(ctx context.Context, removal Removal) (string, error) {
	pod := removal.Pod
	options := &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pod.UID}}
	if removal.Grace != nil {
		options.GracePeriodSeconds = new(int64(removal.Grace.Seconds()))
	}
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}, DeleteOptions: options}
	place := d.wait(ctx, pod)
	if place.refuses(pod, d.Clock.Now()) {
		place.leave(false, d.Clock.Now())
		return drain.Blocking(pod, []policyv1.PodDisruptionBudget{*place.budget}), nil
	}
	err := d.Client.SubResource("eviction").Create(ctx, pod, eviction)
	place.leave(apierrors.IsTooManyRequests(err), d.Clock.Now())
	if d.Metrics != nil {
		d.Metrics.PodsEvicted.WithLabelValues(statusCode(err)).Inc()
	}
	switch {
	case err == nil:
		d.told(pod, d.Reason, false)
		d.say(pod, events.Evicted, d.Note)
		return "", nil
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return "", nil // gone, or another pod of the same name
	case apierrors.IsTooManyRequests(err), apierrors.IsInternalError(err):
		// 429: a budget does not allow it now. 500: several budgets select the
		// pod, which the Eviction API refuses until a person mends it.
		why := d.budget(ctx, pod, err)
		d.warn(pod, "Failed to evict: "+why)
		return why, nil
	}
	return "", fmt.Errorf("evicting pod %s/%s: %w", pod.Namespace, pod.Name, err)
}

// budget names the budget behind a refusal, or gives the API server's words.
func (d *Drainer) budget(ctx context.Context, pod *corev1.Pod, refused error) string {
	var budgets policyv1.PodDisruptionBudgetList
	if d.Client.List(ctx, &budgets, client.InNamespace(pod.Namespace)) == nil {
		if found := drain.Blocking(pod, budgets.Items); found != "" {
			return found
		}
	}
	return refused.Error()
}

func statusCode(err error) string {
	var status apierrors.APIStatus
	switch {
	case err == nil:
		return "200"
	case errors.As(err, &status):
		return strconv.Itoa(int(status.Status().Code))
	}
	return ""
}

// remove deletes a pod past its budgets, with what is left of its grace period.
func (d *Drainer) remove(ctx context.Context, removal Removal) (string, error) {
	pod := removal.Pod
	seconds := int64(removal.Grace.Seconds())
	err := d.Client.Delete(ctx, pod, client.GracePeriodSeconds(seconds), client.Preconditions{UID: &pod.UID})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return "", fmt.Errorf("deleting pod %s/%s before the node's deadline: %w", pod.Namespace, pod.Name, err)
	}
	d.told(pod, "terminationGracePeriod", true)
	d.say(pod, events.TerminationGracePeriod, d.Past)
	return "", nil
}

func (d *Drainer) told(pod *corev1.Pod, reason string, forced bool) {
	if d.Metrics != nil {
		d.Metrics.PodsDrained.WithLabelValues(reason).Inc()
	}
	if d.Done != nil {
		d.Done(pod, forced)
	}
}

func (d *Drainer) say(pod *corev1.Pod, reason, note string) {
	if d.Events != nil && note != "" {
		d.Events.NormalOnce(pod, reason, note)
	}
}

func (d *Drainer) warn(pod *corev1.Pod, note string) {
	if d.Events != nil {
		d.Events.WarningOnce(pod, events.FailedDraining, note)
	}
}
