// Package message reads what a queue says of instances: events of EventBridge,
// life cycle actions that Auto Scaling sends itself, and both wrapped by SNS. It
// reads and judges form only; whether an instance is one of the cluster's is for
// the caller.
package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/drover-project/drover/internal/interruption"
)

// Kind is what a message is about, with the names of Karpenter's metric label
// message_type.
type Kind string

// Kinds of messages.
const (
	SpotInterruption    Kind = "spot_interrupted"
	Rebalance           Kind = "rebalance_recommendation"
	Stopped             Kind = "instance_stopped"
	Terminated          Kind = "instance_terminated"
	Running             Kind = "instance_running" // drover's own: an earlier stop is over
	ScheduledChange     Kind = "scheduled_change"
	CapacityReservation Kind = "capacity_reservation_interruption"
	GroupTermination    Kind = "asg_lifecycle_terminate"
	GroupLaunch         Kind = "asg_lifecycle_launch"
	// Test is what Auto Scaling sends when a hook is made.
	Test Kind = "test_notification"
	// NoOp is a message that asks for nothing: another kind of event.
	NoOp Kind = "no_op"
)

// Source says where messages may come from.
type Source struct {
	// Account and Region, when set, make events of others foreign.
	Account, Region string
}

// Message is what one message says.
type Message struct {
	Kind Kind
	// Notices about each instance it names; none of a NoOp or Test.
	Notices []interruption.Notice
	// Foreign says why the message is none of ours: another account or region.
	Foreign string
	// Note says of a NoOp what it is, for the log.
	Note string
}

// MaxBytes is the largest message that is read: what SQS takes.
const MaxBytes = 1 << 20

const (
	maxInstances = 100
	maxWraps     = 3 // SNS may be chained
	noteLength   = 120
	maxID        = 64
)

// ErrMalformed is the cause of every error of Parse: the message will not be
// better for being read again.
var ErrMalformed = errors.New("malformed message")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Parse reads one message. received stands in for the time in a message without
// one.
func Parse(body string, source Source, received time.Time) (Message, error) {
	if len(body) > MaxBytes {
		return Message{}, malformed("%d bytes are more than SQS takes", len(body))
	}
	if !utf8.ValidString(body) {
		return Message{}, malformed("not UTF-8")
	}
	return parse([]byte(body), source, received, maxWraps)
}

