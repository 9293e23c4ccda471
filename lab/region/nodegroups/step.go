package nodegroups

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// Phases of node groups within their status.
const (
	PhasePreparing = ""          // nothing is made yet
	PhaseLaunching = "launching" // the Auto Scaling group is there
	PhaseAdopting  = world.PhaseAdopting
	PhaseSettled   = "settled"
	PhaseEmptying  = "emptying" // being deleted, the group's size is 0
)

// view is a node group with what there is of it.
type view struct {
	group world.NodeGroup
	asg   *asgtypes.AutoScalingGroup // nil: there is none
	nodes map[string]Node            // all of the cluster, by instance
	// unreachable is why the nodes are not known.
	unreachable error
}

// members are the group's nodes, by instance.
func (v view) members() map[string]Node {
	members := map[string]Node{}
	if v.asg == nil {
		return members
	}
	for _, i := range v.asg.Instances {
		if n, joined := v.nodes[aws.ToString(i.InstanceId)]; joined {
			members[n.InstanceID] = n
		}
	}
	return members
}

// step does for one group what is to be done now.
func (s *Service) step(ctx context.Context, g world.NodeGroup, nodes map[string]Node, unreachable error) {
	group, err := s.find(ctx, g)
	if err != nil {
		s.log.Error("the Auto Scaling group of a node group cannot be read, trying again", "nodegroup", g.Name(), "error", err)
		return
	}
	v := view{group: g, asg: group, nodes: nodes, unreachable: unreachable}
	s.tend(ctx, v)
	switch g.Description.Status {
	case types.NodegroupStatusCreating:
		s.create(ctx, v)
	case types.NodegroupStatusUpdating:
		s.update(ctx, v)
	case types.NodegroupStatusDeleting:
		s.delete(ctx, v)
	case types.NodegroupStatusActive, types.NodegroupStatusDegraded:
		s.watch(ctx, v)
	}
}

// watch keeps the health of a group that nobody changes.
func (s *Service) watch(ctx context.Context, v view) {
	if v.group.Phase != PhaseAdopting {
		s.examine(ctx, v)
		s.repair(ctx, v)
		return
	}
	if err := s.adopt(ctx, v); err != nil {
		s.log.Error("a node group has no Auto Scaling group yet, trying again", "nodegroup", v.group.Name(), "error", err)
		return
	}
	s.change(v.group, func(_ *store.Tx, g *world.NodeGroup) error {
		g.Phase = PhaseSettled
		return nil
	})
}

// tend does what every group needs whatever else happens to it: it lets
// instances through their life cycle hooks and labels nodes.
func (s *Service) tend(ctx context.Context, v view) {
	if v.asg == nil {
		return
	}
	for _, i := range v.asg.Instances {
		switch i.LifecycleState {
		case asgtypes.LifecycleStatePendingWait:
			s.welcome(ctx, v, aws.ToString(i.InstanceId))
		case asgtypes.LifecycleStateInService:
			s.evacuate(ctx, v, aws.ToString(i.InstanceId))
		case asgtypes.LifecycleStateTerminatingWait:
			s.retire(ctx, v, aws.ToString(i.InstanceId))
		}
	}
	s.forgetDrains(v)
	for id, n := range v.members() {
		if _, labelled := n.Labels[labelGroup]; labelled || v.group.Phase == PhaseAdopting {
			continue
		}
		// Only nodes whose user data EKS did not write come without its labels.
		change := Change{SetLabels: NodeLabels(v.group), SetTaints: v.group.Description.Taints}
		if err := s.connected().Change(ctx, n.Name, change); err != nil {
			s.log.Error("a node is not labelled, trying again", "node", n.Name, "instance", id, "error", err)
		}
	}
}

// welcome lets an instance that runs into service, one that is for another at
// risk only once its node is Ready: until then the other one stays.
func (s *Service) welcome(ctx context.Context, v view, id string) {
	g := v.group
	if s.knows(v) && s.replaces(id) && !v.nodes[id].Ready {
		return
	}
	running := false
	err := s.world.Store.Update(func(tx *store.Tx) error {
		i, exists := s.world.Instances.Get(id)
		if running = exists && i.State == machine.Running; !running {
			return nil
		}
		return s.world.SetTags(tx, id, s.world.TagsOf(id).With(world.Tags{"aws:eks:cluster-name": s.world.Options.Cluster.Name}))
	})
	if err == nil && running {
		s.completeHook(ctx, g, launchHook, id)
	}
}

// replaces reports whether an instance was launched for a Spot instance at risk
// that still runs.
func (s *Service) replaces(id string) (yes bool) {
	s.world.Store.View(func() {
		m, _ := s.world.Members.Get(id)
		old, exists := s.world.Instances.Get(m.Replaces)
		yes = exists && world.Runs(old)
	})
	return yes
}

// evacuate drains a Spot node that has its interruption notice, as far as the
// time goes: budgets are asked, and what does not leave ends with the instance.
func (s *Service) evacuate(ctx context.Context, v view, id string) {
	n, joined := v.nodes[id]
	noticed := false
	s.world.Store.View(func() {
		i, _ := s.world.Instances.Get(id)
		noticed = i.Notices.Interruption != nil
	})
	if !joined || !noticed || !s.knows(v) {
		return
	}
	if _, err := s.drain(ctx, n, false); err != nil {
		s.log.Info("an interrupted node is not drained, trying again", "node", n.Name, "error", err)
	}
}

// enter changes the status of a group.
func (s *Service) enter(g *world.NodeGroup, status types.NodegroupStatus, phase string, issues ...types.Issue) {
	now := s.world.Clock.Now()
	g.Description.Status, g.Phase, g.Since = status, phase, now
	g.Description.ModifiedAt = aws.Time(now)
	g.Description.Health = &types.NodegroupHealth{Issues: append([]types.Issue{}, issues...)}
}
