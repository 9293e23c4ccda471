package weather

import (
	"errors"
	"fmt"
	"time"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/world"
)

// Interruption asks for Spot instances to be taken back.
type Interruption struct {
	Selection
	// Action is terminate, stop or hibernate; empty is what each instance's
	// Spot request says.
	Action string `json:"action,omitempty"`
	// Notice is from the notice until EC2 acts, 2m when nil, before the time
	// scale. Hibernation begins with the notice.
	Notice *Duration `json:"notice,omitempty"`
	// Recommend is from a rebalance recommendation, made now, until EC2 acts; at
	// most Notice has both come together. Nil is no recommendation.
	Recommend *Duration `json:"recommend,omitempty"`
	// DryRun only says whom it would be.
	DryRun bool `json:"dryRun,omitempty"`

	source string
}

// Affected is one instance that something was announced to.
type Affected struct {
	InstanceID   string     `json:"instanceId"`
	Node         string     `json:"node"` // the name that its node has, or would have
	InstanceType string     `json:"instanceType"`
	Zone         string     `json:"zone"`
	CapacityType string     `json:"capacityType"`
	Action       string     `json:"action,omitempty"`
	At           *time.Time `json:"at,omitempty"`          // when EC2 acts
	Noticed      *time.Time `json:"noticed,omitempty"`     // when it says so
	Recommended  *time.Time `json:"recommended,omitempty"` // when the recommendation was made
	EventID      string     `json:"eventId,omitempty"`
	Code         string     `json:"code,omitempty"`
	State        string     `json:"state,omitempty"`
}

func (l *look) affected(i world.Instance) Affected {
	p := l.world.PoolOf(i)
	return Affected{InstanceID: i.ID, Node: l.world.PrivateDNSName(i.PrivateIP), InstanceType: i.Type, Zone: p.Zone, CapacityType: p.CapacityType}
}

// Interrupt gives Spot instances their notice, now or after a recommendation.
// None is given one when any that is named cannot be.
func (k *Keeper) Interrupt(in Interruption) (affected []Affected, err error) {
	in.source = "user"
	err = k.change(in.DryRun, func(l *look) error {
		affected, err = l.interrupt(in)
		return err
	})
	return affected, err
}

func (l *look) interrupt(in Interruption) ([]Affected, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	chosen, err := l.instances(in.Selection, l.world.CanInterrupt)
	if err != nil {
		return nil, err
	}
	var affected []Affected
	for _, i := range chosen {
		one, err := l.interruptOne(i, in)
		if err != nil {
			return nil, err
		}
		affected = append(affected, one)
	}
	return affected, nil
}

func (in Interruption) check() error {
	switch in.Action {
	case "", world.ActionTerminate, world.ActionStop, world.ActionHibernate:
	default:
		return fmt.Errorf("action %q: use terminate, stop or hibernate", in.Action)
	}
	if in.Notice != nil && *in.Notice < 0 {
		return fmt.Errorf("notice %v: must not be negative", *in.Notice)
	}
	if in.Recommend != nil && *in.Recommend < 0 {
		return fmt.Errorf("recommend %v: must not be negative", *in.Recommend)
	}
	return nil
}

func (l *look) interruptOne(i world.Instance, in Interruption) (Affected, error) {
	one := l.affected(i)
	taking := world.Taking{Action: in.Action, Notice: world.NoticeTakes}
	if in.Notice != nil {
		taking.Notice = time.Duration(*in.Notice)
	}
	if in.Recommend != nil {
		one.Recommended = &l.now
		if lead := time.Duration(*in.Recommend) - taking.Notice; lead > 0 {
			noticed, at := l.after(l.now, lead), l.after(l.now, time.Duration(*in.Recommend))
			one.Noticed, one.At, one.Action = &noticed, &at, l.actionOf(i, in.Action)
			return one, l.plan(Plan{InstanceID: i.ID, Recommend: l.now, Notice: noticed, Taking: taking, Source: in.source})
		}
		if err := l.world.Recommend(l.tx, i); err != nil {
			return one, err
		}
		i, _ = l.world.Instances.Get(i.ID)
	}
	i, err := l.world.Interrupt(l.tx, i, taking)
	if err != nil {
		return one, err
	}
	one.Action, one.At, one.Noticed = i.Notices.Interruption.Action, &i.Notices.Interruption.At, &l.now
	return one, nil
}

func (l *look) actionOf(i world.Instance, asked string) string {
	if r, found := l.world.SpotRequests.Get(i.SpotRequest); asked == "" && found {
		return r.Behavior
	}
	if asked == "" {
		return world.ActionTerminate
	}
	return asked
}

// Recommendation asks for rebalance recommendations.
type Recommendation struct {
	Selection
	// False ones are never followed by an interruption.
	False bool `json:"false,omitempty"`
	// Lead is from the recommendation until EC2 acts, 15m when nil; not for
	// false ones.
	Lead   *Duration `json:"lead,omitempty"`
	DryRun bool      `json:"dryRun,omitempty"`

	source string
}

