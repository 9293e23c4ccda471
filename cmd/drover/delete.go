package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/drover-project/drover/internal/nodegroups"
)

func newDeleteCommand(connect connector) *cobra.Command {
	return parent("delete", "Delete node groups, service accounts with their roles, and add-ons",
		newDeleteNodeGroupCommand(connect), newDeleteServiceAccountCommand(connect), newDeleteAddonCommand(connect))
}

func newDeleteNodeGroupCommand(connect connector) *cobra.Command {
	c := &clusterCommand{connect: connect}
	var options nodegroups.DeleteOptions
	var chosen selectFlags
	var update bool
	command := &cobra.Command{
		Use: "nodegroup [NAME]", Aliases: []string{"nodegroups", "ng"}, Short: "Drain node groups and delete them with their stacks",
		Example: `  drover delete nodegroup --cluster blue --name workers --wait
  drover delete nodegroup -f nodegroups.yaml --approve`,
		Args: cobra.MaximumNArgs(1),
	}
	flags := command.Flags()
	c.flags(flags)
	flags.StringVarP(&c.name, "name", "n", "", "name of the node group")
	chosen.flags(flags)
	drainFlags(flags, &options.Draining)
	flags.BoolVar(&options.Drain, "drain", true, "drain the nodes first")
	flags.BoolVarP(&options.Wait, "wait", "w", false, "wait until everything is gone")
	flags.BoolVar(&update, "update-auth-configmap", true, "take the role of self-managed groups out of the aws-auth ConfigMap")
	command.RunE = func(command *cobra.Command, args []string) error {
		return c.onSelection(command, args, &chosen, &options.Draining, func(ctx context.Context, s *session, selected nodegroups.Selection) error {
			options.Selection, options.KeepAuthConfigMap = selected, !update
			return s.groups().Delete(ctx, options)
		})
	}
	return command
}

func newDeleteServiceAccountCommand(connect connector) *cobra.Command {
	c := &clusterCommand{connect: connect}
	var namespace string
	var approve, wait bool
	command := &cobra.Command{
		Use: "iamserviceaccount [NAME]", Aliases: []string{"iamserviceaccounts"}, Short: "Delete service accounts and the stacks with their roles", Args: cobra.MaximumNArgs(1),
	}
	flags := command.Flags()
	c.flags(flags)
	flags.StringVarP(&c.name, "name", "n", "", "name of the service account")
	flags.StringVar(&namespace, "namespace", "default", "namespace of the service account")
	flags.BoolVar(&approve, "approve", false, "do it; with -f only the plan is told without")
	flags.BoolVarP(&wait, "wait", "w", false, "wait until the stacks are gone")
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := c.takeName(args); err != nil {
			return err
		}
		config, err := c.load(command)
		if err != nil {
			return err
		}
		accounts := accountsOf(config, c.name, namespace)
		if len(accounts) == 0 {
			return errors.New("say which service account: --name=NAME, or -f FILE with iam.serviceAccounts")
		}
		return c.run(command, func(ctx context.Context, s *session) error {
			var failures []error
			for i := range accounts {
				m := accounts[i].Metadata
				failures = append(failures, s.accounts().Delete(ctx, m.Namespace, m.Name, c.file != "" && !approve, wait))
			}
			return errors.Join(failures...)
		})
	}
	return command
}

func newDeleteAddonCommand(connect connector) *cobra.Command {
	c := &clusterCommand{connect: connect}
	var preserve, wait bool
	command := &cobra.Command{Use: "addon [NAME]", Aliases: []string{"addons"}, Short: "Delete an add-on and the stack with its role", Args: cobra.MaximumNArgs(1)}
	flags := command.Flags()
	c.flags(flags)
	flags.StringVarP(&c.name, "name", "n", "", "name of the add-on")
	flags.BoolVar(&preserve, "preserve", false, "leave what runs in the cluster there")
	flags.BoolVarP(&wait, "wait", "w", false, "wait until it is gone")
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := c.takeName(args); err != nil {
			return err
		}
		config, err := c.load(command)
		if err != nil {
			return err
		}
		names := []string{c.name}
		if c.name == "" {
			names = nil
			for i := range config.Addons {
				names = append(names, config.Addons[i].Name)
			}
		}
		if len(names) == 0 {
			return errors.New("say which add-on: --name=NAME, or -f FILE with addons")
		}
		return c.run(command, func(ctx context.Context, s *session) error {
			var failures []error
			for _, name := range names {
				failures = append(failures, s.addons().Delete(ctx, name, preserve, wait))
			}
			return errors.Join(failures...)
		})
	}
	return command
}