// shell is the outermost object of every form a message comes in; which of the
// fields are there tells them apart.
type shell struct {
	// SNS.
	Type    *string `json:"Type"`
	Message *string `json:"Message"`
	// Auto Scaling's test and life cycle notifications.
	Event               *string `json:"Event"`
	LifecycleTransition *string `json:"LifecycleTransition"`
	// EventBridge.
	Version    *string         `json:"version"`
	DetailType *string         `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Region     string          `json:"region"`
	Time       string          `json:"time"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

func parse(body []byte, source Source, received time.Time, wraps int) (Message, error) {
	var outer shell
	if err := decode(body, &outer); err != nil {
		return Message{}, err
	}
	switch {
	case outer.DetailType != nil:
		return event(&outer, source, received)
	case outer.LifecycleTransition != nil:
		return direct(body, source, received)
	case outer.Event != nil:
		if *outer.Event == "autoscaling:TEST_NOTIFICATION" {
			return Message{Kind: Test}, nil
		}
		return noOp("notification %s", *outer.Event), nil
	case outer.Message != nil:
		if wraps == 0 {
			return Message{}, malformed("wrapped more than %d times", maxWraps)
		}
		return parse([]byte(*outer.Message), source, received, wraps-1)
	}
	return Message{}, malformed("neither an EventBridge event (detail-type) nor a life cycle notification (LifecycleTransition)")
}

func decode(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(into); err != nil {
		return malformed("%s", clip(err.Error()))
	}
	if decoder.More() {
		return malformed("something follows the JSON object")
	}
	return nil
}

func noOp(format string, args ...any) Message {
	return Message{Kind: NoOp, Note: clip(fmt.Sprintf(format, args...))}
}

func clip(text string) string {
	if len(text) > noteLength {
		return strings.ToValidUTF8(text[:noteLength], "") + "…"
	}
	return text
}

// event reads an EventBridge event.
func event(outer *shell, source Source, received time.Time) (Message, error) {
	if outer.Version == nil || *outer.Version != "0" {
		return noOp("event %q of an unknown schema version", *outer.DetailType), nil
	}
	read, known := readers()[outer.Source+"\x00"+*outer.DetailType]
	if !known {
		return noOp("event %q of %s", *outer.DetailType, outer.Source), nil
	}
	at, err := moment(outer.Time, received)
	if err != nil {
		return Message{}, err
	}
	message, err := read(outer, at)
	if err != nil {
		return Message{}, err
	}
	message.Foreign = source.foreign(outer.Account, outer.Region)
	return message, nil
}

func (s Source) foreign(account, region string) string {
	switch {
	case s.Region != "" && region != "" && region != s.Region:
		return "it is about region " + clip(region)
	case s.Account != "" && account != "" && account != s.Account:
		return "it is about account " + clip(account)
	}
	return ""
}

// moment reads an RFC 3339 time; an empty one is fallback.
func moment(text string, fallback time.Time) (time.Time, error) {
	if text == "" {
		return fallback, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, malformed("time %q is not RFC 3339", clip(text))
	}
	return at, nil
}

type reader func(outer *shell, at time.Time) (Message, error)

// readers know the events that matter, by source and detail-type.
func readers() map[string]reader {
	return map[string]reader{
		"aws.ec2\x00EC2 Spot Instance Interruption Warning":                 spot,
		"aws.ec2\x00EC2 Instance Rebalance Recommendation":                  rebalance,
		"aws.ec2\x00EC2 Instance State-change Notification":                 state,
		"aws.ec2\x00EC2 Capacity Reservation Instance Interruption Warning": reservation,
		"aws.health\x00AWS Health Event":                                    health,
		"aws.autoscaling\x00EC2 Instance-terminate Lifecycle Action":        lifecycle,
		"aws.autoscaling\x00EC2 Instance-launch Lifecycle Action":           lifecycle,
	}
}

type instanceDetail struct {
	InstanceID string `json:"instance-id"`
	Action     string `json:"instance-action"`
	State      string `json:"state"`
}

func instanceOf(outer *shell) (instanceDetail, error) {
	var detail instanceDetail
	if err := decode(outer.Detail, &detail); err != nil {
		return detail, err
	}
	return detail, checkID(detail.InstanceID)
}

func checkID(id string) error {
	ok := strings.HasPrefix(id, "i-") && len(id) > len("i-") && len(id) <= maxID
	for _, r := range id {
		ok = ok && (r == '-' || (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9'))
	}
	if !ok {
		return malformed("%q is not an instance ID", clip(id))
	}
	return nil
}

func spot(outer *shell, at time.Time) (Message, error) {
	detail, err := instanceOf(outer)
	if err != nil {
		return Message{}, err
	}
	if !slices.Contains([]string{interruption.ActionTerminate, interruption.ActionStop, interruption.ActionHibernate}, detail.Action) {
		return Message{}, malformed("instance-action %q is not terminate, stop or hibernate", clip(detail.Action))
	}
	return one(SpotInterruption, interruption.Spot(detail.InstanceID, detail.Action, at, time.Time{})), nil
}

func one(kind Kind, notice interruption.Notice) Message {
	return Message{Kind: kind, Notices: []interruption.Notice{notice}}
}

func rebalance(outer *shell, at time.Time) (Message, error) {
	detail, err := instanceOf(outer)
	if err != nil {
		return Message{}, err
	}
	return one(Rebalance, interruption.Rebalance(detail.InstanceID, at)), nil
}

func state(outer *shell, at time.Time) (Message, error) {
	detail, err := instanceOf(outer)
	if err != nil {
		return Message{}, err
	}
	notice := interruption.State(detail.InstanceID, detail.State, at)
	switch detail.State {
	case "pending", "running":
		return one(Running, notice), nil
	case "stopping", "stopped":
		return one(Stopped, notice), nil
	case "shutting-down", "terminated":
		return one(Terminated, notice), nil
	}
	return Message{}, malformed("%q is not an instance state", clip(detail.State))
}

func reservation(outer *shell, at time.Time) (Message, error) {
	detail, err := instanceOf(outer)
	if err != nil {
		return Message{}, err
	}
	return one(CapacityReservation, interruption.Reservation(detail.InstanceID, at, at.Add(interruption.WarningTime))), nil
}
