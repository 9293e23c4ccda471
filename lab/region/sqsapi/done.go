package sqsapi

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// DeleteMessage deletes a message by the handle of its last receipt; an older handle does nothing.
func (s *SQS) DeleteMessage(_ context.Context, in *sqs.DeleteMessageInput) (*sqs.DeleteMessageOutput, error) {
	err := s.update(in.QueueUrl, func(tx *store.Tx, queue world.Queue) error {
		return s.remove(tx, queue, aws.ToString(in.ReceiptHandle))
	})
	if err != nil {
		return nil, err
	}
	return &sqs.DeleteMessageOutput{}, nil
}

func (s *SQS) remove(tx *store.Tx, queue world.Queue, handle string) error {
	m, current, err := s.receipt(queue, handle)
	if current {
		s.queues.Remove(tx, m)
	}
	return err
}

// DeleteMessageBatch deletes up to ten messages by their handles.
func (s *SQS) DeleteMessageBatch(_ context.Context, in *sqs.DeleteMessageBatchInput) (*sqs.DeleteMessageBatchOutput, error) {
	out := &sqs.DeleteMessageBatchOutput{Successful: []types.DeleteMessageBatchResultEntry{}, Failed: []types.BatchResultErrorEntry{}}
	var ids []string
	for _, e := range in.Entries {
		ids = append(ids, aws.ToString(e.Id))
	}
	if err := checkBatch(ids); err != nil {
		return nil, err
	}
	err := s.update(in.QueueUrl, func(tx *store.Tx, queue world.Queue) error {
		for _, e := range in.Entries {
			if err := s.remove(tx, queue, aws.ToString(e.ReceiptHandle)); err != nil {
				out.Failed = append(out.Failed, failure(e.Id, err))
				continue
			}
			out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: e.Id})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ChangeMessageVisibility says how long from now nobody else gets a message that was received.
func (s *SQS) ChangeMessageVisibility(_ context.Context, in *sqs.ChangeMessageVisibilityInput) (*sqs.ChangeMessageVisibilityOutput, error) {
	err := s.update(in.QueueUrl, func(tx *store.Tx, queue world.Queue) error {
		return s.hide(tx, queue, aws.ToString(in.ReceiptHandle), in.VisibilityTimeout)
	})
	if err != nil {
		return nil, err
	}
	return &sqs.ChangeMessageVisibilityOutput{}, nil
}

func (s *SQS) hide(tx *store.Tx, queue world.Queue, handle string, seconds int32) error {
	if seconds < 0 || seconds > mostHidden {
		return outOfRange(seconds, "VisibilityTimeout", "between 0 and 43200")
	}
	m, current, err := s.receipt(queue, handle)
	if err != nil {
		return err
	}
	if !current {
		return invalid("Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", handle)
	}
	now := s.world.Clock.Now()
	if !m.Visible.After(now) {
		return awserr.New("MessageNotInflight", "The message referred to isn't in flight.")
	}
	return s.queues.Show(tx, m, now.Add(time.Duration(seconds)*time.Second))
}

// ChangeMessageVisibilityBatch does so for up to ten messages.
func (s *SQS) ChangeMessageVisibilityBatch(_ context.Context, in *sqs.ChangeMessageVisibilityBatchInput) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	out := &sqs.ChangeMessageVisibilityBatchOutput{Successful: []types.ChangeMessageVisibilityBatchResultEntry{}, Failed: []types.BatchResultErrorEntry{}}
	var ids []string
	for _, e := range in.Entries {
		ids = append(ids, aws.ToString(e.Id))
	}
	if err := checkBatch(ids); err != nil {
		return nil, err
	}
	err := s.update(in.QueueUrl, func(tx *store.Tx, queue world.Queue) error {
		for _, e := range in.Entries {
			if err := s.hide(tx, queue, aws.ToString(e.ReceiptHandle), e.VisibilityTimeout); err != nil {
				out.Failed = append(out.Failed, failure(e.Id, err))
				continue
			}
			out.Successful = append(out.Successful, types.ChangeMessageVisibilityBatchResultEntry{Id: e.Id})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
