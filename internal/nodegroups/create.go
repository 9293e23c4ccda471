package nodegroups

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/eksctl/stacks"
	"github.com/drover-project/drover/internal/stack"
)

// CreateOptions say how groups are made.
type CreateOptions struct {
	Filter Filter
	// Parallel is how many stacks are made at once; 0 means 8.
	Parallel int
	// KeepAuthConfigMap leaves the aws-auth ConfigMap alone.
	KeepAuthConfigMap bool
	// NoWait returns when the stacks are made, before nodes are ready.
	NoWait bool
}

// planned is a group that will be made.
type planned struct {
	base     *eksctl.NodeGroupBase
	kind     string
	template *stack.Template
	tags     map[string]string
	// mapRole is true when aws-auth must let the nodes in.
	mapRole bool
	managed *eksctl.ManagedNodeGroup
}

// Create makes the groups of a file that are chosen and do not exist yet, each
// with its stack, and waits for their nodes. Groups that fail are taken back and
// named in the error; the others are made.
func (m *Manager) Create(ctx context.Context, config *eksctl.ClusterConfig, options CreateOptions) error {
	if m.Cluster.Status != "" && m.Cluster.Status != "ACTIVE" && m.Cluster.Status != "UPDATING" {
		return fmt.Errorf("cluster %q is %s; node groups can be made when it is ACTIVE", m.Cluster.Name, m.Cluster.Status)
	}
	version, err := m.version(config)
	if err != nil {
		return err
	}
	m.Log.Info("will use version %s for new nodegroup(s) based on control plane version", version)
	if err := eksctl.SetDefaults(config, version); err != nil {
		return err
	}
	plans, err := m.plan(ctx, config, options)
	if err != nil || len(plans) == 0 {
		return err
	}
	m.announce(plans)
	var failures []error
	var lock sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallel(options.Parallel, 8))
	for _, one := range plans {
		group.Go(func() error {
			if err := m.make(ctx, config, one, options); err != nil {
				if len(plans) > 1 { // others go on
					m.Log.Problem("creating nodegroup %q: %v", one.base.Name, err)
				}
				lock.Lock()
				defer lock.Unlock()
				failures = append(failures, fmt.Errorf("node group %q: %w", one.base.Name, err))
			}
			return nil
		})
	}
	_ = group.Wait() // errors are kept one by one
	m.report(plans, len(failures))
	return errors.Join(failures...)
}

func parallel(given, byDefault int) int {
	if given <= 0 {
		return byDefault
	}
	return given
}

// version is the one that nodes get; a file may name the cluster's own or an
// older one.
func (m *Manager) version(config *eksctl.ClusterConfig) (string, error) {
	given := config.Metadata.Version
	switch {
	case given == "", given == "auto", given == "latest", given == m.Cluster.Version:
		return m.Cluster.Version, nil
	case eksctl.Minor(given) > eksctl.Minor(m.Cluster.Version):
		return "", fmt.Errorf("metadata.version is %s, and the control plane of cluster %q is %s: nodes cannot be newer; upgrade the control plane first",
			given, m.Cluster.Name, m.Cluster.Version)
	}
	m.Log.Warning("metadata.version is %s; the control plane of cluster %q is %s, and new nodes get its version", given, m.Cluster.Name, m.Cluster.Version)
	return m.Cluster.Version, nil
}

func (m *Manager) announce(plans []planned) {
	var managed, own []string
	var tasks []string
	for _, one := range plans {
		if one.kind == stacks.Managed {
			managed = append(managed, one.base.Name)
			tasks = append(tasks, fmt.Sprintf("create managed nodegroup %q", one.base.Name))
		} else {
			own = append(own, one.base.Name)
			tasks = append(tasks, fmt.Sprintf("create nodegroup %q", one.base.Name))
		}
	}
	if len(own) > 0 {
		m.Log.Info("will create a CloudFormation stack for each of %d nodegroups in cluster %q", len(own), m.Cluster.Name)
	}
	if len(managed) > 0 {
		m.Log.Info("will create a CloudFormation stack for each of %d managed nodegroups in cluster %q", len(managed), m.Cluster.Name)
	}
	kind := "task"
	if len(tasks) > 1 {
		kind = "parallel tasks"
	}
	m.Log.Info("%d %s: { %s }", len(tasks), kind, strings.Join(tasks, ", "))
}

