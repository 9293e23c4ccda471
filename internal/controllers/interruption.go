package controllers

import (
	"context"
	"fmt"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/utils/clock"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/interruption"
	"github.com/drover-project/drover/internal/controllers/nodegroup"
	"github.com/drover-project/drover/internal/controllers/provisioner"
	"github.com/drover-project/drover/internal/metrics"
)

// Interruptions is what is needed to deal with nodes that AWS takes back.
type Interruptions struct {
	Cloud  cloud.Interruptions
	Policy interruption.Policy
	// Queue is where AWS tells of them; nil when only agents on the nodes do.
	Queue cloud.Queue
	// StatusChecks has EC2's status checks looked at, and its scheduled events.
	StatusChecks bool
	// Cluster is its name, in the tags of instances; Namespace is for events about
	// the queue.
	Cluster, Namespace string
}

// setupInterruption adds what deals with nodes that AWS takes back: it hears of
// decisions, and asks for them in a hurry. keeper is nil without node groups.
func (w wiring) setupInterruption(planner *provisioner.Provisioner, keeper *nodegroup.Keeper) error {
	options := w.options.Interruptions
	if options == nil {
		return nil
	}
	if _, err := w.mgr.GetCache().GetInformer(context.Background(), &policyv1.PodDisruptionBudget{}); err != nil {
		return fmt.Errorf("watching PodDisruptionBudgets: %w", err)
	}
	log, now := w.log.WithName("interruption"), clock.RealClock{}
	measures := metrics.NewInterruption(ctrlmetrics.Registry)
	recorder := &interruption.Recorder{
		Client: w.kube, Live: w.live, Cloud: options.Cloud, Policy: options.Policy, Cluster: options.Cluster,
		Events: w.recorder, Metrics: measures, Clock: now, Log: log, Hurry: planner.Batcher.Hurry,
	}
	recorder.Ledger = &interruption.Ledger{
		Client: w.kube, Live: w.live, Observer: planner.Observer, Clock: now, Log: log, Namespace: options.Namespace, Price: w.provider.Price,
	}
	if err := w.mgr.Add(recorder.Ledger); err != nil {
		return err
	}
	places := &interruption.Places{}
	planner.Decided = places.Decided
	reconciler := &interruption.Reconciler{Recorder: recorder, Places: places, Pods: w.measures}
	if keeper != nil {
		reconciler.Member = keeper.Member
	}
	if err := reconciler.Setup(w.mgr); err != nil {
		return fmt.Errorf("setting up %T: %w", reconciler, err)
	}
	if options.Queue != nil {
		listener := &interruption.Listener{
			Queue: options.Queue, Recorder: recorder, Events: w.recorder, Metrics: measures, Clock: now, Log: log, Namespace: options.Namespace,
		}
		if err := w.mgr.Add(listener); err != nil {
			return err
		}
	}
	if !options.StatusChecks {
		return nil
	}
	return w.mgr.Add(&interruption.HealthPoller{Recorder: recorder, Clock: now, Log: log})
}
