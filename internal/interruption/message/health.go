package message

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/drover-project/drover/internal/interruption"
)

type healthDetail struct {
	Service  string `json:"service"`
	Code     string `json:"eventTypeCode"`
	Category string `json:"eventTypeCategory"`
	Start    string `json:"startTime"`
	Status   string `json:"statusCode"`
	Entities []struct {
		Value  string `json:"entityValue"`
		Status string `json:"status"`
	} `json:"affectedEntities"`
}

// health reads a scheduled change of AWS Health. Other events of it (issues,
// account notifications) say nothing about when an instance ends.
func health(outer *shell, at time.Time) (Message, error) {
	var detail healthDetail
	if err := decode(outer.Detail, &detail); err != nil {
		return Message{}, err
	}
	if detail.Service != "EC2" || detail.Category != "scheduledChange" {
		return noOp("AWS Health event %s of %s (%s)", detail.Code, detail.Service, detail.Category), nil
	}
	start, err := healthTime(detail.Start)
	if err != nil {
		return Message{}, err
	}
	var instances []string
	over := map[string]bool{}
	for _, entity := range detail.Entities {
		if checkID(entity.Value) == nil { // others are reservations, volumes, hosts
			instances = append(instances, entity.Value)
			over[entity.Value] = entity.Status == "RESOLVED"
		}
	}
	if len(detail.Entities) == 0 {
		instances = slices.DeleteFunc(slices.Clone(outer.Resources), func(id string) bool { return checkID(id) != nil })
	}
	if len(instances) == 0 {
		return noOp("AWS Health event %s about no instance", detail.Code), nil
	}
	slices.Sort(instances)
	instances = slices.Compact(instances)
	message := Message{Kind: ScheduledChange}
	for _, id := range instances[:min(len(instances), maxInstances)] {
		notice := interruption.Scheduled(id, clip(detail.Code), at, start, over[id] || isOver(&detail))
		message.Notices = append(message.Notices, notice)
	}
	return message, nil
}

func isOver(detail *healthDetail) bool {
	code := strings.ToUpper(detail.Code)
	return detail.Status == "closed" || strings.HasSuffix(code, "_CANCELLED") || strings.HasSuffix(code, "_CANCELED") || strings.HasSuffix(code, "_COMPLETED")
}

// healthTime reads the times of AWS Health, which are not those of EventBridge.
func healthTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC1123, "Mon, 2 Jan 2006 15:04:05 MST", time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, malformed("startTime %q is neither RFC 1123 nor RFC 3339", clip(text))
}

// action is a life cycle action, in EventBridge's detail or sent by Auto Scaling.
type action struct {
	Group      string `json:"AutoScalingGroupName"`
	Hook       string `json:"LifecycleHookName"`
	Token      string `json:"LifecycleActionToken"`
	Instance   string `json:"EC2InstanceId"`
	Transition string `json:"LifecycleTransition"`
	Time       string `json:"Time"`
	Account    string `json:"AccountId"`
}

// lifecycle reads a life cycle action that came through EventBridge.
func lifecycle(outer *shell, at time.Time) (Message, error) {
	return actionOf(outer.Detail, at)
}

// direct reads one that Auto Scaling sent to the queue itself.
func direct(body []byte, source Source, received time.Time) (Message, error) {
	var a action
	if err := decode(body, &a); err != nil {
		return Message{}, err
	}
	at, err := moment(a.Time, received)
	if err != nil {
		return Message{}, err
	}
	message, err := actionOf(body, at)
	if err == nil && message.Kind != NoOp {
		message.Foreign = source.foreign(a.Account, "")
	}
	return message, err
}

func actionOf(body json.RawMessage, at time.Time) (Message, error) {
	var a action
	if err := decode(body, &a); err != nil {
		return Message{}, err
	}
	if err := checkID(a.Instance); err != nil {
		return Message{}, err
	}
	if a.Group == "" || a.Hook == "" || len(a.Group)+len(a.Hook)+len(a.Token) > 4*maxID*4 {
		return Message{}, malformed("a life cycle action has the names of its group and its hook")
	}
	hook := &interruption.Hook{Group: a.Group, Name: a.Hook, Token: a.Token}
	switch a.Transition {
	case "autoscaling:EC2_INSTANCE_TERMINATING":
		return one(GroupTermination, interruption.Termination(a.Instance, at, hook)), nil
	case "autoscaling:EC2_INSTANCE_LAUNCHING":
		return one(GroupLaunch, interruption.Launch(a.Instance, at, hook)), nil
	}
	return noOp("life cycle transition %s", a.Transition), nil
}
