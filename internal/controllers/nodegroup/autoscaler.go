package nodegroup

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
)

// Autoscaler watches over node groups: it takes unneeded nodes away, gives up on
// instances that do not join, and tells the state. Growing is the provisioner's.
type Autoscaler struct {
	Keeper   *Keeper
	Observer *observe.Observer
	// Client writes, and reads informer caches; Live reads the API server itself.
	Client   client.Client
	Live     client.Reader
	Settings model.Settings
	Events   *events.Recorder
	Metrics  *metrics.Groups
	Clock    clock.PassiveClock
	Log      logr.Logger
	// Wake, when set, asks for a decision about pods that may have waited until
	// they are old enough, or for something that has no event.
	Wake func()

	unneeded    map[string]time.Time // since when, by node
	lastAdd     time.Time
	lastDelete  time.Time
	lastFailure time.Time
	status      statusWriter
	stay        map[string]refusal
}

// busyInterval is the pause between looks while nodes are on their way out.
const busyInterval = 2 * time.Second

// NeedLeaderElection makes the manager run one Autoscaler only.
func (a *Autoscaler) NeedLeaderElection() bool { return true }

// Start runs until the context ends; it is a manager.Runnable of the leader.
func (a *Autoscaler) Start(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		start := time.Now()
		busy, err := a.Round(ctx)
		a.Metrics.Duration.WithLabelValues("main").Observe(time.Since(start).Seconds())
		if err != nil && ctx.Err() == nil {
			a.Metrics.Errors.WithLabelValues("internalError").Inc()
			a.Log.Error(err, "looking after node groups failed, trying again", "after", a.Keeper.Options.ScanInterval.String())
		}
		next := a.Keeper.Options.ScanInterval
		if busy {
			next = min(next, busyInterval)
		}
		timer.Reset(next)
	}
}

// state is the cluster as one look found it.
type state struct {
	groups   []Group
	snapshot *model.Snapshot
	nodes    map[string]*model.Node
	requests map[string]model.Resources // of bound pods by namespace/name
	podsOn   map[string][]*corev1.Pod
	rules    *podRules
	waiting  bool // a pod has no node
}

// Round is one look and what follows from it. It reports whether nodes are on
// their way out.
func (a *Autoscaler) Round(ctx context.Context) (bool, error) {
	a.Keeper.Turn.Lock()
	defer a.Keeper.Turn.Unlock()
	a.Metrics.LastActivity.WithLabelValues("main").Set(float64(a.Clock.Now().Unix()))
	state, err := a.look(ctx)
	if err != nil {
		return false, err
	}
	if state.waiting && a.Wake != nil {
		a.Wake()
	}
	a.noteGrowth(state)
	a.tellGone()
	a.tellFailures(state)
	a.giveUp(ctx, state)
	busy, err := a.scaleDown(ctx, state)
	if statusErr := a.writeStatus(ctx, state); err == nil {
		err = statusErr
	}
	return busy, err
}

func (a *Autoscaler) look(ctx context.Context) (*state, error) {
	snapshot, err := a.Observer.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("observing the cluster: %w", err)
	}
	s := &state{groups: a.Keeper.Last(), snapshot: snapshot, nodes: map[string]*model.Node{}, requests: map[string]model.Resources{}, podsOn: map[string][]*corev1.Pod{}}
	for i := range snapshot.Nodes {
		node := &snapshot.Nodes[i]
		s.nodes[node.Name] = node
		for j := range node.Pods {
			s.requests[node.Pods[j].String()] = node.Pods[j].Requests
		}
	}
	var pods corev1.PodList
	var budgets policyv1.PodDisruptionBudgetList
	for _, list := range []client.ObjectList{&pods, &budgets} {
		if err := a.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing %T: %w", list, err)
		}
	}
	for i := range pods.Items {
		if node := pods.Items[i].Spec.NodeName; node != "" {
			s.podsOn[node] = append(s.podsOn[node], &pods.Items[i])
		}
		s.waiting = s.waiting || observe.IsProvisionable(&pods.Items[i])
	}
	s.rules = &podRules{options: a.Keeper.Options.ScaleDown, budgets: budgets.Items, replicas: func(pod *corev1.Pod) int { return a.replicas(ctx, pod) }}
	return s, nil
}

