package groups

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/world"
)

// resize brings the actual capacity towards the desired one.
func (r *Round) resize() {
	actual := r.Actual()
	if actual < r.Group.Desired {
		r.adoptExtras()
		actual = r.Actual()
	}
	switch {
	case actual < r.Group.Desired:
		r.scaleOut(r.Group.Desired - actual)
	case actual > r.Group.Desired:
		r.scaleIn(actual - r.Group.Desired)
	}
	if actual = r.Actual(); actual == r.Group.Desired {
		r.Group.Why = ""
	}
}

// adoptExtras makes instances that were to replace others ordinary ones, now
// that the group wants more.
func (r *Round) adoptExtras() {
	for _, m := range r.Members {
		if m.Extra {
			m.Extra = false
			r.keep(m)
		}
	}
}

// Launches are tried again after firstRetry, then after twice as long each time.
const (
	firstRetry = 15 * time.Second
	lastRetry  = 5 * time.Minute
)

// backoff is how long a group waits after its nth failure in a row.
func backoff(failures int) time.Duration {
	wait := firstRetry
	for ; failures > 1 && wait < lastRetry; failures-- {
		wait *= 2
	}
	return min(wait, lastRetry)
}

// failedLaunch notes that a launch fell short, in a zone when one is named.
func (r *Round) failedLaunch(zone string) {
	if zone == "" {
		return
	}
	failed := map[string]time.Time{zone: r.now()}
	for z, at := range r.Group.ZoneFailed {
		if z != zone {
			failed[z] = at
		}
	}
	r.Group.ZoneFailed = failed
}

// fellShort notes that the group could not launch all it wanted.
func (r *Round) fellShort() {
	r.Group.Failures++
	r.Group.FailedAt = r.now()
	r.lookAgain(backoff(r.Group.Failures))
}

// scaleOut launches instances unless it just failed to.
func (r *Round) scaleOut(units int) {
	if !r.Runs(Launch) || r.Group.Deleting {
		return
	}
	if r.Group.Failures > 0 && !r.over(r.Group.FailedAt, backoff(r.Group.Failures)) {
		return
	}
	if units -= r.takeWarm(units); units <= 0 || r.launch(units) {
		r.Group.Failures = 0
		return
	}
	r.fellShort()
}

// scaleIn ends instances until no more can go without falling below the
// desired capacity.
func (r *Round) scaleIn(units int) {
	if !r.Runs(Terminate) {
		return
	}
	before := r.Actual()
	var chosen []*world.Member
	for units > 0 {
		m := r.choose(chosen, units)
		if m == nil {
			break
		}
		chosen = append(chosen, m)
		units -= m.Weight
	}
	if len(chosen) == 0 {
		r.tellProtected(before)
		r.Group.Why = "" // as near as can be
		return
	}
	after := before
	for _, m := range chosen {
		after -= m.Weight
	}
	for _, m := range chosen {
		r.end(m, types.ScalingActivityStatusCodeCancelled, "The instance was selected for termination before it was in service.")
		cause := r.because("an instance was taken out of service in response to a difference between desired and actual capacity, "+
			"shrinking the capacity from %d to %d.  %s instance %s was selected for termination.", before, after, At(r.now()), m.InstanceID)
		if r.reusable(m) {
			r.toPool(m, cause)
			continue
		}
		r.terminate(m, cause)
	}
}

// tellProtected notes once for a request that nothing may be ended.
func (r *Round) tellProtected(actual int) {
	protected := 0
	for _, m := range r.Members {
		if Counts(m) && m.Protected {
			protected++
		}
	}
	if protected == 0 || r.Group.Why == "" {
		return
	}
	now := r.now()
	const message = "Could not scale to desired capacity because all remaining instances are protected from scale in."
	r.begin(world.Activity{
		Cause:       r.because("a difference between desired and actual capacity could not be met, the capacity stays at %d.", actual),
		Description: "Terminating EC2 instance.  Status Reason: " + message, Message: message,
		Status: types.ScalingActivityStatusCodeCancelled, Progress: 100, Ended: &now,
	})
}
