package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drover-project/drover/lab/region/weather"
)

const capacityPath = "/capacity"

// pool is a capacity pool as the lab's own requests name it. Parts may contain *.
type pool struct {
	InstanceType string `json:"instanceType"`
	Zone         string `json:"zone"`
	CapacityType string `json:"capacityType"`
	Available    *int64 `json:"available,omitempty"`
	Total        *int64 `json:"total,omitempty"`
	Seed         int64  `json:"seed,omitempty"`
}

func newCapacity() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "capacity",
		Short: "Show or change how much capacity EC2 has; it is unlimited unless set",
		Args:  cobra.NoArgs,
	}
	listCapacity(cmd)
	list := &cobra.Command{Use: "list", Short: "List the pools that are limited", Args: cobra.NoArgs}
	listCapacity(list)
	cmd.AddCommand(newCapacitySet(), newCapacityFree(), list)
	return cmd
}

func newCapacitySet() *cobra.Command {
	var p pool
	var available, total int64
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Limit pools: how many more instances each of them can launch, or how many there are in all",
		Example: `  drover-lab capacity set --instance-type 'c5.*' --zone us-west-2a --capacity-type spot --available 0
  drover-lab capacity set --instance-type m5.large --zone us-west-2a --capacity-type spot --total 2`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			hasAvailable, hasTotal := cmd.Flags().Changed("available"), cmd.Flags().Changed("total")
			if !cmd.Flags().Changed("instance-type") || !hasAvailable && !hasTotal {
				return errors.New("--instance-type and --available (or --total) are required, such as --instance-type m5.large --available 0")
			}
			if hasAvailable {
				p.Available = &available
			} else {
				p.Total = &total
			}
			return changeCapacity(cmd, http.MethodPut, p)
		},
	}
	p.addFlags(cmd.Flags())
	cmd.Flags().Int64Var(&available, "available", 0, "how many more instances each pool can launch")
	cmd.Flags().Int64Var(&total, "total", 0, "how many instances each pool has, those that run included: Spot instances beyond it are interrupted")
	cmd.Flags().Int64Var(&p.Seed, "seed", 0, "decides which ones are interrupted")
	cmd.MarkFlagsMutuallyExclusive("available", "total")
	return cmd
}

func newCapacityFree() *cobra.Command {
	var p pool
	cmd := &cobra.Command{
		Use:   "free",
		Short: "Make pools unlimited again",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return changeCapacity(cmd, http.MethodDelete, p) },
	}
	p.addFlags(cmd.Flags())
	return cmd
}

func (p *pool) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&p.InstanceType, "instance-type", "*", "instance `type`, may contain *")
	flags.StringVar(&p.Zone, "zone", "*", "availability `zone`, may contain *")
	flags.StringVar(&p.CapacityType, "capacity-type", "*", "on-demand, spot or *")
}

// listCapacity makes the command list the limited pools.
func listCapacity(cmd *cobra.Command) {
	var output outputFormat
	output.addFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		pools := []pool{}
		if err := askLab(cmd, labRequest{method: http.MethodGet, path: capacityPath}, &pools); err != nil {
			return err
		}
		if output != table {
			return output.encode(cmd.OutOrStdout(), pools)
		}
		return printPools(cmd.OutOrStdout(), pools)
	}
}

func printPools(out io.Writer, pools []pool) error {
	if len(pools) == 0 {
		_, err := fmt.Fprintln(out, "no pool is limited")
		return err
	}
	rows := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(rows, "INSTANCE TYPE\tZONE\tCAPACITY TYPE\tAVAILABLE")
	for _, p := range pools {
		fmt.Fprintf(rows, "%s\t%s\t%s\t%d\n", p.InstanceType, p.Zone, p.CapacityType, *p.Available)
	}
	return rows.Flush()
}

func changeCapacity(cmd *cobra.Command, method string, p pool) error {
	var answer struct {
		Pools       int                `json:"pools"`
		Interrupted []weather.Affected `json:"interrupted"`
	}
	if err := askLab(cmd, labRequest{method, capacityPath, p}, &answer); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d pools changed\n", answer.Pools)
	for _, one := range answer.Interrupted {
		fmt.Fprintln(cmd.OutOrStdout(), sayInterrupted(one))
	}
	return nil
}
