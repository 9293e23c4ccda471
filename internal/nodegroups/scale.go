package nodegroups

import (
	"context"
	"errors"
	"fmt"

	"github.com/drover-project/drover/internal/eks"
)

// Scale changes a group's sizes. With wait it returns when the nodes are ready,
// or gone.
func (m *Manager) Scale(ctx context.Context, name string, sizes eks.Sizes, wait bool) error {
	g, err := m.group(ctx, name)
	if err != nil {
		return err
	}
	now, err := m.summary(ctx, g)
	if err != nil {
		return err
	}
	if err := checkSizes(now, sizes); err != nil {
		return err
	}
	m.Log.Info("scaling nodegroup %q in cluster %s", name, m.Cluster.Name)
	m.warnOfShrinking(ctx, g, now, sizes)
	if g.Managed != nil {
		id, err := m.AWS.ResizeNodegroup(ctx, m.Cluster.Name, name, sizes)
		if err != nil {
			return fmt.Errorf("scaling node group %q: %w", name, err)
		}
		if err := m.awaitUpdate(ctx, name, id, nil); err != nil {
			return err
		}
	} else if err := m.scaleGroups(ctx, g, sizes); err != nil {
		return err
	}
	if wait {
		if err := m.awaitSize(ctx, name, wanted(now, sizes)); err != nil {
			return err
		}
		m.Log.Success("nodegroup %q successfully scaled", name)
		return nil
	}
	m.Log.Info("initiated scaling of nodegroup")
	m.Log.Info("to see the status of the scaling run `drover get nodegroup --cluster %s --region %s --name %s`", m.Cluster.Name, eks.RegionOf(m.Cluster.ARN), name)
	return nil
}

func wanted(now *Summary, sizes eks.Sizes) int {
	if sizes.Desired != nil {
		return *sizes.Desired
	}
	size := now.DesiredCapacity
	if sizes.Min != nil {
		size = max(size, *sizes.Min)
	}
	if sizes.Max != nil {
		size = min(size, *sizes.Max)
	}
	return size
}

// checkSizes says in the words of the flags what AWS would refuse.
func checkSizes(now *Summary, sizes eks.Sizes) error {
	if sizes.Min == nil && sizes.Max == nil && sizes.Desired == nil {
		return errors.New("say what to change: --nodes, --nodes-min or --nodes-max")
	}
	least, most, desired := now.MinSize, now.MaxSize, now.DesiredCapacity
	for _, one := range []struct {
		given *int
		to    *int
		flag  string
	}{{sizes.Min, &least, "--nodes-min"}, {sizes.Max, &most, "--nodes-max"}, {sizes.Desired, &desired, "--nodes"}} {
		if one.given == nil {
			continue
		}
		if *one.given < 0 {
			return fmt.Errorf("%s must not be negative", one.flag)
		}
		*one.to = *one.given
	}
	switch {
	case least > most:
		return fmt.Errorf("the minimum %d would be more than the maximum %d; give --nodes-min and --nodes-max", least, most)
	case sizes.Desired != nil && desired < least:
		return fmt.Errorf("the desired number of nodes %d is less than the nodes-min/minSize %d", desired, least)
	case sizes.Desired != nil && desired > most:
		return fmt.Errorf("the desired number of nodes %d is greater than the nodes-max/maxSize %d", desired, most)
	}
	return nil
}

// warnOfShrinking says that a group that gets smaller asks no budget.
func (m *Manager) warnOfShrinking(ctx context.Context, g *Group, now *Summary, sizes eks.Sizes) {
	fewer := now.DesiredCapacity - wanted(now, sizes)
	if fewer <= 0 {
		return
	}
	nodes, err := m.nodes(ctx, g.Name)
	if err != nil {
		return
	}
	held, err := m.drainer().Holds(ctx, nodes)
	if err != nil || len(held) == 0 {
		return
	}
	m.Log.Warning("%d node(s) will be taken away, and PodDisruptionBudgets do not hold that up; pod %s on node %q: %s",
		fewer, held[0].Pod, held[0].Node, held[0].Reason)
}

func (m *Manager) scaleGroups(ctx context.Context, g *Group, sizes eks.Sizes) error {
	names, err := m.autoScalingGroups(ctx, g)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("stack %q of node group %q has no Auto Scaling group", g.Stack.Name, g.Name)
	}
	for _, name := range names {
		if err := m.AWS.ResizeAutoScalingGroup(ctx, name, sizes); err != nil {
			return fmt.Errorf("scaling Auto Scaling group %q: %w", name, err)
		}
	}
	return nil
}

// awaitSize waits for exactly so many nodes, all ready.
func (m *Manager) awaitSize(ctx context.Context, name string, size int) error {
	m.Log.Info("waiting for scaling of nodegroup %q to complete", name)
	for {
		nodes, err := m.nodes(ctx, name)
		if err != nil {
			return err
		}
		ready := 0
		for i := range nodes {
			if isReady(&nodes[i]) {
				ready++
			}
		}
		if ready == size && len(nodes) == size {
			return nil
		}
		if err := m.Sleep(ctx, pause); err != nil {
			why := m.whyNot(context.WithoutCancel(ctx), name, len(nodes), size)
			return fmt.Errorf("node group %q has %d ready nodes of %d: %s: %w", name, ready, size, why, err)
		}
	}
}
