// Package apply carries a Plan out: it turns launches into NodeClaims and the
// Report into events, metrics and log lines. It makes no choices. What a look
// at fresh state forbids is left out and said; the rest is done.
package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

const (
	// createConcurrency bounds how many NodeClaims are written at a time.
	createConcurrency = 20
	// cacheTimeout bounds the wait for the informer cache to show what was just
	// written; a look before that would buy the same nodes again.
	cacheTimeout  = 10 * time.Second
	cacheInterval = 5 * time.Millisecond
	// liveEvery is after how many looks at the cache the API server is asked.
	liveEvery = 40
)

// Applier carries Plans out, one at a time.
type Applier struct {
	// Client writes, and reads informer caches.
	Client client.Client
	// Live reads the API server itself.
	Live    client.Reader
	Metrics *metrics.Metrics
	Events  *events.Recorder
	Log     logr.Logger
	// Groups raises the sizes of node groups; nil where there are none.
	Groups Grower
	// nominated is where the last Plan placed pods on nodes that are ready.
	nominated map[types.UID]string
}

// Decision is a Plan with what it was made from and the reasons for it.
type Decision struct {
	Snapshot *model.Snapshot
	Plan     model.Plan
	Report   model.Report
}

// why is the sentence about a launch, empty when the Report has none.
func (d *Decision) why(launch int) string {
	if launch >= len(d.Report.Launches) {
		return ""
	}
	return ExplainLaunch(d.Report.Launches[launch])
}

// Outcome is what became of a Plan's launches.
type Outcome struct {
	// Created is parallel to Plan.Launches: the NodeClaim's name, or empty.
	Created []string
	// Refused is parallel to Plan.Launches: why there is no NodeClaim, or empty.
	Refused []string
	// Grown are the node groups whose size was raised, with the size they came
	// to; a launch of a group counts as Created when its group grew for it.
	Grown []model.GroupSize
	// Failed says, by node group, why a group did not grow as planned.
	Failed map[string]string
}

// Launch creates one NodeClaim for each launch of the plan that is still
// allowed, raises the sizes of node groups, and returns once the informer cache
// shows the claims. The error joins what
// went wrong; the Outcome is complete all the same.
func (a *Applier) Launch(ctx context.Context, decision *Decision) (Outcome, error) {
	plan := &decision.Plan
	outcome := Outcome{
		Created: make([]string, len(plan.Launches)),
		Refused: make([]string, len(plan.Launches)),
	}
	pools, err := a.freshPools(ctx, plan)
	if err != nil {
		return outcome, err
	}
	promises, err := decision.promises()
	if err != nil {
		return outcome, err
	}
	room := newHeadroom(decision.Snapshot, pools)
	var (
		group    errgroup.Group
		mu       sync.Mutex
		failures []error
	)
	group.SetLimit(createConcurrency)
	failures = append(failures, a.grow(ctx, plan, &outcome)...)
	for i := range plan.Launches {
		launch := &plan.Launches[i]
		if launch.NodeGroup != "" {
			continue
		}
		if refusal := room.take(launch); refusal != "" {
			outcome.Refused[i] = refusal
			continue
		}
		group.Go(func() error {
			name, err := a.create(ctx, pools[launch.NodePool], launch, map[string]string{
				translate.ReasonAnnotation: decision.why(i), translate.PodsAnnotation: promises[i],
			})
			outcome.Created[i] = name
			if err != nil {
				outcome.Refused[i] = err.Error()
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err)
			}
			return nil
		})
	}
	_ = group.Wait() // the functions collect their own errors
	return outcome, errors.Join(append(failures, a.awaitCache(ctx, outcome.Created))...)
}

// freshPools reads the launches' NodePools from the API server; a pool that is
// gone or going is missing from the answer.
func (a *Applier) freshPools(ctx context.Context, plan *model.Plan) (map[string]*karpv1.NodePool, error) {
	pools := map[string]*karpv1.NodePool{}
	seen := map[string]bool{}
	for i := range plan.Launches {
		name := plan.Launches[i].NodePool
		if name == "" || seen[name] {
			continue
		}
		seen[name] = true
		pool := &karpv1.NodePool{}
		err := a.Live.Get(ctx, client.ObjectKey{Name: name}, pool)
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("reading NodePool %s: %w", name, err)
		}
		if err == nil && pool.DeletionTimestamp == nil {
			pools[name] = pool
		}
	}
	return pools, nil
}

// create writes one launch down, with the reason and the pods that it is for as
// notes on it: either all is remembered or nothing.
func (a *Applier) create(ctx context.Context, pool *karpv1.NodePool, launch *model.Launch, notes map[string]string) (string, error) {
	claim := NewNodeClaim(pool, launch)
	maps.Copy(claim.Annotations, notes)
	if notes[translate.PodsAnnotation] == "" {
		delete(claim.Annotations, translate.PodsAnnotation)
	}
	why := notes[translate.ReasonAnnotation]
	if err := a.Client.Create(ctx, claim); err != nil {
		return "", fmt.Errorf("creating a NodeClaim for NodePool %s: %w", pool.Name, err)
	}
	a.Metrics.NodeClaimsCreated.WithLabelValues("provisioned", pool.Name).Inc()
	a.Log.Info("created nodeclaim", "nodepool", pool.Name, "nodeclaim", claim.Name,
		"requests", amounts(launch.Requests), "instance-types", typesText(launch.Offerings), "reason", why)
	a.Events.Normal(claim, events.Launching, why)
	return claim.Name, nil
}

// awaitCache waits until the informer cache shows the claims, or that they are
// gone again after having been shown.
func (a *Applier) awaitCache(ctx context.Context, names []string) error {
	for _, name := range names {
		if name == "" || strings.HasPrefix(name, groupPrefix) {
			continue
		}
		looks := 0
		err := wait.PollUntilContextTimeout(ctx, cacheInterval, cacheTimeout, true, func(ctx context.Context) (bool, error) {
			err := a.Client.Get(ctx, client.ObjectKey{Name: name}, &karpv1.NodeClaim{})
			if !apierrors.IsNotFound(err) {
				return err == nil, err
			}
			// A claim may have come and gone between two looks.
			if looks++; looks%liveEvery != 0 {
				return false, nil
			}
			err = a.Live.Get(ctx, client.ObjectKey{Name: name}, &karpv1.NodeClaim{})
			return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
		})
		if err != nil {
			return fmt.Errorf("waiting for NodeClaim %s to show in the informer cache: %w", name, err)
		}
	}
	return nil
}
