package main

import (
	"github.com/spf13/cobra"

	"github.com/drover-project/drover/deploy"
)

func newAgentManifestsCommand() *cobra.Command {
	var parameters deploy.AgentParameters
	command := &cobra.Command{
		Use:   "manifests",
		Short: "Print the Kubernetes objects to install the agent with",
		Example: `  drover agent manifests --node-selector lifecycle=Ec2Spot | kubectl apply -f -
  drover agent manifests --env TAINT_NODE=true,ENABLE_REBALANCE_DRAINING=true | kubectl apply -f -`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			stream, err := deploy.AgentYAML(parameters)
			if err != nil {
				return err
			}
			_, err = command.OutOrStdout().Write(stream)
			return err
		},
	}
	flags := command.Flags()
	flags.StringVar(&parameters.Image, "image", deploy.DefaultImage, "container image of drover")
	flags.StringVar(&parameters.Namespace, "namespace", deploy.AgentNamespace, "namespace of the DaemonSet")
	flags.StringToStringVar(&parameters.NodeSelector, "node-selector", nil, "labels of the nodes that get an agent, KEY=VALUE; default: all Linux nodes")
	flags.StringToStringVar(&parameters.Env, "env", nil, "environment of the agent, NAME=VALUE: its settings")
	return command
}
