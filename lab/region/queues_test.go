package region_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// mailbox is a queue of a lab.
type mailbox struct {
	*lab
	url string
}

func (l *lab) queue(name string, attributes map[string]string) mailbox {
	l.t.Helper()
	out := must[*sqs.CreateQueueOutput](l)(l.SQS().CreateQueue(ctx(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes}))
	return mailbox{l, *out.QueueUrl}
}

func queueARN(name string) string { return "arn:aws:sqs:us-west-2:" + account + ":" + name }

func (b mailbox) send(bodies ...string) {
	b.t.Helper()
	for _, body := range bodies {
		must[*sqs.SendMessageOutput](b.lab)(b.SQS().SendMessage(ctx(), &sqs.SendMessageInput{QueueUrl: &b.url, MessageBody: &body}))
	}
}

// receive takes up to ten messages for a number of seconds, with everything that
// comes with them.
func (b mailbox) receive(seconds int32) []types.Message {
	b.t.Helper()
	return must[*sqs.ReceiveMessageOutput](b.lab)(b.SQS().ReceiveMessage(ctx(), &sqs.ReceiveMessageInput{
		QueueUrl: &b.url, MaxNumberOfMessages: 10, VisibilityTimeout: seconds, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"All"},
	})).Messages
}

func (b mailbox) bodies(seconds int32) string {
	b.t.Helper()
	var texts []string
	for _, m := range b.receive(seconds) {
		texts = append(texts, *m.Body)
	}
	return strings.Join(texts, " ")
}

func (b mailbox) delete(m types.Message) error {
	_, err := b.SQS().DeleteMessage(ctx(), &sqs.DeleteMessageInput{QueueUrl: &b.url, ReceiptHandle: m.ReceiptHandle})
	return err
}

func (b mailbox) hide(m types.Message, seconds int32) error {
	_, err := b.SQS().ChangeMessageVisibility(ctx(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &b.url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds})
	return err
}

// counts are the messages that can be received, are taken, are delayed.
func (b mailbox) counts() string {
	b.t.Helper()
	a := must[*sqs.GetQueueAttributesOutput](b.lab)(b.SQS().GetQueueAttributes(ctx(), &sqs.GetQueueAttributesInput{QueueUrl: &b.url, AttributeNames: []types.QueueAttributeName{"All"}})).Attributes
	return a["ApproximateNumberOfMessages"] + " " + a["ApproximateNumberOfMessagesNotVisible"] + " " + a["ApproximateNumberOfMessagesDelayed"]
}

// TestMessagesComeBackUntilDeleted: a message that is taken is nobody else's
// until its time is over, also after the region was closed.
func TestMessagesComeBackUntilDeleted(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	q := l.queue("jobs", map[string]string{"VisibilityTimeout": "20"})
	q.send("a", "b")
	first := q.receive(0)
	check(t, "messages", len(first), 2)
	check(t, "counts", q.counts(), "0 2 0")
	check(t, "nothing", q.bodies(0), "")
	refused(t, q.delete(first[1]), "")
	l.clock.Advance(19 * time.Second)
	check(t, "before its time", q.bodies(0), "")

	l.reopen()
	check(t, "counts after reopening", q.counts(), "0 1 0")
	l.clock.Advance(time.Second)
	again := q.receive(60)
	check(t, "it comes back", len(again), 1)
	check(t, "receives", again[0].Attributes["ApproximateReceiveCount"], "2")
	check(t, "id", *again[0].MessageId, *first[0].MessageId)
	check(t, "sent", again[0].Attributes["SentTimestamp"], fmt.Sprint(start().UnixMilli()))
	check(t, "first received", again[0].Attributes["ApproximateFirstReceiveTimestamp"], fmt.Sprint(start().UnixMilli()))

	refused(t, q.delete(first[0]), "") // an older handle does nothing
	check(t, "counts", q.counts(), "0 1 0")
	refused(t, q.hide(first[0], 5), "InvalidParameterValue")
	refused(t, q.hide(again[0], 100), "")
	l.clock.Advance(90 * time.Second)
	check(t, "its time was changed", q.bodies(0), "")
	refused(t, q.hide(again[0], 0), "")
	check(t, "given back", q.counts(), "1 0 0")
	refused(t, q.hide(again[0], 5), "MessageNotInflight")
	refused(t, q.delete(again[0]), "")
	refused(t, q.delete(again[0]), "") // deleting again is no mistake
	check(t, "counts", q.counts(), "0 0 0")
	l.reopen()
	check(t, "counts after reopening", q.counts(), "0 0 0")
}

