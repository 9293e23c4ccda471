package weather

import (
	"errors"
	"fmt"
	"time"

	"github.com/drover-project/drover/lab/region/world"
)

// Replay is a file of events that is being replayed, or was.
type Replay struct {
	File    string
	Seed    int64
	Events  []Event // in order of their time
	Started time.Time
	// Outcomes are what came of the events that have happened.
	Outcomes []Outcome `json:",omitempty"`
	Ended    time.Time `json:",omitzero"`
}

// Outcome is what came of one event.
type Outcome struct {
	Line  int       `json:"line"`
	Event string    `json:"event"` // such as interrupt
	At    time.Time `json:"at"`
	Done  string    `json:"done,omitempty"`
	Error string    `json:"error,omitempty"`
}

// Replay begins to replay a file of events, whose name is for people. An error
// names every mistake by file and line. One file is replayed at a time.
func (k *Keeper) Replay(file string, content []byte) (Replay, error) {
	schedule, err := ReadSchedule(file, content)
	if err != nil {
		return Replay{}, err
	}
	r := Replay{File: file, Seed: schedule.Seed, Events: schedule.Events}
	err = k.update(func(l *look) error {
		if before, exists := l.replays.Get(only); exists && before.Ended.IsZero() {
			return fmt.Errorf("%s is being replayed, %d of its %d events are to come: stop it first, with weather stop",
				before.File, len(before.Events)-len(before.Outcomes), len(before.Events))
		}
		var problems []error
		for _, e := range r.Events {
			if err := l.possible(e); err != nil {
				problems = append(problems, fmt.Errorf("%s:%d: %s: %w", file, e.Line, e.kind(), err))
			}
		}
		r.Started = l.now
		return errors.Join(append(problems, l.replays.Put(l.tx, only, r))...)
	})
	return r, err
}

// possible refuses an event that names what there is not.
func (l *look) possible(e Event) error {
	pool := ""
	switch {
	case e.FailZone != nil:
		return l.world.HasZone(e.FailZone.Zone)
	case e.RestoreZone != nil:
		return l.world.HasZone(e.RestoreZone.Zone)
	case e.Interrupt != nil:
		pool = e.Interrupt.Pool
	case e.Recommend != nil:
		pool = e.Recommend.Pool
	case e.ScheduleEvent != nil:
		pool = e.ScheduleEvent.Pool
	case e.Capacity != nil:
		pool = e.Capacity.Pool
	case e.Price != nil:
		pool = e.Price.Pool
	case e.Depth != nil:
		pool = e.Depth.Pool
	}
	if pool == "" {
		return nil
	}
	pattern, err := ParsePool(pool)
	if err != nil {
		return err
	}
	_, err = l.world.SpotPools(pattern)
	return err
}

// replay lets the events happen whose time has come.
func (l *look) replay() error {
	r, exists := l.replays.Get(only)
	if !exists || !r.Ended.IsZero() {
		return nil
	}
	before := len(r.Outcomes)
	for len(r.Outcomes) < len(r.Events) {
		n := len(r.Outcomes)
		e := r.Events[n]
		if !l.due(l.after(r.Started, time.Duration(e.At))) {
			break
		}
		outcome := Outcome{Line: e.Line, Event: e.kind(), At: l.now}
		done, err := l.happens(e, r.Seed+int64(n))
		if err != nil {
			outcome.Error = err.Error()
			l.world.Options.Log.Warn("an event of the weather does not happen", "file", r.File, "line", e.Line, "error", err)
		} else {
			outcome.Done = done
		}
		r.Outcomes = append(r.Outcomes[:n:n], outcome)
	}
	if len(r.Outcomes) == len(r.Events) {
		r.Ended = l.now
	}
	if before == len(r.Outcomes) && r.Ended.IsZero() {
		return nil
	}
	return l.replays.Put(l.tx, only, r)
}

// happens lets one event happen; seed is for what it does not say itself.
func (l *look) happens(e Event, seed int64) (done string, err error) {
	var affected []Affected
	pools := 0
	switch {
	case e.Interrupt != nil:
		in := *e.Interrupt
		in.source, in.Seed = "replay", seedOr(in.Seed, seed)
		affected, err = l.interrupt(in)
	case e.Recommend != nil:
		in := *e.Recommend
		in.source, in.Seed = "replay", seedOr(in.Seed, seed)
		affected, err = l.recommend(in)
	case e.ScheduleEvent != nil:
		in := *e.ScheduleEvent
		in.Seed = seedOr(in.Seed, seed)
		affected, err = l.schedule(in)
	case e.FailZone != nil:
		affected, err = l.failZone(*e.FailZone)
	case e.RestoreZone != nil:
		return "zone restored", l.restoreZone(e.RestoreZone.Zone)
	case e.Capacity != nil:
		in := *e.Capacity
		in.Seed = seedOr(in.Seed, seed)
		return l.changeCapacity(in)
	case e.Price != nil:
		pools, err = l.setPrice(*e.Price)
		return fmt.Sprintf("%d pools changed", pools), err
	case e.Depth != nil:
		pools, err = l.setDepth(*e.Depth)
		return fmt.Sprintf("%d pools changed", pools), err
	case e.Weather != nil:
		return l.changeWeather(*e.Weather, seed)
	}
	return fmt.Sprintf("%d instances", len(affected)), err
}

