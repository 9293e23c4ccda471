package region_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/drover-project/drover/lab/region"
)

// interruptionQueue is a template of the kind that comes with node provisioners:
// a queue with a name, its policy, and the rules of everything that ends nodes.
const interruptionQueue = `
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  ClusterName: {Type: String}
  Keep: {Type: Number, Default: 300}
Resources:
  Interruptions:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "${ClusterName}"
      MessageRetentionPeriod: !Ref Keep
      SqsManagedSseEnabled: true
      Tags: [{Key: team, Value: nodes}]
  InterruptionsPolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Interruptions]
      PolicyDocument:
        Id: Interruptions
        Statement:
        - Effect: Allow
          Principal: {Service: [events.amazonaws.com, sqs.amazonaws.com]}
          Action: sqs:SendMessage
          Resource: !GetAtt Interruptions.Arn
        - Sid: OnlyTLS
          Effect: Deny
          Action: sqs:*
          Resource: !GetAtt Interruptions.Arn
          Condition: {Bool: {aws:SecureTransport: false}}
          Principal: "*"
  Health:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [aws.health], detail-type: [AWS Health Event], detail: {service: [EC2], eventTypeCategory: [scheduledChange]}}
      Targets: [{Id: 1, Arn: !GetAtt Interruptions.Arn}]
  States:
    Type: AWS::Events::Rule
    Properties:
      Description: !Sub "states for ${ClusterName}"
      EventPattern: {source: [aws.ec2], detail-type: [EC2 Instance State-change Notification]}
      Targets: [{Id: InterruptionTarget, Arn: !GetAtt Interruptions.Arn}]
  Scaling:
    Type: AWS::Events::Rule
    Properties:
      Name: scaling
      State: DISABLED
      EventPattern: {source: [aws.autoscaling], detail-type: [EC2 Instance-terminate Lifecycle Action]}
      Targets: [{Id: 1, Arn: !GetAtt Interruptions.Arn}]
Outputs:
  URL: {Value: !Ref Interruptions}
  OtherURL: {Value: !GetAtt Interruptions.QueueUrl}
  Name: {Value: !GetAtt Interruptions.QueueName}
  ARN: {Value: !GetAtt Interruptions.Arn}
  Rule: {Value: !Ref Health}
  RuleARN: {Value: !GetAtt Health.Arn}
`

// stack waits for a stack to come to a status and gives its outputs.
func (l *lab) stackIs(name string, status cfntypes.StackStatus) map[string]string {
	l.t.Helper()
	l.clock.Advance(time.Minute)
	s := must[*cloudformation.DescribeStacksOutput](l)(l.CloudFormation().DescribeStacks(ctx(), &cloudformation.DescribeStacksInput{StackName: &name})).Stacks[0]
	if s.StackStatus != status {
		for _, e := range must[*cloudformation.DescribeStackEventsOutput](l)(l.CloudFormation().DescribeStackEvents(ctx(), &cloudformation.DescribeStackEventsInput{StackName: &name})).StackEvents {
			l.t.Errorf("%s %s %s", *e.LogicalResourceId, e.ResourceStatus, aws.ToString(e.ResourceStatusReason))
		}
		l.t.Fatalf("the stack is %s, want %s", s.StackStatus, status)
	}
	outputs := map[string]string{}
	for _, o := range s.Outputs {
		outputs[*o.OutputKey] = *o.OutputValue
	}
	return outputs
}

func clusterNamed(name string) []cfntypes.Parameter {
	return []cfntypes.Parameter{{ParameterKey: aws.String("ClusterName"), ParameterValue: &name}}
}

