package controllers_test

import (
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/testr"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/disruption"
	"github.com/drover-project/drover/internal/controllers/node/termination"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/consolidatable"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/garbagecollection"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/lifecycle"
	"github.com/drover-project/drover/internal/controllers/provisioner"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/observe"
)

// process is one run of drover over a cluster: all duties, called by hand.
type process struct {
	t       *testing.T
	cluster *clustertest.Cluster
	faults  *clustertest.Faults

	provisioner    *provisioner.Provisioner
	lifecycle      *lifecycle.Reconciler
	termination    *termination.Reconciler
	consolidatable *consolidatable.Reconciler
	disruption     *disruption.Reconciler
	collector      *garbagecollection.Collector
}

func start(t *testing.T, cluster *clustertest.Cluster, faults *clustertest.Faults) *process {
	t.Helper()
	log := logr.Discard()
	if testing.Verbose() {
		log = testr.New(t)
	}
	kube, cloud, now, measures := faults.Client(cluster.Client), faults.Cloud(cluster.Cloud), cluster.Clock, metrics.New(prometheus.NewRegistry())
	observer := &observe.Observer{Reader: kube, Cloud: cloud}
	return &process{
		t: t, cluster: cluster, faults: faults,
		provisioner: &provisioner.Provisioner{
			Observer: observer, Metrics: measures, Log: log,
			Applier: &apply.Applier{Client: kube, Live: kube, Metrics: measures, Events: cluster.Events, Log: log},
			Teller:  &apply.Teller{Events: cluster.Events, Log: log},
		},
		lifecycle:      &lifecycle.Reconciler{Client: kube, Live: kube, Cloud: cloud, Events: cluster.Events, Metrics: measures, Clock: now, Log: log},
		termination:    &termination.Reconciler{Client: kube, Cloud: cloud, Events: cluster.Events, Metrics: measures, Clock: now, Backoff: termination.NewBackoff(), Log: log},
		consolidatable: &consolidatable.Reconciler{Client: kube, Clock: now},
		disruption: &disruption.Reconciler{
			Client: kube, Live: kube, Observer: observer, Events: cluster.Events, Metrics: measures, Clock: now, Log: log,
		},
		collector: &garbagecollection.Collector{Client: kube, Live: kube, Cloud: cloud, Metrics: measures, Clock: now, Log: log},
	}
}

// live runs all duties once, with the kubelets' and the scheduler's work in
// between; it stops early when the process is killed.
func (p *process) live() {
	p.t.Helper()
	_, err := p.provisioner.Round(p.t.Context())
	p.mind(err)
	p.eachClaim(p.lifecycle.Reconcile)
	p.cluster.Join()
	p.eachClaim(p.lifecycle.Reconcile)
	p.cluster.Bind()
	p.eachClaim(p.consolidatable.Reconcile)
	if !p.faults.Dead() {
		_, err = p.disruption.Reconcile(p.t.Context(), reconcile.Request{})
		p.mind(err)
	}
	for _, node := range p.cluster.Nodes() {
		_, err := p.termination.Reconcile(p.t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&node)})
		p.mind(err)
	}
	p.mind(p.collector.Collect(p.t.Context()))
}

func (p *process) eachClaim(reconcileOne reconcile.Func) {
	p.t.Helper()
	for _, claim := range p.cluster.Claims() {
		_, err := reconcileOne(p.t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&claim)})
		p.mind(err)
	}
}

// mind fails the test on errors that are not the process's death.
func (p *process) mind(err error) {
	p.t.Helper()
	if err != nil && !errors.Is(err, clustertest.ErrKilled) && !p.faults.Dead() {
		p.t.Fatalf("a duty failed: %v", err)
	}
}

// settle lets time go by until nothing is under way any more.
func (p *process) settle() {
	p.t.Helper()
	for range 8 {
		if p.faults.Dead() {
			return
		}
		p.live()
		p.cluster.Clock.Step(20 * time.Second)
	}
}
