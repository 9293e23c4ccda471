package interruption

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/interruption"
)

const (
	// healthInterval is how often EC2's status checks are looked at, impairedFor
	// how long one must have failed: Karpenter's figures.
	healthInterval = time.Minute
	impairedFor    = 2 * time.Minute
)

// HealthPoller records what EC2's status checks say of the cluster's instances, and
// their scheduled events.
type HealthPoller struct {
	*Recorder
	Clock clock.Clock
	Log   logr.Logger
	seen  map[string]time.Time // failing since, as far as EC2 does not say
}

// NeedLeaderElection makes the manager run one HealthPoller only.
func (h *HealthPoller) NeedLeaderElection() bool { return true }

// Start runs until the context ends; it is a manager.Runnable of the leader.
func (h *HealthPoller) Start(ctx context.Context) error {
	said := ""
	for {
		err := h.Round(ctx)
		switch {
		case err == nil:
			said = ""
		case ctx.Err() == nil && err.Error() != said:
			said = err.Error()
			h.Log.Error(err, "status checks are not looked at: the controller's role needs ec2:DescribeInstanceStatus")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-h.Clock.After(healthInterval):
		}
	}
}

// Round is one look.
func (h *HealthPoller) Round(ctx context.Context) error {
	h.Metrics.Calls.WithLabelValues("aws").Inc()
	found, err := h.Cloud.Impaired(ctx)
	if err != nil {
		return err
	}
	now := h.Clock.Now()
	seen := map[string]time.Time{}
	failing := map[string]bool{}
	var work []*item
	for _, health := range found {
		object, err := h.byInstance(ctx, health.InstanceID)
		if err != nil {
			return err
		}
		if object.node == "" && object.claim == nil {
			continue // not one of the cluster's
		}
		w := &item{}
		if health.Failed != "" {
			since := health.Since
			if since.IsZero() {
				since = now
				if before, known := h.seen[health.InstanceID]; known {
					since = before
				}
			}
			seen[health.InstanceID], failing[health.InstanceID] = since, true
			if now.Sub(since) >= impairedFor {
				if _, known := h.seen[health.InstanceID]; !known {
					h.Metrics.Unhealthy.WithLabelValues(health.Failed).Inc()
				}
				w.notices = append(w.notices, interruption.Unhealthy(health.InstanceID, health.Failed, since))
			}
		}
		for _, scheduled := range health.Events {
			w.notices = append(w.notices, interruption.Scheduled(health.InstanceID, scheduled.Code, now, scheduled.NotBefore, false))
		}
		if len(w.notices) > 0 {
			work = append(work, w)
		}
	}
	h.seen = seen
	recovered, err := h.recovered(ctx, failing, now)
	if err != nil {
		return err
	}
	return h.record(ctx, append(work, recovered...))
}

// recovered takes back what was recorded of instances whose checks pass again.
func (h *HealthPoller) recovered(ctx context.Context, failing map[string]bool, now time.Time) ([]*item, error) {
	var nodes corev1.NodeList
	if err := h.Client.List(ctx, &nodes, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	var work []*item
	for i := range nodes.Items {
		for _, n := range interruption.Of(&nodes.Items[i]) {
			if n.Kind == interruption.InstanceStatus && !n.Over && !failing[n.InstanceID] {
				over := interruption.Unhealthy(n.InstanceID, n.Detail, now)
				over.Over = true
				work = append(work, &item{notices: []interruption.Notice{over}})
			}
		}
	}
	return work, nil
}
