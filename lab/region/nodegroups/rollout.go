package nodegroups

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// Phases of the replacement of a group's nodes.
const (
	rolloutSetup     = ""
	rolloutScaleUp   = "scale up"
	rolloutUpgrade   = "upgrade"
	rolloutScaleDown = "scale down"
)

// excludeLabel keeps load balancers from nodes that are about to go.
const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers"

// rollOut takes the next step of the replacement of a group's nodes.
func (s *Service) rollOut(ctx context.Context, v view, u world.EKSUpdate) {
	switch u.Rollout.Phase {
	case rolloutSetup:
		s.setUp(ctx, v, u)
	case rolloutScaleUp:
		s.scaleUp(ctx, v, u)
	case rolloutUpgrade:
		s.upgrade(ctx, v, u)
	case rolloutScaleDown:
		s.scaleDown(ctx, v, u)
	}
}

// progress keeps how far a rollout has come.
func (s *Service) progress(g world.NodeGroup, u world.EKSUpdate, change func(*world.Rollout)) {
	s.change(g, func(tx *store.Tx, _ *world.NodeGroup) error {
		r := *u.Rollout
		change(&r)
		if r.Phase != u.Rollout.Phase {
			r.Since = s.world.Clock.Now()
		}
		u.Rollout = &r
		return s.world.EKSUpdates.Put(tx, *u.Description.Id, u)
	})
}

