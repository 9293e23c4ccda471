package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/internal/addons"
	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl/stacks"
	"github.com/drover-project/drover/internal/nodegroups"
)

func newGetCommand(connect connector) *cobra.Command {
	return parent("get", "Show clusters, node groups, nodes, NodePools, NodeClaims, service accounts with roles, add-ons, and Spot pools",
		newGetNodeGroupCommand(connect), newGetServiceAccountCommand(connect), newGetAddonCommand(connect), newGetClusterCommand(connect), newGetSpotCommand(readSpot),
		newGetNodeClaimsCommand(connectCluster), newGetNodePoolsCommand(connectCluster), newGetNodesCommand(connectCluster))
}

// listing is something to show: a table for people, values for programs.
type listing struct {
	header []string
	rows   [][]string
	values any
	// nothing is said instead of an empty table.
	nothing string
}

func outputFlag(flags *pflag.FlagSet, output *string) {
	flags.StringVarP(output, "output", "o", "table", "table, json or yaml")
}

func checkOutput(output string) error {
	switch output {
	case "table", "json", "yaml":
		return nil
	}
	return fmt.Errorf("--output=%s is none of table, json, yaml", output)
}

func (l *listing) write(out io.Writer, output string) error {
	switch output {
	case "json":
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "    ")
		return encoder.Encode(l.values)
	case "yaml":
		text, err := yaml.Marshal(l.values)
		if err != nil {
			return err
		}
		_, err = out.Write(text)
		return err
	}
	if len(l.rows) == 0 {
		_, err := fmt.Fprintln(out, l.nothing)
		return err
	}
	table := tabwriter.NewWriter(out, 0, 8, 1, '\t', 0)
	for _, row := range append([][]string{l.header}, l.rows...) {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// getCommand is a command that shows what the cluster has.
func getCommand(connect connector, use, short string, list func(context.Context, *session, string) (*listing, error)) *cobra.Command {
	c := &clusterCommand{connect: connect}
	var output string
	command := &cobra.Command{Use: use + " [NAME]", Short: short, Args: cobra.MaximumNArgs(1)}
	flags := command.Flags()
	c.flags(flags)
	flags.StringVarP(&c.name, "name", "n", "", "name of the one to show; default: all")
	outputFlag(flags, &output)
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := errors.Join(c.takeName(args), checkOutput(output)); err != nil {
			return err
		}
		if _, err := c.load(command); err != nil {
			return err
		}
		return c.run(command, func(ctx context.Context, s *session) error {
			found, err := list(ctx, s, c.name)
			if err != nil {
				return err
			}
			return found.write(command.OutOrStdout(), output)
		})
	}
	return command
}

func newGetNodeGroupCommand(connect connector) *cobra.Command {
	command := getCommand(connect, "nodegroup", "Show node groups", func(ctx context.Context, s *session, name string) (*listing, error) {
		found, err := s.groups().Get(ctx, name)
		if err != nil {
			return nil, err
		}
		return nodeGroupListing(found), nil
	})
	command.Aliases = []string{"nodegroups", "ng"}
	return command
}

func nodeGroupListing(found []nodegroups.Summary) *listing {
	l := &listing{
		header: []string{
			"CLUSTER", "NODEGROUP", "STATUS", "CREATED", "MIN SIZE", "MAX SIZE", "DESIRED CAPACITY", "INSTANCE TYPE", "IMAGE ID", "ASG NAME", "TYPE",
		},
		values: found, nothing: "No nodegroups found",
	}
	for i := range found {
		g := &found[i]
		l.rows = append(l.rows, []string{
			g.Cluster, g.Name, g.Status, g.CreationTime.UTC().Format(time.RFC3339), strconv.Itoa(g.MinSize), strconv.Itoa(g.MaxSize),
			strconv.Itoa(g.DesiredCapacity), g.InstanceType, g.ImageID, g.AutoScalingGroupName, g.Type,
		})
	}
	return l
}

