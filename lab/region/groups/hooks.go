package groups

import (
	"fmt"
	"time"

	"github.com/drover-project/drover/lab/region/world"
)

// Transitions that hooks run in.
const (
	Launching   = "autoscaling:EC2_INSTANCE_LAUNCHING"
	Terminating = "autoscaling:EC2_INSTANCE_TERMINATING"
)

// Results of a life cycle action.
const (
	Continue = "CONTINUE"
	Abandon  = "ABANDON"
)

// Processes that can be suspended and that the keeper runs.
const (
	Launch           = "Launch"
	Terminate        = "Terminate"
	HealthCheck      = "HealthCheck"
	ReplaceUnhealthy = "ReplaceUnhealthy"
	AZRebalance      = "AZRebalance"
	ScheduledActions = "ScheduledActions"
)

// startActions begins the hooks of a transition and reports whether there are
// any.
func (r *Round) startActions(m *world.Member, transition string) bool {
	m.Actions = nil
	for _, h := range r.Group.Hooks {
		if h.Transition != transition {
			continue
		}
		token, err := r.world.NewUUID(r.tx, "action")
		r.fail(err)
		now := r.now()
		m.Actions = append(m.Actions, world.HookAction{
			Hook: h.Name, Token: token, Seconds: h.Seconds, Default: h.Result, Began: now, Heartbeat: now,
		})
		r.announceAction(m, h, token)
	}
	return len(m.Actions) > 0
}

// awaitActions reports whether all actions of an instance continue, or the text
// about one that was abandoned.
func (r *Round) awaitActions(m *world.Member) (over bool, abandoned string) {
	over, changed := true, false
	for i := range m.Actions {
		a := &m.Actions[i]
		if a.Result == "" && r.timedOut(*a) {
			a.Result, a.TimedOut, changed = a.Default, true, true
		}
		switch a.Result {
		case "":
			over = false
		case Abandon:
			abandoned = abandonedText(*a)
		}
	}
	if changed {
		r.keep(m)
	}
	return over, abandoned
}

// mostHeartbeats and longestAction bound how long heartbeats keep an action.
const (
	mostHeartbeats = 100
	longestAction  = 48 * time.Hour
)

// LongestAction is how long an action of a hook can last in all.
func LongestAction(heartbeatSeconds int) time.Duration {
	return min(time.Duration(mostHeartbeats*heartbeatSeconds)*time.Second, longestAction)
}

func (r *Round) timedOut(a world.HookAction) bool {
	silent := r.over(a.Heartbeat, time.Duration(a.Seconds)*time.Second)
	return r.over(a.Began, LongestAction(a.Seconds)) || silent
}

func abandonedText(a world.HookAction) string {
	why := "Lifecycle Action Completed with ABANDON Result"
	if a.TimedOut {
		why = "Heartbeat Timeout"
	}
	return fmt.Sprintf("Lifecycle Action with token %s was abandoned: %s", a.Token, why)
}