func (m *Manager) report(plans []planned, failed int) {
	counts := map[string]int{}
	for _, one := range plans {
		counts[one.kind]++
	}
	if failed > 0 {
		m.Log.Problem("%d of %d nodegroup(s) in cluster %q were not created", failed, len(plans), m.Cluster.Name)
		return
	}
	if counts[stacks.Unmanaged] > 0 {
		m.Log.Success("created %d nodegroup(s) in cluster %q", counts[stacks.Unmanaged], m.Cluster.Name)
	}
	if counts[stacks.Managed] > 0 {
		m.Log.Success("created %d managed nodegroup(s) in cluster %q", counts[stacks.Managed], m.Cluster.Name)
	}
}

// make makes one group and waits for its nodes.
func (m *Manager) make(ctx context.Context, config *eksctl.ClusterConfig, one planned, options CreateOptions) error {
	body, err := one.template.JSON()
	if err != nil {
		return err
	}
	m.Log.Info("building %s stack %q", strings.TrimSpace(kindWord(one.kind)+"nodegroup"), stacks.NodeGroupStack(m.Cluster.Name, one.base.Name))
	made, err := m.runner().Create(ctx, stack.Request{
		Name: stacks.NodeGroupStack(m.Cluster.Name, one.base.Name), Template: body,
		Tags: stacks.Tags(config, one.tags), Protected: true, NamedRoles: one.base.IAM.InstanceRoleName != "",
	})
	if err != nil {
		return err
	}
	if one.mapRole && !options.KeepAuthConfigMap {
		role := made.Outputs["InstanceRoleARN"]
		if role == "" {
			role = one.base.IAM.InstanceRoleARN
		}
		if err := m.mapRole(ctx, role); err != nil {
			return err
		}
	}
	if err := m.complete(ctx, one); err != nil {
		return err
	}
	if options.NoWait {
		return nil
	}
	return m.awaitNodes(ctx, one.base.Name, *one.base.MinSize)
}

func kindWord(kind string) string {
	if kind == stacks.Managed {
		return "managed "
	}
	return ""
}

// complete gives the Auto Scaling groups what no stack does: for managed groups
// the labels and taints that Cluster Autoscaler reads, and suspended processes.
func (m *Manager) complete(ctx context.Context, one planned) error {
	tagged := one.managed != nil && one.managed.PropagateASGTags
	if !tagged && len(one.base.ASGSuspendProcesses) == 0 {
		return nil
	}
	found, err := m.group(ctx, one.base.Name)
	if err != nil {
		return err
	}
	names, err := m.autoScalingGroups(ctx, found)
	if err != nil {
		return err
	}
	for _, name := range names {
		if tagged {
			if err := m.AWS.TagAutoScalingGroup(ctx, name, stacks.AutoscalerTags(one.managed.Labels, one.managed.Taints)); err != nil {
				return fmt.Errorf("tagging Auto Scaling group %q: %w", name, err)
			}
		}
		if len(one.base.ASGSuspendProcesses) > 0 {
			if err := m.AWS.SuspendProcesses(ctx, name, one.base.ASGSuspendProcesses); err != nil {
				return fmt.Errorf("suspending processes of Auto Scaling group %q: %w", name, err)
			}
		}
	}
	return nil
}

// existing names the groups that are there already.
func (m *Manager) existing(ctx context.Context, names []string) ([]string, error) {
	groups, err := m.Groups(ctx)
	if err != nil {
		return nil, err
	}
	var found []string
	for i := range groups {
		g := &groups[i]
		if !slices.Contains(names, g.Name) {
			continue
		}
		if g.Managed == nil && g.Stack != nil && (g.Stack.Status == "ROLLBACK_COMPLETE" || g.Stack.Status == "CREATE_FAILED") {
			return nil, fmt.Errorf("stack %q is %s: an earlier attempt failed; take it away with `drover delete nodegroup --cluster %s --name %s`",
				g.Stack.Name, g.Stack.Status, m.Cluster.Name, g.Name)
		}
		found = append(found, g.Name)
	}
	return found, nil
}
