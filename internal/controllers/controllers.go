// Package controllers puts drover's duties together: one package below for
// each, all on one manager.
package controllers

import (
	"context"
	"fmt"
	"time"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/disruption"
	"github.com/drover-project/drover/internal/controllers/interruption"
	"github.com/drover-project/drover/internal/controllers/node/termination"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/consolidatable"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/expiration"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/garbagecollection"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/lifecycle"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/podevents"
	"github.com/drover-project/drover/internal/controllers/nodeclass"
	"github.com/drover-project/drover/internal/controllers/nodegroup"
	"github.com/drover-project/drover/internal/controllers/nodepool"
	"github.com/drover-project/drover/internal/controllers/provisioner"
	"github.com/drover-project/drover/internal/controllers/provisioningrequest"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
)

// Options are what people set.
type Options struct {
	// BatchIdle and BatchMax bound the wait for more pending pods.
	BatchIdle, BatchMax time.Duration
	Settings            model.Settings
	// SpotMoves says when Spot nodes go to other Spot pools.
	SpotMoves disruption.SpotMoves
	// Mark, when set, adds to every Snapshot what is known from elsewhere.
	Mark func(*model.Snapshot)
	// Requests is about ProvisioningRequests; SetupGroups has its own.
	Requests nodegroup.RequestOptions
	// Groups are node groups that are sized along with NodePools; nil for none.
	Groups *NodeGroups
	// Interruptions says how nodes are dealt with that AWS takes back; nil for not
	// at all.
	Interruptions *Interruptions
	// Self is the pod that this runs in; zero outside of a cluster.
	Self client.ObjectKey
	// Price, for SetupGroups, knows what nodes cost.
	Price func(ctx context.Context, offering model.OfferingKey) float64
}

// duty is one controller.
type duty interface {
	Setup(ctrl.Manager) error
}

