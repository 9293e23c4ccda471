package cloud

import (
	"context"
	"time"

	"github.com/drover-project/drover/internal/model"
)

// Queue is where the cloud tells of interruptions. Its methods may be called
// concurrently.
type Queue interface {
	// Name is for people: the queue's name or URL.
	Name() string
	// Owner is the account and region that the queue belongs to, empty where that
	// is not known.
	Owner() (account, region string)
	// Receive waits for messages, up to twenty seconds, and returns at most ten;
	// none is no error. A message that is not deleted comes again. IsNotFound when
	// there is no such queue.
	Receive(ctx context.Context) ([]QueueMessage, error)
	// Delete takes messages off the queue. One that is gone already is no error.
	Delete(ctx context.Context, messages []QueueMessage) error
	// Postpone has messages come again after a time.
	Postpone(ctx context.Context, messages []QueueMessage, after time.Duration) error
}

// QueueMessage is one message as it was received.
type QueueMessage struct {
	ID, Receipt, Body string
	// Sent is when it was put into the queue, zero when unknown.
	Sent time.Time
}

// Interruptions is what the controllers need of a cloud about instances that it
// takes back, besides Provider. Every call may be repeated.
type Interruptions interface {
	// Instances describes instances by ID; those that do not exist are missing
	// from the answer.
	Instances(ctx context.Context, ids []string) (map[string]Instance, error)
	// MarkUnavailable has a pool count as without capacity for a while: what is
	// taken back now will not be there to buy.
	MarkUnavailable(pool model.OfferingKey, reason string)
	// Detach takes an instance out of its group. Unless lower is set the group keeps
	// its size and launches another at once. It is no error when the instance is no
	// member (any more).
	Detach(ctx context.Context, group, instanceID string, lower bool) error
	// Replace ends a member; lower takes it off the group's size, else the group
	// launches another. IsNotFound when the instance is gone.
	Replace(ctx context.Context, instanceID string, lower bool) error
	// Terminate ends an instance that is no member of a group; IsNotFound when it
	// is gone.
	Terminate(ctx context.Context, instanceID string) error
	// HookTimeout is how long a group's life cycle hook waits for an answer.
	HookTimeout(ctx context.Context, group, hook string) (time.Duration, error)
	// CompleteHook answers a life cycle action with CONTINUE. It is no error when
	// nothing waits for the answer (any more).
	CompleteHook(ctx context.Context, action HookAction) error
	// ExtendHook asks the hook to wait for its timeout once more.
	ExtendHook(ctx context.Context, action HookAction) error
	// Impaired lists those of the instances that fail status checks, with the
	// check and since when, and their scheduled events.
	Impaired(ctx context.Context) ([]InstanceHealth, error)
}

// GroupMember is an instance's place in an Auto Scaling group.
type GroupMember struct {
	Group string
	// Managed is the EKS node group that the group belongs to, empty for none.
	Managed string
	// Lifecycle is Auto Scaling's state of the instance, such as InService.
	Lifecycle string
	// Rebalances groups replace an instance by themselves when EC2 announces an
	// interruption.
	Rebalances bool
	Desired    int
}

// HookAction is a life cycle action of one instance. Token may be empty.
type HookAction struct{ Group, Hook, Token, InstanceID string }

// InstanceHealth is what EC2 says of an instance that is not well.
type InstanceHealth struct {
	InstanceID string
	// Failed names the check that fails, empty when none does; Since is when it
	// began, zero when EC2 does not say.
	Failed string
	Since  time.Time
	Events []InstanceEvent
}

// InstanceEvent is a scheduled event of an instance.
type InstanceEvent struct {
	Code      string
	NotBefore time.Time
}
