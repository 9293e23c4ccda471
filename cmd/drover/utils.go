package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newUtilsCommand(connect connector) *cobra.Command {
	return parent("utils", "More that concerns a cluster", newAssociateCommand(connect), newHealthCommand(connect))
}

func newAssociateCommand(connect connector) *cobra.Command {
	c := &clusterCommand{connect: connect}
	var approve bool
	command := &cobra.Command{
		Use: "associate-iam-oidc-provider", Short: "Make the cluster's IAM OIDC provider, by which service accounts get roles", Args: cobra.NoArgs,
	}
	flags := command.Flags()
	c.flags(flags)
	flags.BoolVar(&approve, "approve", false, "do it; only the plan is told without")
	command.RunE = func(command *cobra.Command, _ []string) error {
		if _, err := c.load(command); err != nil {
			return err
		}
		return c.run(command, func(ctx context.Context, s *session) error { return s.accounts().Associate(ctx, !approve) })
	}
	return command
}

func newHealthCommand(connect connector) *cobra.Command {
	c := &clusterCommand{connect: connect}
	command := &cobra.Command{Use: "nodegroup-health [NAME]", Short: "Show what is wrong with a managed node group", Args: cobra.MaximumNArgs(1)}
	flags := command.Flags()
	c.place.flags(flags)
	flags.StringVarP(&c.name, "name", "n", "", "name of the node group")
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := c.takeName(args); err != nil {
			return err
		}
		if c.cluster == "" || c.name == "" {
			return errors.New("say which node group: --cluster=NAME --name=NAME")
		}
		return c.run(command, func(ctx context.Context, s *session) error {
			issues, err := s.groups().Health(ctx, c.name)
			if err != nil {
				return err
			}
			if len(issues) == 0 {
				_, err = fmt.Fprintf(command.OutOrStdout(), "No health issues found. Node group %q is active\n", c.name)
				return err
			}
			for _, issue := range issues {
				fmt.Fprintf(command.OutOrStdout(), "%s: %s (%s)\n", issue.Code, issue.Message, strings.Join(issue.Resources, ", "))
			}
			return nil
		})
	}
	return command
}
