package world

import (
	"fmt"
	"time"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
)

// The codes of the reasons of instances that EC2 took back.
const (
	reasonTerminated = "Server.SpotInstanceTermination"
	reasonStopped    = "Server.SpotInstanceShutdown"
)

// NoticeTakes is the notice that EC2 gives before it stops or ends a Spot
// instance, before the time scale.
const NoticeTakes = 2 * time.Minute

// Taking is how EC2 takes a Spot instance back.
type Taking struct {
	// Action is terminate, stop or hibernate; empty is what the instance's
	// request says.
	Action string
	// Notice is the realistic duration from the notice to the action. An
	// instance that hibernates begins to do so with its notice.
	Notice time.Duration
	Reason string // NoCapacity, also when empty, or ByPrice
}

// CanInterrupt is why an instance cannot be given an interruption notice, nil
// when it can.
func (w *World) CanInterrupt(i Instance) error {
	switch {
	case !i.Spot:
		return fmt.Errorf("%s is on-demand: only Spot instances are interrupted", w.Called(i))
	case !Runs(i):
		return fmt.Errorf("%s is %s: only instances that run are interrupted", w.Called(i), i.State)
	case i.Notices.Interruption != nil:
		return fmt.Errorf("%s has its notice already, for %s", w.Called(i), i.Notices.Interruption.At.UTC().Format(time.RFC3339))
	}
	return nil
}

// CanRecommend is why no recommendation can be made to an instance, nil when one
// can: after its notice, too.
func (w *World) CanRecommend(i Instance) error {
	switch {
	case !i.Spot:
		return fmt.Errorf("%s is on-demand: recommendations are for Spot instances", w.Called(i))
	case !Runs(i):
		return fmt.Errorf("%s is %s: recommendations are for instances that run", w.Called(i), i.State)
	case !i.Notices.Rebalance.IsZero():
		return fmt.Errorf("%s has a recommendation already, of %s", w.Called(i), i.Notices.Rebalance.UTC().Format(time.RFC3339))
	}
	return nil
}

// Runs reports whether EC2 runs an instance or starts it.
func Runs(i Instance) bool { return i.State == machine.Pending || i.State == machine.Running }

// Called names an instance for people, by its node's name.
func (w *World) Called(i Instance) string {
	return fmt.Sprintf("node %s (%s)", w.PrivateDNSName(i.PrivateIP), i.ID)
}

// Interrupt gives a Spot instance its interruption notice. The notice is true of
// the clock that the instance has: its time is when Reclaim is to be called.
func (w *World) Interrupt(tx *store.Tx, i Instance, t Taking) (Instance, error) {
	if err := w.CanInterrupt(i); err != nil {
		return i, err
	}
	request, requested := w.SpotRequests.Get(i.SpotRequest)
	if t.Action == "" {
		t.Action = ActionTerminate
		if requested {
			t.Action = request.Behavior
		}
	}
	if t.Action == ActionHibernate {
		t.Notice = 0
	}
	if t.Reason == "" {
		t.Reason = NoCapacity
	}
	now := w.Clock.Now()
	i.Taken = t.Reason
	i.Notices.Interruption = &machine.Interruption{Action: t.Action, At: now.Add(w.Clock.Scaled(t.Notice)), Noticed: now}
	if requested && request.State == SpotActive {
		marked := map[string]string{ActionTerminate: "termination", ActionStop: "stop", ActionHibernate: "hibernation"}[t.Action]
		if err := w.SetSpotStatus(tx, request, request.State, "marked-for-"+marked,
			"Your Spot Instance is marked for "+marked+" "+becauseOf(t.Reason)+"."); err != nil {
			return i, err
		}
	}
	warning := Event{DetailType: "EC2 Spot Instance Interruption Warning", Source: "aws.ec2", Time: warnedAt(i.Notices.Interruption), Resources: []string{w.zonalARN(i)}}
	if err := w.emit(tx, warning, map[string]any{"instance-id": i.ID, "instance-action": t.Action}); err != nil {
		return i, err
	}
	return i, w.announce(tx, i)
}

// warnedAt is the time of the warning's event. The event does not say when the
// instance goes: whoever gets it adds two minutes to its time, and must come to the
// time that the instance itself is told, however short the notice is.
func warnedAt(n *machine.Interruption) time.Time {
	if warned := n.At.Add(-NoticeTakes); n.Action != ActionHibernate && warned.Before(n.Noticed) {
		return warned
	}
	return n.Noticed
}

// Recommend makes a rebalance recommendation to a Spot instance that has none.
func (w *World) Recommend(tx *store.Tx, i Instance) error {
	if w.CanRecommend(i) != nil {
		return nil
	}
	i.Notices.Rebalance = w.Clock.Now()
	if err := w.Emit(tx, "EC2 Instance Rebalance Recommendation", "aws.ec2", []string{w.zonalARN(i)}, map[string]any{"instance-id": i.ID}); err != nil {
		return err
	}
	return w.announce(tx, i)
}

// Reclaim does to an instance what its notice says. One that has ended or stops
// by itself is left as it is.
func (w *World) Reclaim(tx *store.Tx, i Instance) error {
	if !Runs(i) || i.Notices.Interruption == nil {
		return nil
	}
	if i.Notices.Interruption.Action == ActionTerminate {
		i.Reason = Reason{Code: reasonTerminated, Message: "Spot instance termination"}
		return w.enter(tx, i, machine.ShuttingDown)
	}
	i.Reason = Reason{Code: reasonStopped, Message: "Spot instance shutdown"}
	return w.enter(tx, i, machine.Stopping)
}

// TakenBack reports whether EC2 ended an instance or stopped it.
func TakenBack(i Instance) bool {
	return i.Reason.Code == reasonTerminated || i.Reason.Code == reasonStopped
}

// announce stores an instance whose notices changed, and tells whoever follows
// instances.
func (w *World) announce(tx *store.Tx, i Instance) error {
	tx.OnCommit(func() { w.tell(i) })
	return w.PutNotices(tx, i)
}

// zonalARN is the ARN of an instance as notices carry it: with its zone, and
// without the account.
func (w *World) zonalARN(i Instance) string {
	return fmt.Sprintf("arn:aws:ec2:%s:instance/%s", w.poolOf(i).Zone, i.ID)
}
