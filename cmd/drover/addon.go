package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/drover-project/drover/internal/eksctl"
)

func newCreateAddonCommand(connect connector) *cobra.Command {
	c := &clusterCommand{connect: connect}
	var addon eksctl.Addon
	var wait, force bool
	command := &cobra.Command{
		Use: "addon [NAME]", Aliases: []string{"addons"}, Short: "Make EKS add-ons",
		Example: "  envsubst < addons.yaml | drover create addon -f -\n  drover create addon --cluster blue --name coredns --version latest --wait",
		Args:    cobra.MaximumNArgs(1),
	}
	flags := command.Flags()
	c.flags(flags)
	flags.StringVarP(&c.name, "name", "n", "", "name of the add-on")
	flags.StringVar(&addon.Version, "version", "", "a version, latest, or nothing for the default of the cluster's version")
	flags.StringVar(&addon.ServiceAccountRoleARN, "service-account-role-arn", "", "role of the add-on")
	flags.StringSliceVar(&addon.AttachPolicyARNs, "attach-policy-arn", nil, "policies of a new role of the add-on")
	flags.BoolVar(&wait, "wait", false, "wait until the add-on is active")
	flags.BoolVar(&force, "force", false, "overwrite what is in the cluster already")
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := c.takeName(args); err != nil {
			return err
		}
		if err := c.refuseFlags(flags, "name", "version", "service-account-role-arn", "attach-policy-arn"); err != nil {
			return err
		}
		config, err := c.load(command)
		if err != nil {
			return err
		}
		if c.file == "" {
			addon.Name = c.name
			config.Addons = []eksctl.Addon{addon}
			if c.name == "" {
				return errors.New("say which add-on: --name=NAME, or -f FILE with addons")
			}
			if problems := flagProblems(config); problems != nil {
				return problems
			}
		}
		if len(config.Addons) == 0 {
			return errors.New("the file has no addons")
		}
		return c.run(command, func(ctx context.Context, s *session) error { return s.addons().Create(ctx, config, wait, force) })
	}
	return command
}
