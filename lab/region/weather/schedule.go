package weather

import (
	"cmp"
	"slices"
)

// Schedule is a file of events:
//
//	apiVersion: lab.drover.sh/v1
//	kind: WeatherSchedule
//	seed: 7
//	events:
//	- at: 2m
//	  interrupt: {pool: m5.large/us-west-2a, fraction: 0.3}
//	- at: 10m
//	  failZone: {zone: us-west-2b, for: 5m}
type Schedule struct {
	// Seed decides which instances a fraction is, where an event does not say.
	Seed   int64
	Events []Event // in order of their time
}

// Kind and version of a schedule.
const (
	ScheduleVersion = "lab.drover.sh/v1"
	ScheduleKind    = "WeatherSchedule"
)

// Event is one thing that happens; exactly one of its parts says what.
type Event struct {
	// At is from the beginning of the replay, before the time scale.
	At   Duration
	Line int // in the file

	Interrupt     *Interruption   `json:",omitempty"`
	Recommend     *Recommendation `json:",omitempty"`
	ScheduleEvent *Maintenance    `json:",omitempty"`
	Capacity      *CapacityChange `json:",omitempty"`
	Price         *PriceChange    `json:",omitempty"`
	Depth         *DepthChange    `json:",omitempty"`
	FailZone      *ZoneFailure    `json:",omitempty"`
	RestoreZone   *ZoneName       `json:",omitempty"`
	Weather       *Change         `json:",omitempty"`
}

// ZoneName names a zone.
type ZoneName struct {
	Zone string
}

// Change starts the reclaim process, or stops it.
type Change struct {
	Seed      int64
	Intensity float64 // 0 is 1
	Stop      bool
}

// kind is what the file calls the event.
func (e Event) kind() string {
	switch {
	case e.Interrupt != nil:
		return "interrupt"
	case e.Recommend != nil:
		return "recommend"
	case e.ScheduleEvent != nil:
		return "scheduleEvent"
	case e.Capacity != nil:
		return "capacity"
	case e.Price != nil:
		return "price"
	case e.Depth != nil:
		return "depth"
	case e.FailZone != nil:
		return "failZone"
	case e.RestoreZone != nil:
		return "restoreZone"
	}
	return "weather"
}

// sorted puts events in order of their time; those of the same time stay in the
// order of the file.
func sorted(events []Event) []Event {
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	return events
}
