package interruption

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/spot"
)

const (
	// ledgerInterval is how often the state of Spot is written when nothing happens,
	// ledgerDelay how soon after an interruption.
	ledgerInterval = time.Minute
	ledgerDelay    = 2 * time.Second
)

// Ledger keeps the state of Spot in a ConfigMap: for people (drover get spot), and
// so that what was seen of pools outlives the process.
type Ledger struct {
	Client    client.Client
	Live      client.Reader
	Observer  *observe.Observer
	Clock     clock.Clock
	Log       logr.Logger
	Namespace string
	// Price, when set, knows what nodes cost that nothing in the cluster buys.
	Price func(ctx context.Context, offering model.OfferingKey) float64

	mu      sync.Mutex
	fresh   spot.History // not written yet
	changed chan struct{}
	once    sync.Once
}

// Count takes down that a notice about a pool was acted upon.
func (l *Ledger) Count(labels map[string]string, kind interruption.Kind, at time.Time) {
	pool, known := spotPool(labels)
	if l == nil || !known || (kind != interruption.SpotInterruption && kind != interruption.RebalanceRecommendation) {
		return
	}
	l.init()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fresh == nil {
		l.fresh = spot.History{}
	}
	key := spot.PoolKey{InstanceType: pool.InstanceType, Zone: pool.Zone}
	seen := l.fresh[key]
	if kind == interruption.SpotInterruption {
		seen.Interruptions++
	} else {
		seen.Recommendations++
	}
	if at.After(seen.Last) {
		seen.Last = at
	}
	l.fresh[key] = seen
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *Ledger) init() { l.once.Do(func() { l.changed = make(chan struct{}, 1) }) }

// NeedLeaderElection makes the manager run one Ledger only.
func (l *Ledger) NeedLeaderElection() bool { return true }

// Start runs until the context ends; it is a manager.Runnable of the leader.
func (l *Ledger) Start(ctx context.Context) error {
	l.init()
	wait, said := ledgerDelay, ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.Clock.After(wait):
		case <-l.changed:
			select {
			case <-ctx.Done():
				return nil
			case <-l.Clock.After(ledgerDelay):
			}
		}
		wait = ledgerInterval
		if err := l.Round(ctx); err != nil && ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			l.Log.Error(err, "the state of Spot could not be written, `drover get spot` is out of date")
		}
	}
}

// Round writes the state once.
func (l *Ledger) Round(ctx context.Context) error {
	snapshot, err := l.Observer.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("observing the cluster: %w", err)
	}
	l.mu.Lock()
	fresh := l.fresh
	l.fresh = nil
	l.mu.Unlock()
	if err := l.write(ctx, snapshot, fresh); err != nil {
		l.mu.Lock()
		l.fresh = merged(l.fresh, fresh)
		l.mu.Unlock()
		return err
	}
	return nil
}

func (l *Ledger) prices(ctx context.Context) spot.Prices {
	if l.Price == nil {
		return nil
	}
	return func(offering model.OfferingKey) float64 { return l.Price(ctx, offering) }
}

func (l *Ledger) write(ctx context.Context, snapshot *model.Snapshot, fresh spot.History) error {
	kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: l.Namespace, Name: spot.ConfigMap}}
	err := l.Live.Get(ctx, client.ObjectKeyFromObject(kept), kept)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading ConfigMap %s/%s: %w", l.Namespace, spot.ConfigMap, err)
	}
	missing := apierrors.IsNotFound(err)
	before, err := spot.Decode(kept.Data[spot.Key])
	if err != nil && kept.Data[spot.Key] != "" {
		l.Log.Error(err, "what was seen of Spot pools before is lost")
	}
	text, err := spot.Describe(snapshot, merged(spot.HistoryOf(before), fresh), l.prices(ctx), l.Clock.Now()).Encode()
	if err != nil {
		return err
	}
	kept.Data = map[string]string{spot.Key: text}
	if missing {
		err = l.Client.Create(ctx, kept)
	} else {
		err = l.Client.Update(ctx, kept)
	}
	if err != nil {
		return fmt.Errorf("writing ConfigMap %s/%s: %w", l.Namespace, spot.ConfigMap, err)
	}
	return nil
}

// Kept reads what a Ledger in the namespace has written of pools: nothing where there
// is none yet.
func Kept(live client.Reader, namespace string) func(ctx context.Context) (spot.History, error) {
	return func(ctx context.Context) (spot.History, error) {
		kept := &corev1.ConfigMap{}
		err := live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: spot.ConfigMap}, kept)
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading ConfigMap %s/%s: %w", namespace, spot.ConfigMap, err)
		}
		state, err := spot.Decode(kept.Data[spot.Key])
		return spot.HistoryOf(state), err
	}
}

// merged adds what is fresh.
func merged(history, fresh spot.History) spot.History {
	if history == nil {
		history = spot.History{}
	}
	for key, more := range fresh {
		seen := history[key]
		seen.Interruptions += more.Interruptions
		seen.Recommendations += more.Recommendations
		if more.Last.After(seen.Last) {
			seen.Last = more.Last
		}
		history[key] = seen
	}
	return history
}