func newGetServiceAccountCommand(connect connector) *cobra.Command {
	var namespace string
	command := getCommand(connect, "iamserviceaccount", "Show service accounts with roles", func(ctx context.Context, s *session, name string) (*listing, error) {
		found, err := s.accounts().List(ctx)
		if err != nil {
			return nil, err
		}
		l := &listing{header: []string{"NAMESPACE", "NAME", "ROLE ARN"}, nothing: "No iamserviceaccounts found"}
		values := []map[string]any{}
		for _, one := range found {
			if name != "" && one.Name != name || namespace != "" && one.Namespace != namespace {
				continue
			}
			l.rows = append(l.rows, []string{one.Namespace, one.Name, one.RoleARN})
			values = append(values, map[string]any{
				"metadata": map[string]any{"name": one.Name, "namespace": one.Namespace}, "status": map[string]any{"roleARN": one.RoleARN, "stackName": one.StackName},
			})
		}
		l.values = values
		return l, nil
	})
	command.Aliases = []string{"iamserviceaccounts"}
	command.Flags().StringVar(&namespace, "namespace", "", "namespace of the service accounts to show; default: all")
	return command
}

func newGetAddonCommand(connect connector) *cobra.Command {
	command := getCommand(connect, "addon", "Show add-ons", func(ctx context.Context, s *session, name string) (*listing, error) {
		found, err := s.addons().Get(ctx, name)
		if err != nil {
			return nil, err
		}
		return addonListing(found), nil
	})
	command.Aliases = []string{"addons"}
	return command
}

func addonListing(found []addons.Summary) *listing {
	l := &listing{
		header: []string{
			"NAME", "VERSION", "STATUS", "ISSUES", "IAMROLE", "UPDATE AVAILABLE", "CONFIGURATION VALUES", "NAMESPACE", "POD IDENTITY ASSOCIATION ROLES",
		},
		values: found, nothing: "No addons found",
	}
	for i := range found {
		a := &found[i]
		l.rows = append(l.rows, []string{
			a.Name, a.Version, a.Status, strconv.Itoa(len(a.Issues)), a.IAMRole, a.NewerVersion, shortened(a.ConfigurationValues), a.Namespace,
			strings.Join(a.PodIdentityAssociations, ","),
		})
	}
	return l
}

// mostShown is how much of a value a table shows; -o json has all of it.
const mostShown = 60

func shortened(text string) string {
	line := []rune(strings.Join(strings.Fields(text), " "))
	if len(line) > mostShown {
		return string(line[:mostShown]) + "…"
	}
	return string(line)
}

func newGetClusterCommand(connect connector) *cobra.Command {
	c := &clusterCommand{connect: connect}
	var output string
	command := &cobra.Command{Use: "cluster [NAME]", Aliases: []string{"clusters"}, Short: "Show EKS clusters", Args: cobra.MaximumNArgs(1)}
	flags := command.Flags()
	flags.StringVarP(&c.name, "name", "n", "", "name of the cluster; default: all")
	c.regionFlags(flags)
	outputFlag(flags, &output)
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := errors.Join(c.takeName(args), checkOutput(output)); err != nil {
			return err
		}
		aws, err := connect.Region(command.Context(), c.region, c.profile)
		if err != nil {
			return failure{err}
		}
		found, err := clusterListing(command.Context(), aws, c.name)
		if err != nil {
			return failure{err}
		}
		return found.write(command.OutOrStdout(), output)
	}
	return command
}

// clusterListing shows the clusters' names; with a name, EKS's description.
func clusterListing(ctx context.Context, aws regional, name string) (*listing, error) {
	names := []string{name}
	if name == "" {
		var err error
		if names, err = aws.Clusters(ctx); err != nil {
			return nil, fmt.Errorf("listing the clusters of %s: %w", aws.Name(), err)
		}
	}
	l := &listing{header: []string{"NAME", "REGION", "EKSCTL CREATED"}, nothing: "No clusters found"}
	descriptions, short := []any{}, []map[string]string{}
	for _, one := range names {
		description, err := aws.DescribeCluster(ctx, one)
		if errors.Is(err, eks.ErrNotFound) {
			return nil, fmt.Errorf("EKS in %s has no cluster %q: %w", aws.Name(), one, err)
		}
		if err != nil {
			return nil, fmt.Errorf("describing cluster %q: %w", one, err)
		}
		created := "False"
		if _, err := aws.DescribeStack(ctx, stacks.ClusterStack(one)); err == nil {
			created = "True"
		}
		l.rows = append(l.rows, []string{one, aws.Name(), created})
		descriptions = append(descriptions, description)
		short = append(short, map[string]string{"Name": one, "Region": aws.Name(), "Owned": created})
	}
	l.values = short
	if name != "" {
		l.values = descriptions
	}
	return l, nil
}
