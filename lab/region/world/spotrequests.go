package world

import (
	"strings"
	"time"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
)

// SpotRequest is a Spot Instance request. There is one for every Spot instance,
// however it was launched.
type SpotRequest struct {
	ID      string
	Created time.Time
	// Persistent requests launch again after an interruption.
	Persistent bool `json:",omitempty"`
	// Behavior is what an interruption does: terminate, stop or hibernate.
	Behavior      string
	MaxPrice      string    `json:",omitempty"`
	State         string    // open, active, disabled, closed, cancelled or failed
	Code, Message string    // the status
	Updated       time.Time // of the status
	Valid         time.Time `json:",omitzero"` // until when it may be fulfilled
	InstanceID    string    `json:",omitempty"`
	Type          string    // m5.large
	Zone          string    // us-west-2a
	// Launch is what to launch while the request is open, or again.
	Launch *Launch `json:",omitempty"`
}

// States of Spot requests.
const (
	SpotOpen      = "open"
	SpotActive    = "active"
	SpotDisabled  = "disabled"
	SpotClosed    = "closed"
	SpotCancelled = "cancelled"
)

// What an interruption does to an instance.
const (
	ActionTerminate = "terminate"
	ActionStop      = "stop"
	ActionHibernate = "hibernate"
)

// Why EC2 takes an instance back: the ends of the status codes of its request.
const (
	NoCapacity = "no-capacity"
	ByPrice    = "by-price"
)

func becauseOf(reason string) string {
	if reason == ByPrice {
		return "because the Spot price exceeds your maximum price"
	}
	return "because there is no capacity available"
}

// SetSpotStatus changes the state and the status of a request.
func (w *World) SetSpotStatus(tx *store.Tx, r SpotRequest, state, code, message string) error {
	r.State, r.Code, r.Message, r.Updated = state, code, message, w.Clock.Now()
	return w.SpotRequests.Put(tx, r.ID, r)
}

// requested stores the request of a Spot instance that starts, and gives its
// status when the instance was stopped before.
func (w *World) requested(tx *store.Tx, i Instance) error {
	r, exists := w.SpotRequests.Get(i.SpotRequest)
	if !exists {
		r = SpotRequest{ID: i.SpotRequest, Created: w.Clock.Now(), Behavior: ActionTerminate, MaxPrice: i.SpotMaxPrice}
	}
	r.InstanceID, r.Type, r.Zone = i.ID, i.Type, w.poolOf(i).Zone
	return w.SetSpotStatus(tx, r, SpotActive, "fulfilled", "Your Spot request is fulfilled.")
}

// followState keeps the request of a Spot instance in step with its state.
func (w *World) followState(tx *store.Tx, i Instance) error {
	if !i.Spot {
		return nil
	}
	if i.State == machine.Pending {
		return w.requested(tx, i)
	}
	r, exists := w.SpotRequests.Get(i.SpotRequest)
	if !exists || r.InstanceID != i.ID {
		return nil
	}
	switch i.State {
	case machine.ShuttingDown:
		return w.requestEnds(tx, r, i)
	case machine.Stopping:
		if i.Taken == "" {
			return w.SetSpotStatus(tx, r, SpotDisabled, "instance-stopped-by-user", "Your Spot Instance was stopped by the user.")
		}
		return w.SetSpotStatus(tx, r, SpotOpen, "instance-stopped-"+i.Taken, "Your Spot Instance was stopped "+becauseOf(i.Taken)+".")
	}
	return nil
}

// requestEnds is followState for an instance that ends. A persistent request
// that nobody cancelled is open again.
func (w *World) requestEnds(tx *store.Tx, r SpotRequest, i Instance) error {
	code, message := "instance-terminated-by-user", "Spot Instance terminated due to user-initiated termination."
	if strings.HasPrefix(i.Reason.Code, "Server.") {
		setDefault(&i.Taken, NoCapacity)
		code, message = "instance-terminated-"+i.Taken, "Your Spot Instance was terminated "+becauseOf(i.Taken)+"."
	}
	state := SpotClosed
	switch {
	case r.State == SpotCancelled:
		state = SpotCancelled
	case r.Persistent && r.Launch != nil:
		state = SpotOpen
	}
	return w.SetSpotStatus(tx, r, state, code, message)
}

// dropRequest forgets the request of an instance that is forgotten, unless it
// has another one by now or waits for one.
func (w *World) dropRequest(tx *store.Tx, i Instance) (kept bool) {
	r, exists := w.SpotRequests.Get(i.SpotRequest)
	if exists && (r.InstanceID != i.ID || r.State == SpotOpen) {
		return true
	}
	w.SpotRequests.Delete(tx, i.SpotRequest)
	return false
}

// ForgetRequest removes a request that was over long ago and never had an
// instance; others go with their instance.
func (w *World) ForgetRequest(tx *store.Tx, r SpotRequest) error {
	if r.InstanceID != "" || !w.Over(r.Updated, terminatedFor) || r.State != SpotClosed && r.State != SpotCancelled {
		return nil
	}
	w.SpotRequests.Delete(tx, r.ID)
	return w.SetTags(tx, r.ID, nil)
}

// completeRequests makes the requests of a region from before there were any.
func (w *World) completeRequests(tx *store.Tx) error {
	for _, i := range w.Instances.All() {
		if _, exists := w.SpotRequests.Get(i.SpotRequest); exists || !i.Spot {
			continue
		}
		if err := w.requested(tx, i); err != nil {
			return err
		}
		if err := w.followState(tx, i); err != nil {
			return err
		}
	}
	return nil
}
