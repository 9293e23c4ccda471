package nodegroup

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/internal/observe"
)

// lastUpdated is the annotation with the time of the status.
const lastUpdated = "cluster-autoscaler.kubernetes.io/last-updated"

// The status as cluster-autoscaler writes it.
type (
	clusterStatus struct {
		Time       string        `json:"time"`
		Autoscaler string        `json:"autoscalerStatus"`
		Message    string        `json:"message,omitempty"`
		Wide       wideStatus    `json:"clusterWide"`
		Groups     []groupStatus `json:"nodeGroups,omitempty"`
	}
	wideStatus struct {
		Health    healthStatus   `json:"health"`
		ScaleUp   activityStatus `json:"scaleUp"`
		ScaleDown activityStatus `json:"scaleDown"`
	}
	groupStatus struct {
		Name      string         `json:"name"`
		Health    groupHealth    `json:"health"`
		ScaleUp   activityStatus `json:"scaleUp"`
		ScaleDown activityStatus `json:"scaleDown"`
	}
	healthStatus struct {
		Status     string     `json:"status"`
		Counts     nodeCounts `json:"nodeCounts"`
		ProbeTime  string     `json:"lastProbeTime"`
		Transition string     `json:"lastTransitionTime"`
	}
	groupHealth struct {
		Status     string     `json:"status"`
		Counts     nodeCounts `json:"nodeCounts"`
		Target     int        `json:"cloudProviderTarget"`
		Min        int        `json:"minSize"`
		Max        int        `json:"maxSize"`
		ProbeTime  string     `json:"lastProbeTime"`
		Transition string     `json:"lastTransitionTime"`
	}
	nodeCounts struct {
		Registered       registered `json:"registered"`
		LongUnregistered int        `json:"longUnregistered"`
		Unregistered     int        `json:"unregistered"`
	}
	registered struct {
		Total        int     `json:"total"`
		Ready        int     `json:"ready"`
		NotStarted   int     `json:"notStarted"`
		BeingDeleted int     `json:"beingDeleted,omitempty"`
		Unready      unready `json:"unready"`
	}
	unready struct {
		Total           int `json:"total"`
		ResourceUnready int `json:"resourceUnready"`
	}
	activityStatus struct {
		Status     string       `json:"status"`
		Candidates int          `json:"candidates,omitempty"`
		Backoff    *backoffInfo `json:"backoffInfo,omitempty"`
		ProbeTime  string       `json:"lastProbeTime"`
		Transition string       `json:"lastTransitionTime"`
	}
	backoffInfo struct {
		Code    string `json:"errorCode"`
		Message string `json:"errorMessage"`
	}
)

// statusWriter remembers since when each part has its status.
type statusWriter struct {
	now   time.Time
	was   map[string]string
	since map[string]time.Time
	uid   *corev1.ConfigMap
}

// since is when a part of the status came to be what it is.
func (w *statusWriter) transition(part, status string) string {
	if w.was == nil {
		w.was, w.since = map[string]string{}, map[string]time.Time{}
	}
	if w.was[part] != status {
		w.was[part], w.since[part] = status, w.now
	}
	return w.since[part].UTC().Format(time.RFC3339Nano)
}

func (w *statusWriter) probe() string { return w.now.UTC().Format(time.RFC3339Nano) }

func (w *statusWriter) activity(part, status string) activityStatus {
	return activityStatus{Status: status, ProbeTime: w.probe(), Transition: w.transition(part, status)}
}

// describe writes the status of one look.
func (a *Autoscaler) describe(state *state) clusterStatus {
	w := &a.status
	w.now = a.Clock.Now()
	status := clusterStatus{Time: w.now.UTC().String(), Autoscaler: "Running"}
	growing, candidates := false, 0
	for i := range state.groups {
		g := a.groupStatus(&state.groups[i])
		growing = growing || g.ScaleUp.Status == "InProgress"
		candidates += g.ScaleDown.Candidates
		status.Wide.Health.Counts.add(g.Health.Counts)
		status.Groups = append(status.Groups, g)
	}
	status.Wide.Health.Status = "Healthy"
	status.Wide.Health.ProbeTime, status.Wide.Health.Transition = w.probe(), w.transition("/health", "Healthy")
	status.Wide.ScaleUp = w.activity("/up", chosen(growing, "InProgress", "NoActivity"))
	status.Wide.ScaleDown = w.activity("/down", chosen(candidates > 0, "CandidatesPresent", "NoCandidates"))
	status.Wide.ScaleDown.Candidates = candidates
	return status
}