// TestDelayAndRetention: messages come when their delay is over, and are gone
// when the queue keeps them no longer.
func TestDelayAndRetention(t *testing.T) {
	t.Parallel()
	l := open(t)
	q := l.queue("jobs", map[string]string{"DelaySeconds": "10", "MessageRetentionPeriod": "60"})
	q.send("late")
	must[*sqs.SendMessageOutput](l)(l.SQS().SendMessage(ctx(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("soon"), DelaySeconds: 2}))
	check(t, "counts", q.counts(), "0 0 2")
	l.clock.Advance(2 * time.Second)
	check(t, "first", q.bodies(1), "soon")
	l.clock.Advance(8 * time.Second)
	check(t, "both", q.bodies(1), "late soon")
	l.clock.Advance(50 * time.Second)
	check(t, "counts", q.counts(), "0 0 0")
	check(t, "too late", q.bodies(1), "")
}

// TestDeadLetters: a message that is received too often goes to another queue.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	l := open(t)
	dead := l.queue("dead", nil)
	q := l.queue("jobs", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + queueARN("dead") + `","maxReceiveCount":"2"}`})
	q.send("poison")
	for range 2 {
		check(t, "it comes", q.bodies(1), "poison")
		l.clock.Advance(time.Second)
	}
	check(t, "it comes no more", q.bodies(1), "")
	check(t, "counts", q.counts()+", "+dead.counts(), "0 0 0, 1 0 0")
	letters := dead.receive(1)
	check(t, "dead letters", len(letters), 1)
	check(t, "source", letters[0].Attributes["DeadLetterQueueSourceArn"], queueARN("jobs"))
	sources := must[*sqs.ListDeadLetterSourceQueuesOutput](l)(l.SQS().ListDeadLetterSourceQueues(ctx(), &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &dead.url})).QueueUrls
	check(t, "sources", strings.Join(sources, " "), q.url)

	// Without the queue they stay where they are.
	q.send("second")
	must[*sqs.DeleteQueueOutput](l)(l.SQS().DeleteQueue(ctx(), &sqs.DeleteQueueInput{QueueUrl: &dead.url}))
	for range 4 {
		check(t, "it stays", q.bodies(1), "second")
		l.clock.Advance(time.Second)
	}
}

// TestWaitingForMessages: a receiver that waits gets what arrives, becomes
// visible or is given back meanwhile, without the clock's having to move for what
// arrives, and holds up nobody.
func TestWaitingForMessages(t *testing.T) {
	t.Parallel()
	l := open(t)
	q := l.queue("jobs", nil)
	wait := func(in context.Context) <-chan string {
		got := make(chan string, 1)
		go func() {
			out, err := l.SQS().ReceiveMessage(in, &sqs.ReceiveMessageInput{QueueUrl: &q.url, WaitTimeSeconds: 20, VisibilityTimeout: 5})
			if err != nil || len(out.Messages) == 0 {
				got <- fmt.Sprint("none ", err)
				return
			}
			got <- *out.Messages[0].Body
		}()
		return got
	}
	first := wait(ctx())
	q.send("arrives")
	check(t, "what arrives", <-first, "arrives")

	second := wait(ctx())
	check(t, "what becomes visible", l.until(second), "arrives")
	third := wait(ctx())
	check(t, "nothing but the one that is taken", l.until(third), "arrives")

	for _, m := range q.receive(1) {
		refused(t, q.delete(m), "")
	}
	l.clock.Advance(time.Minute)
	for _, m := range q.receive(1) {
		refused(t, q.delete(m), "")
	}
	check(t, "none in time", l.until(wait(ctx())), "none <nil>")
	gone, leave := context.WithCancel(ctx())
	fourth := wait(gone)
	leave()
	check(t, "the receiver leaves", <-fourth, "none <nil>")
	fifth := wait(ctx())
	l.Region.Close() // a region that closes keeps nobody waiting
	check(t, "the region closes", strings.HasPrefix(<-fifth, "none"), true)
}

