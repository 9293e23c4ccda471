package controllers

import (
	"context"
	"fmt"
	"sync"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/controllers/nodegroup"
	"github.com/drover-project/drover/internal/controllers/provisioner"
	"github.com/drover-project/drover/internal/controllers/provisioningrequest"
	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/provreq"
)

// bookRequests has every Snapshot from now on keep the room that ProvisioningRequests
// have booked. It returns nil where these are not asked for.
func bookRequests(ctx context.Context, mgr ctrl.Manager, reader client.Reader, options *Options) (*provisioningrequest.Bookings, error) {
	if !options.Requests.Enabled {
		return nil, nil
	}
	for group, resource := range map[string]string{"autoscaling.x-k8s.io": "provisioningrequests", "": "podtemplates"} {
		allowed, err := nodegroup.MayWatch(ctx, mgr.GetClient(), group, resource)
		if err != nil {
			return nil, err
		}
		if !allowed {
			return nil, fmt.Errorf("--enable-provisioning-requests: this process may not list and watch %s: let its service account get, list and watch podtemplates and provisioningrequests, delete these, and update provisioningrequests/status", resource)
		}
	}
	provreq.AddToScheme(mgr.GetScheme())
	for _, object := range []client.Object{&provreq.ProvisioningRequest{}, &corev1.PodTemplate{}} {
		_, err := mgr.GetCache().GetInformer(ctx, object)
		if meta.IsNoMatchError(err) {
			return nil, fmt.Errorf("--enable-provisioning-requests: the cluster does not know ProvisioningRequests of autoscaling.x-k8s.io/v1: apply their CustomResourceDefinition first: %w", err)
		}
		if err != nil {
			return nil, fmt.Errorf("watching %T: %w", object, err)
		}
	}
	bookings := &provisioningrequest.Bookings{Reader: reader, Settings: options.Settings}
	before := options.Mark
	options.Mark = func(snapshot *model.Snapshot) {
		if before != nil {
			before(snapshot)
		}
		bookings.Mark(snapshot)
	}
	return bookings, nil
}

// decideFor makes a plan for pods, some of which exist nowhere else.
type decideFor func(*model.Snapshot, model.Settings, []*corev1.Pod) (model.Plan, model.Report)

// requestDuty is what answering requests shares with the planner.
type requestDuty struct {
	mgr      ctrl.Manager
	bookings *provisioningrequest.Bookings
	options  nodegroup.RequestOptions
	recorder *events.Recorder
	log      logr.Logger
}

// add has requests answered by the planner's means; it does nothing without bookings.
// decide is nil where the engine decides alone.
func (d requestDuty) add(planner *provisioner.Provisioner, decide decideFor) error {
	if d.bookings == nil {
		return nil
	}
	if decide == nil {
		decide = func(snapshot *model.Snapshot, settings model.Settings, _ []*corev1.Pod) (model.Plan, model.Report) {
			return engine.Solve(snapshot, settings)
		}
	}
	if planner.Turn == nil {
		planner.Turn = &sync.Mutex{}
	}
	d.bookings.Log = d.log.WithName("provisioning-requests")
	return d.mgr.Add(&provisioningrequest.Controller{
		Client: d.mgr.GetClient(), Bookings: d.bookings, Observer: planner.Observer, Decide: decide, Grow: planner.Applier.Launch,
		Applied: planner.Applied, Turn: planner.Turn, Events: d.recorder, Clock: clock.RealClock{}, Log: d.bookings.Log,
		Interval: d.options.Interval, InitialBackoff: d.options.InitialBackoff, MaxBackoff: d.options.MaxBackoff,
	})
}
