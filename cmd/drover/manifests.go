package main

import (
	"github.com/spf13/cobra"

	"github.com/drover-project/drover/deploy"
)

func newManifestsCommand() *cobra.Command {
	var parameters deploy.Parameters
	command := &cobra.Command{
		Use:   "manifests --cluster-name NAME",
		Short: "Print the Kubernetes objects to install drover with",
		Example: `  drover manifests --cluster-name blue --region eu-west-1 \
    --role-arn arn:aws:iam::111122223333:role/drover | kubectl apply --server-side -f -`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			stream, err := deploy.YAML(parameters)
			if err != nil {
				return err
			}
			_, err = command.OutOrStdout().Write(stream)
			return err
		},
	}
	flags := command.Flags()
	flags.StringVar(&parameters.ClusterName, "cluster-name", "", "name of the EKS cluster (required)")
	flags.StringVar(&parameters.ClusterEndpoint, "cluster-endpoint", "", "URL of the API server that new nodes join; default: ask EKS")
	flags.StringVar(&parameters.Region, "region", "", "AWS region; default: the SDK's default chain in the pod")
	flags.StringVar(&parameters.RoleARN, "role-arn", "", "IAM role for the service account (IRSA); leave out with EKS Pod Identity")
	flags.StringVar(&parameters.Image, "image", deploy.DefaultImage, "container image of drover")
	flags.Int32Var(&parameters.Replicas, "replicas", 0, "number of controllers, one of which leads; 0 means 2")
	flags.StringToStringVar(&parameters.Env, "env", nil, "more environment of the controller, NAME=VALUE")
	return command
}
