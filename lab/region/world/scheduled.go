package world

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
)

// Codes of scheduled events.
const (
	InstanceReboot     = "instance-reboot"
	SystemReboot       = "system-reboot"
	SystemMaintenance  = "system-maintenance"
	InstanceRetirement = "instance-retirement"
	InstanceStop       = "instance-stop"
)

// States of scheduled events.
const (
	EventActive    = "active"
	EventCompleted = "completed"
	EventCanceled  = "canceled"
)

// eventKind is what there is to say of a code.
type eventKind struct{ healthCode, description string }

func eventKinds() map[string]eventKind {
	return map[string]eventKind{
		InstanceReboot: {"AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED", "The instance is scheduled for a reboot"},
		SystemReboot:   {"AWS_EC2_SYSTEM_REBOOT_MAINTENANCE_SCHEDULED", "scheduled reboot"},
		SystemMaintenance: {"AWS_EC2_SYSTEM_MAINTENANCE_SCHEDULED",
			"The instance is scheduled for maintenance and may lose its network or power for a short time"},
		InstanceRetirement: {"AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED", "The instance is running on degraded hardware"},
		InstanceStop:       {"AWS_EC2_INSTANCE_STOP_SCHEDULED", "The instance is running on degraded hardware"},
	}
}

// EventCodes are the codes of scheduled events, in order.
func EventCodes() []string {
	var codes []string
	for code := range eventKinds() {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// Schedule adds a scheduled event to an instance, and gives it with its id. The
// event's code must be one of EventCodes.
func (w *World) Schedule(tx *store.Tx, i Instance, e machine.ScheduledEvent) (machine.ScheduledEvent, error) {
	kind, known := eventKinds()[e.Code]
	if !known {
		return e, fmt.Errorf("code %q: use one of %s", e.Code, strings.Join(EventCodes(), ", "))
	}
	var err error
	if e.ID, err = w.NewID(tx, "instance-event-"); err != nil {
		return e, err
	}
	e.State, e.Description = EventActive, kind.description
	i.Notices.Scheduled = append(slices.Clone(i.Notices.Scheduled), e)
	slices.SortFunc(i.Notices.Scheduled, func(a, b machine.ScheduledEvent) int { return strings.Compare(a.ID, b.ID) })
	if err := w.Emit(tx, "AWS Health Event", "aws.health", []string{i.ID}, w.healthDetail(i, e, kind)); err != nil {
		return e, err
	}
	return e, w.announce(tx, i)
}

func (w *World) healthDetail(i Instance, e machine.ScheduledEvent, kind eventKind) map[string]any {
	detail := map[string]any{
		"eventArn": fmt.Sprintf("arn:aws:health:%s::event/EC2/%s/%s_%s", w.Options.Region, kind.healthCode, kind.healthCode, e.ID),
		"service":  "EC2", "eventTypeCode": kind.healthCode, "eventTypeCategory": "scheduledChange",
		"startTime":        healthTime(e.NotBefore),
		"eventDescription": []map[string]string{{"language": "en_US", "latestDescription": kind.description + "."}},
		"affectedEntities": []map[string]any{{"entityValue": i.ID, "tags": w.TagsOf(i.ID).With(nil)}},
	}
	if !e.NotAfter.IsZero() {
		detail["endTime"] = healthTime(e.NotAfter)
	}
	return detail
}

// healthTime is a time as AWS Health writes it.
func healthTime(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }

// EndEvent changes the state of one active event of an instance.
func (w *World) EndEvent(tx *store.Tx, i Instance, id, state string) (Instance, error) {
	changed := withEvents(i, state, func(e machine.ScheduledEvent) bool { return e.ID == id })
	return changed, w.announce(tx, changed)
}

// withEvents is an instance whose active events that are meant have a state.
func withEvents(i Instance, state string, meant func(machine.ScheduledEvent) bool) Instance {
	i.Notices.Scheduled = slices.Clone(i.Notices.Scheduled)
	for n, e := range i.Notices.Scheduled {
		if e.State == EventActive && meant(e) {
			i.Notices.Scheduled[n].State = state
		}
	}
	return i
}

// Reboot starts the software of a running instance anew. An event that is a
// reboot of the instance's own is over with it.
func (w *World) Reboot(tx *store.Tx, i Instance) error {
	if i.State != machine.Running {
		return nil
	}
	i = withEvents(i, EventCompleted, func(e machine.ScheduledEvent) bool { return e.Code == InstanceReboot })
	i.Rebooted = w.Clock.Now()
	return w.putInstance(tx, i)
}

// Retire stops an instance on hardware that is given up.
func (w *World) Retire(tx *store.Tx, i Instance) error {
	if !Runs(i) {
		return nil
	}
	i.Reason = Reason{Code: "Server.ScheduledStop", Message: "Stopped due to scheduled retirement"}
	if i.Spot {
		i.Reason.Message = "Terminated due to scheduled retirement"
		return w.enter(tx, i, machine.ShuttingDown)
	}
	return w.enter(tx, i, machine.Stopping)
}

// Lose ends an instance at once whose zone has lost it.
func (w *World) Lose(tx *store.Tx, i Instance) error {
	if i.State == machine.Terminated || i.State == machine.ShuttingDown {
		return nil
	}
	i.Reason = Reason{Code: "Server.InternalError", Message: "The instance was lost with its Availability Zone"}
	return w.enter(tx, i, machine.ShuttingDown)
}
