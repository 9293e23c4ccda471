package nodegroups

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/drain"
	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl/stacks"
)

// Selection names the groups that an operation is for.
type Selection struct {
	// Names of groups, of a file or given; Filter chooses among them.
	Names  []string
	Filter Filter
	// OnlyMissing turns the selection around: the groups that exist and are not
	// among Names.
	OnlyMissing bool
	// Plan tells what would be done and does nothing.
	Plan bool
}

// DeleteOptions say how groups are deleted.
type DeleteOptions struct {
	Selection
	// Drain empties the nodes first.
	Drain    bool
	Draining drain.Options
	// Wait returns when the stacks are gone.
	Wait bool
	// KeepAuthConfigMap leaves the aws-auth ConfigMap alone.
	KeepAuthConfigMap bool
}

// selected are the groups of a selection that exist; names without a group are
// told of.
func (m *Manager) selected(ctx context.Context, s Selection) ([]Group, error) {
	if err := s.Filter.Check(); err != nil {
		return nil, err
	}
	groups, err := m.Groups(ctx)
	if err != nil {
		return nil, err
	}
	names := s.Names
	if s.OnlyMissing {
		names = nil
		for i := range groups {
			if !slices.Contains(s.Names, groups[i].Name) {
				names = append(names, groups[i].Name)
			}
		}
		m.Log.Info("%d nodegroup(s) (%s) exist and are not in the file", len(names), strings.Join(names, ", "))
	}
	chosen := m.choose(names, s.Filter)
	for _, name := range chosen {
		if !slices.ContainsFunc(groups, func(g Group) bool { return g.Name == name }) {
			if len(s.Names) == 1 {
				_, err := m.group(ctx, name)
				return nil, err
			}
			m.Log.Warning("cluster %q has no node group %q", m.Cluster.Name, name)
		}
	}
	return slices.DeleteFunc(groups, func(g Group) bool { return !slices.Contains(chosen, g.Name) }), nil
}

func act(plan bool) string {
	if plan {
		return "(plan) would "
	}
	return "will "
}

// Delete drains and deletes groups, each with its stack.
func (m *Manager) Delete(ctx context.Context, options DeleteOptions) error {
	groups, err := m.selected(ctx, options.Selection)
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		m.Log.Info("no tasks")
		return nil
	}
	if options.Drain {
		m.Log.Info("%sdrain %d nodegroup(s) in cluster %q", act(options.Plan), len(groups), m.Cluster.Name)
		if err := m.drainGroups(ctx, groups, options.Draining, options.Plan); err != nil {
			return err
		}
	}
	m.Log.Info("%sdelete %d nodegroups from cluster %q", act(options.Plan), len(groups), m.Cluster.Name)
	for i := range groups {
		m.tellDelete(&groups[i], options.Plan)
		if options.Plan {
			continue
		}
		if err := m.deleteGroup(ctx, &groups[i], options); err != nil {
			return err
		}
	}
	if !options.Plan {
		m.Log.Success("deleted %d nodegroup(s) from cluster %q", len(groups), m.Cluster.Name)
	}
	return nil
}

func (m *Manager) tellDelete(g *Group, plan bool) {
	what := fmt.Sprintf("node group %q, which has no stack", g.Name)
	if g.Stack != nil {
		what = fmt.Sprintf("stack %q", g.Stack.Name)
	}
	m.Log.Info("%sdelete %s", act(plan), what)
}

func (m *Manager) deleteGroup(ctx context.Context, g *Group, options DeleteOptions) error {
	if g.Kind == stacks.Unmanaged && !options.KeepAuthConfigMap {
		if err := m.forgetRole(ctx, g); err != nil {
			return err
		}
	}
	if g.Stack != nil {
		return m.runner().Delete(ctx, g.Stack.Name, options.Wait)
	}
	if err := m.AWS.DeleteNodegroup(ctx, m.Cluster.Name, g.Name); err != nil {
		return fmt.Errorf("deleting node group %q: %w", g.Name, err)
	}
	if !options.Wait {
		return nil
	}
	m.Log.Info("waiting for node group %q to get deleted", g.Name)
	for {
		described, err := m.AWS.Nodegroup(ctx, m.Cluster.Name, g.Name)
		switch {
		case errors.Is(err, eks.ErrNotFound):
			return nil
		case err != nil:
			return err
		case described.Status == "DELETE_FAILED":
			return fmt.Errorf("deleting node group %q failed: %s", g.Name, issues(described.Issues))
		}
		if err := m.Sleep(ctx, pause); err != nil {
			return fmt.Errorf("node group %q is still %s: %w", g.Name, described.Status, err)
		}
	}
}

// forgetRole takes the group's role out of aws-auth, unless another group has it.
func (m *Manager) forgetRole(ctx context.Context, g *Group) error {
	if g.Stack == nil || g.Stack.Outputs["InstanceRoleARN"] == "" || g.Stack.Outputs["NodeGroupUsesAccessEntry"] == "true" {
		return nil
	}
	role := g.Stack.Outputs["InstanceRoleARN"]
	others, err := m.Groups(ctx)
	if err != nil {
		return err
	}
	for i := range others {
		if others[i].Name != g.Name && others[i].Stack != nil && others[i].Stack.Outputs["InstanceRoleARN"] == role {
			return nil
		}
	}
	return m.unmapRole(ctx, role)
}

// DrainOptions say how groups are drained.
type DrainOptions struct {
	Selection
	Draining drain.Options
	// Undo makes the nodes schedulable again.
	Undo bool
}

// Drain empties the nodes of groups, or takes the marks of that away.
func (m *Manager) Drain(ctx context.Context, options DrainOptions) error {
	groups, err := m.selected(ctx, options.Selection)
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		m.Log.Info("no tasks")
		return nil
	}
	if options.Undo {
		return m.undo(ctx, groups, options.Plan)
	}
	m.Log.Info("%sdrain %d nodegroup(s) in cluster %q", act(options.Plan), len(groups), m.Cluster.Name)
	return m.drainGroups(ctx, groups, options.Draining, options.Plan)
}

func (m *Manager) drainGroups(ctx context.Context, groups []Group, options drain.Options, plan bool) error {
	var nodes []corev1.Node
	for i := range groups {
		own, err := m.nodes(ctx, groups[i].Name)
		if err != nil {
			return err
		}
		nodes = append(nodes, own...)
	}
	if plan {
		held, err := m.drainer().Holds(ctx, nodes)
		if err != nil {
			return err
		}
		m.Log.Info("(plan) would drain %d node(s)", len(nodes))
		for _, one := range held {
			m.Log.Warning("pod %s on node %q would hold that up: %s", one.Pod, one.Node, one.Reason)
		}
		return nil
	}
	if len(nodes) == 0 {
		m.Log.Info("there are no nodes to drain")
		return nil
	}
	return m.drainer().Drain(ctx, nodes, options)
}

func (m *Manager) undo(ctx context.Context, groups []Group, plan bool) error {
	for i := range groups {
		nodes, err := m.nodes(ctx, groups[i].Name)
		if err != nil {
			return err
		}
		m.Log.Info("%suncordon %d node(s) of nodegroup %q", act(plan), len(nodes), groups[i].Name)
		for n := range nodes {
			if plan {
				continue
			}
			changed, err := m.drainer().Cordon(ctx, &nodes[n], false)
			if err != nil {
				return err
			}
			if changed {
				m.Log.Info("uncordon node %q", nodes[n].Name)
			}
		}
	}
	return nil
}
