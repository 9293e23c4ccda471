package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/drover-project/drover/lab/imds"
)

func newIMDS() *cobra.Command {
	var output outputFormat
	cmd := &cobra.Command{
		Use:   "imds NODE",
		Short: "Print the URL of a node's instance metadata service",
		Long: `Print where the instance metadata service of a node is, by the name of the
node or the id of its instance. On the instance it is http://169.254.169.254;
here it is a port of this machine, which changes when the lab starts again.`,
		Example: `  url=$(drover-lab imds ip-192-168-12-34.us-west-2.compute.internal)
  token=$(curl -sX PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $url/latest/api/token)
  curl -s -H "X-aws-ec2-metadata-token: $token" $url/latest/meta-data/instance-life-cycle`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var place imds.Place
			if err := askLab(cmd, labRequest{method: http.MethodGet, path: "/imds/" + url.PathEscape(args[0])}, &place); err != nil {
				return err
			}
			if output != table {
				return output.encode(cmd.OutOrStdout(), place)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), place.URL)
			return err
		},
	}
	output.addFlag(cmd)
	return cmd
}
