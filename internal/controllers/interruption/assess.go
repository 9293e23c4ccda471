// Package interruption acts on what is known of nodes that AWS takes back. The
// Listener only records what a queue says, on Nodes and NodeClaims, and HealthPoller
// what EC2's status checks say; the agent on the nodes records too. The Reconciler
// alone acts on the record, alike for nodes of NodeClaims, of Auto Scaling groups
// and of EKS's groups: mark the node, have its pods planned elsewhere, let them go
// when there is a place or no more time, and end the node in good order. All of
// its state is on the objects: a process that takes over goes on.
package interruption

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/evacuate"
	"github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/observe"
)

// Policy says how interruptions are dealt with.
type Policy struct {
	// Force and ForceBefore are for pods that PodDisruptionBudgets still hold that
	// long before AWS takes the node.
	Force       evacuate.Force
	ForceBefore time.Duration
	// Margin is kept between the end of a pod's grace period and that moment.
	Margin time.Duration
	// RebalanceExpiry is how long a rebalance recommendation counts: without an
	// interruption by then it was a false alarm.
	RebalanceExpiry time.Duration
	// ScheduledLead is how long before a scheduled event its node is emptied.
	ScheduledLead time.Duration
	// GroupTermination is how long a node of a group that ends an instance may take
	// where the group's life cycle hook does not say.
	GroupTermination time.Duration
}

// DefaultPolicy is documented in docs/reference/controller.md.
func DefaultPolicy() Policy {
	return Policy{
		Force: evacuate.ForceNever, ForceBefore: 15 * time.Second, Margin: 10 * time.Second,
		RebalanceExpiry: 20 * time.Minute, ScheduledLead: time.Hour, GroupTermination: 10 * time.Minute,
	}
}

// outlived is how long after AWS was to take a node it may still be Ready before
// the notice counts as come to nothing.
const outlived = 10 * time.Minute

// Level is how far a node is given up.
type Level int

// Levels, in order.
const (
	// Keep: nothing is wrong with it.
	Keep Level = iota
	// Wary: it works on, its pods are planned elsewhere and go when there is a
	// place, and only then is it closed.
	Wary
	// Leave: it takes no more pods.
	Leave
)

// Verdict is what the notices about a node come to.
type Verdict struct {
	Level Level
	// Kind and Noticed are of the notice that decides.
	Kind    interruption.Kind
	Noticed time.Time
	// Deadline is when AWS takes the node, zero when it has not said.
	Deadline time.Time
	// Until is when the verdict may change by itself, zero for never.
	Until time.Time
	// Expired are the IDs of notices that have come to nothing.
	Expired []string
}

// Assess weighs the notices about a node. ready says that its kubelet answers.
func Assess(notices []interruption.Notice, now time.Time, ready bool, policy Policy) Verdict {
	var v Verdict
	for _, n := range notices {
		if n.Over {
			continue
		}
		one := policy.weigh(n, now, ready)
		if len(one.Expired) > 0 {
			v.Expired = append(v.Expired, one.Expired...)
			continue
		}
		v.join(one)
	}
	slices.Sort(v.Expired)
	return v
}

