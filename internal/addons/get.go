package addons

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl/stacks"
	"github.com/drover-project/drover/internal/stack"
)

// Summary is an add-on as it is shown, by eksctl's names.
type Summary struct {
	Name                    string
	Version                 string
	NewerVersion            string
	IAMRole                 string
	Status                  string
	ConfigurationValues     string
	Issues                  []eks.Issue
	Namespace               string
	PodIdentityAssociations []string
}

// Get summarizes the add-ons of the cluster, or the one of a name.
func (m *Manager) Get(ctx context.Context, name string) ([]Summary, error) {
	names := []string{name}
	if name == "" {
		var err error
		if names, err = m.AWS.Addons(ctx, m.Cluster.Name); err != nil {
			return nil, fmt.Errorf("listing the addons of cluster %q: %w", m.Cluster.Name, err)
		}
	}
	all := make([]Summary, 0, len(names))
	for _, one := range names {
		addon, err := m.AWS.Addon(ctx, m.Cluster.Name, one)
		if err != nil {
			return nil, fmt.Errorf("describing addon %q: %w", one, err)
		}
		newer, err := m.newer(ctx, addon)
		if err != nil {
			return nil, err
		}
		all = append(all, Summary{
			Name: addon.Name, Version: addon.Version, NewerVersion: newer, IAMRole: addon.RoleARN, Status: addon.Status,
			ConfigurationValues: addon.ConfigurationValues, Issues: addon.Issues, Namespace: addon.Namespace, PodIdentityAssociations: addon.PodIdentityAssociation,
		})
	}
	return all, nil
}

// newer lists the versions that are newer than the one in use.
func (m *Manager) newer(ctx context.Context, addon *eks.Addon) (string, error) {
	versions, err := m.AWS.AddonVersions(ctx, addon.Name, m.Cluster.Version)
	if err != nil {
		return "", fmt.Errorf("listing the versions of addon %q: %w", addon.Name, err)
	}
	var newer []string
	for _, one := range versions {
		if one.Version == addon.Version {
			break
		}
		newer = append(newer, one.Version)
	}
	return strings.Join(newer, ","), nil
}

// Delete takes an add-on and the stack with its role away. With preserve what
// runs in the cluster stays there.
func (m *Manager) Delete(ctx context.Context, name string, preserve, wait bool) error {
	m.Log.Info("deleting addon: %s", name)
	err := m.AWS.DeleteAddon(ctx, m.Cluster.Name, name, preserve)
	if errors.Is(err, eks.ErrNotFound) {
		return fmt.Errorf("cluster %q has no addon %q", m.Cluster.Name, name)
	}
	if err != nil {
		return fmt.Errorf("deleting addon %q: %w", name, err)
	}
	for wait {
		addon, err := m.AWS.Addon(ctx, m.Cluster.Name, name)
		if errors.Is(err, eks.ErrNotFound) {
			break
		}
		if err != nil {
			return err
		}
		if addon.Status == "DELETE_FAILED" {
			return fmt.Errorf("deleting addon %q failed: %s", name, describe(addon.Issues))
		}
		if err := m.Sleep(ctx, pause); err != nil {
			return fmt.Errorf("addon %q is still %s: %w", name, addon.Status, err)
		}
	}
	m.Log.Info("deleted addon: %s", name)
	return m.deleteStacks(ctx, name, wait)
}

// deleteStacks takes the roles of an add-on away.
func (m *Manager) deleteStacks(ctx context.Context, name string, wait bool) error {
	all, err := m.AWS.ListStacks(ctx)
	if err != nil {
		return fmt.Errorf("listing stacks: %w", err)
	}
	runner := &stack.Runner{Service: m.AWS, Sleep: m.Sleep, Say: m.Log.Info}
	for i := range all {
		if all[i].Tags[stacks.TagAddon] == name && stacks.ClusterOf(all[i].Tags) == m.Cluster.Name {
			if err := runner.Delete(ctx, all[i].Name, wait); err != nil {
				return err
			}
		}
	}
	return nil
}
