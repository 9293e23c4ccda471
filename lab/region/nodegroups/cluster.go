package nodegroups

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

// Cluster is what the service does in the Kubernetes cluster. All methods may
// be called concurrently; an error means that the cluster did not answer.
type Cluster interface {
	// Nodes are all nodes.
	Nodes(context.Context) ([]Node, error)
	// Change changes one node; one that is gone is no error.
	Change(ctx context.Context, name string, change Change) error
	// Pods are the pods on a node that a drain has to move: not those of
	// DaemonSets, not mirror pods, not those that have ended.
	Pods(ctx context.Context, node string) ([]Pod, error)
	// Evict asks a pod to leave. *Blocked is the error for one that a disruption
	// budget keeps; a pod that is gone is no error.
	Evict(context.Context, Pod) error
	// Delete deletes a pod without asking the disruption budgets.
	Delete(context.Context, Pod) error
}

// Node is a Kubernetes node.
type Node struct {
	Name, InstanceID string
	Ready, Cordoned  bool
	ReadySince       time.Time // when Ready last changed
	Labels           map[string]string
	Taints           []types.Taint
}

// Pod is a pod.
type Pod struct{ Namespace, Name string }

func (p Pod) String() string { return p.Namespace + "/" + p.Name }

// Blocked is the error of an eviction that a disruption budget does not allow.
type Blocked struct {
	Pod     Pod
	Budgets []string // namespace/name
	Reason  string
}

func (b *Blocked) Error() string {
	if len(b.Budgets) == 0 {
		return fmt.Sprintf("pod %s cannot be evicted: %s", b.Pod, b.Reason)
	}
	return fmt.Sprintf("pod %s cannot be evicted, PodDisruptionBudget %s: %s", b.Pod, join(b.Budgets), b.Reason)
}

// Change is a change of a node. The zero value changes nothing.
type Change struct {
	Cordon, Uncordon bool
	SetLabels        map[string]string
	RemoveLabels     []string
	SetTaints        []types.Taint // by key and effect
	RemoveTaints     []types.Taint
}