// Setup adds every duty to the manager.
func Setup(ctx context.Context, mgr ctrl.Manager, provider cloud.Provider, options Options, log logr.Logger) error {
	if err := index.Register(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	if err := warm(ctx, mgr); err != nil {
		return err
	}
	bookings, err := bookRequests(ctx, mgr, mgr.GetClient(), &options)
	if err != nil {
		return err
	}
	if bookings != nil {
		bookings.NodePools = true
	}
	measures := metrics.New(ctrlmetrics.Registry)
	ctrlmetrics.Registry.MustRegister(metrics.NewCluster(mgr.GetClient()))
	w := wiring{
		mgr:      mgr,
		kube:     mgr.GetClient(),
		live:     mgr.GetAPIReader(),
		provider: metrics.Measure(provider, measures),
		options:  options,
		measures: measures,
		recorder: events.New(mgr.GetEventRecorder("drover"), clock.RealClock{}),
		log:      log,
		bookings: bookings,
	}
	for _, each := range w.duties() {
		if err := each.Setup(mgr); err != nil {
			return fmt.Errorf("setting up %T: %w", each, err)
		}
	}
	return w.setupProvisioner()
}

// warm starts the informers that are first needed in the middle of a decision.
func warm(ctx context.Context, mgr ctrl.Manager) error {
	for _, object := range []client.Object{
		&corev1.Namespace{}, &corev1.PersistentVolume{}, &corev1.PersistentVolumeClaim{}, &storagev1.StorageClass{},
		&storagev1.VolumeAttachment{}, &storagev1.CSINode{}, &schedulingv1.PriorityClass{}, &corev1.Service{},
		&corev1.ReplicationController{}, &appsv1.ReplicaSet{}, &appsv1.StatefulSet{}, &appsv1.DaemonSet{}, &ec2v1.EC2NodeClass{}, &karpv1.NodePool{}, &karpv1.NodeClaim{},
	} {
		if _, err := mgr.GetCache().GetInformer(ctx, object); err != nil {
			return fmt.Errorf("watching %T: %w", object, err)
		}
	}
	return nil
}

// wiring is what duties share.
type wiring struct {
	mgr      ctrl.Manager
	kube     client.Client
	live     client.Reader
	provider cloud.Provider
	options  Options
	measures *metrics.Metrics
	recorder *events.Recorder
	log      logr.Logger
	bookings *provisioningrequest.Bookings // nil without ProvisioningRequests
}

func (w wiring) duties() []duty {
	now, moves := clock.RealClock{}, w.options.SpotMoves
	if moves.History == nil && w.options.Interruptions != nil {
		moves.History = interruption.Kept(w.live, w.options.Interruptions.Namespace)
	}
	return []duty{
		&nodeclass.Reconciler{Client: w.kube, Cloud: w.provider, Events: w.recorder, Log: w.log.WithName("nodeclass")},
		&nodepool.Reconciler{Client: w.kube, Cloud: w.provider, Events: w.recorder, Log: w.log.WithName("nodepool")},
		&lifecycle.Reconciler{
			Client: w.kube, Live: w.live, Cloud: w.provider, Events: w.recorder, Metrics: w.measures, Clock: now,
			Log: w.log.WithName("nodeclaim.lifecycle"),
		},
		&termination.Reconciler{
			Client: w.kube, Cloud: w.provider, Events: w.recorder, Metrics: w.measures, Clock: now,
			Backoff: termination.NewBackoff(), Log: w.log.WithName("node.termination"), Self: w.options.Self,
		},
		&podevents.Reconciler{Client: w.kube, Metrics: w.measures, Clock: now},
		&consolidatable.Reconciler{Client: w.kube, Clock: now},
		&expiration.Reconciler{Client: w.kube, Metrics: w.measures, Clock: now, Log: w.log.WithName("nodeclaim.expiration")},
		&disruption.Reconciler{
			Client: w.kube, Live: w.live, Observer: w.observer(), Settings: w.options.Settings,
			Events: w.recorder, Metrics: w.measures, Clock: now, Log: w.log.WithName("disruption"),
			Launcher:  &apply.Applier{Client: w.kube, Live: w.live, Metrics: w.measures, Events: w.recorder, Log: w.log.WithName("disruption")},
			SpotMoves: moves,
		},
		&garbagecollection.Collector{
			Client: w.kube, Live: w.live, Cloud: w.provider, Metrics: w.measures, Clock: now,
			Log: w.log.WithName("nodeclaim.garbagecollection"),
		},
	}
}

func (w wiring) observer() *observe.Observer {
	observer := &observe.Observer{Reader: w.kube, Cloud: w.provider, Mark: w.options.Mark}
	if w.bookings != nil {
		observer.Waits = nodegroup.Consumes
	}
	return observer
}

func (w wiring) setupProvisioner() error {
	log := w.log.WithName("provisioner")
	batcher := &provisioner.Batcher{Idle: w.options.BatchIdle, Max: w.options.BatchMax}
	if err := provisioner.SetupTriggers(w.mgr, batcher); err != nil {
		return fmt.Errorf("watching for pending pods: %w", err)
	}
	planner := &provisioner.Provisioner{
		Observer: w.observer(),
		Applier:  &apply.Applier{Client: w.kube, Live: w.live, Metrics: w.measures, Events: w.recorder, Log: log},
		Teller:   &apply.Teller{Events: w.recorder, Log: log},
		Batcher:  batcher,
		Settings: w.options.Settings,
		Metrics:  w.measures,
		Log:      log,
	}
	var (
		keeper *nodegroup.Keeper
		decide decideFor
	)
	if w.options.Groups != nil {
		if _, err := w.mgr.GetCache().GetInformer(context.Background(), &policyv1.PodDisruptionBudget{}); err != nil {
			return fmt.Errorf("watching PodDisruptionBudgets: %w", err)
		}
		g := groupDuties{mgr: w.mgr, reader: w.kube, observer: planner.Observer, options: w.options, recorder: w.recorder, log: w.log}
		autoscaler, err := g.add(*w.options.Groups)
		if err != nil {
			return err
		}
		decide = connect(planner, autoscaler, *w.options.Groups, w.log).DecideFor
		keeper = autoscaler.Keeper
	}
	duty := requestDuty{mgr: w.mgr, bookings: w.bookings, options: w.options.Requests, recorder: w.recorder, log: w.log}
	if err := duty.add(planner, decide); err != nil {
		return err
	}
	if err := w.setupInterruption(planner, keeper); err != nil {
		return err
	}
	return w.mgr.Add(planner)
}
