package nodegroups

import (
	"context"
	"errors"
	"maps"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// drained is what one attempt to empty a node came to.
type drained struct {
	left    []Pod
	reasons []string // why pods did not leave
}

// drain cordons a node and asks its pods to leave. With force those that a
// disruption budget keeps are deleted.
func (s *Service) drain(ctx context.Context, n Node, force bool) (result drained, err error) {
	cluster := s.connected()
	if !n.Cordoned {
		if err := cluster.Change(ctx, n.Name, Change{Cordon: true}); err != nil {
			return result, err
		}
	}
	pods, err := cluster.Pods(ctx, n.Name)
	if err != nil {
		return result, err
	}
	for _, p := range pods {
		result.left = append(result.left, p)
		err := cluster.Evict(ctx, p)
		var blocked *Blocked
		switch {
		case errors.As(err, &blocked) && force:
			err = cluster.Delete(ctx, p)
		case errors.As(err, &blocked):
			result.reasons = append(result.reasons, blocked.Error())
			err = nil
		}
		if err != nil {
			return result, err
		}
	}
	return result, nil
}

// retire lets an instance end once its node is empty, or after 15 minutes in
// which it did not become so: whoever ends an instance does not ask the
// disruption budgets for longer.
func (s *Service) retire(ctx context.Context, v view, id string) {
	n, joined := v.nodes[id]
	d, begun := v.group.Drains[id]
	if !begun {
		d.Since = s.world.Clock.Now()
		s.noteDrain(v.group, id, d)
	}
	known := s.knows(v)
	if known && !joined || s.passed(d.Since, evictPatience) {
		s.completeHook(ctx, v.group, terminateHook, id)
		return
	}
	if !known {
		return
	}
	result, err := s.drain(ctx, n, false)
	if err != nil {
		s.log.Info("a node that ends is not drained, trying again", "node", n.Name, "error", err)
		return
	}
	if len(result.left) == 0 {
		s.completeHook(ctx, v.group, terminateHook, id)
	}
}

func (s *Service) noteDrain(g world.NodeGroup, id string, d world.Drain) {
	s.changeAlways(g, func(_ *store.Tx, g *world.NodeGroup) error {
		drains := maps.Clone(g.Drains)
		if drains == nil {
			drains = map[string]world.Drain{}
		}
		drains[id] = d
		g.Drains = drains
		return nil
	})
}

// forgetDrains forgets the instances that have ended.
func (s *Service) forgetDrains(v view) {
	gone := false
	there := map[string]bool{}
	for _, i := range v.asg.Instances {
		there[*i.InstanceId] = true
	}
	for id := range v.group.Drains {
		gone = gone || !there[id]
	}
	if !gone {
		return
	}
	s.changeAlways(v.group, func(_ *store.Tx, g *world.NodeGroup) error {
		drains := maps.Clone(g.Drains)
		maps.DeleteFunc(drains, func(id string, _ world.Drain) bool { return !there[id] })
		g.Drains = drains
		return nil
	})
}

// changeAlways changes a group in whatever status it is by now.
func (s *Service) changeAlways(seen world.NodeGroup, change func(*store.Tx, *world.NodeGroup) error) {
	var now world.NodeGroup
	exists := false
	s.world.Store.View(func() { now, exists = s.world.NodeGroups.Get(seen.Name()) })
	if exists && now.UUID == seen.UUID {
		s.change(now, change)
	}
}
