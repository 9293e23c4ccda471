package groups

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
	_ "time/tzdata" // time zones are the region's, not the machine's

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/robfig/cron/v3"

	"github.com/drover-project/drover/lab/region/world"
)

// fiveFields is the form of a recurrence.
var fiveFields = regexp.MustCompile(`^\s*[\d*/,A-Za-z-]+(\s+[\d*/,A-Za-z?-]+){4}\s*$`)

// longestSleep is after how much of the clock's time a group is looked at in any
// case while it has scheduled actions.
const longestSleep = 24 * time.Hour

// NextRun is when a scheduled action runs for the first time after a time, the
// zero time when it does not run any more. A recurrence or a time zone that is
// none is an error.
func NextRun(a world.ScheduledAction, after time.Time) (time.Time, error) {
	first := a.Start != nil && a.Start.After(after)
	if a.Recurrence == "" {
		if first {
			return *a.Start, nil
		}
		return time.Time{}, nil
	}
	zone, err := time.LoadLocation(a.TimeZone)
	if err != nil {
		return time.Time{}, fmt.Errorf("time zone %s: %w", a.TimeZone, err)
	}
	if !fiveFields.MatchString(a.Recurrence) {
		return time.Time{}, errors.New("it must have the five fields minute, hour, day of month, month and day of week")
	}
	schedule, err := cron.ParseStandard(a.Recurrence)
	if err != nil {
		return time.Time{}, err
	}
	next := schedule.Next(after.In(zone)).UTC()
	if first {
		next = *a.Start // the action runs then, and by its recurrence from then on
	}
	if next.IsZero() || a.End != nil && next.After(*a.End) {
		return time.Time{}, nil
	}
	return next, nil
}

// runScheduled changes the group's sizes as its scheduled actions say whose time
// has come, in the order of their times. Dates are those of the region's clock,
// at every time scale. Actions that do not run any more are forgotten.
func (r *Round) runScheduled() {
	if r.Group.Deleting {
		return
	}
	due := slices.Clone(r.Group.Scheduled)
	slices.SortStableFunc(due, func(a, b world.ScheduledAction) int { return a.Next.Compare(b.Next) })
	for _, a := range due {
		if !a.Next.After(r.now()) {
			if r.Runs(ScheduledActions) {
				r.runAction(a)
			}
			next, err := NextRun(a, r.now())
			r.fail(err)
			a.Next = next
			r.keepAction(a)
		}
		if !a.Next.IsZero() {
			r.lookAgain(max(r.world.Unscaled(min(a.Next.Sub(r.now()), longestSleep)), time.Millisecond))
		}
	}
}

// keepAction stores a scheduled action, or forgets one that is over.
func (r *Round) keepAction(a world.ScheduledAction) {
	r.Group.Scheduled = slices.Clone(r.Group.Scheduled)
	at := slices.IndexFunc(r.Group.Scheduled, func(other world.ScheduledAction) bool { return other.Name == a.Name })
	if a.Next.IsZero() {
		r.Group.Scheduled = slices.Delete(r.Group.Scheduled, at, at+1)
		return
	}
	r.Group.Scheduled[at] = a
}

// runAction changes the sizes. Those that do not fit together change nothing,
// which an activity says.
func (r *Round) runAction(a world.ScheduledAction) {
	least, most := sizeOf(a.Min, r.Group.Min), sizeOf(a.Max, r.Group.Max)
	desired := sizeOf(a.Desired, min(max(r.Group.Desired, least), most))
	request := fmt.Sprintf("a scheduled action update of AutoScalingGroup constraints to min: %d, max: %d, desired: %d", least, most, desired)
	if least > most || desired < least || desired > most {
		now := r.now()
		message := fmt.Sprintf("Scheduled action %s was not executed: desired capacity %d must be between the min size %d and the max size %d.", a.Name, desired, least, most)
		r.begin(world.Activity{
			Cause: At(now) + " " + request + ".", Description: "Executing scheduled action " + a.Name + ".  Status Reason: " + message, Message: message,
			Status: types.ScalingActivityStatusCodeFailed, Progress: 100, Ended: &now,
		})
		return
	}
	r.Group.Min, r.Group.Max = least, most
	r.SetDesired(desired, request)
}

func sizeOf(asked *int32, otherwise int) int {
	if asked == nil {
		return otherwise
	}
	return int(*asked)
}
