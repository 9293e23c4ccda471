package agent

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/interruption"
)

// Annotation holds what the agent itself did to its Node, so that it can take
// exactly that back, and does nothing twice.
const Annotation = "drover.sh/agent"

// cordonedAnnotation says that it was drover that made a Node unschedulable. The
// controller has the same: whichever of them is there when the reason is over
// takes it back.
const cordonedAnnotation = "drover.sh/cordoned"

// Names that aws-node-termination-handler gave its taints and labels.
const (
	prefix          = "aws-node-termination-handler/"
	actionLabel     = prefix + "action"
	eventLabel      = prefix + "event-id"
	uncordonAction  = "UncordonAfterReboot"
	handler         = "aws-node-termination-handler"
	longestValue    = 63
	shutDown        = "nodeshutdown"
	outOfServiceKey = corev1.TaintNodeOutOfService
)

// Marks are what the agent leaves on a Node besides cordoning it.
type Marks struct {
	// Taint adds a taint of aws-node-termination-handler's for each kind of notice,
	// with Effect.
	Taint  bool
	Effect corev1.TaintEffect
	// OutOfService adds node.kubernetes.io/out-of-service once the node is drained.
	OutOfService bool
	// NoLoadBalancers takes the node out of external load balancers.
	NoLoadBalancers bool
}

// mark is what Annotation holds.
type mark struct {
	// Cordoned: the node was schedulable before the agent came.
	Cordoned bool `json:"cordoned,omitempty"`
	// Boot is the boot id at which that was.
	Boot string `json:"boot,omitempty"`
	// Labelled: labels about a scheduled event are the agent's.
	Labelled bool `json:"labelled,omitempty"`
	// Excluded: the label about load balancers is the agent's.
	Excluded bool `json:"excluded,omitempty"`
	// Taints are the keys of the taints that are the agent's.
	Taints []string `json:"taints,omitempty"`
	// Done are the ids of the notices that have been dealt with to the end.
	Done []string `json:"done,omitempty"`
}

func (m mark) isZero() bool {
	return !m.Cordoned && !m.Labelled && !m.Excluded && len(m.Taints) == 0 && len(m.Done) == 0
}

// markOf reads what the agent did; what cannot be read is nothing.
func markOf(node *corev1.Node) (m mark) {
	if json.Unmarshal([]byte(node.Annotations[Annotation]), &m) != nil {
		return mark{}
	}
	return m
}

func (m mark) write(node *corev1.Node) {
	if m.isZero() {
		delete(node.Annotations, Annotation)
		return
	}
	content, err := json.Marshal(m)
	if err != nil {
		panic(err) // plain text only
	}
	annotate(node, Annotation, string(content))
}

func annotate(node *corev1.Node, key, value string) {
	if node.Annotations == nil {
		node.Annotations = map[string]string{}
	}
	node.Annotations[key] = value
}

// apply brings a Node in line with a decision. What the agent did earlier and no
// notice asks for any more is undone, whoever acts now.
func (m mark) apply(node *corev1.Node, d Decision, acting bool, marks Marks) mark {
	wanted := map[string]corev1.Taint{}
	if marks.Taint {
		wanted = taints(d.For, marks.Effect)
	}
	if d.Cordon && slices.Contains(m.Taints, outOfServiceKey) {
		wanted[outOfServiceKey] = outOfService()
	}
	m = m.setTaints(node, wanted)
	switch {
	case d.Cordon && acting:
		m = m.cordon(node, d, marks)
	case !d.Cordon:
		m = m.uncordon(node)
	}
	m.Done = slices.DeleteFunc(slices.Clone(m.Done), func(id string) bool {
		return !slices.ContainsFunc(d.For, func(n interruption.Notice) bool { return n.ID == id })
	})
	m.write(node)
	return m
}

