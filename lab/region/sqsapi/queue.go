package sqsapi

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/queues"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// CreateQueue makes a standard queue; one with the same attributes is given back.
func (s *SQS) CreateQueue(ctx context.Context, in *sqs.CreateQueueInput) (*sqs.CreateQueueOutput, error) {
	name := aws.ToString(in.QueueName)
	if strings.HasSuffix(name, ".fifo") && in.Attributes["FifoQueue"] == "true" {
		return nil, fifoRefused()
	}
	if !namePattern.MatchString(name) {
		return nil, invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	err := s.world.Store.Update(func(tx *store.Tx) error {
		if existing, exists := s.world.Queues.Get(name); exists {
			return s.sameQueue(existing, in.Attributes)
		}
		now := s.world.Clock.Now()
		queue, err := s.change(world.Queue{Name: name, Created: now, Tags: maps.Clone(in.Tags)}, in.Attributes)
		if err != nil {
			return err
		}
		return s.world.Queues.Put(tx, name, queue)
	})
	if err != nil {
		return nil, err
	}
	return &sqs.CreateQueueOutput{QueueUrl: s.url(ctx, name)}, nil
}

// sameQueue holds a queue against the attributes of a request to make it.
func (s *SQS) sameQueue(queue world.Queue, asked map[string]string) error {
	all := s.attributesOf(queue)
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if err := s.check(name, asked[name]); err != nil {
			return err
		}
		if all[name] != asked[name] {
			return awserr.New("QueueNameExists", "A queue already exists with the same name and a different value for attribute %s", name)
		}
	}
	return nil
}

