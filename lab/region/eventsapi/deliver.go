package eventsapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/eventpattern"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// servicePrincipal is who sends to queues.
const servicePrincipal = "events.amazonaws.com"

// envelope is an event as EventBridge writes it.
type envelope struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

func (e *Events) write(event world.Event) ([]byte, error) {
	resources := event.Resources
	if resources == nil {
		resources = []string{}
	}
	return marshal(envelope{
		Version: "0", ID: event.ID, DetailType: event.DetailType, Source: event.Source, Account: e.world.Options.Account,
		Time: event.Time.UTC().Format(time.RFC3339), Region: e.world.Options.Region, Resources: resources, Detail: event.Detail,
	})
}

// marshal writes JSON with < and > as they are.
func marshal(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// Deliver sends an event to the targets of every rule that wants it.
func (e *Events) Deliver(tx *store.Tx, event world.Event) error {
	rules := slices.DeleteFunc(e.world.Rules.All(), func(r world.Rule) bool { return r.Disabled || len(r.Targets) == 0 })
	if len(rules) == 0 {
		return nil
	}
	text, err := e.write(event)
	if err != nil {
		return err
	}
	read, err := eventpattern.Read(text)
	if err != nil {
		return err
	}
	for _, rule := range rules {
		pattern, err := e.patterns.of(rule.Pattern)
		if err != nil {
			return err
		}
		if !pattern.Wants(read) {
			continue
		}
		for _, target := range rule.Targets {
			if err := e.send(tx, rule, target, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// send sends an event to a target of a rule. What cannot be delivered goes to
// the target's dead-letter queue, and into the lab's log.
func (e *Events) send(tx *store.Tx, rule world.Rule, target world.EventTarget, event []byte) error {
	body, err := e.shaped(rule, target, event)
	if err != nil {
		return err
	}
	refusal := e.post(tx, rule, target.ARN, world.Message{Body: string(body), Sender: servicePrincipal})
	if _, refused := refusal.(*awserr.Error); !refused {
		return refusal
	}
	tx.OnCommit(func() {
		e.world.Options.Log.Warn("EventBridge could not deliver an event", "rule", rule.Name, "target", target.ARN, "error", refusal)
	})
	if target.DeadLetters == "" {
		return nil
	}
	text := func(value string) world.MessageAttribute {
		return world.MessageAttribute{Type: "String", Text: value}
	}
	known := refusal.(*awserr.Error)
	lost := e.post(tx, rule, target.DeadLetters, world.Message{Body: string(event), Sender: servicePrincipal, Attributes: map[string]world.MessageAttribute{
		"RULE_ARN": text(e.world.RuleARN(rule.Name)), "TARGET_ARN": text(target.ARN), "ERROR_CODE": text(known.Code), "ERROR_MESSAGE": text(known.Message),
	}})
	if _, refused := lost.(*awserr.Error); refused {
		return nil // it has been told that the event is lost
	}
	return lost
}

// post sends a message to a queue. An *awserr.Error is the queue's refusal.
func (e *Events) post(tx *store.Tx, rule world.Rule, arn string, m world.Message) error {
	queue, exists := e.world.QueueOf(arn)
	if !exists {
		return awserr.New("NO_RESOURCE", "The specified queue does not exist.")
	}
	if !e.queues.Admits(queue, servicePrincipal, e.world.RuleARN(rule.Name)) {
		return awserr.New("NO_PERMISSIONS", "The queue's policy does not let %s send messages for the rule.", servicePrincipal)
	}
	_, err := e.queues.Send(tx, queue, m, 0)
	return err
}

// shaped is what a target gets of an event.
func (e *Events) shaped(rule world.Rule, target world.EventTarget, event []byte) ([]byte, error) {
	switch {
	case target.Input != "":
		return []byte(target.Input), nil
	case target.InputPath != "":
		return at(target.InputPath, event)
	case target.Template != "":
		return fill(target, event, map[string]string{
			"aws.events.rule-arn": e.world.RuleARN(rule.Name), "aws.events.rule-name": rule.Name,
			"aws.events.event.ingestion-time": e.world.Clock.Now().UTC().Format(time.RFC3339),
		})
	}
	return event, nil
}
