// Package agent watches the instance that it runs on: what EC2 announces in the
// instance metadata service it records on its own Node, where the controller
// finds it. Without a controller it takes the node out of use by itself.
//
// Everything that it must not do twice is kept on the Node, so that it can be
// killed at any time. While nothing is announced it asks the API server nothing.
package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/clock"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/evacuate"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/interruption"
)

// Mode says when the agent itself takes its node out of use.
type Mode string

// Modes.
const (
	Auto   Mode = "auto" // while no controller leads
	Always Mode = "always"
	Never  Mode = "never"
)

// Kinds says of each kind of announcement whether something is done about it.
type Kinds struct{ Spot, Scheduled, Rebalance, Group bool }

// Options of an agent. Node is required.
type Options struct {
	// Node is the name of the agent's own Node.
	Node string
	// Watch are the kinds that are read and recorded.
	Watch Kinds
	// Rules are what the agent does by itself.
	Rules Rules
	// Mode is when it does.
	Mode Mode
	// Interval is the pause between two looks; while the metadata service cannot
	// be reached it grows up to SlowestInterval.
	Interval time.Duration
	// Evacuation are the rules of its drains; the deadline comes from EC2.
	Evacuation evacuate.Rules
	// Marks are what it leaves on the Node besides.
	Marks Marks
}

// readTimeout bounds how long one look waits for the metadata service: the drain
// of a node goes on without it.
const readTimeout = 4 * time.Second

// SlowestInterval bounds the pause between two looks: a notice gives two
// minutes, of which this is lost at worst.
const SlowestInterval = 10 * time.Second

// Agent watches one instance.
type Agent struct {
	Metadata cloud.Metadata
	Hands    Hands
	// Leads reads the lease of the controller, which acts on what is recorded; a
	// nil Lease is none.
	Leads   func(ctx context.Context) (*coordinationv1.Lease, error)
	Clock   clock.WithTicker
	Events  *events.Recorder // nil says nothing
	Metrics *Metrics
	Log     logr.Logger
	Options Options

	watch watch
	// active: there is something on the Node to look after.
	active   bool
	nextSync time.Time // when to look after it without news
	started  bool
	failing  bool // the metadata service could not be reached
	pause    time.Duration
	leads    lookout
	posts    posts
	refused  string // what was last said of pods that stay
	// complaint is what was last said of the API server.
	complaint string
	identity  cloud.Identity

	mu       sync.Mutex
	lastLook time.Time // at which a look ended, however
}

// Run looks until the context ends.
func (a *Agent) Run(ctx context.Context) {
	for {
		pause := a.Look(ctx)
		timer := a.Clock.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
	}
}

// Look takes one look and says how long to wait for the next.
func (a *Agent) Look(ctx context.Context) (pause time.Duration) {
	defer a.looked()
	reading, cancel := context.WithTimeout(ctx, readTimeout)
	changed, err := a.read(reading)
	cancel()
	a.tell(err)
	now := a.Clock.Now()
	if !changed && a.started && (!a.active || now.Before(a.nextSync)) {
		return a.pause
	}
	if err := a.sync(ctx); err != nil {
		a.Metrics.failed("kubernetes")
		if err.Error() != a.complaint {
			a.Log.Error(err, "the node could not be brought up to date, trying again")
		}
		a.active, a.nextSync, a.complaint = true, now, err.Error()
		return a.pause
	}
	a.complaint = ""
	return a.pause
}

func (a *Agent) looked() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lastLook = a.Clock.Now()
}

// Alive says why the agent makes no progress: it has not looked for a long time.
// A metadata service that does not answer is no reason, for a restart would not
// mend it.
func (a *Agent) Alive() error {
	const patience = time.Minute
	a.mu.Lock()
	defer a.mu.Unlock()
	if since := a.Clock.Since(a.lastLook); !a.lastLook.IsZero() && since > patience {
		return fmt.Errorf("the last look ended %s ago", since.Truncate(time.Second))
	}
	return nil
}

// read asks the metadata service. It reports whether it said something new.
func (a *Agent) read(ctx context.Context) (changed bool, err error) {
	if a.identity.InstanceID == "" {
		identity, err := a.Metadata.Identity(ctx)
		if err != nil {
			return false, fmt.Errorf("identity: %w", err)
		}
		a.identity = identity
		a.watch.instance = identity.InstanceID
	}
	return a.watch.look(ctx, a.Metadata, a.Options.Watch, a.Clock.Now())
}