// until moves the clock, a little at a time, until there is an answer; who waits for it may
// come to run late.
func (l *lab) until(answer <-chan string) string {
	l.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); runtime.Gosched() {
		select {
		case got := <-answer:
			return got
		default:
			l.clock.Advance(time.Millisecond)
		}
	}
	l.t.Fatal("no answer")
	return ""
}

// TestBatches: of a batch each message stands for itself.
func TestBatches(t *testing.T) {
	t.Parallel()
	l := open(t)
	q := l.queue("jobs", nil)
	text := func(value string) map[string]types.MessageAttributeValue {
		return map[string]types.MessageAttributeValue{"kind.of": {DataType: aws.String("String.x"), StringValue: &value}, "raw": {DataType: aws.String("Binary"), BinaryValue: []byte{1, 2}}}
	}
	sent := must[*sqs.SendMessageBatchOutput](l)(l.SQS().SendMessageBatch(ctx(), &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("one"), MessageBody: aws.String("1"), MessageAttributes: text("a")}, {Id: aws.String("two"), MessageBody: aws.String("\x01")}, {Id: aws.String("three"), MessageBody: aws.String("3")},
	}}))
	check(t, "sent", len(sent.Successful), 2)
	check(t, "failed", *sent.Failed[0].Id+" "+*sent.Failed[0].Code, "two InvalidMessageContents")
	check(t, "MD5 of the body", *sent.Successful[0].MD5OfMessageBody, "c4ca4238a0b923820dcc509a6f75849b")
	got := q.receive(30)
	check(t, "attribute", *got[0].MessageAttributes["kind.of"].StringValue, "a")
	check(t, "MD5 of the attributes", *got[0].MD5OfMessageAttributes, *sent.Successful[0].MD5OfMessageAttributes)

	hidden := must[*sqs.ChangeMessageVisibilityBatchOutput](l)(l.SQS().ChangeMessageVisibilityBatch(ctx(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
		{Id: aws.String("one"), ReceiptHandle: got[0].ReceiptHandle}, {Id: aws.String("two"), ReceiptHandle: aws.String("nonsense")},
	}}))
	check(t, "hidden", len(hidden.Successful), 1)
	check(t, "failed", *hidden.Failed[0].Code, "ReceiptHandleIsInvalid")
	check(t, "counts", q.counts(), "1 1 0")
	deleted := must[*sqs.DeleteMessageBatchOutput](l)(l.SQS().DeleteMessageBatch(ctx(), &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("one"), ReceiptHandle: got[0].ReceiptHandle}, {Id: aws.String("two"), ReceiptHandle: got[1].ReceiptHandle}, {Id: aws.String("x"), ReceiptHandle: aws.String("bm9uc2Vuc2U=")},
	}}))
	check(t, "deleted", len(deleted.Successful), 2)
	check(t, "failed", *deleted.Failed[0].Code, "ReceiptHandleIsInvalid")
	check(t, "counts", q.counts(), "0 0 0")
}

