package world

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// Queue is one SQS queue. Its messages are Messages.
type Queue struct {
	Name             string
	Created, Changed time.Time
	// Attributes are those that were set, by SQS's names; the rest have their
	// defaults.
	Attributes map[string]string `json:",omitempty"`
	Tags       Tags              `json:",omitempty"`
	// Sent is how many messages ever came to it: they are numbered.
	Sent   int64
	Purged time.Time `json:",omitzero"`
}

// Message is one message of a queue.
type Message struct {
	ID, Queue string
	Number    int64 // in the order of arrival
	Body      string
	// Attributes are the sender's own, Trace is AWSTraceHeader.
	Attributes map[string]MessageAttribute `json:",omitempty"`
	Trace      string                      `json:",omitempty"`
	Sender     string
	Sent       time.Time
	// Visible is from when on it can be received.
	Visible       time.Time
	Received      int       // how often
	FirstReceived time.Time `json:",omitzero"`
	// Source is the ARN of the queue that gave it up, for a dead letter.
	Source string `json:",omitempty"`
}

// MessageAttribute is a typed value that comes with a message.
type MessageAttribute struct {
	Type   string // String, Number or Binary, with a suffix after a dot
	Text   string `json:",omitempty"`
	Binary []byte `json:",omitempty"`
}

// Key is the key of the message's row.
func (m Message) Key() string { return MessageKey(m.Queue, m.Number) }

// MessageKey is the key of a message of a queue.
func MessageKey(queue string, number int64) string { return fmt.Sprintf("%s/%019d", queue, number) }

// Rule is one rule of EventBridge's default bus, with its targets.
type Rule struct {
	Name, Description string
	Pattern           string // JSON
	Disabled          bool
	RoleARN           string        `json:",omitempty"`
	Targets           []EventTarget `json:",omitempty"` // by id
	Tags              Tags          `json:",omitempty"`
	Created           time.Time
}

// EventTarget is where a rule sends events, and in which form: at most one of
// Input, InputPath and Template is set.
type EventTarget struct {
	ID, ARN   string
	RoleARN   string            `json:",omitempty"`
	Input     string            `json:",omitempty"`
	InputPath string            `json:",omitempty"`
	Paths     map[string]string `json:",omitempty"` // variables of Template
	Template  string            `json:",omitempty"`
	// DeadLetters is the ARN of the queue for what cannot be delivered.
	DeadLetters string `json:",omitempty"`
	// Retry is the request's. Nothing here is tried twice: a delivery fails for
	// good or not at all.
	Retry *types.RetryPolicy `json:",omitempty"`
}

// QueueARN is the ARN of a queue.
func (w *World) QueueARN(name string) string {
	return fmt.Sprintf("arn:aws:sqs:%s:%s:%s", w.Options.Region, w.Options.Account, name)
}

// QueueOf finds the queue of an ARN. Use it within View or Update.
func (w *World) QueueOf(arn string) (Queue, bool) {
	name, here := strings.CutPrefix(arn, w.QueueARN(""))
	if !here {
		return Queue{}, false
	}
	return w.Queues.Get(name)
}

// QueueURL is the address of a queue at the region's endpoint, at the one that is
// given when the region does not know its own, or at AWS's.
func (w *World) QueueURL(endpoint, name string) string {
	endpoint = cmp.Or(w.Options.Endpoint, endpoint, "https://sqs."+w.Options.Region+".amazonaws.com")
	return fmt.Sprintf("%s/%s/%s", strings.TrimSuffix(endpoint, "/"), w.Options.Account, name)
}

// RuleARN is the ARN of a rule of the default bus.
func (w *World) RuleARN(name string) string {
	return fmt.Sprintf("arn:aws:events:%s:%s:rule/%s", w.Options.Region, w.Options.Account, name)
}
