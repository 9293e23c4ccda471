package cloud

import (
	"context"
	"time"

	"github.com/drover-project/drover/internal/model"
)

// NodeGroups is what the controllers need of Auto Scaling groups that nodes come
// from. Nothing here lowers a size to a number that was computed from an
// earlier look: growing only raises, and shrinking names the instance to end.
type NodeGroups interface {
	// Groups describes the groups that the selection finds, by name. A group
	// that cannot grow, or of which something could not be read, is part of the
	// answer and says so; an error means that nothing is known.
	Groups(ctx context.Context, selection GroupSelection) ([]NodeGroup, error)
	// Grow raises the desired size to a number within the maximum, and returns
	// the size that the group has then. It looks just before and leaves a group
	// alone that is as large already. IsNotFound when the group is gone.
	Grow(ctx context.Context, name string, to int) (int, error)
	// Shrink ends one instance of a group and lowers its desired size by what
	// the instance counts for. IsNotFound when the instance is gone; a
	// *MinSizeError when the group is at its minimum.
	Shrink(ctx context.Context, instanceID string) error
	// Diagnose looks for what keeps an instance from joining the cluster, and
	// says each thing that it finds with what would be right. It finds nothing
	// where it may not look.
	Diagnose(ctx context.Context, instanceID, cluster string) []string
}

// GroupSelection says which groups are meant.
type GroupSelection struct {
	// Named groups, with sizes that go before the group's own.
	Named []GroupBounds
	// Tags that a group must all have, besides those named; an empty value is
	// any. nil finds none by tag.
	Tags map[string]string
}

// GroupBounds are the sizes that a person gives a group.
type GroupBounds struct {
	Name     string
	Min, Max int
}

// NodeGroup is a group as it is now.
type NodeGroup struct {
	// NodeGroup as the engine takes it. Labels and Taints are those that its
	// launch template, its EKS node group and its tags promise.
	model.NodeGroup
	Instances []GroupInstance
	Tags      map[string]string
	// Cluster and Managed name the EKS cluster and node group it belongs to.
	Cluster, Managed string
	// Rebalances groups replace an instance by themselves when EC2 announces that
	// it may take it back (capacity rebalancing).
	Rebalances bool
	// JoinsCluster is the cluster that its user data names, empty when unknown.
	JoinsCluster string
	// Failures are the launches that failed lately, newest first.
	Failures []GroupFailure
	// Unread lists what could not be read of it and what follows from that.
	Unread []string
	// Deleting is set while the group is being deleted.
	Deleting bool
}

// GroupInstance is a member of a group.
type GroupInstance struct {
	ID string
	// ProviderID is aws:///ZONE/INSTANCE-ID.
	ProviderID   string
	InstanceType string
	Zone         string
	// CapacityType is how it was bought, empty where nobody knows or it makes no
	// difference.
	CapacityType model.CapacityType
	// Current instances were made from the version of the launch template that the
	// next ones will be made from, as far as that is known.
	Current bool
	// Lifecycle is Auto Scaling's state, such as Pending, InService or Terminating:Wait.
	Lifecycle string
	Healthy   bool
	// Protected instances are not ended by scaling in.
	Protected bool
	// Weight is how many units of capacity it counts for, 1 at least.
	Weight int
}

// IsLeaving reports whether the instance ends or has left the group.
func (i GroupInstance) IsLeaving() bool {
	for _, state := range []string{"Terminating", "Terminated", "Detaching", "Detached"} {
		if len(i.Lifecycle) >= len(state) && i.Lifecycle[:len(state)] == state {
			return true
		}
	}
	return false
}

// GroupFailure is a launch that failed.
type GroupFailure struct {
	At      time.Time
	Message string
	// Capacity is set when pools had none; they are named by the offerings'
	// UnavailableReason from then on.
	Capacity bool
}
