// Package garbagecollection keeps instances and NodeClaims one to one: an
// instance that no NodeClaim knows is ended, a NodeClaim whose instance is gone
// is deleted.
package garbagecollection

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/metrics"
)

const (
	// grace is how old an instance or a launched claim must be before it is
	// judged: the other side may not have heard of it yet.
	grace = 30 * time.Second
	// often is the pause after the start, when a crash may have left something;
	// seldom is the pause later.
	often, seldom = 10 * time.Second, 30 * time.Second
	oftenRounds   = 20
)

// Collector compares and mends; it is a manager.Runnable of the leader.
type Collector struct {
	Client client.Client
	// Live reads the API server itself: an instance must not be ended because a
	// cache is late.
	Live    client.Reader
	Cloud   cloud.Provider
	Metrics *metrics.Metrics
	Clock   clock.WithTicker
	Log     logr.Logger
}

// Setup adds the collector to the manager.
func (c *Collector) Setup(mgr ctrl.Manager) error { return mgr.Add(c) }

// NeedLeaderElection makes the manager run one Collector only.
func (c *Collector) NeedLeaderElection() bool { return true }

// Start runs until the context ends.
func (c *Collector) Start(ctx context.Context) error {
	for round := 0; ; round++ {
		pause := often
		if round >= oftenRounds {
			pause = seldom
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.Clock.After(pause):
		}
		if err := c.Collect(ctx); err != nil && ctx.Err() == nil {
			c.Log.Error(err, "garbage collection failed, trying again", "after", pause.String())
		}
	}
}

// Collect compares once.
func (c *Collector) Collect(ctx context.Context) error {
	// Claims are read before instances: a claim that is new in between has an
	// instance younger than the grace period.
	var claims karpv1.NodeClaimList
	if err := c.Client.List(ctx, &claims); err != nil {
		return fmt.Errorf("listing nodeclaims: %w", err)
	}
	instances, err := c.Cloud.List(ctx)
	if err != nil {
		return fmt.Errorf("listing instances: %w", err)
	}
	now := c.Clock.Now()
	for _, instance := range leaked(claims.Items, instances, now) {
		if err := c.endLeak(ctx, instance); err != nil {
			return err
		}
	}
	for _, claim := range orphaned(claims.Items, instances, now) {
		if err := c.endOrphan(ctx, claim); err != nil {
			return err
		}
	}
	return nil
}

// leaked are instances that no claim owns or is about to own.
func leaked(claims []karpv1.NodeClaim, instances []cloud.Instance, now time.Time) []cloud.Instance {
	owned := map[string]bool{}
	launching := map[string]bool{}
	for i := range claims {
		if id := claims[i].Status.ProviderID; id != "" {
			owned[id] = true
		} else if claims[i].DeletionTimestamp == nil {
			launching[claims[i].Name] = true
		}
	}
	var lost []cloud.Instance
	for _, instance := range instances {
		old := now.Sub(instance.LaunchTime) > grace
		if old && !owned[instance.ProviderID] && !launching[instance.NodeClaim] && instance.State != cloud.ShuttingDown {
			lost = append(lost, instance)
		}
	}
	return lost
}

// endLeak terminates the instance once the API server has confirmed that the
// claim it was bought for is gone or has another; caches may lag behind.
func (c *Collector) endLeak(ctx context.Context, instance cloud.Instance) error {
	if instance.NodeClaim != "" {
		var claim karpv1.NodeClaim
		err := c.Live.Get(ctx, client.ObjectKey{Name: instance.NodeClaim}, &claim)
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("reading nodeclaim %s: %w", instance.NodeClaim, err)
		}
		if err == nil && len(leaked([]karpv1.NodeClaim{claim}, []cloud.Instance{instance}, c.Clock.Now())) == 0 {
			return nil
		}
	}
	if err := c.Cloud.Terminate(ctx, instance.ProviderID); err != nil && !cloud.IsNotFound(err) {
		return fmt.Errorf("terminating leaked instance %s: %w", instance.ID, err)
	}
	c.Log.Info("garbage collected instance without nodeclaim", "provider-id", instance.ProviderID, "nodeclaim", instance.NodeClaim)
	return nil
}

// orphaned are launched claims whose instance is not listed.
func orphaned(claims []karpv1.NodeClaim, instances []cloud.Instance, now time.Time) []*karpv1.NodeClaim {
	listed := map[string]bool{}
	for _, instance := range instances {
		listed[instance.ProviderID] = true
	}
	var orphans []*karpv1.NodeClaim
	for i := range claims {
		claim := &claims[i]
		launched := claim.StatusConditions().Get(karpv1.ConditionTypeLaunched)
		if claim.DeletionTimestamp != nil || claim.Status.ProviderID == "" || listed[claim.Status.ProviderID] {
			continue
		}
		if launched.IsTrue() && now.Sub(launched.LastTransitionTime.Time) > grace {
			orphans = append(orphans, claim)
		}
	}
	return orphans
}

// endOrphan deletes the claim once the cloud has confirmed that the very
// instance is gone; lists may lag behind.
func (c *Collector) endOrphan(ctx context.Context, claim *karpv1.NodeClaim) error {
	_, err := c.Cloud.Get(ctx, claim.Status.ProviderID)
	if err == nil {
		return nil
	}
	if !cloud.IsNotFound(err) {
		return fmt.Errorf("looking at instance %s: %w", claim.Status.ProviderID, err)
	}
	if err := write.Delete(ctx, c.Client, claim); err != nil {
		return fmt.Errorf("deleting nodeclaim %s, whose instance is gone: %w", claim.Name, err)
	}
	c.Metrics.NodeClaimsDisrupted.WithLabelValues("garbage_collected", claim.Labels[karpv1.NodePoolLabelKey], claim.Labels[karpv1.CapacityTypeLabelKey]).Inc()
	c.Log.Info("garbage collected nodeclaim without instance", "nodeclaim", claim.Name, "provider-id", claim.Status.ProviderID, "node", claim.Status.NodeName)
	return nil
}
