// Package nodegroups is the clockwork of EKS's managed node groups: it makes
// their launch templates and Auto Scaling groups, waits for their nodes, drains
// them, replaces them, and says what is wrong with them.
//
// What is to happen is in world.NodeGroup and world.EKSUpdate. A tick looks at
// every group and takes the next step; every step can be taken again, so that a
// region that was closed in the middle of one goes on.
package nodegroups

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// AutoScaling is what the service needs of Auto Scaling.
type AutoScaling interface {
	CreateAutoScalingGroup(context.Context, *autoscaling.CreateAutoScalingGroupInput) (*autoscaling.CreateAutoScalingGroupOutput, error)
	DescribeAutoScalingGroups(context.Context, *autoscaling.DescribeAutoScalingGroupsInput) (*autoscaling.DescribeAutoScalingGroupsOutput, error)
	UpdateAutoScalingGroup(context.Context, *autoscaling.UpdateAutoScalingGroupInput) (*autoscaling.UpdateAutoScalingGroupOutput, error)
	DeleteAutoScalingGroup(context.Context, *autoscaling.DeleteAutoScalingGroupInput) (*autoscaling.DeleteAutoScalingGroupOutput, error)
	AttachInstances(context.Context, *autoscaling.AttachInstancesInput) (*autoscaling.AttachInstancesOutput, error)
	PutLifecycleHook(context.Context, *autoscaling.PutLifecycleHookInput) (*autoscaling.PutLifecycleHookOutput, error)
	CompleteLifecycleAction(context.Context, *autoscaling.CompleteLifecycleActionInput) (*autoscaling.CompleteLifecycleActionOutput, error)
	TerminateInstanceInAutoScalingGroup(context.Context, *autoscaling.TerminateInstanceInAutoScalingGroupInput) (*autoscaling.TerminateInstanceInAutoScalingGroupOutput, error)
	DescribeScalingActivities(context.Context, *autoscaling.DescribeScalingActivitiesInput) (*autoscaling.DescribeScalingActivitiesOutput, error)
}

// EC2 is what the service needs of EC2.
type EC2 interface {
	CreateLaunchTemplate(context.Context, *ec2.CreateLaunchTemplateInput) (*ec2.CreateLaunchTemplateOutput, error)
	CreateLaunchTemplateVersion(context.Context, *ec2.CreateLaunchTemplateVersionInput) (*ec2.CreateLaunchTemplateVersionOutput, error)
	DeleteLaunchTemplate(context.Context, *ec2.DeleteLaunchTemplateInput) (*ec2.DeleteLaunchTemplateOutput, error)
	CreateSecurityGroup(context.Context, *ec2.CreateSecurityGroupInput) (*ec2.CreateSecurityGroupOutput, error)
	AuthorizeSecurityGroupIngress(context.Context, *ec2.AuthorizeSecurityGroupIngressInput) (*ec2.AuthorizeSecurityGroupIngressOutput, error)
	DeleteSecurityGroup(context.Context, *ec2.DeleteSecurityGroupInput) (*ec2.DeleteSecurityGroupOutput, error)
}

// How long things take and how long the service waits for them, before the time
// scale.
const (
	soon           = time.Second
	period         = 5 * time.Second
	preparing      = 5 * time.Second  // from the call to the Auto Scaling group
	joinPatience   = 20 * time.Minute // for nodes that do not come
	launchPatience = 5 * time.Minute  // for instances that cannot be launched
	evictPatience  = 15 * time.Minute // for pods that do not leave
	emptyPause     = time.Minute      // between the last pod and the end of a node
)

// Service is the clockwork. It can be used once Connect was called.
type Service struct {
	world   *world.World
	ec2     EC2
	scaling AutoScaling
	log     *slog.Logger

	// ticks is held by the tick that runs.
	ticks sync.Mutex

	mu      sync.Mutex
	cluster Cluster // nil: nobody knows the nodes
	armed   bool    // a tick is to come
	nearer  bool    // that tick comes soon
}

// New makes the clockwork of a region; Start sets it going.
func New(w *world.World, e EC2, a AutoScaling) *Service {
	return &Service{world: w, ec2: e, scaling: a, log: w.Options.Log}
}

// Connect gives the service its cluster. Without one no node is ever Ready.
func (s *Service) Connect(c Cluster) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cluster = c
}

// Start makes the group that a new region begins with, and goes on with what
// was under way.
func (s *Service) Start() {
	s.tick()
}

// Wake asks for a tick soon: something is to be done.
func (s *Service) Wake() { s.arm(soon) }

func (s *Service) arm(after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.armed && (s.nearer || after > soon) {
		return
	}
	s.armed, s.nearer = true, after <= soon
	s.world.After(after, s.tick)
}

// tick takes the next step of every group.
func (s *Service) tick() {
	s.mu.Lock()
	s.armed, s.nearer = false, false
	s.mu.Unlock()
	s.ticks.Lock()
	defer s.ticks.Unlock()
	groups := s.groups()
	if len(groups) == 0 {
		return
	}
	ctx := context.Background()
	nodes, err := s.nodes(ctx)
	for _, g := range groups {
		s.step(ctx, g, nodes, err)
	}
	s.arm(period)
}

func (s *Service) groups() (groups []world.NodeGroup) {
	s.world.Store.View(func() { groups = s.world.NodeGroups.All() })
	return groups
}

// nodes are all nodes by their instance; nil without a cluster.
func (s *Service) nodes(ctx context.Context) (map[string]Node, error) {
	cluster := s.connected()
	if cluster == nil {
		return nil, nil
	}
	list, err := cluster.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	nodes := map[string]Node{}
	for _, n := range list {
		nodes[n.InstanceID] = n
	}
	return nodes, nil
}

func (s *Service) connected() Cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cluster
}

// knows reports whether the nodes of a view are those of the cluster: without
// an answer from it, that there is no node says nothing.
func (s *Service) knows(v view) bool {
	return s.connected() != nil && v.unreachable == nil && v.nodes != nil
}

// change changes a group that is still as it was seen: in the same status and
// phase. One that was changed meanwhile is looked at again in the next tick.
func (s *Service) change(seen world.NodeGroup, change func(*store.Tx, *world.NodeGroup) error) {
	err := s.world.Store.Update(func(tx *store.Tx) error {
		g, exists := s.world.NodeGroups.Get(seen.Name())
		if !exists || g.UUID != seen.UUID || g.Description.Status != seen.Description.Status || g.Phase != seen.Phase || g.Update != seen.Update {
			return nil
		}
		if err := change(tx, &g); err != nil {
			return err
		}
		return s.world.NodeGroups.Put(tx, g.Name(), g)
	})
	if err != nil {
		s.log.Error("a node group's state is not kept, trying again", "nodegroup", seen.Name(), "error", err)
	}
}

// passed reports whether a realistic duration is over since then.
func (s *Service) passed(since time.Time, realistic time.Duration) bool {
	return s.world.Over(since, realistic)
}

func join(list []string) string { return strings.Join(list, ", ") }
