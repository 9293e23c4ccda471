package groups

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/world"
)

// At is the beginning of a sentence in a cause.
func At(t time.Time) string { return "At " + t.UTC().Format("2006-01-02T15:04:05Z") }

// because is the cause of an activity: the user's request, when there is one to
// meet, and what the group does now.
func (r *Round) because(format string, args ...any) string {
	sentence := At(r.now()) + " " + fmt.Sprintf(format, args...)
	if r.Group.Why == "" {
		return sentence
	}
	return r.Group.Why + "  " + sentence
}

// begin stores a new activity of the group.
func (r *Round) begin(a world.Activity) string {
	a.Group, a.GroupARN, a.Started = r.Group.Name, r.Group.ARN, r.now()
	stored, err := r.world.NewActivity(r.tx, a)
	r.fail(err)
	return stored.ID
}

// change changes an activity that goes on.
func (r *Round) change(id string, to func(*world.Activity)) {
	a, found := r.world.Activities.Get(id)
	if !found {
		return
	}
	to(&a)
	r.fail(r.world.Activities.Put(r.tx, a.ID, a))
}

// end ends the activity of a member.
func (r *Round) end(m *world.Member, status types.ScalingActivityStatusCode, message string) {
	if m.Activity == "" {
		return
	}
	now := r.now()
	r.change(m.Activity, func(a *world.Activity) {
		a.Status, a.Message, a.Progress, a.Ended = status, message, 100, &now
		if message != "" {
			a.Description += ".  Status Reason: " + message
		}
	})
	r.announceActivity(m.Activity, m)
	m.Activity = ""
	if !m.Warm() {
		r.Group.Scaled = now
	}
}

// progress notes how far the activity of a member is.
func (r *Round) progress(m *world.Member, status types.ScalingActivityStatusCode, percent int32) {
	r.change(m.Activity, func(a *world.Activity) { a.Status, a.Progress = status, percent })
}

// failed stores an activity that launched nothing.
func (r *Round) failed(cause, zone, subnet, message string) {
	now := r.now()
	id := r.begin(world.Activity{
		Cause: cause, Description: launchingInstance + ".  Status Reason: " + message, Message: message,
		Status: types.ScalingActivityStatusCodeFailed, Progress: 100, Ended: &now, Zone: zone, Subnet: subnet,
	})
	r.announceActivity(id, nil)
}
