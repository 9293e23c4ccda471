package sqsapi

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/queues"
	"github.com/drover-project/drover/lab/region/world"
)

// ReceiveMessage takes messages for a while, and waits for the first of them as long as asked.
func (s *SQS) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput) (*sqs.ReceiveMessageOutput, error) {
	if err := supported(in, "QueueUrl", "AttributeNames", "MaxNumberOfMessages", "MessageAttributeNames", "MessageSystemAttributeNames", "VisibilityTimeout", "WaitTimeSeconds"); err != nil {
		return nil, err
	}
	ask, err := s.ask(ctx, in)
	if err != nil {
		return nil, err
	}
	messages, err := s.queues.Receive(ctx, ask)
	if err != nil {
		return nil, err
	}
	out := &sqs.ReceiveMessageOutput{}
	var system []string
	//lint:ignore SA1019 older clients ask so
	for _, name := range in.AttributeNames {
		system = append(system, string(name))
	}
	for _, name := range in.MessageSystemAttributeNames {
		system = append(system, string(name))
	}
	for _, m := range messages {
		out.Messages = append(out.Messages, received(m, system, in.MessageAttributeNames))
	}
	return out, nil
}

// ask is a request for messages, with the queue's own durations where it names
// none.
func (s *SQS) ask(ctx context.Context, in *sqs.ReceiveMessageInput) (ask queues.Ask, err error) {
	caller := awswire.CallerFrom(ctx)
	most := in.MaxNumberOfMessages
	if most == 0 && !caller.Given("MaxNumberOfMessages") {
		most = 1
	}
	switch {
	case most < 1 || most > mostReceive:
		return ask, outOfRange(most, "MaxNumberOfMessages", "between 1 and 10, if provided")
	case in.WaitTimeSeconds < 0 || in.WaitTimeSeconds > mostWait:
		return ask, outOfRange(in.WaitTimeSeconds, "WaitTimeSeconds", ">= 0 and <= 20, if provided")
	case in.VisibilityTimeout < 0 || in.VisibilityTimeout > mostHidden:
		return ask, outOfRange(in.VisibilityTimeout, "VisibilityTimeout", "between 0 and 43200")
	}
	err = s.view(in.QueueUrl, func(queue world.Queue) error {
		ask = queues.Ask{
			Queue: queue.Name, Most: int(most),
			Invisible: time.Duration(in.VisibilityTimeout) * time.Second, Wait: time.Duration(in.WaitTimeSeconds) * time.Second,
		}
		if ask.Invisible == 0 && !caller.Given("VisibilityTimeout") {
			ask.Invisible = queues.Seconds(queue, "VisibilityTimeout")
		}
		if ask.Wait == 0 && !caller.Given("WaitTimeSeconds") {
			ask.Wait = queues.Seconds(queue, "ReceiveMessageWaitTimeSeconds")
		}
		return nil
	})
	return ask, err
}

func received(m world.Message, system, attributes []string) types.Message {
	chosen := chooseAttributes(m.Attributes, attributes)
	out := types.Message{
		MessageId: aws.String(m.ID), ReceiptHandle: aws.String(handleOf(m)), Body: aws.String(m.Body), MD5OfBody: aws.String(bodyDigest(m.Body)),
		MD5OfMessageAttributes: optional(attributesDigest(chosen)), Attributes: chooseSystem(m, system),
	}
	for name, a := range chosen {
		if out.MessageAttributes == nil {
			out.MessageAttributes = map[string]types.MessageAttributeValue{}
		}
		out.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String(a.Type), StringValue: optional(a.Text), BinaryValue: a.Binary}
	}
	return out
}

// chooseAttributes picks a message's attributes: All, .*, a name, or the
// beginning of names before .*
func chooseAttributes(all map[string]world.MessageAttribute, names []string) map[string]world.MessageAttribute {
	chosen := map[string]world.MessageAttribute{}
	for name, a := range all {
		if slices.ContainsFunc(names, func(asked string) bool {
			prefix, open := strings.CutSuffix(asked, ".*")
			return asked == "All" || asked == name || open && strings.HasPrefix(name, prefix)
		}) {
			chosen[name] = a
		}
	}
	return chosen
}

func chooseSystem(m world.Message, names []string) map[string]string {
	all := map[string]string{
		"SenderId": m.Sender, "SentTimestamp": milliseconds(m.Sent), "ApproximateReceiveCount": strconv.Itoa(m.Received),
		"ApproximateFirstReceiveTimestamp": milliseconds(m.FirstReceived), "AWSTraceHeader": m.Trace, "DeadLetterQueueSourceArn": m.Source,
	}
	var chosen map[string]string
	for name, value := range all {
		if value == "" || !slices.Contains(names, name) && !slices.Contains(names, "All") {
			continue
		}
		if chosen == nil {
			chosen = map[string]string{}
		}
		chosen[name] = value
	}
	return chosen
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
