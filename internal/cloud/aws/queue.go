package aws

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/drover-project/drover/internal/cloud"
)

const (
	// messagesPerCall is the most that SQS hands over, or takes, in one call.
	messagesPerCall = 10
	// pollSeconds is the longest that SQS holds a request.
	pollSeconds = 20
	// hideSeconds is how long a message stays with its receiver.
	hideSeconds = 30
)

// SQS is what the adapter needs of Amazon SQS.
type SQS interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// Queue implements cloud.Queue on Amazon SQS.
type Queue struct {
	client SQS
	name   string // as it was given
	region string
	// url is asked for when it is first needed: the queue may be made later.
	url chan string
}

var _ cloud.Queue = (*Queue)(nil)

// ConnectQueue connects to a queue, by its name or URL, with the SDK's default
// configuration. It does not look whether the queue is there.
func ConnectQueue(ctx context.Context, name string, options Options) (*Queue, error) {
	configuration, err := connect(ctx, options)
	if err != nil {
		return nil, err
	}
	configuration.HTTPClient = awshttp.NewBuildableClient().WithTimeout(pollSeconds*time.Second + requestTimeout)
	return NewQueue(sqs.NewFromConfig(configuration), name, configuration.Region)
}

// NewQueue is the queue of a name (Karpenter's --interruption-queue) or URL.
func NewQueue(client SQS, name, region string) (*Queue, error) {
	q := &Queue{client: client, name: name, region: region, url: make(chan string, 1)}
	known := ""
	if strings.Contains(name, "://") {
		parsed, err := url.Parse(name)
		if err != nil || parsed.Host == "" || len(strings.Split(strings.Trim(parsed.Path, "/"), "/")) < 2 {
			return nil, fmt.Errorf("%q is not the URL of a queue, such as https://sqs.REGION.amazonaws.com/ACCOUNT/NAME; a name alone will do", name)
		}
		known = name
	} else if name == "" || strings.ContainsAny(name, "/: ") {
		return nil, fmt.Errorf("%q is neither the name nor the URL of a queue", name)
	}
	q.url <- known
	return q, nil
}

// Name implements cloud.Queue.
func (q *Queue) Name() string { return q.name }

// Owner implements cloud.Queue: the account is part of the URL.
func (q *Queue) Owner() (account, region string) {
	address := <-q.url
	q.url <- address
	parsed, err := url.Parse(address)
	if err != nil || address == "" {
		return "", q.region
	}
	account, _, _ = strings.Cut(strings.Trim(parsed.Path, "/"), "/")
	if _, err := strconv.ParseUint(account, 10, 64); err != nil {
		account = ""
	}
	return account, q.region
}

// address is the queue's URL.
func (q *Queue) address(ctx context.Context) (*string, error) {
	address := <-q.url
	defer func() { q.url <- address }()
	if address != "" {
		return &address, nil
	}
	answer, err := q.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.name})
	if err != nil {
		return nil, q.classify(err, "looking for queue "+q.name)
	}
	address = sdk.ToString(answer.QueueUrl)
	return &address, nil
}

func (q *Queue) classify(err error, doing string) error {
	var missing *types.QueueDoesNotExist
	if errors.As(err, &missing) || strings.Contains(errorCode(err), "NonExistentQueue") || errorCode(err) == "QueueDoesNotExist" {
		return fmt.Errorf("%s: %w (%w)", doing, err, cloud.ErrNotFound)
	}
	return classify(err, doing)
}

// Receive implements cloud.Queue.
func (q *Queue) Receive(ctx context.Context) ([]cloud.QueueMessage, error) {
	address, err := q.address(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: address, MaxNumberOfMessages: messagesPerCall, WaitTimeSeconds: pollSeconds, VisibilityTimeout: hideSeconds,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
	})
	if err != nil {
		return nil, q.classify(err, "receiving from queue "+q.name)
	}
	messages := make([]cloud.QueueMessage, 0, len(answer.Messages))
	for _, each := range answer.Messages {
		message := cloud.QueueMessage{ID: sdk.ToString(each.MessageId), Receipt: sdk.ToString(each.ReceiptHandle), Body: sdk.ToString(each.Body)}
		sent := each.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)]
		if millis, err := strconv.ParseInt(sent, 10, 64); err == nil {
			message.Sent = time.UnixMilli(millis).UTC()
		}
		messages = append(messages, message)
	}
	return messages, nil
}

// Delete implements cloud.Queue.
func (q *Queue) Delete(ctx context.Context, messages []cloud.QueueMessage) error {
	address, err := q.address(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for chunk := range slices.Chunk(messages, messagesPerCall) {
		entries := make([]types.DeleteMessageBatchRequestEntry, len(chunk))
		for i := range chunk {
			entries[i] = types.DeleteMessageBatchRequestEntry{Id: sdk.String(strconv.Itoa(i)), ReceiptHandle: &chunk[i].Receipt}
		}
		answer, err := q.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: address, Entries: entries})
		if err != nil {
			failures = append(failures, q.classify(err, "deleting from queue "+q.name))
			continue
		}
		failures = append(failures, q.failed(answer.Failed, "deleting from"))
	}
	return errors.Join(failures...)
}

// Postpone implements cloud.Queue.
func (q *Queue) Postpone(ctx context.Context, messages []cloud.QueueMessage, after time.Duration) error {
	address, err := q.address(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for chunk := range slices.Chunk(messages, messagesPerCall) {
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(chunk))
		for i := range chunk {
			entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
				Id: sdk.String(strconv.Itoa(i)), ReceiptHandle: &chunk[i].Receipt, VisibilityTimeout: int32(after.Seconds()),
			}
		}
		answer, err := q.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: address, Entries: entries})
		if err != nil {
			failures = append(failures, q.classify(err, "postponing messages of queue "+q.name))
			continue
		}
		failures = append(failures, q.failed(answer.Failed, "postponing messages of"))
	}
	return errors.Join(failures...)
}

// failed joins what SQS says of single messages; a receipt that is out of date
// belongs to a message that was deleted, or comes again.
func (q *Queue) failed(entries []types.BatchResultErrorEntry, doing string) error {
	var failures []error
	for _, entry := range entries {
		if code := sdk.ToString(entry.Code); code != "ReceiptHandleIsInvalid" && code != "InvalidParameterValue" {
			failures = append(failures, fmt.Errorf("%s queue %s: %s: %s", doing, q.name, code, sdk.ToString(entry.Message)))
		}
	}
	return errors.Join(failures...)
}