// TestQueueAttributes: what is set is described, what is not has its default, and
// a queue that is asked for again is the same one.
func TestQueueAttributes(t *testing.T) {
	t.Parallel()
	l := open(t)
	q := l.queue("jobs", map[string]string{"VisibilityTimeout": "60"})
	l.queue("jobs", map[string]string{"VisibilityTimeout": "60", "DelaySeconds": "0"})
	_, err := l.SQS().CreateQueue(ctx(), &sqs.CreateQueueInput{QueueName: aws.String("jobs"), Attributes: map[string]string{"VisibilityTimeout": "61"}})
	refused(t, err, "QueueNameExists")
	l.clock.Advance(time.Hour)
	set := func(attributes map[string]string) error {
		_, err := l.SQS().SetQueueAttributes(ctx(), &sqs.SetQueueAttributesInput{QueueUrl: &q.url, Attributes: attributes})
		return err
	}
	refused(t, set(map[string]string{"KmsMasterKeyId": "alias/aws/sqs", "Policy": queuePolicy("jobs")}), "")
	all := must[*sqs.GetQueueAttributesOutput](l)(l.SQS().GetQueueAttributes(ctx(), &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{"All"}})).Attributes
	for name, want := range map[string]string{
		"VisibilityTimeout": "60", "DelaySeconds": "0", "MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "0", "MaximumMessageSize": "1048576",
		"QueueArn": queueARN("jobs"), "SqsManagedSseEnabled": "false", "KmsMasterKeyId": "alias/aws/sqs", "KmsDataKeyReusePeriodSeconds": "300", "Policy": queuePolicy("jobs"),
		"CreatedTimestamp": fmt.Sprint(start().Unix()), "LastModifiedTimestamp": fmt.Sprint(start().Add(time.Hour).Unix()),
	} {
		check(t, name, all[name], want)
	}
	refused(t, set(map[string]string{"Policy": "", "SqsManagedSseEnabled": "true"}), "")
	some := must[*sqs.GetQueueAttributesOutput](l)(l.SQS().GetQueueAttributes(ctx(), &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{"Policy", "SqsManagedSseEnabled", "KmsMasterKeyId"}})).Attributes
	check(t, "some", fmt.Sprint(some), "map[SqsManagedSseEnabled:true]")
	for name, value := range map[string]string{
		"VisibilityTimeout": "43201", "MessageRetentionPeriod": "59", "DelaySeconds": "-1", "ReceiveMessageWaitTimeSeconds": "x", "Policy": "{", "SqsManagedSseEnabled": "yes", "RedriveAllowPolicy": "[]",
	} {
		refused(t, set(map[string]string{name: value}), "InvalidAttributeValue")
	}
	for _, redrive := range []string{"{", "{}", `{"deadLetterTargetArn":"` + queueARN("none") + `","maxReceiveCount":1}`, `{"deadLetterTargetArn":"` + queueARN("jobs") + `","maxReceiveCount":0}`} {
		refused(t, set(map[string]string{"RedrivePolicy": redrive}), "InvalidParameterValue")
	}
	refused(t, set(map[string]string{"Colour": "red"}), "InvalidAttributeName")
	_, err = l.SQS().GetQueueAttributes(ctx(), &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{"Colour"}})
	refused(t, err, "InvalidAttributeName")
}