// tell says once that the metadata service fails, and once that it does not any
// more, and sets the pause to the next look.
func (a *Agent) tell(err error) {
	var failures failures
	if errors.As(err, &failures) {
		for _, where := range failures.where() {
			a.Metrics.failed(where)
		}
	} else if err != nil {
		a.Metrics.failed("identity")
	}
	a.Metrics.up(err == nil)
	switch {
	case err == nil && a.failing:
		a.Log.Info("the instance metadata service answers again")
	case err != nil && !a.failing:
		a.Log.Error(err, "the instance metadata service does not say what it should, trying again")
	}
	a.failing = err != nil
	if !a.failing {
		a.pause = a.Options.Interval
		return
	}
	a.pause = min(max(a.pause*2, a.Options.Interval), max(SlowestInterval, a.Options.Interval))
}

// sync records what was seen, and acts where nobody else does.
func (a *Agent) sync(ctx context.Context) error {
	var node *corev1.Node
	var d Decision
	var m mark
	var acting bool
	err := retry.RetryOnConflict(retry.DefaultRetry, func() (err error) {
		node, d, m, acting, err = a.record(ctx)
		return err
	})
	if err != nil {
		return err
	}
	a.started = true
	a.active, a.nextSync = d.pending() || !m.isZero(), a.Clock.Now()
	switch {
	case !d.Cordon:
		a.nextSync = a.nextSync.Add(quietly)
	case !acting:
		a.nextSync = a.nextSync.Add(led)
	case !m.isDone(d):
		return a.takeOut(ctx, node, d, m)
	}
	return nil
}

// record brings the Node in line with what was seen, in one write.
func (a *Agent) record(ctx context.Context) (node *corev1.Node, d Decision, m mark, acting bool, err error) {
	if node, err = a.Hands.Node(ctx); err != nil {
		return node, d, m, false, err
	}
	if own := interruption.InstanceOf(node.Spec.ProviderID); a.identity.InstanceID != "" && own != "" && own != a.identity.InstanceID {
		return node, d, m, false, fmt.Errorf("node %s is instance %s, but this is %s: --node-name must be the name of the node that the agent runs on", node.Name, own, a.identity.InstanceID)
	}
	before, was := node.DeepCopy(), markOf(node)
	news := a.watch.record(node)
	news = append(news, a.rebooted(node, was)...)
	notices := interruption.Of(node)
	acting = a.acts(ctx, notices, was)
	d = Decide(Situation{Now: a.Clock.Now(), Notices: notices}, a.Options.Rules)
	m = was.apply(node, d, acting, a.Options.Marks)
	if err := a.Hands.Write(ctx, before, node); err != nil {
		return node, d, m, acting, fmt.Errorf("recording on node %s: %w", node.Name, err)
	}
	a.say(node, news)
	a.sayMarked(node, was, m, d)
	return node, d, m, acting, nil
}

// How long the Node is left alone while time alone may change something, and
// while a controller acts.
const (
	quietly = 30 * time.Second
	led     = 5 * time.Second
)

// acts reports whether the agent itself has to do something now.
func (a *Agent) acts(ctx context.Context, notices []interruption.Notice, m mark) bool {
	if len(notices) == 0 && m.isZero() || a.Options.Mode == Never {
		return false
	}
	return a.Options.Mode == Always || !a.leads.look(ctx, a.Leads, a.Clock.Now(), a.Log)
}

// rebooted records that a reboot that EC2 had scheduled has happened: the machine
// was started anew since it was cordoned.
func (a *Agent) rebooted(node *corev1.Node, m mark) (news []interruption.Notice) {
	if boot := node.Status.NodeInfo.BootID; m.Boot == "" || boot == "" || boot == m.Boot {
		return nil
	}
	now := a.Clock.Now()
	for _, n := range interruption.Of(node) {
		if n.Over || n.Kind != interruption.ScheduledEvent || n.Action != interruption.ActionReboot || now.Before(n.Deadline) {
			continue
		}
		n.Over, n.Noticed = true, now.UTC().Truncate(time.Second)
		if interruption.Record(node, n) {
			news = append(news, n)
		}
	}
	return news
}