// replicas of the pod's ReplicaSet or StatefulSet, -1 when not known.
func (a *Autoscaler) replicas(ctx context.Context, pod *corev1.Pod) int {
	owner := metav1.GetControllerOfNoCopy(pod)
	key := client.ObjectKey{Namespace: pod.Namespace, Name: owner.Name}
	switch owner.Kind {
	case "ReplicaSet":
		var set appsv1.ReplicaSet
		if err := a.Client.Get(ctx, key, &set); err == nil && set.Spec.Replicas != nil {
			return int(*set.Spec.Replicas)
		}
	case "StatefulSet":
		var set appsv1.StatefulSet
		if err := a.Client.Get(ctx, key, &set); err == nil && set.Spec.Replicas != nil {
			return int(*set.Spec.Replicas)
		}
	}
	return -1
}

// noteGrowth remembers when any group grew last, whoever raised it.
func (a *Autoscaler) noteGrowth(state *state) {
	for i := range state.groups {
		if grew := state.groups[i].Grew; grew.After(a.lastAdd) {
			a.lastAdd = grew
		}
	}
}

// tellGone names the groups that somebody deleted, or took out of drover's hands.
func (a *Autoscaler) tellGone() {
	for _, name := range a.Keeper.takeGone() {
		a.Log.Info("node group is gone", "node-group", name)
		a.Events.Warning(a.statusObject(), events.NodeGroupGone, fmt.Sprintf("node group %s is gone: its Auto Scaling group was deleted, "+
			"or is no longer among those that drover is to size; pods that only it could serve wait for another", name))
	}
}

// tellFailures says on the status ConfigMap why a group does not get what it
// wants, once for each failure, and lets groups rest that fail for other reasons
// than a shortage: pools without capacity are left out one by one.
func (a *Autoscaler) tellFailures(state *state) {
	for i := range state.groups {
		g := &state.groups[i]
		if len(g.Failures) == 0 || g.Unfulfilled == 0 || !a.Keeper.isNewFailure(g.Name, g.Failures[0].At) {
			continue
		}
		failure := g.Failures[0]
		reason, more := "cloudProviderError", ""
		if failure.Capacity {
			reason = "outOfResources"
		} else {
			more = "; it is asked again at " + a.Keeper.fail(g.Name, failure.Message).UTC().Format(time.TimeOnly)
		}
		a.Metrics.FailedScaleUps.WithLabelValues(reason).Inc()
		a.Log.Info(fmt.Sprintf("Instance group %s cannot provision any more nodes!", g.Name), "node-group", g.Name, "missing", g.Unfulfilled, "cause", failure.Message)
		a.Events.Warning(a.statusObject(), events.FailedToScaleUpGroup,
			fmt.Sprintf("Scale-up of group %s failed: %d of %d are missing: %s%s", g.Name, g.Unfulfilled, g.Desired, failure.Message, more))
	}
}

// giveUp ends instances that have run for long without their node joining.
func (a *Autoscaler) giveUp(ctx context.Context, state *state) {
	for i := range state.groups {
		g := &state.groups[i]
		for _, instance := range g.Late {
			why := fmt.Sprintf("instance %s of group %s runs, but its node did not join within %s: %s", instance.ID, g.Name,
				a.Keeper.Options.MaxNodeProvisionTime, a.likelyCause(ctx, g, instance.ID))
			a.Events.Warning(a.statusObject(), events.ScaleUpTimedOut, why)
			a.Metrics.FailedScaleUps.WithLabelValues("timeout").Inc()
			if g.Desired-instance.Weight < g.Min {
				a.Log.Info("node did not join; its group is at its minimum, so the instance stays", "node-group", g.Name, "instance", instance.ID, "cause", why)
				continue
			}
			if g.BackoffUntil.IsZero() {
				a.Keeper.fail(g.Name, why)
			}
			if err := a.Keeper.Cloud.Shrink(ctx, instance.ID); err != nil {
				a.Log.Error(err, "ending an instance whose node did not join", "node-group", g.Name, "instance", instance.ID)
				continue
			}
			g.Desired -= instance.Weight
			a.Log.Info("ended an instance whose node did not join", "node-group", g.Name, "instance", instance.ID, "cause", why)
			a.Events.Warning(a.statusObject(), events.DeleteUnregistered, "Removed unregistered node "+instance.ProviderID)
			a.Metrics.OldUnregistered.Inc()
		}
	}
}

