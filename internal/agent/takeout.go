package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/evacuate"
	"github.com/drover-project/drover/internal/interruption"
)

// Actions, as metrics name them.
const (
	actionCordon   = "cordon"
	actionDrain    = "cordon-and-drain"
	actionUncordon = "uncordon"
)

// Reasons of events, those of aws-node-termination-handler.
const (
	reasonCordon     = "Cordon"
	reasonDrain      = "CordonAndDrain"
	reasonDrainError = "CordonAndDrainError"
	reasonUncordon   = "Uncordon"
	reasonPostError  = "PostDrainError"
)

// takeOut goes on taking a node that is cordoned out of use, and finishes it.
func (a *Agent) takeOut(ctx context.Context, node *corev1.Node, d Decision, m mark) error {
	action := actionCordon
	switch {
	case d.Drain:
		action = actionDrain
		drained, err := a.drain(ctx, node, d)
		if err != nil || !drained {
			return err
		}
	case d.DrainLater:
		return nil
	}
	if err := a.post(ctx, node, d, m); err != nil {
		return err
	}
	before := node.DeepCopy()
	m.finish(node, d, a.Options.Marks)
	if err := a.Hands.Write(ctx, before, node); err != nil {
		return fmt.Errorf("noting on node %s what is done: %w", node.Name, err)
	}
	a.Metrics.did(action, nil)
	if action == actionDrain {
		for _, n := range d.For {
			a.Metrics.drained(n, a.Clock.Now())
		}
		a.event(node, false, reasonDrain, "Node successfully cordoned and drained: "+words(d.For))
	}
	a.Log.Info("node is out of use", "node", node.Name, "action", action, "notices", ids(d.For))
	return nil
}

// drain takes one look at the pods of the node.
func (a *Agent) drain(ctx context.Context, node *corev1.Node, d Decision) (drained bool, err error) {
	rules := a.Options.Evacuation
	rules.Deadline = d.Deadline
	result, err := a.Hands.Drain(ctx, node, rules)
	if err != nil {
		a.Metrics.did(actionDrain, err)
		a.event(node, true, reasonDrainError, "There was an error while draining the node: "+err.Error())
		return false, fmt.Errorf("draining node %s: %w", node.Name, err)
	}
	a.tellRefused(node, result)
	return result.Waiting == 0, nil
}

// tellRefused says what keeps pods on the node, once for each change.
func (a *Agent) tellRefused(node *corev1.Node, result evacuate.Result) {
	var lines []string
	for pod, why := range result.Refused {
		lines = append(lines, pod+": "+why)
	}
	slices.Sort(lines)
	text := strings.Join(lines, "; ")
	if text != a.refused && text != "" {
		a.Log.Info("pods cannot be evicted yet", "node", node.Name, "waiting", result.Waiting, "why", text)
	}
	a.refused = text
}

// post tells the webhook. It is given up after some tries: the node is what matters.
func (a *Agent) post(ctx context.Context, node *corev1.Node, d Decision, m mark) error {
	for _, n := range d.For {
		if slices.Contains(m.Done, n.ID) || a.posts.has(n.ID) {
			continue
		}
		err := a.Hands.Post(ctx, Report{Node: node, Identity: a.identity, Notice: n})
		if err == nil {
			a.posts.sent(n.ID)
			continue
		}
		a.Metrics.failed("webhook")
		if a.posts.failed(n.ID) {
			a.Log.Error(err, "the webhook is given up", "notice", n.ID)
			a.event(node, true, reasonPostError, "The webhook did not take the notice: "+err.Error())
			continue
		}
		return fmt.Errorf("webhook: %w", err)
	}
	return nil
}

// posts counts what the webhook was told.
type posts struct{ tries map[string]int }

// mostTries is how often the webhook is told of one notice.
const mostTries = 3

func (p *posts) has(id string) bool { return p.tries[id] >= mostTries }

func (p *posts) sent(id string) { p.set(id, mostTries) }

// failed counts a failure, and reports whether it was the last try.
func (p *posts) failed(id string) bool {
	p.set(id, p.tries[id]+1)
	return p.has(id)
}

func (p *posts) set(id string, tries int) {
	if p.tries == nil {
		p.tries = map[string]int{}
	}
	p.tries[id] = tries
}

// say tells of notices that are new, or over.
func (a *Agent) say(node *corev1.Node, news []interruption.Notice) {
	for _, n := range news {
		a.Metrics.heard(n)
		a.Log.Info("notice", "node", node.Name, "id", n.ID, "kind", string(n.Kind), "action", n.Action, "deadline", n.Deadline, "over", n.Over)
		a.event(node, !n.Over, string(n.Kind), Describe(n))
		if n.Over {
			a.posts.forget(n.ID)
		}
	}
}

func (p *posts) forget(id string) { delete(p.tries, id) }

// sayMarked tells what was done to the node itself.
func (a *Agent) sayMarked(node *corev1.Node, was, is mark, d Decision) {
	switch {
	case is.Cordoned && !was.Cordoned:
		a.Metrics.did(actionCordon, nil)
		for _, n := range d.For {
			a.Metrics.cordoned(n, a.Clock.Now())
		}
		a.event(node, false, reasonCordon, "Node successfully cordoned: "+words(d.For))
	case was.Cordoned && !is.Cordoned:
		a.Metrics.did(actionUncordon, nil)
		a.event(node, false, reasonUncordon, "Node successfully uncordoned: what was announced is over")
	}
}

func (a *Agent) event(node *corev1.Node, warning bool, reason, note string) {
	switch {
	case a.Events == nil:
	case warning:
		a.Events.Warning(node, reason, note)
	default:
		a.Events.Normal(node, reason, note)
	}
}

// Describe is a notice in a sentence.
func Describe(n interruption.Notice) string {
	if n.Over {
		return fmt.Sprintf("%s of instance %s is over or was cancelled", n.Kind, n.InstanceID)
	}
	text := map[interruption.Kind]string{
		interruption.SpotInterruption:        "EC2 takes the Spot instance %s back",
		interruption.RebalanceRecommendation: "EC2 recommends to replace the Spot instance %s: an interruption has become likely",
		interruption.ScheduledEvent:          "EC2 has scheduled an event for instance %s",
		interruption.GroupTermination:        "the Auto Scaling group ends instance %s",
	}[n.Kind]
	if text == "" {
		text = string(n.Kind) + " of instance %s"
	}
	text = fmt.Sprintf(text, n.InstanceID)
	if n.Action != "" {
		text += ": " + n.Action
	}
	if n.Detail != "" {
		text += " (" + n.Detail + ")"
	}
	if !n.Deadline.IsZero() {
		text += " at " + n.Deadline.UTC().Format("2006-01-02T15:04:05Z")
	}
	return text
}

func words(notices []interruption.Notice) string {
	var parts []string
	for _, n := range notices {
		parts = append(parts, Describe(n))
	}
	return strings.Join(parts, "; ")
}

func ids(notices []interruption.Notice) []string {
	var list []string
	for _, n := range notices {
		list = append(list, n.ID)
	}
	return list
}
