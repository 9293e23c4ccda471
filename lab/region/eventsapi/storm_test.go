package eventsapi_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/drover-project/drover/lab/region/eventsapi"
	"github.com/drover-project/drover/lab/region/queues"
	"github.com/drover-project/drover/lab/region/sqsapi"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// storm is a region on disk in which many instances are interrupted in one
// second, each with several events.
type storm struct {
	world *world.World
	sqs   *sqsapi.SQS
	url   *string
}

const events = 400

func newStorm(t testing.TB) storm {
	t.Helper()
	w, err := world.Open(world.Options{DataDir: t.TempDir(), Cluster: world.ClusterInfo{Name: "blue"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	q := queues.New(w)
	bus := eventsapi.New(w, q)
	w.OnEvent(bus.Deliver)
	service := sqsapi.New(w, q)
	created, err := service.CreateQueue(context.Background(), &sqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{
		"Policy": `{"Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*"}}`}})
	if err != nil {
		t.Fatal(err)
	}
	for i, kind := range []string{"EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation", "EC2 Instance State-change Notification", "AWS Health Event"} {
		name, pattern := fmt.Sprint("r", i), fmt.Sprintf(`{"source": ["aws.ec2"], "detail-type": [%q]}`, kind)
		if _, err := bus.PutRule(context.Background(), &eventbridge.PutRuleInput{Name: &name, EventPattern: &pattern}); err != nil {
			t.Fatal(err)
		}
		target := ebtypes.Target{Id: aws.String("1"), Arn: aws.String(w.QueueARN("q"))}
		if _, err := bus.PutTargets(context.Background(), &eventbridge.PutTargetsInput{Rule: &name, Targets: []ebtypes.Target{target}}); err != nil {
			t.Fatal(err)
		}
	}
	return storm{world: w, sqs: service, url: created.QueueUrl}
}

// tell tells of all of them in one transaction.
func (s storm) tell(t testing.TB) {
	t.Helper()
	err := s.world.Store.Update(func(tx *store.Tx) error {
		for i := range events {
			kind := []string{"EC2 Spot Instance Interruption Warning", "EC2 Instance State-change Notification"}[i%2]
			id := fmt.Sprintf("i-%017d", i/2)
			if err := s.world.Emit(tx, kind, "aws.ec2", []string{s.world.InstanceARN(id)}, map[string]string{"instance-id": id}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// drain receives and deletes until there is nothing left.
func (s storm) drain(t testing.TB) map[string]bool {
	t.Helper()
	got := map[string]bool{}
	for {
		out, err := s.sqs.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: s.url, MaxNumberOfMessages: 10, VisibilityTimeout: 60})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return got
		}
		batch := &sqs.DeleteMessageBatchInput{QueueUrl: s.url}
		for _, m := range out.Messages {
			got[*m.MessageId] = true
			batch.Entries = append(batch.Entries, types.DeleteMessageBatchRequestEntry{Id: m.MessageId, ReceiptHandle: m.ReceiptHandle})
		}
		if _, err := s.sqs.DeleteMessageBatch(context.Background(), batch); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStormIsDelivered: every event arrives once.
func TestStormIsDelivered(t *testing.T) {
	t.Parallel()
	s := newStorm(t)
	s.tell(t)
	if got := s.drain(t); len(got) != events {
		t.Errorf("%d messages, want %d", len(got), events)
	}
}

// BenchmarkStorm is how long the events of 200 instances take from being told to
// the last deletion, every step on disk.
func BenchmarkStorm(b *testing.B) {
	s := newStorm(b)
	for b.Loop() {
		s.tell(b)
		s.drain(b)
	}
}

// BenchmarkTell is the part of it in which they are told.
func BenchmarkTell(b *testing.B) {
	s := newStorm(b)
	for b.Loop() {
		s.tell(b)
	}
}
