package weather

import (
	"time"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/world"
)

// Plan is what is to become of one Spot instance.
type Plan struct {
	InstanceID string
	// Recommend is when a rebalance recommendation is made, zero for never.
	Recommend time.Time `json:",omitzero"`
	// Notice is when the interruption notice is given, zero for never.
	Notice time.Time    `json:",omitzero"`
	Taking world.Taking `json:",omitzero"`
	// Source says who planned it: user, weather or the replayed file.
	Source string `json:",omitempty"`
}

// carryOut makes the recommendations and gives the notices whose time has come.
func (l *look) carryOut() error {
	for _, p := range l.plans.All() {
		i, exists := l.world.Instances.Get(p.InstanceID)
		if !exists || !world.Runs(i) {
			l.plans.Delete(l.tx, p.InstanceID)
			continue
		}
		if err := l.carryOutOne(p, i); err != nil {
			return err
		}
	}
	return nil
}

func (l *look) carryOutOne(p Plan, i world.Instance) error {
	before := p
	if !p.Recommend.IsZero() && l.due(p.Recommend) {
		if err := l.world.Recommend(l.tx, i); err != nil {
			return err
		}
		p.Recommend = time.Time{}
		i, _ = l.world.Instances.Get(i.ID)
	}
	if !p.Notice.IsZero() && l.due(p.Notice) {
		if i.Notices.Interruption == nil {
			if _, err := l.world.Interrupt(l.tx, i, p.Taking); err != nil {
				return err
			}
		}
		p.Notice = time.Time{}
	}
	switch {
	case p.Recommend.IsZero() && p.Notice.IsZero():
		l.plans.Delete(l.tx, p.InstanceID)
		return nil
	case p == before:
		return nil
	}
	return l.plans.Put(l.tx, p.InstanceID, p)
}

// plan arranges for a recommendation and a notice. What is planned for the
// instance already and comes sooner stays.
func (l *look) plan(p Plan) error {
	if before, planned := l.plans.Get(p.InstanceID); planned {
		p.Recommend = sooner(before.Recommend, p.Recommend)
		if kept := sooner(before.Notice, p.Notice); !kept.Equal(p.Notice) {
			p.Notice, p.Taking, p.Source = kept, before.Taking, before.Source
		}
	}
	return l.plans.Put(l.tx, p.InstanceID, p)
}

// sooner is the earlier of two times, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// outbid gives their notice to the instances whose maximum price is below the
// price of their pool.
func (l *look) outbid() error {
	for _, i := range l.world.Instances.All() {
		if !i.Spot || i.SpotMaxPrice == "" || !world.Runs(i) || i.Notices.Interruption != nil {
			continue
		}
		if !l.world.Outbid(i) {
			l.due(l.world.PriceChanges(i))
			continue
		}
		if _, err := l.world.Interrupt(l.tx, i, world.Taking{Notice: world.NoticeTakes, Reason: world.ByPrice}); err != nil {
			return err
		}
	}
	return nil
}

// reclaim takes back the instances whose notice is over.
func (l *look) reclaim() error {
	for _, i := range l.world.Instances.All() {
		if i.Notices.Interruption == nil || !world.Runs(i) || !l.due(i.Notices.Interruption.At) {
			continue
		}
		if err := l.world.Reclaim(l.tx, i); err != nil {
			return err
		}
	}
	return nil
}

// maintain does what scheduled events announced.
func (l *look) maintain() error {
	for _, i := range l.world.Instances.All() {
		for _, e := range i.Notices.Scheduled {
			if e.State != world.EventActive || !l.due(e.NotBefore) {
				continue
			}
			i, _ := l.world.Instances.Get(i.ID)
			if err := l.happen(i, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// happen does what one event announced.
func (l *look) happen(i world.Instance, e machine.ScheduledEvent) error {
	if e.Code == world.SystemMaintenance && !l.due(e.NotAfter) {
		l.world.Republish(l.tx, i) // nobody reaches it now
		return nil
	}
	i, err := l.world.EndEvent(l.tx, i, e.ID, world.EventCompleted)
	if err != nil {
		return err
	}
	switch e.Code {
	case world.InstanceReboot, world.SystemReboot:
		return l.world.Reboot(l.tx, i)
	case world.InstanceRetirement, world.InstanceStop:
		return l.world.Retire(l.tx, i)
	}
	return nil
}

// endOutages brings back the zones whose outage is over.
func (l *look) endOutages() error {
	for _, o := range l.world.Outages.All() {
		if !o.Until.IsZero() && l.due(o.Until) {
			l.world.RestoreZone(l.tx, o.Zone)
		}
	}
	return nil
}
