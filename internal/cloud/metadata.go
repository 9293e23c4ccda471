package cloud

import (
	"context"
	"errors"
	"time"
)

// Metadata is what an instance can learn of itself where it runs. What is not
// there is the zero value, not an error. An answer that makes no sense is
// ErrUnreadable; every other error says that the service was not reached.
type Metadata interface {
	// Identity is who the instance is.
	Identity(ctx context.Context) (Identity, error)
	// SpotInterruption is the end of a Spot instance.
	SpotInterruption(ctx context.Context) (SpotInterruption, error)
	// Rebalance is when a rebalance recommendation was made.
	Rebalance(ctx context.Context) (time.Time, error)
	// Maintenance are the scheduled events, those that are over included.
	Maintenance(ctx context.Context) ([]MaintenanceEvent, error)
	// TargetLifecycle is the state that the Auto Scaling group moves the instance
	// to, such as InService or Terminated.
	TargetLifecycle(ctx context.Context) (string, error)
}

// ErrUnreadable says that the metadata service said something that is not what
// it documents.
var ErrUnreadable = errors.New("the instance metadata service gave an answer that cannot be read")

// Identity is who an instance is. Public names are empty where it has none.
type Identity struct {
	InstanceID, Type, LifeCycle, Zone, Region, Account string
	LocalHostname, LocalIPv4                           string
	PublicHostname, PublicIPv4                         string
}

// SpotInterruption is EC2's notice that it takes a Spot instance back; the zero
// value is none.
type SpotInterruption struct {
	Action string    // terminate, stop or hibernate
	At     time.Time // when EC2 acts
}

// MaintenanceEvent is a scheduled event of an instance or its host.
type MaintenanceEvent struct {
	ID          string
	Code        string // such as system-reboot
	Description string
	NotBefore   time.Time
	NotAfter    time.Time // zero when there is no end
	// Over says that the event is completed or canceled.
	Over bool
}