// TestQueuesThatAreRefused: what is wrong with a request is the service's error.
func TestQueuesThatAreRefused(t *testing.T) {
	t.Parallel()
	l := open(t)
	q := l.queue("jobs", nil)
	long := strings.Repeat("x", 1<<20+1)
	elsewhere := strings.Replace(q.url, account, "999999999999", 1)
	batch := make([]types.SendMessageBatchRequestEntry, 11)
	for i := range batch {
		batch[i] = types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: aws.String("x")}
	}
	large := []types.SendMessageBatchRequestEntry{{Id: aws.String("a"), MessageBody: aws.String(long[:1<<19])}, {Id: aws.String("b"), MessageBody: aws.String(long[:1<<19+1])}}
	same := []types.DeleteMessageBatchRequestEntry{{Id: aws.String("a"), ReceiptHandle: aws.String("r")}, {Id: aws.String("a"), ReceiptHandle: aws.String("r")}}
	attribute := func(name, kind, value string) *sqs.SendMessageInput {
		return &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{name: {DataType: &kind, StringValue: &value}}}
	}
	for _, c := range []struct {
		input any
		code  string
	}{
		{&sqs.CreateQueueInput{QueueName: aws.String("a b")}, "InvalidParameterValue"},
		{&sqs.CreateQueueInput{QueueName: aws.String("a.fifo"), Attributes: map[string]string{"FifoQueue": "true"}}, "UnsupportedOperation"},
		{&sqs.CreateQueueInput{QueueName: aws.String("a"), Attributes: map[string]string{"FifoQueue": "false"}}, "InvalidAttributeName"},
		{&sqs.GetQueueUrlInput{QueueName: aws.String("none")}, "QueueDoesNotExist"},
		{&sqs.GetQueueUrlInput{QueueName: aws.String("jobs"), QueueOwnerAWSAccountId: aws.String("999999999999")}, "QueueDoesNotExist"},
		{&sqs.DeleteQueueInput{QueueUrl: &elsewhere}, "QueueDoesNotExist"},
		{&sqs.DeleteQueueInput{QueueUrl: aws.String("jobs")}, "InvalidAddress"},
		{&sqs.DeleteQueueInput{QueueUrl: aws.String("http://[::1")}, "InvalidAddress"},
		{&sqs.ListQueuesInput{MaxResults: aws.Int32(0)}, "InvalidParameterValue"},
		{&sqs.ListQueuesInput{MaxResults: aws.Int32(1), NextToken: aws.String("x")}, "InvalidParameterValue"},
		{&sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &long}, "InvalidParameterValue"},
		{&sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("")}, "MissingParameter"},
		{&sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("x"), DelaySeconds: 901}, "InvalidParameterValue"},
		{&sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("x"), MessageGroupId: aws.String("g")}, "UnsupportedOperation"},
		{attribute("a", "Text", "x"), "InvalidParameterValue"}, {attribute("a", "String", ""), "InvalidParameterValue"}, {attribute(".a", "String", "x"), "InvalidParameterValue"},
		{&sqs.SendMessageBatchInput{QueueUrl: &q.url}, "EmptyBatchRequest"}, {&sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: batch}, "TooManyEntriesInBatchRequest"},
		{&sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: large}, "BatchRequestTooLong"},
		{&sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: same}, "BatchEntryIdsNotDistinct"},
		{&sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: []types.DeleteMessageBatchRequestEntry{{Id: aws.String("a b")}}}, "InvalidBatchEntryId"},
		{&sqs.ReceiveMessageInput{QueueUrl: &q.url, MaxNumberOfMessages: 11}, "InvalidParameterValue"}, {&sqs.ReceiveMessageInput{QueueUrl: &q.url, WaitTimeSeconds: 21}, "InvalidParameterValue"},
		{&sqs.ReceiveMessageInput{QueueUrl: &q.url, VisibilityTimeout: 43201}, "InvalidParameterValue"},
		{&sqs.ReceiveMessageInput{QueueUrl: &q.url, ReceiveRequestAttemptId: aws.String("x")}, "UnsupportedOperation"},
		{&sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: aws.String("x")}, "ReceiptHandleIsInvalid"},
	} {
		_, err := call(l.services(), c.input)
		if got := codeOf(err); got != c.code {
			text, _ := json.Marshal(c.input)
			t.Errorf("%s %.200s: %v, want %s", operationOf(c.input), text, err, c.code)
		}
	}
	must[*sqs.PurgeQueueOutput](l)(l.SQS().PurgeQueue(ctx(), &sqs.PurgeQueueInput{QueueUrl: &q.url}))
	_, err := l.SQS().PurgeQueue(ctx(), &sqs.PurgeQueueInput{QueueUrl: &q.url})
	refused(t, err, "PurgeQueueInProgress")
}

func setAttribute(url, name, value string) *sqs.SetQueueAttributesInput {
	return &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{name: value}}
}
