package groups

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/world"
)

const (
	// mostRefreshes is how many instance refreshes of a group are remembered.
	mostRefreshes = 20
	// refreshPatience is how long a refresh waits for an instance that it may
	// not replace, or a launch that fails.
	refreshPatience = time.Hour
)

// ActiveRefresh is the instance refresh that goes on.
func (r *Round) ActiveRefresh() (world.Refresh, bool) {
	if n := len(r.Group.Refreshes); n > 0 && r.Group.Refreshes[n-1].Ended == nil {
		return r.Group.Refreshes[n-1], true
	}
	return world.Refresh{}, false
}

// StartRefresh begins an instance refresh and gives its id.
func (r *Round) StartRefresh(f world.Refresh) (string, error) {
	id, err := r.world.NewUUID(r.tx, "refresh")
	if err != nil {
		return "", err
	}
	f.ID, f.Status, f.Began, f.Progress = id, types.InstanceRefreshStatusPending, r.now(), r.now()
	f.Total = len(r.outdated(f))
	f.Left = f.Total
	r.Group.Refreshes = append(slices.Clone(r.Group.Refreshes), f)
	r.Group.Refreshes = r.Group.Refreshes[max(0, len(r.Group.Refreshes)-mostRefreshes):]
	return id, nil
}

// CancelRefresh ends the instance refresh that goes on, once what it began is
// over.
func (r *Round) CancelRefresh(f world.Refresh) {
	f.Status, f.Reason = types.InstanceRefreshStatusCancelling, "Cancelled due to user request."
	r.noteRefresh(f)
}

// noteRefresh keeps the changed state of the latest refresh.
func (r *Round) noteRefresh(f world.Refresh) {
	r.Group.Refreshes = append(slices.Clone(r.Group.Refreshes[:len(r.Group.Refreshes)-1]), f)
}

func (r *Round) endRefresh(f world.Refresh, status types.InstanceRefreshStatus) {
	now := r.now()
	f.Status, f.Ended = status, &now
	r.noteRefresh(f)
}

// outdated are the instances that a refresh is to replace.
func (r *Round) outdated(f world.Refresh) (left []*world.Member) {
	current := func(*world.Member) bool { return false }
	if f.SkipMatching {
		current = r.current()
	}
	for _, m := range r.Members {
		if Counts(m) && m.Joined.Before(f.Began) && !current(m) {
			left = append(left, m)
		}
	}
	return left
}

// current tells which instances the group would launch as they are.
func (r *Round) current() func(*world.Member) bool {
	var options []ec2api.Option
	markets := []string{ec2api.AsTemplate}
	if r.Group.Mixed != nil {
		markets = []string{ec2api.OnDemand, ec2api.Spot}
	}
	for _, market := range markets {
		more, err := r.keeper.Options(r.Group, market)
		if err != nil {
			return func(*world.Member) bool { return false }
		}
		options = append(options, more...)
	}
	return func(m *world.Member) bool {
		return m.LaunchConfiguration == r.Group.LaunchConfiguration && slices.ContainsFunc(options, func(o ec2api.Option) bool {
			sameTemplate := m.Template == nil && o.Template.ID == "" || m.Template != nil && m.Template.ID == o.Template.ID && m.Template.Version == o.Template.Version
			return sameTemplate && string(o.Data.InstanceType) == m.Type
		})
	}
}

// refresh replaces instances for the refresh that goes on, as many at once as
// leave enough of them healthy.
func (r *Round) refresh() {
	f, active := r.ActiveRefresh()
	if !active || r.Group.Deleting || !r.Runs("InstanceRefresh") {
		return
	}
	resting := !slices.ContainsFunc(r.Members, moving) && r.Actual() >= r.Group.Desired
	if f.Status == types.InstanceRefreshStatusCancelling {
		if resting {
			r.endRefresh(f, types.InstanceRefreshStatusCancelled)
		}
		return
	}
	f.Status = types.InstanceRefreshStatusInProgress
	r.refreshPool(f)
	left, healthy, warm := r.outdated(f), r.healthy(f), true
	for _, m := range r.Members {
		warm = warm && (!Counts(m) || r.warmed(m, f))
	}
	if len(left) < f.Left {
		f.Progress = r.now()
	}
	f.Left = len(left)
	switch {
	case len(left) == 0 && resting && warm:
		r.endRefresh(f, types.InstanceRefreshStatusSuccessful)
		return
	case r.over(f.Progress, refreshPatience):
		f.Reason = "Instances could not be replaced for an hour: they are protected from scale in, or launches fail."
		r.endRefresh(f, types.InstanceRefreshStatusFailed)
		return
	}
	r.noteRefresh(f)
	spare := healthy - (r.Group.Desired*f.MinHealthy+99)/100
	if resting && warm {
		spare = max(spare, 1)
	}
	r.replaceFor(left, spare)
}

// replaceFor ends up to so many units of outdated instances, the oldest first.
func (r *Round) replaceFor(left []*world.Member, spare int) {
	for _, m := range left {
		if spare <= 0 {
			return
		}
		if m.State != types.LifecycleStateInService || m.Protected {
			continue
		}
		spare -= m.Weight
		r.refreshing++
		r.terminate(m, At(r.now())+" an instance was taken out of service in response to an instance refresh.")
	}
}

// healthy is the capacity that is in service and warm.
func (r *Round) healthy(f world.Refresh) (units int) {
	for _, m := range r.Members {
		if Counts(m) && r.warmed(m, f) {
			units += m.Weight
		}
	}
	return units
}

// warmed reports whether an instance counts as healthy for a refresh.
func (r *Round) warmed(m *world.Member, f world.Refresh) bool {
	return m.State == types.LifecycleStateInService && (m.Joined.Before(f.Began) || r.over(m.InService, time.Duration(f.WarmupSeconds)*time.Second))
}

// moving reports whether an instance is on its way in or out; the warm pool's do
// not matter.
func moving(m *world.Member) bool {
	return !m.Warm() && m.State != types.LifecycleStateInService && m.State != types.LifecycleStateStandby
}
