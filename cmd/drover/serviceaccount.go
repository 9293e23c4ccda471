package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/nodegroups"
	"github.com/drover-project/drover/internal/serviceaccounts"
)

type createServiceAccount struct {
	clusterCommand
	account   eksctl.ServiceAccount
	namespace string
	tags      map[string]string
	labels    map[string]string
	filter    nodegroups.Filter
	approve   bool
	override  bool
}

func newCreateServiceAccountCommand(connect connector) *cobra.Command {
	c := &createServiceAccount{clusterCommand: clusterCommand{connect: connect}}
	command := &cobra.Command{
		Use: "iamserviceaccount [NAME]", Aliases: []string{"iamserviceaccounts"}, Short: "Make service accounts with IAM roles",
		Example: `  drover create iamserviceaccount --cluster blue --namespace kube-system --name cluster-autoscaler \
    --attach-policy-arn arn:aws:iam::111122223333:policy/k8s-asg-policy --approve --override-existing-serviceaccounts`,
		Args: cobra.MaximumNArgs(1),
		RunE: c.run,
	}
	flags := command.Flags()
	c.flags(flags)
	flags.StringVarP(&c.name, "name", "n", "", "name of the service account")
	flags.StringVar(&c.namespace, "namespace", "default", "namespace of the service account")
	flags.StringSliceVar(&c.account.AttachPolicyARNs, "attach-policy-arn", nil, "policies of the role")
	flags.StringVar(&c.account.AttachRoleARN, "attach-role-arn", "", "a role that exists, instead of a new one")
	flags.StringVar(&c.account.RoleName, "role-name", "", "name of the role; default: CloudFormation's")
	flags.BoolVar(&c.account.RoleOnly, "role-only", false, "make the role and leave the service account to others")
	flags.StringVar(&c.account.PermissionsBoundary, "permissions-boundary", "", "ARN of the policy that bounds the role")
	flags.StringToStringVar(&c.tags, "tags", nil, "tags of the role, KEY=VALUE,...")
	flags.StringToStringVar(&c.labels, "labels", nil, "labels of the service account, KEY=VALUE,...")
	flags.StringSliceVar(&c.filter.Include, "include", nil, "service accounts of the file to make, NAMESPACE/NAME or glob")
	flags.StringSliceVar(&c.filter.Exclude, "exclude", nil, "service accounts of the file to leave out")
	flags.BoolVar(&c.approve, "approve", false, "do it; only the plan is told without")
	flags.BoolVar(&c.override, "override-existing-serviceaccounts", false, "annotate service accounts that exist already")
	return command
}

func (c *createServiceAccount) run(command *cobra.Command, args []string) error {
	if err := c.takeName(args); err != nil {
		return err
	}
	if err := c.refuseFlags(command.Flags(), "name", "namespace", "attach-policy-arn", "attach-role-arn", "role-name", "role-only", "permissions-boundary", "tags", "labels"); err != nil {
		return err
	}
	config, err := c.load(command)
	if err != nil {
		return err
	}
	if c.file == "" {
		if c.name == "" {
			return errors.New("say which service account: --name=NAME, or -f FILE with iam.serviceAccounts")
		}
		c.account.Metadata = &eksctl.ServiceAccountMeta{Namespace: c.namespace, Name: c.name, Labels: c.labels}
		c.account.Tags = c.tags
		yes := true
		config.IAM = &eksctl.IAM{WithOIDC: &yes, ServiceAccounts: []eksctl.ServiceAccount{c.account}}
		if problems := flagProblems(config); problems != nil {
			return problems
		}
	}
	if err := c.filter.Check(); err != nil {
		return err
	}
	accounts := accountsOf(config, "", "")
	keep(&accounts, func(a *eksctl.ServiceAccount) bool {
		return c.filter.Match(a.Metadata.Namespace + "/" + a.Metadata.Name)
	})
	return c.clusterCommand.run(command, func(ctx context.Context, s *session) error {
		s.log.Info("%d iamserviceaccount(s) were included (based on the include/exclude rules)", len(accounts))
		return s.accounts().Create(ctx, config, accounts, serviceaccounts.CreateOptions{Plan: !c.approve, Override: c.override})
	})
}

// accountsOf are the one of a name, or those of the file, each with its namespace.
func accountsOf(config *eksctl.ClusterConfig, name, namespace string) []eksctl.ServiceAccount {
	if name != "" {
		return []eksctl.ServiceAccount{{Metadata: &eksctl.ServiceAccountMeta{Namespace: namespace, Name: name}}}
	}
	if config.IAM == nil {
		return nil
	}
	all := config.IAM.ServiceAccounts
	for i := range all {
		if all[i].Metadata.Namespace == "" {
			all[i].Metadata.Namespace = "default"
		}
	}
	return all
}
