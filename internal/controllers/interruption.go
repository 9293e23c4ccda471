package controllers

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/interruption"
	"github.com/drover-project/drover/internal/controllers/nodegroup"
	"github.com/drover-project/drover/internal/controllers/provisioner"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
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

// interruptionDuties is what dealing with nodes that AWS takes back shares with the
// rest.
type interruptionDuties struct {
	mgr ctrl.Manager
	// kube writes, and reads informer caches; live reads the API server itself.
	kube     client.Client
	live     client.Reader
	recorder *events.Recorder
	pods     *metrics.Metrics
	price    func(ctx context.Context, offering model.OfferingKey) float64
	log      logr.Logger
	// nodesOnly is for clusters that need not know NodeClaims.
	nodesOnly bool
	self      client.ObjectKey
}

// setupInterruption adds what deals with nodes that AWS takes back. keeper is nil
// without node groups.
func (w wiring) setupInterruption(planner *provisioner.Provisioner, keeper *nodegroup.Keeper) error {
	if w.options.Interruptions == nil {
		return nil
	}
	d := interruptionDuties{
		mgr: w.mgr, kube: write.ByUpdate(w.kube), live: w.live, recorder: w.recorder, pods: w.measures, price: w.provider.Price, log: w.log.WithName("interruption"),
		self: w.options.Self,
	}
	return d.add(planner, keeper, w.options.Interruptions)
}

// add starts to deal with such nodes: it hears of the planner's decisions, and asks
// for them in a hurry.
func (d interruptionDuties) add(planner *provisioner.Provisioner, keeper *nodegroup.Keeper, options *Interruptions) error {
	if _, err := d.mgr.GetCache().GetInformer(context.Background(), &policyv1.PodDisruptionBudget{}); err != nil {
		return fmt.Errorf("watching PodDisruptionBudgets: %w", err)
	}
	now, measures := clock.RealClock{}, metrics.NewInterruption(ctrlmetrics.Registry)
	recorder := &interruption.Recorder{
		Client: d.kube, Live: d.live, Cloud: options.Cloud, Policy: options.Policy, Cluster: options.Cluster, NodesOnly: d.nodesOnly,
		Events: d.recorder, Metrics: measures, Clock: now, Log: d.log, Hurry: planner.Batcher.Hurry, Gather: planner.Batcher.Gather, Self: d.self,
	}
	recorder.Ledger = &interruption.Ledger{
		Client: d.kube, Live: d.live, Observer: planner.Observer, Clock: now, Log: d.log, Namespace: options.Namespace, Price: d.price,
	}
	if err := d.mgr.Add(recorder.Ledger); err != nil {
		return err
	}
	places := &interruption.Places{}
	planner.Decided = places.Decided
	reconciler := &interruption.Reconciler{Recorder: recorder, Places: places, Pods: d.pods}
	if keeper != nil {
		reconciler.Member = keeper.Member
	}
	if err := reconciler.Setup(d.mgr); err != nil {
		return fmt.Errorf("setting up %T: %w", reconciler, err)
	}
	if options.Queue != nil {
		listener := &interruption.Listener{
			Queue: options.Queue, Recorder: recorder, Events: d.recorder, Metrics: measures, Clock: now, Log: d.log, Namespace: options.Namespace,
		}
		if err := d.mgr.Add(listener); err != nil {
			return err
		}
	}
	if !options.StatusChecks {
		return nil
	}
	return d.mgr.Add(&interruption.HealthPoller{Recorder: recorder, Clock: now, Log: d.log})
}
