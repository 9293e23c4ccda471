package controllers

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/nodegroup"
	"github.com/drover-project/drover/internal/controllers/provisioner"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/grpcexpander"
	"github.com/drover-project/drover/internal/index"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/observe"
)

// NodeGroups are the node groups that are sized.
type NodeGroups struct {
	Cloud   cloud.NodeGroups
	Options nodegroup.Options
}

// SetupGroups adds what sizes node groups to a manager of a cluster that need
// not know NodePools. What the process may not read counts as empty.
func SetupGroups(ctx context.Context, mgr ctrl.Manager, groups NodeGroups, options Options, log logr.Logger) error {
	reader, err := nodegroup.Permitted(ctx, mgr.GetClient(), mgr.GetClient(), log)
	if err != nil {
		return err
	}
	for _, object := range []client.Object{&corev1.Pod{}, &corev1.Node{}, &appsv1.DaemonSet{}, &policyv1.PodDisruptionBudget{}} {
		if _, err := mgr.GetCache().GetInformer(ctx, object); err != nil {
			return fmt.Errorf("watching %T: %w", object, err)
		}
	}
	recorder, err := legacyEvents(ctx, mgr)
	if err != nil {
		return err
	}
	options.Requests = groups.Options.Requests
	bookings, err := bookRequests(ctx, mgr, reader, &options)
	if err != nil {
		return err
	}
	observer := &observe.Observer{Reader: reader, GroupsOnly: true, Mark: options.Mark}
	g := groupDuties{mgr: mgr, observer: observer, options: options, recorder: recorder, log: log, reader: reader}
	autoscaler, err := g.add(groups)
	if err != nil {
		return err
	}
	batcher := &provisioner.Batcher{Idle: options.BatchIdle, Max: options.BatchMax}
	if err := provisioner.SetupPodTriggers(mgr, batcher); err != nil {
		return fmt.Errorf("watching for pending pods: %w", err)
	}
	// These have names of Karpenter's that mean nothing here.
	measures := metrics.New(prometheus.NewRegistry())
	planner := &provisioner.Provisioner{
		Observer: observer, Batcher: batcher, Settings: options.Settings, Metrics: measures, Log: log.WithName("scale-up"),
		Applier: &apply.Applier{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Metrics: measures, Events: recorder, Log: log},
		Teller:  &apply.Teller{Events: recorder, Log: log.WithName("scale-up")},
	}
	decider := connect(planner, autoscaler, groups, log)
	if err := (requestDuty{mgr: mgr, bookings: bookings, options: options.Requests, recorder: recorder, log: log}).add(planner, decider.DecideFor); err != nil {
		return err
	}
	if options.Interruptions != nil {
		if err := index.RegisterNodes(ctx, mgr.GetFieldIndexer()); err != nil {
			return err
		}
		d := interruptionDuties{
			mgr: mgr, kube: write.ByUpdate(nodegroup.ReadBy(reader, mgr.GetClient())), live: mgr.GetAPIReader(), recorder: recorder, pods: measures,
			price: options.Price, log: log.WithName("interruption"), nodesOnly: true, self: options.Self,
		}
		if err := d.add(planner, autoscaler.Keeper, options.Interruptions); err != nil {
			return err
		}
	}
	return mgr.Add(planner)
}

// legacyEvents publishes through the core API: the permissions that people give
// to cluster-autoscaler are for its events.
func legacyEvents(ctx context.Context, mgr ctrl.Manager) (*events.Recorder, error) {
	kube, err := kubernetes.NewForConfig(mgr.GetConfig())
	if err != nil {
		return nil, fmt.Errorf("connecting for events: %w", err)
	}
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: kube.CoreV1().Events(metav1.NamespaceAll)})
	return events.NewLegacy(broadcaster.NewRecorder(mgr.GetScheme(), corev1.EventSource{Component: "cluster-autoscaler"}), clock.RealClock{}), nil
}

// groupDuties is what sizing node groups shares with the rest.
type groupDuties struct {
	mgr      ctrl.Manager
	reader   client.Reader
	observer *observe.Observer
	options  Options
	recorder *events.Recorder
	log      logr.Logger
}

// add starts to look after node groups, and lets the observer see them.
func (g groupDuties) add(groups NodeGroups) (*nodegroup.Autoscaler, error) {
	now := clock.RealClock{}
	keeper := &nodegroup.Keeper{Cloud: groups.Cloud, Options: groups.Options, Clock: now, Log: g.log.WithName("node-groups")}
	g.observer.Groups = keeper
	g.observer.Waits = func(pod *corev1.Pod) bool { return nodegroup.Waits(pod, groups.Options, time.Now()) }
	autoscaler := &nodegroup.Autoscaler{
		Keeper: keeper, Observer: g.observer, Client: nodegroup.ReadBy(g.reader, g.mgr.GetClient()), Live: g.mgr.GetAPIReader(), Settings: g.options.Settings,
		Events: g.recorder, Metrics: metrics.NewGroups(ctrlmetrics.Registry), Clock: now, Log: g.log.WithName("node-groups"),
	}
	return autoscaler, g.mgr.Add(autoscaler)
}

// connect makes a provisioner grow node groups too, by the plans of what it returns.
func connect(planner *provisioner.Provisioner, autoscaler *nodegroup.Autoscaler, groups NodeGroups, log logr.Logger) *nodegroup.Decider {
	autoscaler.Wake = func() { planner.Batcher.Trigger("scan") }
	decider := &nodegroup.Decider{Options: groups.Options, Live: autoscaler.Live, Pods: autoscaler.Client, Log: log.WithName("node-groups")}
	if groups.Options.AsksExternal() {
		decider.External = &grpcexpander.Client{URL: groups.Options.ExternalURL, CertFile: groups.Options.ExternalCert}
	}
	planner.Decide = decider.Decide
	planner.Applied = autoscaler.Applied
	planner.Turn = &autoscaler.Keeper.Turn
	planner.Applier.Groups = groups.Cloud
	return decider
}

// GroupDefaults are the options for SetupGroups.
func GroupDefaults() Options { return Options{BatchIdle: time.Second, BatchMax: 10 * time.Second} }