// likelyCause is what most often keeps such a node away.
func (a *Autoscaler) likelyCause(ctx context.Context, g *Group, instanceID string) string {
	cluster := a.Keeper.Options.ClusterName
	if cluster != "" && g.JoinsCluster != "" && g.JoinsCluster != cluster {
		return fmt.Sprintf("its user data names the cluster %q, this is %q", g.JoinsCluster, cluster)
	}
	if found := a.Keeper.Cloud.Diagnose(ctx, instanceID, cluster); len(found) > 0 {
		return strings.Join(found, "; ")
	}
	text := "most often its instance role is not mapped (an access entry of type EC2_LINUX, or aws-auth), or its subnet has no way to the API server (a public subnet without public IP addresses, or no NAT gateway)"
	if g.JoinsCluster == "" && g.Managed == "" {
		text += ", or its user data does not start a kubelet"
	}
	return text
}

// Applied tells of groups that grew for pods, and of those that did not.
func (a *Autoscaler) Applied(decision *apply.Decision, outcome apply.Outcome) {
	plan := make([]string, 0, len(outcome.Grown))
	for _, size := range outcome.Grown {
		a.Log.Info(fmt.Sprintf("Best option to resize: %s", size.Name))
		a.Log.Info(fmt.Sprintf("Estimated %d nodes needed in %s", size.To-size.From, size.Name))
		plan = append(plan, apply.SizeText(size, decision.Snapshot))
	}
	if len(plan) > 0 {
		a.Log.Info(fmt.Sprintf("Final scale-up plan: %v", plan), "price-per-hour", fmt.Sprintf("$%.4f", decision.Plan.PricePerHour))
	}
	for _, why := range decision.Report.Groups {
		a.Log.Info("a node group grows by more than the pods need", "node-group", why.NodeGroup, "cause", why.Message)
	}
	for _, size := range outcome.Grown {
		a.Log.Info(fmt.Sprintf("Scale-up: setting group %s size to %d", size.Name, size.To))
		a.Events.Normal(a.statusObject(), events.ScaledUpGroup,
			fmt.Sprintf("Scale-up: group %s size set to %d instead of %d (max: %d)", size.Name, size.To, size.From, maxOf(decision.Snapshot, size.Name)))
		a.Metrics.ScaledUp.Add(float64(size.To - size.From))
		a.Metrics.LastActivity.WithLabelValues("scaleUp").Set(float64(a.Clock.Now().Unix()))
	}
	for _, size := range decision.Plan.Groups {
		if why := outcome.Failed[size.Name]; why != "" {
			a.Keeper.fail(size.Name, why)
			a.Log.Info("a node group did not grow", "node-group", size.Name, "cause", why)
			a.Events.Warning(a.statusObject(), events.FailedToScaleUpGroup, fmt.Sprintf("Scale-up failed for group %s: %s", size.Name, why))
			a.Metrics.FailedScaleUps.WithLabelValues("apiCallError").Inc()
		}
	}
}

func maxOf(snapshot *model.Snapshot, name string) int {
	for i := range snapshot.NodeGroups {
		if snapshot.NodeGroups[i].Name == name {
			return snapshot.NodeGroups[i].Max
		}
	}
	return 0
}