// DeleteQueue deletes a queue with its messages; its name is free at once.
func (s *SQS) DeleteQueue(_ context.Context, in *sqs.DeleteQueueInput) (*sqs.DeleteQueueOutput, error) {
	err := s.update(in.QueueUrl, func(tx *store.Tx, queue world.Queue) error {
		s.queues.Clear(tx, queue.Name)
		s.world.Queues.Delete(tx, queue.Name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &sqs.DeleteQueueOutput{}, nil
}

// GetQueueUrl gives the address of a queue of this account.
func (s *SQS) GetQueueUrl(ctx context.Context, in *sqs.GetQueueUrlInput) (*sqs.GetQueueUrlOutput, error) {
	name, exists := aws.ToString(in.QueueName), false
	s.world.Store.View(func() { _, exists = s.world.Queues.Get(name) })
	if owner := aws.ToString(in.QueueOwnerAWSAccountId); !exists || owner != "" && owner != s.world.Options.Account {
		return nil, noQueue()
	}
	return &sqs.GetQueueUrlOutput{QueueUrl: s.url(ctx, name)}, nil
}

// ListQueues lists the addresses of queues, all or those whose name begins so.
func (s *SQS) ListQueues(ctx context.Context, in *sqs.ListQueuesInput) (*sqs.ListQueuesOutput, error) {
	var names []string
	s.world.Store.View(func() {
		for _, name := range s.world.Queues.Keys() {
			if strings.HasPrefix(name, aws.ToString(in.QueueNamePrefix)) {
				names = append(names, name)
			}
		}
	})
	out := &sqs.ListQueuesOutput{}
	var err error
	out.QueueUrls, out.NextToken, err = s.page(ctx, names, in.NextToken, in.MaxResults)
	return out, err
}

// page gives the addresses of a part of the queues.
func (s *SQS) page(ctx context.Context, names []string, token *string, most *int32) (urls []string, next *string, err error) {
	const limit = 1000
	if most == nil {
		most = aws.Int32(limit)
	}
	if *most < 1 || *most > limit {
		return nil, nil, outOfRange(*most, "MaxResults", "between 1 and 1000")
	}
	page, next, err := awswire.Page(names, token, most)
	for _, name := range page {
		urls = append(urls, *s.url(ctx, name))
	}
	return urls, next, awserr.Translate(err, map[string]string{"InvalidNextToken": "InvalidParameterValue"})
}

// ListDeadLetterSourceQueues lists the queues whose dead letters come to one.
func (s *SQS) ListDeadLetterSourceQueues(ctx context.Context, in *sqs.ListDeadLetterSourceQueuesInput) (*sqs.ListDeadLetterSourceQueuesOutput, error) {
	var names []string
	err := s.view(in.QueueUrl, func(dead world.Queue) error {
		for _, queue := range s.world.Queues.All() {
			if redrive, redrives := queues.RedriveOf(queue); redrives && redrive.Target == s.world.QueueARN(dead.Name) {
				names = append(names, queue.Name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &sqs.ListDeadLetterSourceQueuesOutput{}
	out.QueueUrls, out.NextToken, err = s.page(ctx, names, in.NextToken, in.MaxResults)
	return out, err
}

// GetQueueAttributes gives attributes of a queue by their names, with the present numbers of messages.
func (s *SQS) GetQueueAttributes(_ context.Context, in *sqs.GetQueueAttributesInput) (*sqs.GetQueueAttributesOutput, error) {
	out := &sqs.GetQueueAttributesOutput{}
	err := s.view(in.QueueUrl, func(queue world.Queue) (err error) {
		out.Attributes, err = choose(s.attributesOf(queue), in.AttributeNames)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// SetQueueAttributes changes attributes of a queue, at once.
func (s *SQS) SetQueueAttributes(_ context.Context, in *sqs.SetQueueAttributesInput) (*sqs.SetQueueAttributesOutput, error) {
	err := s.update(in.QueueUrl, func(tx *store.Tx, queue world.Queue) error {
		changed, err := s.change(queue, in.Attributes)
		if err != nil {
			return err
		}
		return s.world.Queues.Put(tx, queue.Name, changed)
	})
	if err != nil {
		return nil, err
	}
	return &sqs.SetQueueAttributesOutput{}, nil
}

// purgeRests is how long a queue that was purged cannot be purged again.
const purgeRests = 60 * time.Second

// PurgeQueue removes all messages of a queue; a minute later it may do so again.
func (s *SQS) PurgeQueue(_ context.Context, in *sqs.PurgeQueueInput) (*sqs.PurgeQueueOutput, error) {
	err := s.update(in.QueueUrl, func(tx *store.Tx, queue world.Queue) error {
		now := s.world.Clock.Now()
		if now.Sub(queue.Purged) < purgeRests {
			return awserr.WithStatus(403, "PurgeQueueInProgress", "Only one PurgeQueue operation on %s is allowed every 60 seconds.", queue.Name)
		}
		queue.Purged = now
		s.queues.Clear(tx, queue.Name)
		return s.world.Queues.Put(tx, queue.Name, queue)
	})
	if err != nil {
		return nil, err
	}
	return &sqs.PurgeQueueOutput{}, nil
}

// mostTags is how many tags a queue can have.
const mostTags = 50

// TagQueue adds tags to a queue or replaces those of the same key.
func (s *SQS) TagQueue(_ context.Context, in *sqs.TagQueueInput) (*sqs.TagQueueOutput, error) {
	err := s.update(in.QueueUrl, func(tx *store.Tx, queue world.Queue) error {
		if queue.Tags = queue.Tags.With(in.Tags); len(queue.Tags) > mostTags {
			return invalid("Too many tags added for queue %s.", queue.Name)
		}
		return s.world.Queues.Put(tx, queue.Name, queue)
	})
	if err != nil {
		return nil, err
	}
	return &sqs.TagQueueOutput{}, nil
}

// UntagQueue removes tags of a queue by their keys.
func (s *SQS) UntagQueue(_ context.Context, in *sqs.UntagQueueInput) (*sqs.UntagQueueOutput, error) {
	err := s.update(in.QueueUrl, func(tx *store.Tx, queue world.Queue) error {
		queue.Tags = queue.Tags.With(nil)
		for _, key := range in.TagKeys {
			delete(queue.Tags, key)
		}
		return s.world.Queues.Put(tx, queue.Name, queue)
	})
	if err != nil {
		return nil, err
	}
	return &sqs.UntagQueueOutput{}, nil
}

// ListQueueTags lists the tags of a queue.
func (s *SQS) ListQueueTags(_ context.Context, in *sqs.ListQueueTagsInput) (*sqs.ListQueueTagsOutput, error) {
	out := &sqs.ListQueueTagsOutput{}
	err := s.view(in.QueueUrl, func(queue world.Queue) error {
		out.Tags = queue.Tags.With(nil)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
