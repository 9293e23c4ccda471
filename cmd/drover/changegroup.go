package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drover-project/drover/internal/drain"
	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/nodegroups"
)

// parent is a command that only holds others.
func parent(use, short string, children ...*cobra.Command) *cobra.Command {
	command := &cobra.Command{Use: use, Short: short, RunE: func(command *cobra.Command, args []string) error {
		if len(args) == 0 {
			return command.Help()
		}
		var names []string
		for _, child := range command.Commands() {
			names = append(append(names, child.Name()), child.Aliases...)
		}
		problem := fmt.Sprintf("there is no `%s %s`", command.CommandPath(), args[0])
		if near := manifest.Nearest(args[0], names); near != "" {
			problem += fmt.Sprintf("; did you mean %s?", near)
		}
		return errors.New(problem)
	}}
	command.AddCommand(children...)
	return command
}

func newScaleCommand(connect connector) *cobra.Command {
	return parent("scale", "Change the size of node groups", newScaleNodeGroupCommand(connect))
}

func newScaleNodeGroupCommand(connect connector) *cobra.Command {
	c := &clusterCommand{connect: connect}
	var nodes, least, most int
	var wait bool
	command := &cobra.Command{
		Use: "nodegroup [NAME]", Aliases: []string{"ng"}, Short: "Change a node group's size",
		Example: "  drover scale nodegroup --cluster blue --name workers --nodes 5 --nodes-max 8 --wait",
		Args:    cobra.MaximumNArgs(1),
	}
	flags := command.Flags()
	c.flags(flags)
	flags.StringVarP(&c.name, "name", "n", "", "name of the node group")
	flags.IntVarP(&nodes, "nodes", "N", 0, "number of nodes")
	flags.IntVarP(&least, "nodes-min", "m", 0, "least number of nodes")
	flags.IntVarP(&most, "nodes-max", "M", 0, "most nodes")
	flags.BoolVarP(&wait, "wait", "w", false, "wait for the nodes")
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := c.takeName(args); err != nil {
			return err
		}
		config, err := c.load(command)
		if err != nil {
			return err
		}
		sizes := map[string]eks.Sizes{}
		given := eks.Sizes{Desired: changed(flags, "nodes", nodes), Min: changed(flags, "nodes-min", least), Max: changed(flags, "nodes-max", most)}
		switch {
		case c.file == "" && c.name == "":
			return errors.New("say which node group: --name=NAME")
		case c.file == "":
			sizes[c.name] = given
		default:
			sizes = sizesOf(config, c.name)
			if len(sizes) == 0 {
				return fmt.Errorf("the file has no node group %q with sizes", c.name)
			}
		}
		return c.run(command, func(ctx context.Context, s *session) error {
			var failures []error
			for _, name := range groupNames(config, c.name) {
				if err := s.groups().Scale(ctx, name, sizes[name], wait); err != nil {
					failures = append(failures, err)
				}
			}
			return errors.Join(failures...)
		})
	}
	return command
}

func changed(flags *pflag.FlagSet, name string, value int) *int {
	if !flags.Changed(name) {
		return nil
	}
	return &value
}

// sizesOf are the sizes that a file gives to its groups.
func sizesOf(config *eksctl.ClusterConfig, only string) map[string]eks.Sizes {
	sizes := map[string]eks.Sizes{}
	for _, g := range bases(config) {
		if only == "" || g.Name == only {
			sizes[g.Name] = eks.Sizes{Min: g.MinSize, Max: g.MaxSize, Desired: g.DesiredCapacity}
		}
	}
	return sizes
}

func bases(config *eksctl.ClusterConfig) []*eksctl.NodeGroupBase {
	var all []*eksctl.NodeGroupBase
	for i := range config.NodeGroups {
		all = append(all, &config.NodeGroups[i].NodeGroupBase)
	}
	for i := range config.ManagedNodeGroups {
		all = append(all, &config.ManagedNodeGroups[i].NodeGroupBase)
	}
	return all
}

// groupNames are the name that is given, or those of the file.
func groupNames(config *eksctl.ClusterConfig, given string) []string {
	if given != "" {
		return []string{given}
	}
	var names []string
	for _, g := range bases(config) {
		names = append(names, g.Name)
	}
	return names
}

func newUpgradeCommand(connect connector) *cobra.Command {
	return parent("upgrade", "Bring node groups to another version", newUpgradeNodeGroupCommand(connect))
}