// defaultLead is how long before EC2 acts a recommendation comes, unless it is
// said.
const defaultLead = Duration(15 * time.Minute)

// Recommend makes rebalance recommendations, which interruptions follow unless
// they are false.
func (k *Keeper) Recommend(in Recommendation) (affected []Affected, err error) {
	in.source = "user"
	err = k.change(in.DryRun, func(l *look) error {
		affected, err = l.recommend(in)
		return err
	})
	return affected, err
}

func (l *look) recommend(in Recommendation) (affected []Affected, err error) {
	if !in.False {
		lead := defaultLead
		if in.Lead != nil {
			lead = *in.Lead
		}
		return l.interrupt(Interruption{Selection: in.Selection, Recommend: &lead, source: in.source})
	}
	if in.Lead != nil {
		return nil, errors.New("a false recommendation leads to nothing: leave out lead, or false")
	}
	chosen, err := l.instances(in.Selection, l.world.CanRecommend)
	if err != nil {
		return nil, err
	}
	for _, i := range chosen {
		one := l.affected(i)
		one.Recommended = &l.now
		if err := l.world.Recommend(l.tx, i); err != nil {
			return nil, err
		}
		affected = append(affected, one)
	}
	return affected, nil
}

// Maintenance asks for scheduled events.
type Maintenance struct {
	Selection
	Code string `json:"code"` // one of world.EventCodes
	// In is from now until the event may begin, 5m when nil; For is how long it
	// may take, 0 when nil, which system-maintenance needs. Both before the time
	// scale.
	In     *Duration `json:"in,omitempty"`
	For    *Duration `json:"for,omitempty"`
	DryRun bool      `json:"dryRun,omitempty"`
}

const (
	defaultIn          = Duration(5 * time.Minute)
	defaultMaintenance = Duration(10 * time.Minute)
)

// Schedule schedules events for instances of either capacity type.
func (k *Keeper) Schedule(in Maintenance) (affected []Affected, err error) {
	err = k.change(in.DryRun, func(l *look) error {
		affected, err = l.schedule(in)
		return err
	})
	return affected, err
}

func (l *look) schedule(in Maintenance) (affected []Affected, err error) {
	begin, lasts := defaultIn, Duration(0)
	if in.Code == world.SystemMaintenance {
		lasts = defaultMaintenance
	}
	if in.In != nil {
		begin = *in.In
	}
	if in.For != nil {
		lasts = *in.For
	}
	if begin < 0 || lasts < 0 {
		return nil, errors.New("in and for must not be negative")
	}
	chosen, err := l.instances(in.Selection, l.canMaintain)
	if err != nil {
		return nil, err
	}
	for _, i := range chosen {
		e := machine.ScheduledEvent{Code: in.Code, NotBefore: l.after(l.now, time.Duration(begin))}
		if lasts > 0 {
			e.NotAfter = l.after(e.NotBefore, time.Duration(lasts))
		}
		if e, err = l.world.Schedule(l.tx, i, e); err != nil {
			return nil, err
		}
		one := l.affected(i)
		one.EventID, one.Code, one.State, one.At = e.ID, e.Code, e.State, &e.NotBefore
		affected = append(affected, one)
	}
	return affected, nil
}

func (l *look) canMaintain(i world.Instance) error {
	if !world.Runs(i) {
		return fmt.Errorf("%s is %s: events are scheduled for instances that run", l.world.Called(i), i.State)
	}
	return nil
}

// CancelEvents cancels the active events with the ids, or of the instances
// selected.
func (k *Keeper) CancelEvents(ids []string, s Selection) (affected []Affected, err error) {
	err = k.update(func(l *look) error {
		affected, err = l.cancelEvents(ids, s)
		return err
	})
	return affected, err
}

func (l *look) cancelEvents(ids []string, s Selection) (affected []Affected, err error) {
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	chosen := l.world.Instances.All()
	if len(ids) == 0 {
		if chosen, err = l.instances(s, func(world.Instance) error { return nil }); err != nil {
			return nil, err
		}
	}
	for _, i := range chosen {
		for _, e := range i.Notices.Scheduled {
			if e.State != world.EventActive || len(ids) > 0 && !wanted[e.ID] {
				continue
			}
			delete(wanted, e.ID)
			if i, err = l.world.EndEvent(l.tx, i, e.ID, world.EventCanceled); err != nil {
				return nil, err
			}
			one := l.affected(i)
			one.EventID, one.Code, one.State = e.ID, e.Code, world.EventCanceled
			affected = append(affected, one)
		}
	}
	for _, id := range ids {
		if wanted[id] {
			return nil, fmt.Errorf("no active event has the id %q", id)
		}
	}
	return affected, nil
}

// errDry undoes a dry run.
var errDry = errors.New("dry run")

// change is update, all of it undone for a dry run.
func (k *Keeper) change(dry bool, change func(*look) error) error {
	err := k.update(func(l *look) error {
		if err := change(l); err != nil || !dry {
			return err
		}
		return errDry
	})
	if errors.Is(err, errDry) {
		return nil
	}
	return err
}
