package agent

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
)

// lookout remembers of a lease when it was last seen to be renewed, so that
// clocks that differ do not matter from the second look on.
type lookout struct {
	renewed time.Time // as the holder wrote it
	seen    time.Time // by the own clock
	failing bool
}

// look reports whether somebody holds the lease. One that cannot be read counts
// as held by nobody: a node that is drained twice is better than one that is not.
func (l *lookout) look(ctx context.Context, read func(context.Context) (*coordinationv1.Lease, error), now time.Time, log logr.Logger) bool {
	lease, err := read(ctx)
	if err != nil && !l.failing {
		log.Error(err, "cannot read the controller's lease: acting as if there were no controller")
	}
	l.failing = err != nil
	if err != nil || lease == nil || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" || lease.Spec.RenewTime == nil {
		l.renewed = time.Time{}
		return false
	}
	const usual = 15 * time.Second
	lasts := usual
	if s := lease.Spec.LeaseDurationSeconds; s != nil {
		lasts = time.Duration(*s) * time.Second
	}
	renewed := lease.Spec.RenewTime.Time
	first := l.renewed.IsZero()
	if !renewed.Equal(l.renewed) {
		l.renewed, l.seen = renewed, now
		if first {
			l.seen = renewed // nothing is known yet but the holder's word
		}
	}
	return now.Before(l.seen.Add(lasts))
}
