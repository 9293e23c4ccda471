package nodegroups

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl/stacks"
)

// Summary is a node group as it is shown, by eksctl's names.
type Summary struct {
	StackName            string
	Cluster              string
	Name                 string
	Status               string
	MaxSize              int
	MinSize              int
	DesiredCapacity      int
	InstanceType         string
	ImageID              string
	CreationTime         time.Time
	NodeInstanceRoleARN  string
	AutoScalingGroupName string
	Version              string
	Type                 string
}

// Get summarizes the groups of the cluster, or the one of a name.
func (m *Manager) Get(ctx context.Context, name string) ([]Summary, error) {
	groups, err := m.Groups(ctx)
	if err != nil {
		return nil, err
	}
	if name != "" {
		one, err := m.group(ctx, name)
		if err != nil {
			return nil, err
		}
		groups = []Group{*one}
	}
	all := make([]Summary, 0, len(groups))
	for i := range groups {
		summary, err := m.summary(ctx, &groups[i])
		if err != nil {
			return nil, err
		}
		all = append(all, *summary)
	}
	return all, nil
}

func (m *Manager) summary(ctx context.Context, g *Group) (*Summary, error) {
	s := &Summary{Cluster: m.Cluster.Name, Name: g.Name, Type: g.Kind}
	if g.Stack != nil {
		s.StackName, s.Status, s.CreationTime = g.Stack.Name, g.Stack.Status, g.Stack.Created
		s.NodeInstanceRoleARN = g.Stack.Outputs["InstanceRoleARN"]
	}
	names, err := m.autoScalingGroups(ctx, g)
	if err != nil {
		return nil, err
	}
	s.AutoScalingGroupName = strings.Join(names, ",")
	if n := g.Managed; n != nil {
		s.Status, s.CreationTime, s.NodeInstanceRoleARN, s.Version = n.Status, n.Created, n.RoleARN, n.Version
		s.MinSize, s.MaxSize, s.DesiredCapacity = n.Min, n.Max, n.Desired
		s.InstanceType, s.ImageID = strings.Join(n.InstanceTypes, ","), n.AMIType
		if s.InstanceType == "" {
			s.InstanceType = "-"
		}
		return s, nil
	}
	for _, name := range names {
		group, err := m.AWS.AutoScalingGroup(ctx, name)
		if errors.Is(err, eks.ErrNotFound) {
			s.Status = fmt.Sprintf("%s, Auto Scaling group is gone", s.Status)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("describing Auto Scaling group %q: %w", name, err)
		}
		s.MinSize, s.MaxSize, s.DesiredCapacity = s.MinSize+group.Min, s.MaxSize+group.Max, s.DesiredCapacity+group.Desired
		s.InstanceType, s.ImageID = strings.Join(group.InstanceTypes, ","), group.ImageID
	}
	return s, nil
}

// Health is what is wrong with a managed group.
func (m *Manager) Health(ctx context.Context, name string) ([]eks.Issue, error) {
	g, err := m.group(ctx, name)
	if err != nil {
		return nil, err
	}
	if g.Managed == nil {
		return nil, fmt.Errorf("node group %q is self-managed: EKS has no health issues of it; `drover get nodegroup` shows its Auto Scaling group", name)
	}
	return g.Managed.Issues, nil
}

// IsManaged is whether a summary is of a managed group.
func (s *Summary) IsManaged() bool { return s.Type == stacks.Managed }
