package resource

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/drover-project/drover/lab/region/queues"
)

func messagingTypes() []Type {
	return []Type{
		{
			Name: "AWS::SQS::Queue", Tagged: true, Handler: queue{},
			Properties: props(append(queueAttributes(), "Tags"), []string{"FifoQueue", "QueueName"}),
			Attributes: []string{"Arn", "QueueName", "QueueUrl"}, Takes: 2 * time.Second, Deletes: 2 * time.Second,
		},
		{
			Name: "AWS::SQS::QueuePolicy", Handler: queuePolicy{},
			Properties: props([]string{"PolicyDocument", "Queues"}, nil),
			Required:   []string{"PolicyDocument", "Queues"}, Attributes: []string{"Id"}, Takes: time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::Events::Rule", Handler: eventRule{},
			Properties: props([]string{"Description", "EventPattern", "RoleArn", "State", "Targets"}, []string{"EventBusName", "Name"}),
			Required:   []string{"EventPattern"}, Attributes: []string{"Arn"}, Takes: 2 * time.Second, Deletes: 2 * time.Second,
		},
	}
}

// queueAttributes are the properties of a queue that are attributes of it.
func queueAttributes() []string {
	return []string{"DelaySeconds", "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod",
		"ReceiveMessageWaitTimeSeconds", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled", "VisibilityTimeout"}
}

// Longest names that the services allow.
const (
	longestQueue = 80
	longestRule  = 64
)

// queue is AWS::SQS::Queue. Its reference is its address.
type queue struct{ base }

func (queue) Create(ctx context.Context, c *Call) (Made, error) {
	name := c.named("QueueName", longestQueue)
	in := &sqs.CreateQueueInput{QueueName: &name, Attributes: c.queueAttributes(), Tags: c.userTags().With(c.SystemTags())}
	if c.Properties.Has("FifoQueue") {
		in.Attributes["FifoQueue"] = c.Properties.Text("FifoQueue")
	}
	if _, err := c.SQS.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name}); err == nil {
		return Made{}, Failed{Reason: "Resource of type 'AWS::SQS::Queue' with identifier '" + name + "' already exists."}
	}
	out, err := c.SQS.CreateQueue(ctx, in)
	if err != nil {
		return Made{}, err
	}
	return Made{*out.QueueUrl, map[string]any{"Arn": c.World.QueueARN(name), "QueueName": name, "QueueUrl": *out.QueueUrl}}, nil
}

func (c *Call) queueAttributes() map[string]string {
	attributes := map[string]string{}
	for _, name := range queueAttributes() {
		if c.Properties.Has(name) {
			attributes[name] = c.Properties.JSON(name)
		}
	}
	return attributes
}

// Update gives attributes that the template no longer has their defaults.
func (queue) Update(ctx context.Context, c *Call) (Made, error) {
	made := Made{c.Physical, c.Attributes}
	attributes := c.queueAttributes()
	for _, name := range queueAttributes() {
		if c.Before.Has(name) && !c.Properties.Has(name) {
			attributes[name] = queues.Defaults()[name]
		}
	}
	if attributes["KmsDataKeyReusePeriodSeconds"] == "" {
		delete(attributes, "KmsDataKeyReusePeriodSeconds") // without a key it says nothing
	}
	if len(attributes) > 0 {
		if _, err := c.SQS.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &c.Physical, Attributes: attributes}); err != nil {
			return made, err
		}
	}
	if gone := lost(c.tagsBefore(), c.userTags()); len(gone) > 0 {
		if _, err := c.SQS.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: &c.Physical, TagKeys: gone}); err != nil {
			return made, err
		}
	}
	_, err := c.SQS.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: &c.Physical, Tags: c.userTags().With(c.SystemTags())})
	return made, err
}

func (queue) Delete(ctx context.Context, c *Call) error {
	_, err := c.SQS.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &c.Physical})
	return unlessGone(err)
}

// queuePolicy is AWS::SQS::QueuePolicy: one document for several queues.
type queuePolicy struct{ base }

func (p queuePolicy) Create(ctx context.Context, c *Call) (Made, error) {
	c.Physical = c.NameFor(longestResource)
	return Made{c.Physical, map[string]any{"Id": c.Physical}}, p.put(ctx, c)
}

func (queuePolicy) put(ctx context.Context, c *Call) error {
	return setPolicy(ctx, c, c.Properties.Texts("Queues"), c.Properties.JSON("PolicyDocument"))
}

func setPolicy(ctx context.Context, c *Call, addresses []string, document string) error {
	for _, address := range addresses {
		if _, err := c.SQS.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &address, Attributes: map[string]string{"Policy": document}}); err != nil {
			return err
		}
	}
	return nil
}

func (p queuePolicy) Update(ctx context.Context, c *Call) (Made, error) {
	_, removed := difference(c.Before.Texts("Queues"), c.Properties.Texts("Queues"))
	if err := setPolicy(ctx, c, removed, ""); unlessGone(err) != nil {
		return Made{c.Physical, c.Attributes}, err
	}
	return Made{c.Physical, c.Attributes}, p.put(ctx, c)
}

func (queuePolicy) Delete(ctx context.Context, c *Call) error {
	return unlessGone(setPolicy(ctx, c, c.Properties.Texts("Queues"), ""))
}

// eventRule is AWS::Events::Rule with its targets.
type eventRule struct{ base }

func (e eventRule) Create(ctx context.Context, c *Call) (Made, error) {
	c.Physical = c.named("Name", longestRule)
	made := Made{c.Physical, map[string]any{"Arn": c.World.RuleARN(c.Physical)}}
	in := &eventbridge.DescribeRuleInput{Name: &c.Physical}
	if _, err := c.EventBridge.DescribeRule(ctx, in); err == nil {
		return Made{}, Failed{Reason: c.Physical + " already exists in stack or outside of it"}
	}
	return made, e.put(ctx, c)
}

func (eventRule) put(ctx context.Context, c *Call) error {
	rule := &eventbridge.PutRuleInput{}
	if err := c.Properties.Without("Name", "Targets").Decode(rule); err != nil {
		return err
	}
	rule.Name = &c.Physical
	if _, err := c.EventBridge.PutRule(ctx, rule); err != nil {
		return err
	}
	var wanted struct{ Targets []ebtypes.Target }
	if err := c.Properties.Only("Targets").Decode(&wanted); err != nil {
		return err
	}
	if err := takeTargets(ctx, c, wanted.Targets); err != nil || len(wanted.Targets) == 0 {
		return err
	}
	_, err := c.EventBridge.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: &c.Physical, Targets: wanted.Targets})
	return err
}

// takeTargets removes the targets of a rule that it is not to have.
func takeTargets(ctx context.Context, c *Call, wanted []ebtypes.Target) error {
	has, err := c.EventBridge.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: &c.Physical})
	if err != nil {
		return err
	}
	var removed []string
	for _, target := range has.Targets {
		if !slices.ContainsFunc(wanted, func(w ebtypes.Target) bool { return aws.ToString(w.Id) == aws.ToString(target.Id) }) {
			removed = append(removed, aws.ToString(target.Id))
		}
	}
	if len(removed) == 0 {
		return nil
	}
	_, err = c.EventBridge.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: &c.Physical, Ids: removed})
	return err
}

func (e eventRule) Update(ctx context.Context, c *Call) (Made, error) {
	return Made{c.Physical, c.Attributes}, e.put(ctx, c)
}

func (eventRule) Delete(ctx context.Context, c *Call) error {
	if err := takeTargets(ctx, c, nil); err != nil {
		return unlessGone(err)
	}
	_, err := c.EventBridge.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: &c.Physical})
	return err
}
