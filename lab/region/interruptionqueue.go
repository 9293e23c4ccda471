package region

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// announcement is a kind of event that whoever handles interruptions wants to
// hear of.
type announcement struct{ rule, source, detailType string }

// announcements are those that Karpenter and the node termination handler ask
// for in their documentation.
func announcements() []announcement {
	return []announcement{
		{"spot-interruption", "aws.ec2", "EC2 Spot Instance Interruption Warning"},
		{"rebalance", "aws.ec2", "EC2 Instance Rebalance Recommendation"},
		{"instance-state-change", "aws.ec2", "EC2 Instance State-change Notification"},
		{"scheduled-change", "aws.health", "AWS Health Event"},
		{"asg-terminate", "aws.autoscaling", "EC2 Instance-terminate Lifecycle Action"},
		{"asg-launch", "aws.autoscaling", "EC2 Instance-launch Lifecycle Action"},
	}
}

// EnsureInterruptionQueue makes a queue and the EventBridge rules that send it
// what concerns instances, unless they are there.
func (r *Region) EnsureInterruptionQueue(ctx context.Context, name string) error {
	arn := strings.Join([]string{"arn:aws:sqs", r.world.Options.Region, r.world.Options.Account, name}, ":")
	policy, err := json.Marshal(map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn,
			"Principal": map[string]any{"Service": []string{"events.amazonaws.com", "sqs.amazonaws.com"}},
		}},
	})
	if err != nil {
		return fmt.Errorf("policy of queue %s: %w", name, err)
	}
	if _, err := r.SQS().GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name)}); err != nil {
		_, err = r.SQS().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: map[string]string{
			"MessageRetentionPeriod": "300", "SqsManagedSseEnabled": "true", "Policy": string(policy),
		}})
		if err != nil {
			return fmt.Errorf("making the queue %s: %w", name, err)
		}
	}
	for _, a := range announcements() {
		if err := r.announce(ctx, name+"-"+a.rule, a, arn); err != nil {
			return fmt.Errorf("making the rule for %s: %w", a.detailType, err)
		}
	}
	return nil
}

func (r *Region) announce(ctx context.Context, rule string, a announcement, queue string) error {
	pattern, err := json.Marshal(map[string][]string{"source": {a.source}, "detail-type": {a.detailType}})
	if err != nil {
		return err
	}
	if _, err := r.Events().PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String(rule), EventPattern: aws.String(string(pattern))}); err != nil {
		return err
	}
	_, err = r.Events().PutTargets(ctx, &eventbridge.PutTargetsInput{
		Rule: aws.String(rule), Targets: []ebtypes.Target{{Id: aws.String("queue"), Arn: aws.String(queue)}},
	})
	return err
}
