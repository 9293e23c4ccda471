package region_test

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// messageSteps are the part of the story with every operation of SQS and
// EventBridge.
func messageSteps() []step {
	var steps []step
	for _, part := range [][]step{queueSteps(), letterSteps(), ruleSteps(), queueEnds()} {
		steps = append(steps, part...)
	}
	return steps
}

// storyURL is the queue of the story.
func storyURL() *string { return aws.String("http://127.0.0.1:1/" + account + "/story") }

func queueSteps() []step {
	return []step{
		always(&sqs.CreateQueueInput{QueueName: aws.String("story-dead")}),
		always(&sqs.CreateQueueInput{QueueName: aws.String("story"), Attributes: map[string]string{"VisibilityTimeout": "40"}, Tags: map[string]string{"a": "é <&>"}}),
		always(&sqs.GetQueueUrlInput{QueueName: aws.String("story")}),
		always(&sqs.ListQueuesInput{QueueNamePrefix: aws.String("story"), MaxResults: aws.Int32(1)}), always(&sqs.ListQueuesInput{}),
		always(&sqs.SetQueueAttributesInput{QueueUrl: storyURL(), Attributes: map[string]string{
			"Policy": queuePolicy("story"), "RedrivePolicy": `{"deadLetterTargetArn":"` + queueARN("story-dead") + `","maxReceiveCount":5}`}}),
		always(&sqs.GetQueueAttributesInput{QueueUrl: storyURL(), AttributeNames: []types.QueueAttributeName{"All"}}),
		always(&sqs.ListDeadLetterSourceQueuesInput{QueueUrl: aws.String("http://127.0.0.1:1/" + account + "/story-dead")}),
		always(&sqs.TagQueueInput{QueueUrl: storyURL(), Tags: map[string]string{"b": "c"}}), always(&sqs.ListQueueTagsInput{QueueUrl: storyURL()}),
		always(&sqs.UntagQueueInput{QueueUrl: storyURL(), TagKeys: []string{"a"}}),
	}
}

func letterSteps() []step {
	attributes := map[string]types.MessageAttributeValue{
		"n": {DataType: aws.String("Number"), StringValue: aws.String("1")}, "b": {DataType: aws.String("Binary.x"), BinaryValue: []byte{0, 255}},
	}
	receive := &sqs.ReceiveMessageInput{
		QueueUrl: storyURL(), MaxNumberOfMessages: 2, MessageAttributeNames: []string{"n", "b.*", "b"}, WaitTimeSeconds: 1,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "AWSTraceHeader"},
	}
	return []step{
		always(&sqs.SendMessageInput{QueueUrl: storyURL(), MessageBody: aws.String("é <&>\n\"'"), MessageAttributes: attributes, MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1")}}}),
		always(&sqs.SendMessageBatchInput{QueueUrl: storyURL(), Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("a"), MessageBody: aws.String("x"), MessageAttributes: attributes}, {Id: aws.String("b"), MessageBody: aws.String("y"), DelaySeconds: 1}, {Id: aws.String("c"), MessageBody: aws.String("\x02")}}}),
		always(receive),
		func(l *lab) any {
			return &sqs.ChangeMessageVisibilityInput{QueueUrl: storyURL(), ReceiptHandle: &l.receipts[0], VisibilityTimeout: 90}
		},
		func(l *lab) any {
			return &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: storyURL(), Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
				{Id: aws.String("a"), ReceiptHandle: &l.receipts[1], VisibilityTimeout: 90}, {Id: aws.String("b"), ReceiptHandle: aws.String("x")}}}
		},
		always(&sqs.GetQueueAttributesInput{QueueUrl: storyURL(), AttributeNames: []types.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}}),
		func(l *lab) any { return &sqs.DeleteMessageInput{QueueUrl: storyURL(), ReceiptHandle: &l.receipts[0]} },
		func(l *lab) any {
			return &sqs.DeleteMessageBatchInput{QueueUrl: storyURL(), Entries: []types.DeleteMessageBatchRequestEntry{{Id: aws.String("a"), ReceiptHandle: &l.receipts[1]}, {Id: aws.String("b"), ReceiptHandle: aws.String("x")}}}
		},
		wait(2 * time.Second), always(receive),
	}
}

func ruleSteps() []step {
	name, pattern := aws.String("story"), aws.String(`{"source": ["story"], "detail": {"n": [{"numeric": [">", 1]}]}}`)
	arn := aws.String("arn:aws:events:us-west-2:" + account + ":rule/story")
	receive := &sqs.ReceiveMessageInput{QueueUrl: storyURL(), MaxNumberOfMessages: 10}
	return []step{
		always(&eventbridge.DescribeEventBusInput{}), always(&eventbridge.ListEventBusesInput{}),
		always(&eventbridge.TestEventPatternInput{EventPattern: pattern, Event: aws.String(`{"id":"1","account":"1","source":"story","time":"t","region":"r","resources":[],"detail-type":"d","detail":{"n":2}}`)}),
		always(&eventbridge.PutRuleInput{Name: name, EventPattern: pattern, Description: aws.String("é <&>"), Tags: []ebtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}),
		always(&eventbridge.DescribeRuleInput{Name: name}), always(&eventbridge.ListRulesInput{NamePrefix: name}),
		always(&eventbridge.TagResourceInput{ResourceARN: arn, Tags: []ebtypes.Tag{{Key: aws.String("c"), Value: aws.String("d")}}}),
		always(&eventbridge.UntagResourceInput{ResourceARN: arn, TagKeys: []string{"a"}}), always(&eventbridge.ListTagsForResourceInput{ResourceARN: arn}),
		always(&eventbridge.PutTargetsInput{Rule: name, Targets: []ebtypes.Target{
			{Id: aws.String("1"), Arn: aws.String(queueARN("story")), RetryPolicy: &ebtypes.RetryPolicy{MaximumRetryAttempts: aws.Int32(3)}},
			{Id: aws.String("2"), Arn: aws.String(queueARN("story")), InputTransformer: &ebtypes.InputTransformer{InputPathsMap: map[string]string{"n": "$.detail.n"}, InputTemplate: aws.String(`{"n": <n>}`)}},
		}}),
		always(&eventbridge.ListTargetsByRuleInput{Rule: name, Limit: aws.Int32(1)}), always(&eventbridge.ListRuleNamesByTargetInput{TargetArn: aws.String(queueARN("story"))}),
		always(&eventbridge.DisableRuleInput{Name: name}), always(&eventbridge.EnableRuleInput{Name: name}),
		always(&eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{
			{Source: aws.String("story"), DetailType: aws.String("d"), Detail: aws.String(`{"n": 2}`), Time: aws.Time(start())}, {Source: aws.String("aws.ec2"), DetailType: aws.String("d"), Detail: aws.String(`{}`)}}}),
		always(receive),
		always(&eventbridge.RemoveTargetsInput{Rule: name, Ids: []string{"1", "2"}}), always(&eventbridge.DeleteRuleInput{Name: name}),
	}
}

func queueEnds() []step {
	return []step{always(&sqs.PurgeQueueInput{QueueUrl: storyURL()}), always(&sqs.DeleteQueueInput{QueueUrl: storyURL()})}
}