// Becoming is the group as it will be after a rollout.
func Becoming(g world.NodeGroup, r world.Rollout) world.NodeGroup {
	d := &g.Description
	d.LaunchTemplate, d.AmiType = r.LaunchTemplate, r.AMIType
	d.Version, d.ReleaseVersion = optional(r.Version), optional(r.Release)
	g.ImageID = r.ImageID
	if r.TemplateVersion > 0 {
		g.TemplateVersion = r.TemplateVersion
	}
	return g
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// setUp makes the new version of the launch template, lets new instances come
// of it, and asks for more of them unless nodes are to go first.
func (s *Service) setUp(ctx context.Context, v view, u world.EKSUpdate) {
	g, r := v.group, *u.Rollout
	if !s.passed(g.Since, preparing) {
		return
	}
	version, err := s.addTemplateVersion(ctx, Becoming(g, r), *u.Description.Id)
	if err == nil {
		err = s.useTemplate(ctx, Becoming(g, r), version)
	}
	if err != nil {
		s.finish(g, u, failure(err))
		return
	}
	var old []string
	for _, i := range v.asg.Instances {
		if templateVersion(i) != version {
			old = append(old, aws.ToString(i.InstanceId))
		}
	}
	slices.Sort(old)
	surge := s.surge(g, len(old))
	s.progress(g, u, func(r *world.Rollout) {
		r.TemplateVersion, r.Old, r.Phase = version, old, rolloutScaleUp
		r.Min, r.Max, r.Desired = aws.ToInt32(v.asg.MinSize), aws.ToInt32(v.asg.MaxSize), aws.ToInt32(v.asg.DesiredCapacity)
		r.Surge = surge
	})
}

// surge is how many nodes come before the first one goes: twice the number of
// zones, or as many as may be unavailable when that is more.
func (s *Service) surge(g world.NodeGroup, nodes int) int32 {
	if nodes == 0 || g.Description.UpdateConfig != nil && g.Description.UpdateConfig.UpdateStrategy == types.NodegroupUpdateStrategiesMinimal {
		return 0
	}
	zones := map[string]bool{}
	s.world.Store.View(func() {
		for _, id := range g.Description.Subnets {
			if subnet, found := s.world.Network.Subnet(id); found {
				zones[subnet.Zone.Name] = true
			}
		}
	})
	return max(int32(2*len(zones)), int32(maxUnavailable(g, nodes)))
}

// maxUnavailable is how many nodes are replaced at the same time.
func maxUnavailable(g world.NodeGroup, nodes int) int {
	const atMost = 100
	c := g.Description.UpdateConfig
	switch {
	case c != nil && c.MaxUnavailable != nil:
		return min(int(*c.MaxUnavailable), atMost)
	case c != nil && c.MaxUnavailablePercentage != nil:
		return min(max(1, nodes*int(*c.MaxUnavailablePercentage)/percent), atMost)
	}
	return 1
}

// scaleUp waits until the additional nodes are Ready, then keeps pods from the
// old ones.
func (s *Service) scaleUp(ctx context.Context, v view, u world.EKSUpdate) {
	r := *u.Rollout
	if r.Surge > 0 && aws.ToInt32(v.asg.DesiredCapacity) < r.Desired+r.Surge {
		most, desired := r.Max+r.Surge, r.Desired+r.Surge
		if err := s.resize(ctx, v.group, sizes{max: &most, desired: &desired}); err != nil {
			s.revert(ctx, v, u, *failure(err))
		}
		return
	}
	if s.readyNew(v, r) < int(r.Surge) {
		if s.passed(r.Since, joinPatience) {
			s.revert(ctx, v, u, s.notCome(ctx, v, r))
		}
		return
	}
	if r.Surge > 0 && !s.setAside(ctx, v, r.Old) {
		return
	}
	s.progress(v.group, u, func(r *world.Rollout) { r.Phase = rolloutUpgrade })
}

// readyNew is how many nodes of the new version are Ready.
func (s *Service) readyNew(v view, r world.Rollout) (ready int) {
	members := v.members()
	for _, i := range v.asg.Instances {
		if templateVersion(i) == r.TemplateVersion && members[aws.ToString(i.InstanceId)].Ready {
			ready++
		}
	}
	return ready
}

// notCome is why a rollout's new nodes did not become Ready.
func (s *Service) notCome(ctx context.Context, v view, r world.Rollout) types.ErrorDetail {
	if found, failing := s.launchFailure(ctx, v); failing {
		return types.ErrorDetail{ErrorCode: types.ErrorCodeNodeCreationFailure, ErrorMessage: found.Message, ResourceIds: found.ResourceIds}
	}
	var ids []string
	members := v.members()
	for _, i := range v.asg.Instances {
		if id := aws.ToString(i.InstanceId); templateVersion(i) == r.TemplateVersion && !members[id].Ready {
			ids = append(ids, id)
		}
	}
	return types.ErrorDetail{ErrorCode: types.ErrorCodeNodeCreationFailure, ErrorMessage: aws.String("Couldn't proceed with upgrade process as new nodes are not joining node group " + v.group.Name()), ResourceIds: ids}
}

// setAside cordons old nodes and takes them from load balancers; false when
// the cluster did not answer.
func (s *Service) setAside(ctx context.Context, v view, old []string) bool {
	for _, id := range old {
		n, joined := v.nodes[id]
		if !joined {
			continue
		}
		if err := s.connected().Change(ctx, n.Name, Change{Cordon: true, SetLabels: map[string]string{excludeLabel: "true"}}); err != nil {
			s.log.Error("a node is not cordoned, trying again", "node", n.Name, "error", err)
			return false
		}
	}
	return true
}

// revert gives a rollout up: new instances come as before again, and so does
// the size.
func (s *Service) revert(ctx context.Context, v view, u world.EKSUpdate, failed types.ErrorDetail) {
	if err := s.useTemplate(ctx, v.group, v.group.TemplateVersion); err != nil {
		s.log.Error("a node group does not go back to its launch template, trying again", "nodegroup", v.group.Name(), "error", err)
		return
	}
	for _, id := range u.Rollout.Old {
		n, joined := v.nodes[id]
		if !joined {
			continue
		}
		if err := s.connected().Change(ctx, n.Name, Change{Uncordon: true, RemoveLabels: []string{excludeLabel}}); err != nil {
			s.log.Error("a node stays cordoned, trying again", "node", n.Name, "error", err)
			return
		}
	}
	s.progress(v.group, u, func(r *world.Rollout) {
		r.Phase, r.Failure, r.Batch = rolloutScaleDown, &failed, nil
	})
}

// scaleDown takes the additional nodes away one by one. It stops when someone
// else has made the group larger meanwhile.
func (s *Service) scaleDown(ctx context.Context, v view, u world.EKSUpdate) {
	r := *u.Rollout
	desired, most := aws.ToInt32(v.asg.DesiredCapacity), aws.ToInt32(v.asg.MaxSize)
	grown := desired > r.Desired+r.Surge
	if desired > r.Desired && r.Surge > 0 && !grown {
		desired--
		most = max(most-1, r.Max)
		if r.Failure != nil {
			if s.endNew(ctx, v, r) {
				return
			}
		}
		if err := s.resize(ctx, v.group, sizes{max: &most, desired: &desired}); err != nil {
			s.log.Error("a node group is not made smaller, trying again", "nodegroup", v.group.Name(), "error", err)
		}
		return
	}
	if most = max(r.Max, desired); most != aws.ToInt32(v.asg.MaxSize) {
		if err := s.resize(ctx, v.group, sizes{max: &most}); err != nil {
			s.log.Error("a node group's size is not put back, trying again", "nodegroup", v.group.Name(), "error", err)
			return
		}
	}
	if r.Failure != nil {
		s.finish(v.group, u, r.Failure)
		return
	}
	s.succeed(v.group, u, func(g *world.NodeGroup) { *g = Becoming(*g, r) })
}

// endNew ends one of the new instances of a rollout that failed, rather than
// one that runs pods; false when there is none.
func (s *Service) endNew(ctx context.Context, v view, r world.Rollout) bool {
	at := slices.IndexFunc(v.asg.Instances, func(i asgtypes.Instance) bool {
		return templateVersion(i) == r.TemplateVersion && i.LifecycleState == asgtypes.LifecycleStateInService
	})
	if at < 0 {
		return false
	}
	if err := s.terminate(ctx, aws.ToString(v.asg.Instances[at].InstanceId), true); err != nil {
		s.log.Error("a new node of a failed update does not end, trying again", "nodegroup", v.group.Name(), "error", err)
	}
	return true
}

// stuck is the error of nodes that could not be emptied, with the pods that
// did not leave and what kept them.
func stuck(g world.NodeGroup, nodes, reasons []string) types.ErrorDetail {
	message := fmt.Sprintf("Reached max retries while trying to evict pods from nodes in node group %s", g.Name())
	if len(reasons) > 0 {
		slices.Sort(reasons)
		message += ": " + join(slices.Compact(reasons))
	}
	return types.ErrorDetail{ErrorCode: types.ErrorCodePodEvictionFailure, ErrorMessage: aws.String(message), ResourceIds: nodes}
}

// upgrade empties and ends the next old nodes.
func (s *Service) upgrade(ctx context.Context, v view, u world.EKSUpdate) {
	r := *u.Rollout
	r.Old, r.Batch = s.remaining(v, r), maps.Clone(r.Batch)
	maps.DeleteFunc(r.Batch, func(id string, _ world.Drain) bool { return !slices.Contains(r.Old, id) })
	switch {
	case len(r.Old) == 0:
		s.progress(v.group, u, func(now *world.Rollout) { now.Old, now.Batch, now.Phase = nil, nil, rolloutScaleDown })
		return
	case len(r.Batch) == 0 && s.complete(v, r):
		r.Batch = map[string]world.Drain{}
		for _, id := range r.Old[:min(len(r.Old), maxUnavailable(v.group, int(r.Desired)))] {
			r.Batch[id] = world.Drain{Since: s.world.Clock.Now()}
		}
	}
	if failed := s.empty(ctx, v, &r); failed != nil {
		s.revert(ctx, v, u, *failed)
		return
	}
	if !maps.Equal(r.Batch, u.Rollout.Batch) || len(r.Old) != len(u.Rollout.Old) {
		s.progress(v.group, u, func(now *world.Rollout) { now.Old, now.Batch = r.Old, r.Batch })
	}
}

// remaining are the old instances that have not ended.
func (s *Service) remaining(v view, r world.Rollout) (old []string) {
	for _, id := range r.Old {
		if slices.ContainsFunc(v.asg.Instances, func(i asgtypes.Instance) bool { return aws.ToString(i.InstanceId) == id }) {
			old = append(old, id)
		}
	}
	return old
}

// complete reports whether the nodes that replace the last ones are there: with
// additional nodes they do not matter, without them they do.
func (s *Service) complete(v view, r world.Rollout) bool {
	if r.Surge > 0 {
		return true
	}
	return s.readyNew(v, r)+len(r.Old) >= int(aws.ToInt32(v.asg.DesiredCapacity))
}

// empty drains the nodes of a batch and ends those that have been empty for a
// minute. It gives the failure of nodes that did not become empty in time.
func (s *Service) empty(ctx context.Context, v view, r *world.Rollout) *types.ErrorDetail {
	var nodes, reasons []string
	for _, id := range slices.Sorted(maps.Keys(r.Batch)) {
		d, n := r.Batch[id], v.nodes[id]
		if n.Name != "" {
			result, err := s.drain(ctx, n, r.Force)
			if err != nil {
				s.log.Info("a node is not drained, trying again", "node", n.Name, "error", err)
				continue
			}
			if len(result.left) > 0 {
				if s.passed(d.Since, evictPatience) {
					nodes, reasons = append(nodes, n.Name), append(reasons, result.reasons...)
				}
				continue
			}
		}
		s.endEmpty(ctx, v, r, id)
	}
	if len(nodes) == 0 {
		return nil
	}
	failed := stuck(v.group, nodes, reasons)
	return &failed
}

func (s *Service) endEmpty(ctx context.Context, v view, r *world.Rollout, id string) {
	d := r.Batch[id]
	if d.EmptySince.IsZero() {
		d.EmptySince = s.world.Clock.Now()
		r.Batch[id] = d
	}
	at := slices.IndexFunc(v.asg.Instances, func(i asgtypes.Instance) bool { return aws.ToString(i.InstanceId) == id })
	if !s.passed(d.EmptySince, emptyPause) || v.asg.Instances[at].LifecycleState != asgtypes.LifecycleStateInService {
		return
	}
	if err := s.terminate(ctx, id, false); err != nil {
		s.log.Error("an old node does not end, trying again", "instance", id, "error", err)
	}
}
