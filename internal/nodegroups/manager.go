// Package nodegroups makes, shows, sizes, upgrades, drains and deletes the node
// groups of an EKS cluster, with eksctl's habits: a CloudFormation stack for each
// group, and groups that others made are found and served too.
package nodegroups

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl/stacks"
	"github.com/drover-project/drover/internal/say"
	"github.com/drover-project/drover/internal/stack"
)

// AWS is what is needed of AWS. What does not exist is eks.ErrNotFound.
type AWS interface {
	stack.Service
	// Cluster describes a cluster with its subnets.
	Cluster(ctx context.Context, name string) (*eks.Cluster, error)
	// Zones lists the zones that have each instance type.
	Zones(ctx context.Context, instanceTypes []string) (map[string][]string, error)
	// Parameter is the value of a public SSM parameter.
	Parameter(ctx context.Context, name string) (string, error)
	// ImportKey makes an EC2 key pair of a public key, unless there is one.
	ImportKey(ctx context.Context, name, publicKey string) error

	Nodegroups(ctx context.Context, cluster string) ([]string, error)
	Nodegroup(ctx context.Context, cluster, name string) (*eks.Nodegroup, error)
	ResizeNodegroup(ctx context.Context, cluster, name string, sizes eks.Sizes) (update string, err error)
	UpgradeNodegroup(ctx context.Context, cluster, name string, to eks.Upgrade) (update string, err error)
	NodegroupUpdate(ctx context.Context, cluster, name, id string) (*eks.Update, error)
	DeleteNodegroup(ctx context.Context, cluster, name string) error

	AutoScalingGroup(ctx context.Context, name string) (*eks.AutoScalingGroup, error)
	ResizeAutoScalingGroup(ctx context.Context, name string, sizes eks.Sizes) error
	// SuspendProcesses keeps a group from doing some of what it does.
	SuspendProcesses(ctx context.Context, name string, processes []string) error
	TagAutoScalingGroup(ctx context.Context, name string, tags map[string]string) error
	// Activities of an Auto Scaling group, latest first.
	Activities(ctx context.Context, name string) ([]eks.Activity, error)
}

// Manager acts on the node groups of one cluster.
type Manager struct {
	AWS     AWS
	Cluster *eks.Cluster
	Kube    kubernetes.Interface
	Log     *say.Log
	// Sleep waits, or returns the context's error.
	Sleep func(ctx context.Context, d time.Duration) error
	// ReadFile reads public keys; nil reads none.
	ReadFile func(name string) ([]byte, error)
}

// pause is between looks at what takes minutes.
const pause = 5 * time.Second

// Group is a node group that exists.
type Group struct {
	Name string
	// Kind is stacks.Managed or stacks.Unmanaged.
	Kind string
	// Stack is nil when the group was made without one.
	Stack *stack.Stack
	// Managed is nil for a self-managed group, and for one whose stack is there
	// while EKS has no such group.
	Managed *eks.Nodegroup
}

// ErrNoGroup says that a cluster has no such node group.
var ErrNoGroup = errors.New("no such node group")

func (m *Manager) runner() *stack.Runner {
	return &stack.Runner{Service: m.AWS, Sleep: m.Sleep, Say: m.Log.Info}
}

// Groups lists the node groups of the cluster by name: those with a stack, and
// managed ones without.
func (m *Manager) Groups(ctx context.Context) ([]Group, error) {
	all, err := m.AWS.ListStacks(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing stacks: %w", err)
	}
	byName := map[string]*Group{}
	for i := range all {
		name, kind := stacks.GroupOf(all[i].Tags)
		if name == "" || stacks.ClusterOf(all[i].Tags) != m.Cluster.Name {
			continue
		}
		byName[name] = &Group{Name: name, Kind: kind, Stack: &all[i]}
	}
	managed, err := m.AWS.Nodegroups(ctx, m.Cluster.Name)
	if err != nil {
		return nil, fmt.Errorf("listing the node groups of cluster %q: %w", m.Cluster.Name, err)
	}
	for _, name := range managed {
		described, err := m.AWS.Nodegroup(ctx, m.Cluster.Name, name)
		if errors.Is(err, eks.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("describing node group %q: %w", name, err)
		}
		if byName[name] == nil {
			byName[name] = &Group{Name: name}
		}
		byName[name].Kind, byName[name].Managed = stacks.Managed, described
	}
	groups := make([]Group, 0, len(byName))
	for _, group := range byName {
		groups = append(groups, *group)
	}
	slices.SortFunc(groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	return groups, nil
}

// group is the one of a name; the error says which there are.
func (m *Manager) group(ctx context.Context, name string) (*Group, error) {
	groups, err := m.Groups(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range groups {
		if groups[i].Name == name {
			return &groups[i], nil
		}
		names = append(names, groups[i].Name)
	}
	have := "it has none"
	if len(names) > 0 {
		have = "it has " + strings.Join(names, ", ")
	}
	return nil, fmt.Errorf("cluster %q has no node group %q; %s: %w", m.Cluster.Name, name, have, ErrNoGroup)
}

// autoScalingGroups are the names of a group's Auto Scaling groups.
func (m *Manager) autoScalingGroups(ctx context.Context, g *Group) ([]string, error) {
	if g.Managed != nil {
		return g.Managed.AutoScalingGroups, nil
	}
	if g.Stack == nil {
		return nil, nil
	}
	resources, err := m.AWS.StackResources(ctx, g.Stack.Name)
	if err != nil {
		return nil, fmt.Errorf("listing the resources of stack %q: %w", g.Stack.Name, err)
	}
	var names []string
	for _, resource := range resources {
		if resource.Type == "AWS::AutoScaling::AutoScalingGroup" && resource.PhysicalID != "" {
			names = append(names, resource.PhysicalID)
		}
	}
	return names, nil
}
