// Package interruption is what is known of nodes that AWS takes back, or may:
// Spot interruption notices, rebalance recommendations, scheduled events, state
// changes and life cycle actions of Auto Scaling groups, as plain data, however
// drover came to know: from the instance metadata service or from a queue.
//
// Whoever hears of one makes the Notice with the function of its kind (Spot,
// Rebalance, Scheduled, State, Termination, Launch, Unhealthy), so that both ways
// of hearing give one event one ID, and keeps it on the Node with Record. One
// reconciler in the controller acts on what Of finds there. To empty one node
// without the controller: evacuate.Drainer.
package interruption

import (
	"strings"
	"time"
)

// Kind is what happens to the instance.
type Kind string

// Kinds. The names are those of events and metrics.
const (
	SpotInterruption        Kind = "SpotInterruption"
	RebalanceRecommendation Kind = "RebalanceRecommendation"
	ScheduledEvent          Kind = "ScheduledEvent"
	StateChange             Kind = "StateChange"
	GroupTermination        Kind = "ASGLifecycle"
	GroupLaunch             Kind = "ASGLaunchLifecycle"
	// InstanceStatus is a failed status check of the instance or its host.
	InstanceStatus Kind = "InstanceStatus"
	// CapacityReservation is capacity of a reservation that its owner takes back.
	CapacityReservation Kind = "CapacityReservationInterruption"
)

// What AWS does to an instance.
const (
	ActionTerminate = "terminate"
	ActionStop      = "stop"
	ActionHibernate = "hibernate"
	ActionReboot    = "reboot"
	ActionMaintain  = "maintenance"
	ActionLaunch    = "launch"
)

// WarningTime is how long before it acts EC2 warns of a Spot interruption.
const WarningTime = 2 * time.Minute

// Notice is one announcement about one instance. Two notices of the same ID are
// the same event, whichever way they came.
type Notice struct {
	// ID is made of what happens and to which instance, not of the message: the
	// same for a message that comes twice, and for both ways of hearing of it.
	ID         string `json:"id"`
	Kind       Kind   `json:"kind"`
	InstanceID string `json:"instanceID"`
	// Action is what EC2 does: one of the Action constants; empty when unknown.
	Action string `json:"action,omitempty"`
	// Noticed is when AWS said it; Deadline when it acts, zero when it has not said.
	Noticed  time.Time `json:"noticed"`
	Deadline time.Time `json:"deadline,omitzero"`
	// Detail is the event's own name or text: an instance state, an event code.
	Detail string `json:"detail,omitempty"`
	// Over says that the event was cancelled, is completed, or came to nothing.
	Over bool `json:"over,omitempty"`
	// Hooks are the life cycle actions that wait for an answer: a group may have
	// several for one transition.
	Hooks []Hook `json:"hooks,omitempty"`
}

// Hook is a life cycle action of an Auto Scaling group that waits for an answer.
type Hook struct {
	Group string `json:"group"`
	Name  string `json:"name"`
	Token string `json:"token,omitempty"`
	// Completed is when drover answered; zero while it has not.
	Completed time.Time `json:"completed,omitzero"`
}

// Spot is the notice that EC2 takes a Spot instance back: action is terminate,
// stop or hibernate. A zero deadline stands for the two minutes EC2 gives
// (hibernation starts at once).
func Spot(instance, action string, noticed, deadline time.Time) Notice {
	if deadline.IsZero() && action == ActionHibernate {
		deadline = noticed
	}
	if deadline.IsZero() && !noticed.IsZero() {
		deadline = noticed.Add(WarningTime)
	}
	n := made(SpotInterruption, instance, action, noticed)
	n.Deadline = at(deadline)
	return n
}

// Rebalance is the advice that an interruption has become likely.
func Rebalance(instance string, noticed time.Time) Notice {
	return made(RebalanceRecommendation, instance, "", noticed)
}

// Scheduled is a scheduled event. Code is an IMDS code (system-reboot) or an AWS
// Health event type code (AWS_EC2_..._SCHEDULED); both give one ID to one kind of
// maintenance. Over: it is cancelled or completed.
func Scheduled(instance, code string, noticed, notBefore time.Time, over bool) Notice {
	n := made(ScheduledEvent, instance, scheduledAction(code), noticed)
	n.Deadline, n.Detail, n.Over = at(notBefore), code, over
	return n
}

// State is a state the instance entered. Leaving states are an interruption that
// happens now; pending and running say that an earlier stop is over.
func State(instance, state string, noticed time.Time) Notice {
	action := ActionStop
	if state == "shutting-down" || state == "terminated" {
		action = ActionTerminate
	}
	n := made(StateChange, instance, action, noticed)
	n.Deadline, n.Detail = at(noticed), state
	n.Over = state == "pending" || state == "running"
	return n
}

// Termination is a group's decision to end the instance; hook is the life cycle
// action that waits for an answer, nil when it is not known.
func Termination(instance string, noticed time.Time, hook *Hook) Notice {
	return hooked(GroupTermination, instance, ActionTerminate, noticed, hook)
}

// Launch is a group's new instance whose life cycle action waits for the Node.
func Launch(instance string, noticed time.Time, hook *Hook) Notice {
	return hooked(GroupLaunch, instance, ActionLaunch, noticed, hook)
}

// Unhealthy is a failed status check: since is when it began, detail which check.
func Unhealthy(instance, detail string, since time.Time) Notice {
	n := made(InstanceStatus, instance, "", since)
	n.Detail = detail
	return n
}

// Reservation is a capacity reservation's owner taking its capacity back.
func Reservation(instance string, noticed, deadline time.Time) Notice {
	n := made(CapacityReservation, instance, ActionTerminate, noticed)
	n.Deadline = at(deadline)
	return n
}

func hooked(kind Kind, instance, action string, noticed time.Time, hook *Hook) Notice {
	n := made(kind, instance, action, noticed)
	if hook != nil {
		n.Hooks = []Hook{*hook}
	}
	return n
}

func made(kind Kind, instance, action string, noticed time.Time) Notice {
	return Notice{ID: id(kind, instance, action), Kind: kind, InstanceID: instance, Action: action, Noticed: at(noticed)}
}

func id(kind Kind, instance, action string) string {
	if action == "" {
		return string(kind) + "/" + instance
	}
	return string(kind) + "/" + instance + "/" + action
}

// at makes a time that JSON brings back as it was: whole seconds, as AWS speaks.
func at(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// scheduledAction reads what will happen out of an event code of either source.
func scheduledAction(code string) string {
	c := strings.ToLower(code)
	switch {
	case strings.Contains(c, "reboot"):
		return ActionReboot
	case strings.Contains(c, "retirement"):
		return ActionTerminate
	case strings.Contains(c, "stop"):
		return ActionStop
	}
	return ActionMaintain
}
