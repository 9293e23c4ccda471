package agent

import (
	"time"

	"github.com/drover-project/drover/internal/interruption"
)

// Rules are what the agent does when it acts itself. Times are before the
// deadline that EC2 gave.
type Rules struct {
	// Act are the kinds that it acts on.
	Act Kinds
	// RebalanceDrain drains on a rebalance recommendation, too; else it only
	// cordons.
	RebalanceDrain bool
	// RebalanceExpiry is how long a recommendation counts; 0 is for ever.
	RebalanceExpiry time.Duration
	// CordonOnly drains on nothing.
	CordonOnly bool
	// DrainBefore is when the drain of a Spot instance begins.
	DrainBefore time.Duration
	// ScheduledLead is when a node is cordoned and drained for a scheduled event.
	ScheduledLead time.Duration
}

// Situation is what the agent decides from.
type Situation struct {
	Now     time.Time
	Notices []interruption.Notice // of the Node, those that are over included
}

// Decision is how the node should be.
type Decision struct {
	Cordon, Drain bool
	// Deadline is when EC2 acts, zero when it has not said.
	Deadline time.Time
	// For are the notices that ask for it.
	For []interruption.Notice
	// Later: time alone will change the decision; DrainLater: there will be a drain.
	Later, DrainLater bool
}

// pending reports whether time alone may change the decision, or the drain goes on.
func (d Decision) pending() bool { return d.Cordon || d.Later }

// Decide says how the node should be in a situation.
func Decide(s Situation, rules Rules) Decision {
	var d Decision
	for _, n := range s.Notices {
		if n.Over || !rules.Act.has(n.Kind) {
			continue
		}
		cordon, drain, later := rules.of(n, s)
		d.Later = d.Later || later
		d.DrainLater = d.DrainLater || later && !drain && n.Kind != interruption.RebalanceRecommendation && !rules.CordonOnly
		if !cordon {
			continue
		}
		d.Cordon, d.Drain = true, d.Drain || drain && !rules.CordonOnly
		d.For = append(d.For, n)
		if drain && !n.Deadline.IsZero() && (d.Deadline.IsZero() || n.Deadline.Before(d.Deadline)) {
			d.Deadline = n.Deadline
		}
	}
	return d
}

func (k Kinds) has(kind interruption.Kind) bool {
	switch kind {
	case interruption.SpotInterruption:
		return k.Spot
	case interruption.ScheduledEvent:
		return k.Scheduled
	case interruption.RebalanceRecommendation:
		return k.Rebalance
	case interruption.GroupTermination:
		return k.Group
	}
	return false
}

// outlived is how long after EC2 was to take an instance a notice counts: the
// agent that still runs shows that it came to nothing.
const outlived = 10 * time.Minute

// of says what one notice asks for.
func (r Rules) of(n interruption.Notice, s Situation) (cordon, drain, later bool) {
	switch n.Kind {
	case interruption.SpotInterruption:
		if s.Now.After(n.Deadline.Add(outlived)) {
			return false, false, false
		}
		drain = !s.Now.Before(n.Deadline.Add(-r.DrainBefore))
		return true, drain, true
	case interruption.ScheduledEvent:
		due := !s.Now.Before(n.Deadline.Add(-r.ScheduledLead))
		return due, due, !due
	case interruption.RebalanceRecommendation:
		if r.RebalanceExpiry > 0 && !s.Now.Before(n.Noticed.Add(r.RebalanceExpiry)) {
			return false, false, false
		}
		return true, r.RebalanceDrain, r.RebalanceExpiry > 0
	}
	return true, true, false
}