func chosen(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

func (a *Autoscaler) groupStatus(g *Group) groupStatus {
	w := &a.status
	status := groupStatus{Name: g.Name}
	candidates := 0
	counts := &status.Health.Counts
	for _, node := range g.Nodes {
		counts.Registered.Total++
		switch {
		case isMarked(node):
			counts.Registered.BeingDeleted++
		case observe.IsReady(node):
			counts.Registered.Ready++
		case a.Keeper.isStarting(node):
			counts.Registered.NotStarted++
		default:
			counts.Registered.Unready.Total++
		}
		if _, unneeded := a.unneeded[node.Name]; unneeded {
			candidates++
		}
	}
	counts.Unregistered, counts.LongUnregistered = len(g.Coming), len(g.Late)
	health := chosen(counts.Registered.Unready.Total+len(g.Late) > 0 && counts.Registered.Ready == 0, "Unhealthy", "Healthy")
	status.Health.Status, status.Health.Target, status.Health.Min, status.Health.Max = health, g.Desired, g.Min, g.Max
	status.Health.ProbeTime, status.Health.Transition = w.probe(), w.transition(g.Name+"/health", health)
	up := chosen(len(g.Coming)+g.Placeholders+counts.Registered.NotStarted > 0, "InProgress", "NoActivity")
	if g.Backoff != "" || g.Unfulfilled > 0 {
		up = "Backoff"
	}
	status.ScaleUp = w.activity(g.Name+"/up", up)
	if up == "Backoff" {
		status.ScaleUp.Backoff = backoffOf(g)
	}
	status.ScaleDown = w.activity(g.Name+"/down", chosen(candidates > 0, "CandidatesPresent", "NoCandidates"))
	status.ScaleDown.Candidates = candidates
	return status
}

func backoffOf(g *Group) *backoffInfo {
	info := &backoffInfo{Code: "cloudProviderError", Message: g.Backoff}
	if len(g.Failures) > 0 && g.Failures[0].Capacity {
		info.Code = "outOfResource"
	}
	if info.Message == "" && len(g.Failures) > 0 {
		info.Message = g.Failures[0].Message
	}
	return info
}

func (c *nodeCounts) add(other nodeCounts) {
	c.Registered.Total += other.Registered.Total
	c.Registered.Ready += other.Registered.Ready
	c.Registered.NotStarted += other.Registered.NotStarted
	c.Registered.BeingDeleted += other.Registered.BeingDeleted
	c.Registered.Unready.Total += other.Registered.Unready.Total
	c.LongUnregistered += other.LongUnregistered
	c.Unregistered += other.Unregistered
}

// statusObject is what events about groups are on: it has the identity of the
// ConfigMap once that is known.
func (a *Autoscaler) statusObject() *corev1.ConfigMap {
	if a.status.uid != nil {
		return a.status.uid
	}
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: a.Keeper.Options.Namespace, Name: a.Keeper.Options.StatusName}}
}

// writeStatus stores the status, and shows it as metrics.
func (a *Autoscaler) writeStatus(ctx context.Context, state *state) error {
	status := a.describe(state)
	a.measure(state, &status)
	if a.Keeper.Options.StatusName == "" {
		return nil
	}
	text, err := yaml.Marshal(status)
	if err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	key := client.ObjectKey{Namespace: a.Keeper.Options.Namespace, Name: a.Keeper.Options.StatusName}
	var config corev1.ConfigMap
	err = a.Live.Get(ctx, key, &config)
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return fmt.Errorf("reading ConfigMap %s: %w", key, err)
	}
	config.Namespace, config.Name = key.Namespace, key.Name
	config.Data = map[string]string{"status": string(text)}
	if config.Annotations == nil {
		config.Annotations = map[string]string{}
	}
	config.Annotations[lastUpdated] = a.status.now.UTC().String()
	if missing {
		err = a.Client.Create(ctx, &config)
	} else {
		err = a.Client.Update(ctx, &config)
	}
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("writing ConfigMap %s: %w", key, err)
	}
	a.status.uid = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, UID: config.UID}}
	return nil
}

// measure shows the look as metrics.
func (a *Autoscaler) measure(state *state, status *clusterStatus) {
	counts := status.Wide.Health.Counts
	a.Metrics.Nodes.WithLabelValues("ready").Set(float64(counts.Registered.Ready))
	a.Metrics.Nodes.WithLabelValues("unready").Set(float64(counts.Registered.Unready.Total))
	a.Metrics.Nodes.WithLabelValues("notStarted").Set(float64(counts.Registered.NotStarted))
	a.Metrics.Nodes.WithLabelValues("unregistered").Set(float64(counts.Unregistered))
	a.Metrics.Nodes.WithLabelValues("longUnregistered").Set(float64(counts.LongUnregistered))
	a.Metrics.GroupCount.WithLabelValues("autoscaled").Set(float64(len(state.groups)))
	a.Metrics.UnschedulablePods.WithLabelValues("unschedulable").Set(float64(len(state.snapshot.Pending)))
	a.Metrics.SafeToAutoscale.Set(1)
	a.Metrics.Unremovable.Reset()
	for _, why := range a.stay {
		a.Metrics.Unremovable.WithLabelValues(why.reason).Inc()
	}
	a.Metrics.GroupSizes.Reset()
	for i := range state.groups {
		g := &state.groups[i]
		a.Metrics.GroupSizes.Set(g.Name, g.Min, g.Desired, g.Max)
	}
}
