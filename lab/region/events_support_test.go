package region_test

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// queuePolicy lets EventBridge send to a queue, as the guides for interruption
// queues write it.
func queuePolicy(name string) string {
	return fmt.Sprintf(`{"Statement":[{"Effect":"Allow","Principal":{"Service":["events.amazonaws.com","sqs.amazonaws.com"]},"Action":"sqs:SendMessage","Resource":"%s"},`+
		`{"Sid":"DenyHTTP","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"%[1]s","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`, queueARN(name))
}

// inbox makes a queue that EventBridge may send to.
func (l *lab) inbox(name string) mailbox {
	l.t.Helper()
	return l.queue(name, map[string]string{"Policy": queuePolicy(name)})
}

// rule makes a rule that sends events to a queue.
func (l *lab) rule(name, pattern string, targets ...types.Target) {
	l.t.Helper()
	must[*eventbridge.PutRuleOutput](l)(l.Events().PutRule(ctx(), &eventbridge.PutRuleInput{Name: &name, EventPattern: &pattern}))
	must[*eventbridge.PutTargetsOutput](l)(l.Events().PutTargets(ctx(), &eventbridge.PutTargetsInput{Rule: &name, Targets: targets}))
}

func target(queue string) types.Target {
	return types.Target{Id: aws.String("1"), Arn: aws.String(queueARN(queue))}
}

// put tells an event of the account's own.
func (l *lab) put(source, detailType, detail string) types.PutEventsResultEntry {
	l.t.Helper()
	return must[*eventbridge.PutEventsOutput](l)(l.Events().PutEvents(ctx(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: &source, DetailType: &detailType, Detail: &detail, Resources: []string{"arn:r"}}}})).Entries[0]
}

// told is an event as a queue gets it.
type told struct {
	Version, ID, Source, Account, Time, Region string
	DetailType                                 string `json:"detail-type"`
	Resources                                  []string
	Detail                                     map[string]any
}

// events takes the events from a queue for good.
func (b mailbox) events() (list []told) {
	b.t.Helper()
	for {
		messages := b.receive(30)
		if len(messages) == 0 {
			return list
		}
		for _, m := range messages {
			var one told
			if err := json.Unmarshal([]byte(*m.Body), &one); err != nil {
				b.t.Fatalf("%s: %v", *m.Body, err)
			}
			list = append(list, one)
			if err := b.delete(m); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}
