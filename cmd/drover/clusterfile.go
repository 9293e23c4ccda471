package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/say"
)

// undone are problems of an input because of which nothing was done.
type undone struct{ error }

func (u undone) Unwrap() error { return u.error }

// clusterCommand is what most commands have: a cluster, named by flags or by a
// ClusterConfig.
type clusterCommand struct {
	connect connector
	place
	file string
	name string
}

func (c *clusterCommand) flags(flags *pflag.FlagSet) {
	c.place.flags(flags)
	c.fileFlag(flags)
}

func (c *clusterCommand) fileFlag(flags *pflag.FlagSet) {
	flags.StringVarP(&c.file, "config-file", "f", "", "ClusterConfig of eksctl.io/v1alpha5 to read, - for standard input")
}

// takeName takes the name of the one thing that a command is for from its
// argument.
func (c *clusterCommand) takeName(args []string) error {
	switch {
	case len(args) == 0:
	case c.name != "" && c.name != args[0]:
		return fmt.Errorf("two names are given: --name=%s and %s", c.name, args[0])
	default:
		c.name = args[0]
	}
	return nil
}

// load reads the file, or makes one of the flags. It refuses flags that the file
// decides.
func (c *clusterCommand) load(command *cobra.Command) (*eksctl.ClusterConfig, error) {
	if c.file == "" {
		if c.cluster == "" {
			return nil, errors.New("say which cluster: --cluster=NAME, or -f FILE")
		}
		return &eksctl.ClusterConfig{
			APIVersion: eksctl.APIVersion, Kind: eksctl.Kind, Metadata: &eksctl.Metadata{Name: c.cluster, Region: c.region},
		}, nil
	}
	if c.cluster != "" {
		return nil, errors.New("--cluster and -f cannot be used together: the file names the cluster")
	}
	config, err := eksctl.Read(c.file, command.InOrStdin())
	if err != nil {
		return nil, undone{err}
	}
	switch {
	case c.region == "":
		c.region = config.Metadata.Region
	case config.Metadata.Region != "" && config.Metadata.Region != c.region:
		return nil, fmt.Errorf("--region=%s, and the file says metadata.region: %s", c.region, config.Metadata.Region)
	}
	c.cluster = config.Metadata.Name
	return config, nil
}

// refuseFlags refuses flags that have no meaning beside -f.
func (c *clusterCommand) refuseFlags(flags *pflag.FlagSet, names ...string) error {
	if c.file == "" {
		return nil
	}
	for _, name := range names {
		if flags.Changed(name) {
			return fmt.Errorf("--%s cannot be used with -f: write it into the file", name)
		}
	}
	return nil
}

// run opens the cluster and acts on it, within the timeout.
func (c *clusterCommand) run(command *cobra.Command, act func(context.Context, *session) error) error {
	ctx, cancel := context.WithTimeoutCause(command.Context(), c.timeout, fmt.Errorf("the time is over: --timeout=%s", c.timeout))
	defer cancel()
	s, err := c.open(ctx, c.connect, &say.Log{Out: command.ErrOrStderr()})
	if err != nil {
		return err
	}
	if err := act(ctx, s); err != nil {
		return failure{err}
	}
	return nil
}
