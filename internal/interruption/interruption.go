// Package interruption is what is known of nodes that AWS takes back, or may:
// Spot interruption notices, rebalance recommendations, scheduled events, state
// changes and life cycle actions of Auto Scaling groups, as plain data, however
// drover came to know: from the instance metadata service or from a queue.
package interruption

import "time"

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
)

// Notice is one announcement about one instance. Two notices of the same ID are
// the same event, whichever way they came.
type Notice struct {
	// ID is made of what happens and to which instance, not of the message: the
	// same for a message that comes twice, and for both ways of hearing of it.
	ID         string `json:"id"`
	Kind       Kind   `json:"kind"`
	InstanceID string `json:"instanceID"`
	// Action is what EC2 does: terminate, stop, hibernate, reboot; empty when unknown.
	Action string `json:"action,omitempty"`
	// Noticed is when AWS said it; Deadline when it acts, zero when it has not said.
	Noticed  time.Time `json:"noticed"`
	Deadline time.Time `json:"deadline,omitzero"`
	// Detail is the event's own name or text: an instance state, an event code.
	Detail string `json:"detail,omitempty"`
	// Hook is the life cycle action to complete, nil when there is none.
	Hook *Hook `json:"hook,omitempty"`
}

// Hook is a life cycle action of an Auto Scaling group that waits for an answer.
type Hook struct {
	Group string `json:"group"`
	Name  string `json:"name"`
	Token string `json:"token"`
}
