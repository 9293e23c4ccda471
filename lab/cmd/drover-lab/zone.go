package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-project/drover/lab/region/weather"
)

const zonesPath = "/zones"

func newZone() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "zone",
		Short: "Put an availability zone out, and bring it back",
		Args:  cobra.NoArgs,
	}
	restore := &cobra.Command{
		Use: "restore ZONE", Short: "Bring a zone back, with the instances that are still there", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var none []weather.Affected
			if err := askLab(cmd, labRequest{http.MethodDelete, zonesPath, map[string]string{"zone": args[0]}}, &none); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "zone/%s restored\n", args[0])
			return nil
		},
	}
	cmd.AddCommand(newZoneFail(), restore)
	return cmd
}

func newZoneFail() *cobra.Command {
	var failure weather.ZoneFailure
	var lasts time.Duration
	var output outputFormat
	cmd := &cobra.Command{
		Use:   "fail ZONE",
		Short: "Put a zone out: nothing starts there, and nobody reaches what runs there",
		Args:  cobra.ExactArgs(1),
		Example: `  drover-lab zone fail us-west-2a --for 10m
  drover-lab zone fail us-west-2a --instances end`,
	}
	output.addFlag(cmd)
	cmd.Flags().DurationVar(&lasts, "for", 0, "how long, divided by the time scale (default until it is restored)")
	cmd.Flags().StringVar(&failure.Instances, "instances", weather.KeepInstances, "keep (they run on out of reach and come back) or end (they are lost)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		failure.Zone, failure.For = args[0], given(cmd, "for", lasts)
		affected := []weather.Affected{}
		if err := askLab(cmd, labRequest{http.MethodPut, zonesPath, failure}, &affected); err != nil {
			return err
		}
		if output != table {
			return output.encode(cmd.OutOrStdout(), affected)
		}
		what := map[string]string{weather.KeepInstances: "out of reach", weather.EndInstances: "lost"}[failure.Instances]
		fmt.Fprintf(cmd.OutOrStdout(), "zone/%s failed: %d instances %s\n", failure.Zone, len(affected), what)
		for _, a := range affected {
			fmt.Fprintf(cmd.OutOrStdout(), "node/%s %s (%s, %s)\n", a.Node, what, a.InstanceID, a.InstanceType)
		}
		return nil
	}
	return cmd
}