// join takes the graver of two verdicts, and the earlier deadline of equals.
func (v *Verdict) join(one Verdict) {
	v.Until = sooner(v.Until, one.Until)
	if one.Level == Keep || one.Level < v.Level {
		return
	}
	deadline := one.Deadline
	if one.Level == v.Level {
		deadline = sooner(v.Deadline, one.Deadline)
	}
	if one.Level > v.Level || (!one.Deadline.IsZero() && deadline.Equal(one.Deadline) && !one.Deadline.Equal(v.Deadline)) {
		v.Kind, v.Noticed = one.Kind, one.Noticed
	}
	v.Level, v.Deadline = one.Level, deadline
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// weigh is the verdict about one notice.
func (p Policy) weigh(n interruption.Notice, now time.Time, ready bool) Verdict {
	v := Verdict{Level: Leave, Kind: n.Kind, Noticed: n.Noticed, Deadline: n.Deadline}
	switch n.Kind {
	case interruption.GroupLaunch:
		return Verdict{}
	case interruption.RebalanceRecommendation:
		v.Level, v.Deadline = Wary, time.Time{}
		v.Until = n.Noticed.Add(p.RebalanceExpiry)
		if !now.Before(v.Until) {
			return Verdict{Expired: []string{n.ID}}
		}
	case interruption.ScheduledEvent:
		if start := n.Deadline.Add(-p.ScheduledLead); !n.Deadline.IsZero() && now.Before(start) {
			return Verdict{Until: start}
		}
	case interruption.GroupTermination:
		if v.Deadline.IsZero() {
			v.Deadline = n.Noticed.Add(p.GroupTermination)
		}
		return v // the group has decided; it does not come back from that
	}
	if v.Deadline.IsZero() {
		return v
	}
	end := v.Deadline.Add(outlived)
	if now.Before(end) {
		v.Until = sooner(v.Until, end)
	} else if ready {
		return Verdict{Expired: []string{n.ID}}
	}
	return v
}

// cordonedAnnotation says that it was drover that made a Node unschedulable.
const cordonedAnnotation = "drover.sh/cordoned"

// balancers is the value of the label that keeps load balancers away.
const balancers = "drover"

// Mark makes a Node look as the verdict says and reports whether that is a change.
// Whatever others did to the Node stays.
func Mark(node *corev1.Node, level Level, kind interruption.Kind) bool {
	changed := markTaint(node, level, kind)
	closed := level == Leave
	switch {
	case closed && !node.Spec.Unschedulable:
		node.Spec.Unschedulable = true
		if node.Annotations == nil {
			node.Annotations = map[string]string{}
		}
		node.Annotations[cordonedAnnotation] = "true"
		taintUnschedulable(node)
		changed = true
	case !closed && node.Annotations[cordonedAnnotation] != "":
		node.Spec.Unschedulable = false
		delete(node.Annotations, cordonedAnnotation)
		node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, isUnschedulable)
		changed = true
	}
	label, labelled := node.Labels[corev1.LabelNodeExcludeBalancers]
	switch {
	case closed && !labelled:
		if node.Labels == nil {
			node.Labels = map[string]string{}
		}
		node.Labels[corev1.LabelNodeExcludeBalancers] = balancers
		changed = true
	case !closed && label == balancers:
		delete(node.Labels, corev1.LabelNodeExcludeBalancers)
		changed = true
	}
	return changed
}

// taintUnschedulable says at once what Kubernetes' node controller would make of a
// closed node with two requests of its own: for hundreds of nodes in one second
// those would come between the node and its closing.
func taintUnschedulable(node *corev1.Node) {
	if !slices.ContainsFunc(node.Spec.Taints, isUnschedulable) {
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule})
	}
}

func isUnschedulable(taint corev1.Taint) bool { return taint.Key == corev1.TaintNodeUnschedulable }

func markTaint(node *corev1.Node, level Level, kind interruption.Kind) bool {
	isOurs := func(taint corev1.Taint) bool { return taint.Key == observe.InterruptionTaint }
	if level == Keep {
		before := len(node.Spec.Taints)
		node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, isOurs)
		return len(node.Spec.Taints) != before
	}
	wanted := corev1.Taint{Key: observe.InterruptionTaint, Value: string(kind), Effect: corev1.TaintEffectNoSchedule}
	if level == Wary {
		wanted.Effect = corev1.TaintEffectPreferNoSchedule
	}
	at := slices.IndexFunc(node.Spec.Taints, isOurs)
	if at < 0 {
		node.Spec.Taints = append(node.Spec.Taints, wanted)
		return true
	}
	if have := node.Spec.Taints[at]; have.Value == wanted.Value && have.Effect == wanted.Effect {
		return false
	}
	node.Spec.Taints[at].Value, node.Spec.Taints[at].Effect = wanted.Value, wanted.Effect
	return true
}
