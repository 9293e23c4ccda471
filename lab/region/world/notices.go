package world

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
)

// Event is what a service tells EventBridge.
type Event struct {
	ID         string
	DetailType string // such as EC2 Spot Instance Interruption Warning
	Source     string // such as aws.ec2
	Time       time.Time
	Resources  []string
	Detail     json.RawMessage // a JSON object
}

// OnEvent has deliver called for every event, in the transaction that it is
// part of: what deliver stores is durable with it or not at all. It is for the
// region's own services, before the region is used.
func (w *World) OnEvent(deliver func(*store.Tx, Event) error) { w.deliver = append(w.deliver, deliver) }

// Emit tells EventBridge of something that happens in a transaction. Its id is
// a new one; detail becomes JSON.
func (w *World) Emit(tx *store.Tx, detailType, source string, resources []string, detail any) error {
	return w.emit(tx, Event{DetailType: detailType, Source: source, Time: w.Clock.Now(), Resources: resources}, detail)
}

// emit is Emit of an event that has its time.
func (w *World) emit(tx *store.Tx, event Event, detail any) error {
	if len(w.deliver) == 0 {
		return nil
	}
	content, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("event %s: %w", event.DetailType, err)
	}
	if event.ID, err = w.NewEventID(tx); err != nil {
		return err
	}
	event.Detail = content
	for _, deliver := range w.deliver {
		if err := deliver(tx, event); err != nil {
			return err
		}
	}
	return nil
}

// NewEventID makes the id of an event. Events are counted by themselves, so that
// the other identifiers do not depend on who listens.
func (w *World) NewEventID(tx *store.Tx) (string, error) {
	m, _ := w.meta.Get(metaKey)
	m.Events++
	return w.fixedUUID(fmt.Sprint("event", m.Events)), w.meta.Put(tx, metaKey, m)
}

// FixedUUID is an identifier in the form of a UUID that follows from what it is
// of and from the region.
func (w *World) FixedUUID(of string) string { return w.fixedUUID(of) }

// PutNotices stores an instance whose Notices changed, and tells the software
// on it.
func (w *World) PutNotices(tx *store.Tx, i Instance) error { return w.putInstance(tx, i) }

// InstanceARN is the ARN of an instance as state changes carry it.
func (w *World) InstanceARN(id string) string {
	return fmt.Sprintf("arn:aws:ec2:%s:%s:instance/%s", w.Options.Region, w.Options.Account, id)
}

// emitState tells EventBridge that an instance has come to a state.
func (w *World) emitState(tx *store.Tx, i Instance, s machine.State) error {
	return w.Emit(tx, "EC2 Instance State-change Notification", "aws.ec2", []string{w.InstanceARN(i.ID)},
		map[string]any{"instance-id": i.ID, "state": string(s)})
}
