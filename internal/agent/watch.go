package agent

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/interruption"
)

// monitor is one part of what the metadata service announces.
type monitor struct {
	name string // as in metrics
	kind interruption.Kind
	read func(ctx context.Context, m cloud.Metadata, w *watch, now time.Time) ([]interruption.Notice, error)
}

func monitors(kinds Kinds) []monitor {
	var list []monitor
	for _, one := range []struct {
		wanted bool
		monitor
	}{
		{kinds.Spot, monitor{"spot-itn", interruption.SpotInterruption, readSpot}},
		{kinds.Rebalance, monitor{"rebalance-recommendation", interruption.RebalanceRecommendation, readRebalance}},
		{kinds.Scheduled, monitor{"scheduled-event", interruption.ScheduledEvent, readScheduled}},
		{kinds.Group, monitor{"asg-lifecycle", interruption.GroupTermination, readGroup}},
	} {
		if one.wanted {
			list = append(list, one.monitor)
		}
	}
	return list
}

// watch remembers what the metadata service said, by the notice's id.
type watch struct {
	instance string
	seen     map[string]seen
}

type seen struct {
	interruption.Notice
	// missing is how often in a row it was not there any more.
	missing int
}

// gone is after how many looks in a row a notice that was there counts as over.
const gone = 3

// failures are what parts could not be read, by the monitor's name.
type failures map[string]error

func (f failures) where() []string {
	var names []string
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (f failures) Error() string {
	var parts []string
	for _, name := range f.where() {
		parts = append(parts, name+": "+f[name].Error())
	}
	return strings.Join(parts, "; ")
}

// look reads every part; one that fails leaves what is known of it.
func (w *watch) look(ctx context.Context, m cloud.Metadata, kinds Kinds, now time.Time) (changed bool, err error) {
	failed := failures{}
	for _, part := range monitors(kinds) {
		notices, err := part.read(ctx, m, w, now)
		if err != nil {
			failed[part.name] = err
			continue
		}
		changed = w.keep(part.kind, notices, now) || changed
	}
	if len(failed) > 0 {
		return changed, failed
	}
	return changed, nil
}

// keep takes what a part says now.
func (w *watch) keep(kind interruption.Kind, notices []interruption.Notice, now time.Time) (changed bool) {
	if w.seen == nil {
		w.seen = map[string]seen{}
	}
	there := map[string]bool{}
	for _, n := range notices {
		there[n.ID] = true
		old, known := w.seen[n.ID]
		if known && old.Over == n.Over && old.Deadline.Equal(n.Deadline) && old.Detail == n.Detail {
			if old.missing > 0 {
				old.missing = 0
				w.seen[n.ID] = old
			}
			continue
		}
		w.seen[n.ID] = seen{Notice: n}
		changed = true
	}
	for id, old := range w.seen {
		if old.Kind != kind || there[id] || old.Over {
			continue
		}
		old.missing++
		if old.missing >= gone {
			old.Over, old.Noticed = true, now.UTC().Truncate(time.Second)
			changed = true
		}
		w.seen[id] = old
	}
	return changed
}

// record puts on the Node what is not there yet, and returns what is news.
func (w *watch) record(node *corev1.Node) (news []interruption.Notice) {
	for _, id := range w.ids() {
		one := w.seen[id]
		var old interruption.Notice
		for _, n := range interruption.Of(node) {
			if n.ID == id {
				old = n
			}
		}
		active := old.ID != "" && !old.Over
		if one.Over && !active || old.Over && isSame(old, one.Notice) {
			continue
		}
		if interruption.Record(node, one.Notice) && (!active || one.Over) {
			news = append(news, one.Notice)
		}
	}
	return news
}

// isSame reports whether what is over is the event that is still announced: EC2
// takes its time to say that a reboot has happened.
func isSame(over, announced interruption.Notice) bool {
	return over.Kind == interruption.ScheduledEvent && over.Deadline.Equal(announced.Deadline)
}

func (w *watch) ids() []string {
	var ids []string
	for id := range w.seen {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func readSpot(ctx context.Context, m cloud.Metadata, w *watch, now time.Time) ([]interruption.Notice, error) {
	s, err := m.SpotInterruption(ctx)
	if err != nil || s.Action == "" {
		return nil, err
	}
	return []interruption.Notice{interruption.Spot(w.instance, s.Action, now, s.At)}, nil
}

func readRebalance(ctx context.Context, m cloud.Metadata, w *watch, _ time.Time) ([]interruption.Notice, error) {
	at, err := m.Rebalance(ctx)
	if err != nil || at.IsZero() {
		return nil, err
	}
	return []interruption.Notice{interruption.Rebalance(w.instance, at)}, nil
}

// readScheduled joins the events of one kind of maintenance: the next that is
// not over counts.
func readScheduled(ctx context.Context, m cloud.Metadata, w *watch, now time.Time) ([]interruption.Notice, error) {
	maintenance, err := m.Maintenance(ctx)
	if err != nil {
		return nil, err
	}
	var notices []interruption.Notice
	for _, e := range maintenance {
		n := interruption.Scheduled(w.instance, e.Code, now, e.NotBefore, e.Over)
		at := slices.IndexFunc(notices, func(o interruption.Notice) bool { return o.ID == n.ID })
		switch {
		case at < 0:
			notices = append(notices, n)
		case n.Over == notices[at].Over && n.Deadline.Before(notices[at].Deadline), notices[at].Over && !n.Over:
			notices[at] = n
		}
	}
	return notices, nil
}

// terminated is the target state of an instance that its group ends.
const terminated = "Terminated"

func readGroup(ctx context.Context, m cloud.Metadata, w *watch, now time.Time) ([]interruption.Notice, error) {
	state, err := m.TargetLifecycle(ctx)
	if err != nil || state != terminated && state != "Warmed:Terminated" {
		return nil, err
	}
	return []interruption.Notice{interruption.Termination(w.instance, now, nil)}, nil
}
