package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/drover-project/drover/internal/cloud"
)

// fakeSQS is a queue of the given bodies; it refuses operations with errors.
type fakeSQS struct {
	bodies  []string
	refuse  map[string]error
	expired map[string]bool // receipts
	calls   map[string]int
	deleted []string
	late    map[string]int32
}

func (f *fakeSQS) asked(operation string) error {
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[operation]++
	return f.refuse[operation]
}

func (f *fakeSQS) GetQueueUrl(_ context.Context, input *sqs.GetQueueUrlInput, _ ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error) {
	return &sqs.GetQueueUrlOutput{QueueUrl: sdk.String("https://sqs.us-west-2.amazonaws.com/123456789012/" + *input.QueueName)}, f.asked("GetQueueUrl")
}

func (f *fakeSQS) ReceiveMessage(_ context.Context, input *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	if err := f.asked("ReceiveMessage"); err != nil {
		return nil, err
	}
	if input.MaxNumberOfMessages != 10 || input.WaitTimeSeconds != 20 {
		return nil, fmt.Errorf("%d messages in %d seconds", input.MaxNumberOfMessages, input.WaitTimeSeconds)
	}
	output := &sqs.ReceiveMessageOutput{}
	for i, body := range f.bodies {
		output.Messages = append(output.Messages, types.Message{
			MessageId: sdk.String(fmt.Sprint("m", i)), ReceiptHandle: sdk.String(fmt.Sprint("r", i)), Body: sdk.String(body),
			Attributes: map[string]string{"SentTimestamp": "1789459200123"},
		})
	}
	return output, nil
}

func (f *fakeSQS) DeleteMessageBatch(_ context.Context, input *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	if err := f.asked("DeleteMessageBatch"); err != nil {
		return nil, err
	}
	output := &sqs.DeleteMessageBatchOutput{}
	for _, entry := range input.Entries {
		switch receipt := *entry.ReceiptHandle; {
		case f.expired[receipt]:
			output.Failed = append(output.Failed, types.BatchResultErrorEntry{Id: entry.Id, Code: sdk.String("ReceiptHandleIsInvalid")})
		case receipt == "broken":
			output.Failed = append(output.Failed, types.BatchResultErrorEntry{Id: entry.Id, Code: sdk.String("InternalError"), Message: sdk.String("later")})
		default:
			f.deleted = append(f.deleted, receipt)
		}
	}
	return output, nil
}

func (f *fakeSQS) ChangeMessageVisibilityBatch(_ context.Context, input *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	if f.late == nil {
		f.late = map[string]int32{}
	}
	for _, entry := range input.Entries {
		f.late[*entry.ReceiptHandle] = entry.VisibilityTimeout
	}
	return &sqs.ChangeMessageVisibilityBatchOutput{}, f.asked("ChangeMessageVisibilityBatch")
}

func newTestQueue(t *testing.T, fake *fakeSQS, name string) *Queue {
	t.Helper()
	q, err := NewQueue(fake, name, "us-west-2")
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestQueueByNameAndByURL(t *testing.T) {
	for name, lookups := range map[string]int{"interruptions": 1, "https://sqs.us-west-2.amazonaws.com/123456789012/interruptions": 0} {
		fake := &fakeSQS{bodies: []string{"a", "b"}}
		q := newTestQueue(t, fake, name)
		for range 2 {
			messages, err := q.Receive(t.Context())
			if err != nil || len(messages) != 2 || messages[1].Body != "b" || messages[1].Receipt != "r1" || messages[1].Sent.UnixMilli() != 1789459200123 {
				t.Fatalf("%+v, %v", messages, err)
			}
		}
		if account, region := q.Owner(); account != "123456789012" || region != "us-west-2" {
			t.Errorf("the queue is of account %q in %q", account, region)
		}
		if fake.calls["GetQueueUrl"] != lookups {
			t.Errorf("%s: looked for %d times, want %d", name, fake.calls["GetQueueUrl"], lookups)
		}
	}
	for _, wrong := range []string{"", "a b", "https://", "https://sqs.example.com/only", "arn:aws:sqs:us-west-2:123456789012:q"} {
		if _, err := NewQueue(&fakeSQS{}, wrong, ""); err == nil {
			t.Errorf("%q passes for a queue", wrong)
		}
	}
}

func TestQueueThatIsGoneOrForbidden(t *testing.T) {
	q := newTestQueue(t, &fakeSQS{refuse: map[string]error{"GetQueueUrl": apiError("AWS.SimpleQueueService.NonExistentQueue", "no")}}, "q")
	if _, err := q.Receive(t.Context()); !cloud.IsNotFound(err) {
		t.Errorf("a queue that is not there: %v", err)
	}
	q = newTestQueue(t, &fakeSQS{refuse: map[string]error{"ReceiveMessage": &types.QueueDoesNotExist{}}}, "q")
	if _, err := q.Receive(t.Context()); !cloud.IsNotFound(err) {
		t.Errorf("a queue that went away: %v", err)
	}
	q = newTestQueue(t, &fakeSQS{refuse: map[string]error{"ReceiveMessage": apiError("AccessDenied", "no")}}, "q")
	var terminal *cloud.TerminalError
	if _, err := q.Receive(t.Context()); !errors.As(err, &terminal) {
		t.Errorf("a queue that may not be read: %v", err)
	}
}

func TestMessagesAreDeletedTenAtATime(t *testing.T) {
	fake := &fakeSQS{expired: map[string]bool{"x3": true}}
	q := newTestQueue(t, fake, "q")
	var messages []cloud.QueueMessage
	for i := range 23 {
		messages = append(messages, cloud.QueueMessage{Receipt: fmt.Sprint("x", i)})
	}
	if err := q.Delete(t.Context(), messages); err != nil {
		t.Errorf("a receipt that is out of date is no failure: %v", err)
	}
	if fake.calls["DeleteMessageBatch"] != 3 || len(fake.deleted) != 22 {
		t.Errorf("%d calls deleted %d messages", fake.calls["DeleteMessageBatch"], len(fake.deleted))
	}
	if err := q.Delete(t.Context(), []cloud.QueueMessage{{Receipt: "broken"}}); err == nil || !strings.Contains(err.Error(), "later") {
		t.Errorf("a message that was not deleted: %v", err)
	}
	if err := q.Postpone(t.Context(), messages[:11], 10*time.Second); err != nil || len(fake.late) != 11 || fake.late["x10"] != 10 {
		t.Errorf("postponed %v: %v", fake.late, err)
	}
}
