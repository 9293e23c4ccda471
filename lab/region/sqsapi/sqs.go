// Package sqsapi is the region's Simple Queue Service: standard queues. What
// becomes of their messages is in package queues.
package sqsapi

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/queues"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// SQS implements the operations of the service, one method for each.
type SQS struct {
	world  *world.World
	queues *queues.Queues
}

// New makes the service of a region.
func New(w *world.World, q *queues.Queues) *SQS { return &SQS{world: w, queues: q} }

func noQueue() error {
	return awserr.New("QueueDoesNotExist", "The specified queue does not exist.")
}

func invalid(format string, args ...any) error {
	return awserr.New("InvalidParameterValue", format, args...)
}

func outOfRange(value int32, parameter, bounds string) error {
	return invalid("Value %d for parameter %s is invalid. Reason: Must be %s.", value, parameter, bounds)
}

// supported is awswire.Supported with this service's words.
func supported(in any, honoured ...string) error { return awswire.Supported(in, honoured...) }

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// url is the address of a queue for whoever asks.
func (s *SQS) url(ctx context.Context, name string) *string {
	return aws.String(s.world.QueueURL(awswire.CallerFrom(ctx).Endpoint, name))
}

// nameIn is the name of the queue of an address: the end of its path, after the
// account. The host does not matter, so that an address goes on working when the
// endpoint moves.
func (s *SQS) nameIn(address *string) (string, error) {
	parsed, err := url.Parse(aws.ToString(address))
	if err != nil {
		return "", awserr.WithStatus(404, "InvalidAddress", "The address %s is not valid for this endpoint.", aws.ToString(address))
	}
	parts := strings.Split(strings.Trim(parsed.Path, "/"), "/")
	if len(parts) < 2 {
		return "", awserr.WithStatus(404, "InvalidAddress", "The address %s is not valid for this endpoint.", aws.ToString(address))
	}
	account, name := parts[len(parts)-2], parts[len(parts)-1]
	if account != s.world.Options.Account {
		return "", noQueue()
	}
	return name, nil
}

// find finds the queue of an address. Use it within View or Update.
func (s *SQS) find(address *string) (world.Queue, error) {
	name, err := s.nameIn(address)
	if err != nil {
		return world.Queue{}, err
	}
	queue, exists := s.world.Queues.Get(name)
	if !exists {
		return world.Queue{}, noQueue()
	}
	return queue, nil
}

// view looks at the queue of an address.
func (s *SQS) view(address *string, look func(world.Queue) error) (err error) {
	s.world.Store.View(func() {
		var queue world.Queue
		if queue, err = s.find(address); err == nil {
			err = look(queue)
		}
	})
	return err
}

// update changes something of the queue of an address.
func (s *SQS) update(address *string, change func(*store.Tx, world.Queue) error) error {
	return s.world.Store.Update(func(tx *store.Tx) error {
		queue, err := s.find(address)
		if err != nil {
			return err
		}
		return change(tx, queue)
	})
}
