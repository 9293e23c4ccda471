package nodegroups

import (
	"context"
	"fmt"
	"strings"

	"github.com/drover-project/drover/internal/drain"
	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl"
)

func (m *Manager) drainer() *drain.Drainer {
	return &drain.Drainer{Kube: m.Kube, Log: m.Log, Sleep: m.Sleep}
}

// Upgrade brings a managed group to another version. Pods that their budgets
// hold are named before it starts and while it waits for them. With wait it
// returns when the update has ended.
func (m *Manager) Upgrade(ctx context.Context, name string, to eks.Upgrade, wait bool) error {
	g, err := m.group(ctx, name)
	if err != nil {
		return err
	}
	if g.Managed == nil {
		return fmt.Errorf("node group %q is self-managed; only managed groups can be upgraded in place: make a new group, then delete this one", name)
	}
	if err := m.checkUpgrade(g, &to); err != nil {
		return err
	}
	if err := m.foresee(ctx, name, to.Force); err != nil {
		return err
	}
	target := to.Version
	if to.ReleaseVersion != "" {
		target = "release " + to.ReleaseVersion
	}
	if target == "" {
		target = "the latest release of Kubernetes " + g.Managed.Version
	}
	m.Log.Info("upgrading nodegroup %q to %s", name, target)
	id, err := m.AWS.UpgradeNodegroup(ctx, m.Cluster.Name, name, to)
	if err != nil {
		return fmt.Errorf("upgrading node group %q: %w", name, err)
	}
	if !wait {
		m.Log.Info("update %s of nodegroup %q has started", id, name)
		return nil
	}
	m.Log.Info("waiting for upgrade of nodegroup %q to complete", name)
	if err := m.awaitUpdate(ctx, name, id, m.watchHeld(name)); err != nil {
		return err
	}
	m.Log.Success("nodegroup %q successfully upgraded", name)
	return nil
}

func (m *Manager) checkUpgrade(g *Group, to *eks.Upgrade) error {
	switch {
	case g.Managed.Status != "ACTIVE" && g.Managed.Status != "DEGRADED":
		return fmt.Errorf("node group %q is %s; wait until it is ACTIVE", g.Name, g.Managed.Status)
	case to.Version != "" && eksctl.Minor(to.Version) > eksctl.Minor(m.Cluster.Version):
		return fmt.Errorf("nodes cannot be of Kubernetes %s while the control plane of cluster %q is %s; upgrade that first", to.Version, m.Cluster.Name, m.Cluster.Version)
	case to.Version != "" && eksctl.Minor(to.Version) < eksctl.Minor(g.Managed.Version):
		return fmt.Errorf("node group %q is of Kubernetes %s already; EKS has no way back to %s", g.Name, g.Managed.Version, to.Version)
	}
	if to.Version == "" && to.ReleaseVersion == "" && to.LaunchTemplate == nil && g.Managed.AMIType != "CUSTOM" {
		to.Version = g.Managed.Version
	}
	if l := to.LaunchTemplate; l != nil && l.ID == "" && l.Name == "" {
		if g.Managed.LaunchTemplate == nil {
			return fmt.Errorf("node group %q has no launch template of its own; leave --launch-template-version out", g.Name)
		}
		l.ID = g.Managed.LaunchTemplate.ID
	}
	return nil
}

// foresee names the pods that would hold an update up, before it starts.
func (m *Manager) foresee(ctx context.Context, name string, force bool) error {
	nodes, err := m.nodes(ctx, name)
	if err != nil {
		return err
	}
	held, err := m.drainer().Holds(ctx, nodes)
	if err != nil {
		return err
	}
	for _, one := range held {
		m.Log.Warning("pod %s on node %q will hold the update up: %s", one.Pod, one.Node, one.Reason)
	}
	if len(held) > 0 && !force {
		m.Log.Warning("EKS waits 15 minutes for such pods and then gives up with PodEvictionFailure; loosen the budgets, add replicas, or use --force-upgrade")
	}
	return nil
}

// watchHeld names pods that hold up the nodes being emptied, once each.
func (m *Manager) watchHeld(name string) func(context.Context) {
	told := map[string]bool{}
	return func(ctx context.Context) {
		nodes, err := m.nodes(ctx, name)
		if err != nil {
			return
		}
		for i := range nodes {
			if !nodes[i].Spec.Unschedulable {
				continue
			}
			held, err := m.drainer().Holds(ctx, nodes[i:i+1])
			if err != nil {
				return
			}
			for _, one := range held {
				if text := one.Pod + one.Reason; !told[text] {
					told[text] = true
					m.Log.Warning("pod %s holds the update up on node %q: %s", one.Pod, one.Node, one.Reason)
				}
			}
		}
	}
}

// awaitUpdate waits for an update of a managed group to end. look, which may be
// nil, is called between.
func (m *Manager) awaitUpdate(ctx context.Context, name, id string, look func(context.Context)) error {
	for id != "" {
		update, err := m.AWS.NodegroupUpdate(ctx, m.Cluster.Name, name, id)
		if err != nil {
			return fmt.Errorf("following update %s of node group %q: %w", id, name, err)
		}
		switch update.Status {
		case "Successful":
			return nil
		case "Failed", "Cancelled":
			return fmt.Errorf("update %s of node group %q ended as %s: %s", id, name, update.Status, issues(update.Errors))
		}
		if look != nil {
			look(ctx)
		}
		if err := m.Sleep(ctx, pause); err != nil {
			return fmt.Errorf("update %s of node group %q is still %s: %w", id, name, update.Status, err)
		}
	}
	return nil
}

func issues(all []eks.Issue) string {
	if len(all) == 0 {
		return "EKS gives no reason"
	}
	var parts []string
	for _, one := range all {
		text := one.Code + ": " + one.Message
		if len(one.Resources) > 0 {
			text += " (" + strings.Join(one.Resources, ", ") + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}