func seedOr(seed, otherwise int64) int64 {
	if seed != 0 {
		return seed
	}
	return otherwise
}

func (l *look) changeWeather(c Change, seed int64) (done string, err error) {
	if c.Stop {
		l.processes.Delete(l.tx, only)
		return "weather stopped", nil
	}
	intensity := c.Intensity
	if intensity == 0 {
		intensity = 1
	}
	return "weather started", l.start(seedOr(c.Seed, seed), intensity)
}

// Status is what the weather is like.
type Status struct {
	Process *ProcessStatus `json:"weather,omitempty"`
	Replay  *ReplayStatus  `json:"replay,omitempty"`
	Outages []OutageStatus `json:"outages,omitempty"`
	// Coming are the interruptions and recommendations to come, Noticed the
	// instances that have their notice and still run.
	Coming  []Affected `json:"coming,omitempty"`
	Noticed []Affected `json:"noticed,omitempty"`
}

// ProcessStatus is the reclaim process that runs.
type ProcessStatus struct {
	Seed      int64     `json:"seed"`
	Intensity float64   `json:"intensity"`
	Started   time.Time `json:"started"`
}

// ReplayStatus is the file that is replayed, or was last.
type ReplayStatus struct {
	File     string     `json:"file"`
	Started  time.Time  `json:"started"`
	Events   int        `json:"events"`
	Outcomes []Outcome  `json:"outcomes"`
	Next     *time.Time `json:"next,omitempty"` // when the next event happens
	Ended    *time.Time `json:"ended,omitempty"`
}

// OutageStatus is a zone that is out.
type OutageStatus struct {
	Zone  string     `json:"zone"`
	Since time.Time  `json:"since"`
	Until *time.Time `json:"until,omitempty"`
}

// Status is what the weather is like now.
func (k *Keeper) Status() (s Status) {
	k.world.Store.View(func() {
		l := &look{Keeper: k, now: k.world.Clock.Now()}
		if p, runs := k.processes.Get(only); runs {
			s.Process = &ProcessStatus{Seed: p.Seed, Intensity: p.Intensity, Started: p.Started}
		}
		if r, exists := k.replays.Get(only); exists {
			s.Replay = l.replayStatus(r)
		}
		for _, o := range k.world.Outages.All() {
			s.Outages = append(s.Outages, OutageStatus{Zone: o.Zone, Since: o.Since, Until: set(o.Until)})
		}
		s.Coming, s.Noticed = l.ahead()
	})
	return s
}

func (l *look) replayStatus(r Replay) *ReplayStatus {
	s := &ReplayStatus{File: r.File, Started: r.Started, Events: len(r.Events), Outcomes: append([]Outcome{}, r.Outcomes...), Ended: set(r.Ended)}
	if n := len(r.Outcomes); n < len(r.Events) {
		next := l.after(r.Started, time.Duration(r.Events[n].At))
		s.Next = &next
	}
	return s
}

// ahead are the interruptions that are planned, and those that were noticed.
func (l *look) ahead() (coming, noticed []Affected) {
	for _, p := range l.plans.All() {
		i, exists := l.world.Instances.Get(p.InstanceID)
		if !exists {
			continue
		}
		one := l.affected(i)
		one.Recommended, one.Noticed = set(p.Recommend), set(p.Notice)
		if !p.Notice.IsZero() {
			at := l.after(p.Notice, p.Taking.Notice)
			one.At, one.Action = &at, l.actionOf(i, p.Taking.Action)
		}
		coming = append(coming, one)
	}
	for _, i := range l.world.Instances.All() {
		if n := i.Notices.Interruption; n != nil && world.Runs(i) {
			one := l.affected(i)
			one.Action, one.At, one.Noticed, one.Recommended = n.Action, &n.At, &n.Noticed, set(i.Notices.Rebalance)
			noticed = append(noticed, one)
		}
	}
	return coming, noticed
}

// set is nil for a time that is zero.
func set(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
