package world

import (
	"time"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
)

// Outage is a zone that is out: nothing can be launched or started there, and
// nobody reaches what runs there.
type Outage struct {
	Zone  string
	Since time.Time
	// Until is when it ends by itself, zero for never.
	Until time.Time `json:",omitzero"`
}

// Out reports whether a zone is out.
func (w *World) Out(zone string) bool {
	_, out := w.Outages.Get(zone)
	return out
}

// FailZone puts a zone out, or changes when that ends.
func (w *World) FailZone(tx *store.Tx, o Outage) error {
	if before, out := w.Outages.Get(o.Zone); out {
		o.Since = before.Since
	}
	if err := w.Outages.Put(tx, o.Zone, o); err != nil {
		return err
	}
	w.republish(tx, o.Zone)
	return nil
}

// RestoreZone ends the outage of a zone.
func (w *World) RestoreZone(tx *store.Tx, zone string) {
	w.Outages.Delete(tx, zone)
	w.republish(tx, zone)
}

// republish tells of the instances in a zone, which can or cannot be reached
// now.
func (w *World) republish(tx *store.Tx, zone string) {
	for _, i := range w.Instances.All() {
		if w.poolOf(i).Zone == zone && i.State != machine.Terminated {
			w.Republish(tx, i)
		}
	}
}

// Republish tells whoever follows instances of one that is as it was, in
// surroundings that are not.
func (w *World) Republish(tx *store.Tx, i Instance) {
	tx.OnCommit(func() {
		w.watchers.publish(w.Machine(i))
		w.tell(i)
	})
}

// UnreachableSince is since when nobody reaches an instance: its zone is out, or
// its machine is being maintained.
func (w *World) UnreachableSince(i Instance) (since time.Time, unreachable bool) {
	if o, out := w.Outages.Get(w.poolOf(i).Zone); out {
		return o.Since, true
	}
	for _, e := range i.Notices.Scheduled {
		if e.Code == SystemMaintenance && e.State == EventActive && !w.Clock.Now().Before(e.NotBefore) {
			return e.NotBefore, true
		}
	}
	return time.Time{}, false
}