func newUpgradeNodeGroupCommand(connect connector) *cobra.Command {
	c := &clusterCommand{connect: connect}
	var to eks.Upgrade
	var template string
	var wait bool
	command := &cobra.Command{
		Use: "nodegroup [NAME]", Aliases: []string{"ng"}, Short: "Bring a managed node group to another version",
		Long: "Bring a managed node group to another version.\n\nPods that PodDisruptionBudgets hold are named before the update starts and while it waits for them.",
		Args: cobra.MaximumNArgs(1),
	}
	flags := command.Flags()
	c.place.flags(flags)
	flags.StringVarP(&c.name, "name", "n", "", "name of the node group")
	flags.StringVar(&to.Version, "kubernetes-version", "", "MAJOR.MINOR; default: the version that the group has, with its latest release")
	flags.StringVar(&to.ReleaseVersion, "release-version", "", "release of the AMI, such as 1.34.1-20251112")
	flags.StringVar(&template, "launch-template-version", "", "version of the group's launch template")
	flags.BoolVar(&to.Force, "force-upgrade", false, "delete pods that cannot be evicted")
	flags.BoolVarP(&wait, "wait", "w", true, "wait until the update has ended")
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := c.takeName(args); err != nil {
			return err
		}
		if c.cluster == "" || c.name == "" {
			return errors.New("say which node group: --cluster=NAME --name=NAME")
		}
		if template != "" {
			to.LaunchTemplate = &eks.LaunchTemplate{Version: template}
		}
		return c.run(command, func(ctx context.Context, s *session) error { return s.groups().Upgrade(ctx, c.name, to, wait) })
	}
	return command
}

// selectFlags choose groups and say whether it is meant.
type selectFlags struct {
	nodegroups.Selection
	approve bool
}

func (s *selectFlags) flags(flags *pflag.FlagSet) {
	flags.StringSliceVar(&s.Filter.Include, "include", nil, "node groups to choose, by name or glob")
	flags.StringSliceVar(&s.Filter.Exclude, "exclude", nil, "node groups to leave out, by name or glob")
	flags.BoolVar(&s.OnlyMissing, "only-missing", false, "choose the node groups that exist and are not in the file")
	flags.BoolVar(&s.approve, "approve", false, "do it; with -f only the plan is told without")
}

// selection is what the command is for. Without a file a name is enough to mean it.
func (c *clusterCommand) selection(config *eksctl.ClusterConfig, s *selectFlags) (nodegroups.Selection, error) {
	chosen := s.Selection
	chosen.Names = groupNames(config, c.name)
	chosen.Plan = c.file != "" && !s.approve
	switch {
	case c.file == "" && c.name == "":
		return chosen, errors.New("say which node group: --name=NAME, or -f FILE")
	case c.file == "" && s.OnlyMissing:
		return chosen, errors.New("--only-missing compares with a file: -f FILE")
	}
	return chosen, nil
}

func drainFlags(flags *pflag.FlagSet, options *drain.Options) {
	flags.DurationVar(&options.MaxGrace, "max-grace-period", 0, "most time for pods to end; default: what each pod says")
	flags.DurationVar(&options.EvictionWait, "pod-eviction-wait-period", 0, "pause between attempts to evict; default: 10s")
	flags.DurationVar(&options.NodeWait, "node-drain-wait-period", 0, "pause after each node")
	flags.BoolVar(&options.DisableEviction, "disable-eviction", false, "delete pods instead of evicting them: PodDisruptionBudgets do not count")
	flags.IntVar(&options.Parallel, "parallel", 1, "how many nodes to drain at once, 1 to 25")
}

func checkParallel(options *drain.Options) error {
	if options.Parallel < 1 || options.Parallel > 25 {
		return fmt.Errorf("--parallel must be between 1 and 25, not %d", options.Parallel)
	}
	return nil
}

func newDrainCommand(connect connector) *cobra.Command {
	return parent("drain", "Empty the nodes of node groups", newDrainNodeGroupCommand(connect))
}

func newDrainNodeGroupCommand(connect connector) *cobra.Command {
	c := &clusterCommand{connect: connect}
	var options nodegroups.DrainOptions
	var chosen selectFlags
	command := &cobra.Command{
		Use: "nodegroup [NAME]", Aliases: []string{"ng"}, Short: "Cordon the nodes of node groups and evict their pods", Args: cobra.MaximumNArgs(1),
	}
	flags := command.Flags()
	c.flags(flags)
	flags.StringVarP(&c.name, "name", "n", "", "name of the node group")
	chosen.flags(flags)
	drainFlags(flags, &options.Draining)
	flags.BoolVar(&options.Undo, "undo", false, "make the nodes schedulable again")
	command.RunE = func(command *cobra.Command, args []string) error {
		return c.onSelection(command, args, &chosen, &options.Draining, func(ctx context.Context, s *session, selected nodegroups.Selection) error {
			options.Selection = selected
			return s.groups().Drain(ctx, options)
		})
	}
	return command
}

// onSelection does what drain and delete have in common.
func (c *clusterCommand) onSelection(command *cobra.Command, args []string, chosen *selectFlags, draining *drain.Options,
	act func(context.Context, *session, nodegroups.Selection) error,
) error {
	if err := c.takeName(args); err != nil {
		return err
	}
	if err := checkParallel(draining); err != nil {
		return err
	}
	config, err := c.load(command)
	if err != nil {
		return err
	}
	selected, err := c.selection(config, chosen)
	if err != nil {
		return err
	}
	return c.run(command, func(ctx context.Context, s *session) error {
		if err := act(ctx, s, selected); err != nil {
			return err
		}
		if selected.Plan {
			s.log.Warning("no changes were applied, run again with '--approve' to apply the changes")
		}
		return nil
	})
}