func (m mark) cordon(node *corev1.Node, d Decision, marks Marks) mark {
	if !node.Spec.Unschedulable {
		node.Spec.Unschedulable = true
		annotate(node, cordonedAnnotation, "true")
		m.Cordoned, m.Boot = true, node.Status.NodeInfo.BootID
	}
	if _, there := node.Labels[corev1.LabelNodeExcludeBalancers]; marks.NoLoadBalancers && !there {
		label(node, corev1.LabelNodeExcludeBalancers, handler)
		m.Excluded = true
	}
	for _, n := range d.For {
		if n.Kind != interruption.ScheduledEvent {
			continue
		}
		label(node, eventLabel, valueOf(n))
		m.Labelled = true
		if n.Action == interruption.ActionReboot {
			label(node, actionLabel, uncordonAction)
		}
	}
	return m
}

func (m mark) uncordon(node *corev1.Node) mark {
	if _, still := node.Annotations[cordonedAnnotation]; m.Cordoned && still {
		node.Spec.Unschedulable = false
		delete(node.Annotations, cordonedAnnotation)
	}
	if m.Excluded {
		delete(node.Labels, corev1.LabelNodeExcludeBalancers)
	}
	if m.Labelled {
		delete(node.Labels, eventLabel)
		delete(node.Labels, actionLabel)
	}
	m.Cordoned, m.Boot, m.Labelled, m.Excluded = false, "", false, false
	return m
}

func outOfService() corev1.Taint {
	return corev1.Taint{Key: outOfServiceKey, Value: shutDown, Effect: corev1.TaintEffectNoExecute}
}

// finish notes that all notices of a decision have been dealt with.
func (m mark) finish(node *corev1.Node, d Decision, marks Marks) mark {
	for _, n := range d.For {
		if !slices.Contains(m.Done, n.ID) {
			m.Done = append(slices.Clone(m.Done), n.ID)
		}
	}
	has := slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == outOfServiceKey })
	if marks.OutOfService && d.Drain && !has {
		node.Spec.Taints = append(node.Spec.Taints, outOfService())
		m.Taints = append(slices.Clone(m.Taints), outOfServiceKey)
	}
	m.write(node)
	return m
}

func label(node *corev1.Node, key, value string) {
	if node.Labels == nil {
		node.Labels = map[string]string{}
	}
	node.Labels[key] = value
}

// taints are those that a decision's notices ask for, by key.
func taints(notices []interruption.Notice, effect corev1.TaintEffect) map[string]corev1.Taint {
	all := map[string]corev1.Taint{}
	for _, n := range notices {
		key := map[interruption.Kind]string{
			interruption.SpotInterruption: "spot-itn", interruption.ScheduledEvent: "scheduled-maintenance",
			interruption.GroupTermination: "asg-lifecycle-termination", interruption.RebalanceRecommendation: "rebalance-recommendation",
		}[n.Kind]
		all[prefix+key] = corev1.Taint{Key: prefix + key, Value: valueOf(n), Effect: effect}
	}
	return all
}

// valueOf is a notice's id as a label or a taint can hold it.
func valueOf(n interruption.Notice) string {
	value := strings.ReplaceAll(n.ID, "/", "_")
	return value[:min(len(value), longestValue)]
}

// setTaints adds the taints that are wanted and takes away those of the agent's
// that are not. A taint of the same key that is not the agent's stays as it is.
func (m mark) setTaints(node *corev1.Node, wanted map[string]corev1.Taint) mark {
	own := slices.Clone(m.Taints)
	kept := slices.DeleteFunc(slices.Clone(node.Spec.Taints), func(t corev1.Taint) bool {
		_, still := wanted[t.Key]
		return slices.Contains(own, t.Key) && !still
	})
	own = slices.DeleteFunc(own, func(key string) bool { _, still := wanted[key]; return !still })
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		if slices.ContainsFunc(kept, func(t corev1.Taint) bool { return t.Key == key }) {
			continue
		}
		kept = append(kept, wanted[key])
		if !slices.Contains(own, key) {
			own = append(own, key)
		}
	}
	if len(kept) != len(node.Spec.Taints) || len(wanted) > 0 {
		node.Spec.Taints = kept
	}
	m.Taints = own
	return m
}

// isDone reports whether all notices of a decision have been dealt with.
func (m mark) isDone(d Decision) bool {
	return !slices.ContainsFunc(d.For, func(n interruption.Notice) bool { return !slices.Contains(m.Done, n.ID) })
}
