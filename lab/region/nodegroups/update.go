package nodegroups

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// update takes the next step of the update that a group is in.
func (s *Service) update(ctx context.Context, v view) {
	var u world.EKSUpdate
	s.world.Store.View(func() { u, _ = s.world.EKSUpdates.Get(v.group.Update) })
	switch {
	case v.asg == nil:
		s.finish(v.group, u, &types.ErrorDetail{ErrorCode: types.ErrorCodeUnknown,
			ErrorMessage: autoScalingGroupNotFound(v.group).Message, ResourceIds: []string{v.group.AutoScalingGroup()}})
	case len(v.asg.Instances) > 0 && !s.knows(v):
		return // there may be nodes that must not be passed over
	case u.Rollout != nil:
		s.rollOut(ctx, v, u)
	case u.Config != nil:
		s.configure(ctx, v, u)
	}
}

// configure carries out a change of the configuration.
func (s *Service) configure(ctx context.Context, v view, u world.EKSUpdate) {
	if !s.passed(v.group.Since, preparing) {
		return
	}
	next := Configured(v.group, *u.Config)
	if c := u.Config.Scaling; c != nil {
		if err := s.resize(ctx, v.group, sizes{min: c.MinSize, max: c.MaxSize, desired: c.DesiredSize}); err != nil {
			s.finish(v.group, u, failure(err))
			return
		}
	}
	if changesNodes(*u.Config) {
		version, err := s.addTemplateVersion(ctx, next, *u.Description.Id)
		if err == nil {
			err = s.useTemplate(ctx, v.group, version)
		}
		if err != nil {
			s.finish(v.group, u, failure(err))
			return
		}
		next.TemplateVersion = version
	}
	if err := s.relabel(ctx, v, *u.Config); err != nil {
		s.log.Error("nodes are not labelled, trying again", "nodegroup", v.group.Name(), "error", err)
		return
	}
	s.succeed(v.group, u, func(g *world.NodeGroup) {
		g.Description, g.TemplateVersion = Configured(*g, *u.Config).Description, next.TemplateVersion
	})
}

func failure(err error) *types.ErrorDetail {
	return &types.ErrorDetail{ErrorCode: types.ErrorCodeUnknown, ErrorMessage: aws.String(err.Error())}
}

func changesNodes(c world.GroupConfig) bool {
	return len(c.SetLabels)+len(c.RemoveLabels)+len(c.SetTaints)+len(c.RemoveTaints) > 0
}

// relabel brings the nodes that there are in line with a configuration.
func (s *Service) relabel(ctx context.Context, v view, c world.GroupConfig) error {
	if !changesNodes(c) {
		return nil
	}
	for _, n := range v.members() {
		change := Change{SetLabels: c.SetLabels, RemoveLabels: c.RemoveLabels, SetTaints: c.SetTaints, RemoveTaints: c.RemoveTaints}
		if err := s.connected().Change(ctx, n.Name, change); err != nil {
			return err
		}
	}
	return nil
}

// Configured is a group as it is with another configuration.
func Configured(g world.NodeGroup, c world.GroupConfig) world.NodeGroup {
	d := &g.Description
	if c.Scaling != nil {
		d.ScalingConfig = c.Scaling
	}
	if c.Update != nil {
		d.UpdateConfig = c.Update
	}
	if c.Repair != nil {
		d.NodeRepairConfig = c.Repair
	}
	labels := maps.Clone(d.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, c.SetLabels)
	for _, key := range c.RemoveLabels {
		delete(labels, key)
	}
	d.Labels = labels
	d.Taints = slices.DeleteFunc(slices.Clone(d.Taints), func(t types.Taint) bool {
		return hasTaint(c.RemoveTaints, t) || hasTaint(c.SetTaints, t)
	})
	d.Taints = append(d.Taints, c.SetTaints...)
	return g
}

// hasTaint reports whether a list has a taint of the same key and effect.
func hasTaint(list []types.Taint, t types.Taint) bool {
	return slices.ContainsFunc(list, func(o types.Taint) bool {
		return aws.ToString(o.Key) == aws.ToString(t.Key) && o.Effect == t.Effect
	})
}

// succeed ends an update and makes the group what it was to become.
func (s *Service) succeed(g world.NodeGroup, u world.EKSUpdate, become func(*world.NodeGroup)) {
	s.change(g, func(tx *store.Tx, now *world.NodeGroup) error {
		become(now)
		return s.end(tx, now, u, types.UpdateStatusSuccessful)
	})
}

// finish ends an update that failed; the group stays as it was.
func (s *Service) finish(g world.NodeGroup, u world.EKSUpdate, failed *types.ErrorDetail) {
	s.change(g, func(tx *store.Tx, now *world.NodeGroup) error {
		u.Description.Errors = []types.ErrorDetail{*failed}
		return s.end(tx, now, u, types.UpdateStatusFailed)
	})
}

func (s *Service) end(tx *store.Tx, g *world.NodeGroup, u world.EKSUpdate, status types.UpdateStatus) error {
	s.enter(g, types.NodegroupStatusActive, PhaseSettled)
	g.Update = ""
	u.Description.Status = status
	return s.world.EKSUpdates.Put(tx, *u.Description.Id, u)
}
