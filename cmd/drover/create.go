package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/nodegroups"
)

func newCreateCommand(connect connector) *cobra.Command {
	return parent("create", "Make node groups, service accounts with roles, and add-ons",
		newCreateNodeGroupCommand(connect), newCreateServiceAccountCommand(connect), newCreateAddonCommand(connect))
}

type createNodeGroup struct {
	clusterCommand
	group   groupFlags
	options nodegroups.CreateOptions
	dryRun  bool
	version string
	update  bool
}

func newCreateNodeGroupCommand(connect connector) *cobra.Command {
	c := &createNodeGroup{clusterCommand: clusterCommand{connect: connect}}
	command := &cobra.Command{
		Use:     "nodegroup [NAME]",
		Aliases: []string{"nodegroups", "ng"},
		Short:   "Make node groups, each with a CloudFormation stack, and wait for their nodes",
		Example: `  envsubst < nodegroups.yaml | drover create nodegroup -f -
  drover create nodegroup --cluster blue --name workers --node-type m5.large --nodes 3
  drover create nodegroup --cluster blue --name spot --spot --instance-types m5.large,m5a.large --dry-run`,
		Args: cobra.MaximumNArgs(1),
		RunE: c.run,
	}
	flags := command.Flags()
	c.flags(flags)
	c.group.flags(flags)
	flags.StringVarP(&c.name, "name", "n", "", "name of the node group; default: drawn")
	flags.StringSliceVar(&c.options.Filter.Include, "include", nil, "node groups of the file to make, by name or glob")
	flags.StringSliceVar(&c.options.Filter.Exclude, "exclude", nil, "node groups of the file to leave out, by name or glob")
	flags.StringVar(&c.version, "version", "auto", "version of Kubernetes of the nodes; auto is the control plane's")
	flags.BoolVar(&c.dryRun, "dry-run", false, "print the ClusterConfig with every default, and do nothing")
	flags.IntVar(&c.options.Parallel, "nodegroup-parallelism", 8, "how many stacks to make at once")
	flags.IntVar(&c.options.Parallel, "parallel", 8, "the same as --nodegroup-parallelism")
	flags.BoolVar(&c.update, "update-auth-configmap", true, "let the nodes of self-managed groups in by the aws-auth ConfigMap")
	return command
}

func (c *createNodeGroup) run(command *cobra.Command, args []string) error {
	if err := c.takeName(args); err != nil {
		return err
	}
	if err := c.refuseFlags(command.Flags(), append(c.group.names(), "name", "version")...); err != nil {
		return err
	}
	config, err := c.load(command)
	if err != nil {
		return err
	}
	if c.file == "" {
		if err := c.group.into(config, c.name, command.Flags()); err != nil {
			return err
		}
		if c.version != "auto" {
			config.Metadata.Version = c.version
		}
		if problems := flagProblems(config); problems != nil {
			return problems
		}
	}
	if c.dryRun {
		return c.print(command, config)
	}
	c.options.KeepAuthConfigMap = !c.update
	return c.clusterCommand.run(command, func(ctx context.Context, s *session) error {
		return s.groups().Create(ctx, config, c.options)
	})
}

// print writes what would be made, for a file of one's own.
func (c *createNodeGroup) print(command *cobra.Command, config *eksctl.ClusterConfig) error {
	if err := eksctl.SetDefaults(config, config.Metadata.Version); err != nil {
		return err
	}
	filter := c.options.Filter
	if err := filter.Check(); err != nil {
		return err
	}
	keep(&config.NodeGroups, func(g *eksctl.NodeGroup) bool { return filter.Match(g.Name) })
	keep(&config.ManagedNodeGroups, func(g *eksctl.ManagedNodeGroup) bool { return filter.Match(g.Name) })
	text, err := yaml.Marshal(config)
	if err != nil {
		return err
	}
	_, err = command.OutOrStdout().Write(text)
	return err
}

func keep[T any](list *[]T, wanted func(*T) bool) {
	var kept []T
	for i := range *list {
		if wanted(&(*list)[i]) {
			kept = append(kept, (*list)[i])
		}
	}
	*list = kept
}

// flagProblems are rules that flags break, in the words of the file's fields.
func flagProblems(config *eksctl.ClusterConfig) error {
	var all []error
	for _, finding := range eksctl.Validate(config) {
		problem := manifest.Problem{File: "the flags", Field: finding.Field, Message: finding.Message, Right: finding.Right}
		all = append(all, problem)
	}
	return errors.Join(all...)
}