// TestInterruptionQueueFromATemplate: the queue and its rules are made, work, are
// changed and go with their stack.
func TestInterruptionQueueFromATemplate(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t), func(o *region.Options) { o.Endpoint = "http://127.0.0.1:8443" }).withNodes("m5.large")
	name := aws.String("queue")
	must[*cloudformation.CreateStackOutput](l)(l.CloudFormation().CreateStack(ctx(), &cloudformation.CreateStackInput{StackName: name, TemplateBody: aws.String(interruptionQueue), Parameters: clusterNamed("blue")}))
	l.clock.Advance(time.Second)
	l.reopen() // in the middle of it
	outputs := l.stackIs("queue", cfntypes.StackStatusCreateComplete)
	url := "http://127.0.0.1:8443/" + account + "/blue"
	rule := outputs["Rule"]
	for output, want := range map[string]string{"URL": url, "OtherURL": url, "Name": "blue", "ARN": queueARN("blue"), "RuleARN": "arn:aws:events:us-west-2:" + account + ":rule/" + rule} {
		check(t, output, outputs[output], want)
	}
	check(t, "rule", strings.HasPrefix(rule, "queue-Health-"), true)
	tags := must[*sqs.ListQueueTagsOutput](l)(l.SQS().ListQueueTags(ctx(), &sqs.ListQueueTagsInput{QueueUrl: &url})).Tags
	check(t, "tags", tags["team"]+tags["aws:cloudformation:logical-id"], "nodesInterruptions")

	l.createGroup(l.groupInput("workers", 0, 1, 1))
	l.clock.Advance(soon)
	q := mailbox{l, url}
	check(t, "events", kinds(q.events()), "EC2 Instance State-change Notification, EC2 Instance State-change Notification")

	changed := strings.NewReplacer("DISABLED", "ENABLED", "SqsManagedSseEnabled: true", "VisibilityTimeout: 77", "Id: InterruptionTarget", "Id: Other", "team", "squad").Replace(interruptionQueue)
	must[*cloudformation.UpdateStackOutput](l)(l.CloudFormation().UpdateStack(ctx(), &cloudformation.UpdateStackInput{
		StackName: name, TemplateBody: &changed, Parameters: append(clusterNamed("blue"), cfntypes.Parameter{ParameterKey: aws.String("Keep"), ParameterValue: aws.String("600")})}))
	l.stackIs("queue", cfntypes.StackStatusUpdateComplete)
	a := must[*sqs.GetQueueAttributesOutput](l)(l.SQS().GetQueueAttributes(ctx(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"}})).Attributes
	check(t, "attributes", a["VisibilityTimeout"]+" "+a["MessageRetentionPeriod"]+" "+a["SqsManagedSseEnabled"], "77 600 true")
	tags = must[*sqs.ListQueueTagsOutput](l)(l.SQS().ListQueueTags(ctx(), &sqs.ListQueueTagsInput{QueueUrl: &url})).Tags
	check(t, "tags", tags["team"]+tags["squad"], "nodes")
	scaling := must[*eventbridge.DescribeRuleOutput](l)(l.Events().DescribeRule(ctx(), &eventbridge.DescribeRuleInput{Name: aws.String("scaling")}))
	check(t, "state", scaling.State, "ENABLED")
	rules := must[*eventbridge.ListRulesOutput](l)(l.Events().ListRules(ctx(), &eventbridge.ListRulesInput{NamePrefix: aws.String("queue-States")})).Rules
	targets := must[*eventbridge.ListTargetsByRuleOutput](l)(l.Events().ListTargetsByRule(ctx(), &eventbridge.ListTargetsByRuleInput{Rule: rules[0].Name})).Targets
	check(t, "targets", len(targets), 1)
	check(t, "target", *targets[0].Id, "Other")

	must[*cloudformation.DeleteStackOutput](l)(l.CloudFormation().DeleteStack(ctx(), &cloudformation.DeleteStackInput{StackName: name}))
	l.clock.Advance(time.Minute)
	check(t, "queues", len(must[*sqs.ListQueuesOutput](l)(l.SQS().ListQueues(ctx(), &sqs.ListQueuesInput{})).QueueUrls), 0)
	check(t, "rules", len(must[*eventbridge.ListRulesOutput](l)(l.Events().ListRules(ctx(), &eventbridge.ListRulesInput{})).Rules), 0)
}

// TestStackThatCannotHaveItsQueue: a queue of that name is somebody else's, and
// stays; one that the service refuses is said to be.
func TestStackThatCannotHaveItsQueue(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.queue("blue", nil)
	for stack, body := range map[string]string{"taken": interruptionQueue, "wrong": strings.Replace(interruptionQueue, "SqsManagedSseEnabled: true", "VisibilityTimeout: -1", 1)} {
		must[*cloudformation.CreateStackOutput](l)(l.CloudFormation().CreateStack(ctx(), &cloudformation.CreateStackInput{
			StackName: &stack, TemplateBody: &body, Parameters: clusterNamed(map[string]string{"taken": "blue", "wrong": "green"}[stack])}))
		l.stackIs(stack, cfntypes.StackStatusRollbackComplete)
	}
	check(t, "queues", len(must[*sqs.ListQueuesOutput](l)(l.SQS().ListQueues(ctx(), &sqs.ListQueuesInput{})).QueueUrls), 1)
}
