// Package provisioner gets nodes for pending pods: observe, decide, apply, once
// for each batch of pods.
package provisioner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
)

// retryAfter is when pods that still wait are looked at again although nothing
// is known to have changed: prices and capacity change without an event.
const retryAfter = 10 * time.Second

// Provisioner decides for batches of pending pods, one batch at a time.
type Provisioner struct {
	Observer *observe.Observer
	Applier  *apply.Applier
	Teller   *apply.Teller
	Batcher  *Batcher
	Settings model.Settings
	Metrics  *metrics.Metrics
	Log      logr.Logger
	// Decide makes the plan; nil means engine.Solve.
	Decide func(*model.Snapshot, model.Settings) (model.Plan, model.Report)
	// Applied, when set, hears of every plan that was carried out.
	Applied func(*apply.Decision, apply.Outcome)
	// Decided, when set, hears of every decision once its launches are written down,
	// also of those about nothing: where each pod is to be now.
	Decided func(*model.Snapshot, *model.Plan)
	// Turn, when set, is held while deciding and acting.
	Turn sync.Locker
}

// Start runs until the context ends; it is a manager.Runnable of the leader.
func (p *Provisioner) Start(ctx context.Context) error {
	// What was pending before this process started has no event of its own.
	p.Batcher.Trigger("start")
	retry := time.AfterFunc(retryAfter, func() { p.Batcher.Trigger("retry") })
	defer retry.Stop()
	for {
		if err := p.Batcher.Wait(ctx); err != nil {
			return nil
		}
		waiting, err := p.Round(ctx)
		if err != nil && ctx.Err() == nil {
			p.Log.Error(err, "provisioning failed, trying again", "after", retryAfter.String())
		}
		if waiting || err != nil {
			retry.Reset(retryAfter)
		}
	}
}

// NeedLeaderElection makes the manager run one Provisioner only.
func (p *Provisioner) NeedLeaderElection() bool { return true }

// Round takes one decision and carries it out. It reports whether pods
// still wait, for a node or on their way to one.
func (p *Provisioner) Round(ctx context.Context) (waiting bool, err error) {
	if p.Turn != nil {
		p.Turn.Lock()
		defer p.Turn.Unlock()
	}
	snapshot, err := p.Observer.Snapshot(ctx)
	if err != nil {
		return false, fmt.Errorf("observing the cluster: %w", err)
	}
	p.Metrics.QueueDepth.Set(float64(len(snapshot.Pending)))
	if len(snapshot.Pending) == 0 {
		p.Metrics.UnschedulablePods.Set(0)
		p.Teller.Tell(&apply.Decision{Snapshot: snapshot}, apply.Outcome{})
		p.decided(snapshot, &model.Plan{})
		return hasPromised(snapshot), nil
	}
	decision, err := p.decide(snapshot)
	if err != nil {
		return true, err
	}
	outcome, err := p.Applier.Launch(ctx, decision)
	// Those who wait for a place on a ready node need not wait for the writes that
	// keep it: their successors ask anew in any case.
	p.decided(snapshot, &decision.Plan)
	err = errors.Join(err, p.Applier.Keep(ctx, decision))
	p.Teller.Tell(decision, outcome)
	if p.Applied != nil {
		p.Applied(decision, outcome)
	}
	return true, err
}

func (p *Provisioner) decided(snapshot *model.Snapshot, plan *model.Plan) {
	if p.Decided != nil {
		p.Decided(snapshot, plan)
	}
}

// hasPromised reports whether pods wait for a node that is meant for them: a
// promise can end without an event.
func hasPromised(snapshot *model.Snapshot) bool {
	for i := range snapshot.Nodes {
		if slices.ContainsFunc(snapshot.Nodes[i].Pods, func(pod model.Pod) bool { return pod.Promised }) {
			return true
		}
	}
	return false
}

func (p *Provisioner) decide(snapshot *model.Snapshot) (*apply.Decision, error) {
	start := time.Now()
	plan, report, err := p.solve(snapshot)
	took := time.Since(start)
	if err != nil {
		return nil, err
	}
	p.Metrics.SchedulingDuration.Observe(took.Seconds())
	p.Metrics.SchedulingSteps.Add(float64(report.Steps))
	unplaced := 0
	for _, group := range report.Unplaced {
		unplaced += len(group.Pods)
	}
	p.Metrics.UnschedulablePods.Set(float64(unplaced))
	p.announce(&plan, took)
	return &apply.Decision{Snapshot: snapshot, Plan: plan, Report: report}, nil
}

// announce logs a decision that buys something.
func (p *Provisioner) announce(plan *model.Plan, took time.Duration) {
	if len(plan.Launches) == 0 {
		return
	}
	var pods []string
	for _, launch := range plan.Launches {
		for _, key := range launch.Pods {
			pods = append(pods, key.String())
		}
	}
	p.Log.Info("found provisionable pod(s)", "Pods", apply.Sample(pods), "pod-count", len(pods), "duration", took.String())
	claims := 0
	for _, launch := range plan.Launches {
		if launch.NodeGroup == "" {
			claims++
		}
	}
	if claims > 0 {
		p.Log.Info("computed new nodeclaim(s) to fit pod(s)", "nodeclaims", claims, "pods", len(pods),
			"price-per-hour", fmt.Sprintf("$%.4f", plan.PricePerHour))
	}
}

// solve keeps a mistake in the engine from ending the process: other duties,
// such as draining, have to go on.
func (p *Provisioner) solve(snapshot *model.Snapshot) (plan model.Plan, report model.Report, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the engine failed on this snapshot, please report it: %v\n%s", cause, debug.Stack())
		}
	}()
	decide := p.Decide
	if decide == nil {
		decide = engine.Solve
	}
	plan, report = decide(snapshot, p.Settings)
	return plan, report, nil
}
