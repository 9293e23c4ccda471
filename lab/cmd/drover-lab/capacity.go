package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drover-project/drover/lab/assemble"
	"github.com/drover-project/drover/lab/datadir"
)

// pool is a capacity pool as the lab's own requests name it. Parts may contain *.
type pool struct {
	InstanceType string `json:"instanceType"`
	Zone         string `json:"zone"`
	CapacityType string `json:"capacityType"`
	Available    *int64 `json:"available,omitempty"`
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
	var available int64
	cmd := &cobra.Command{
		Use:     "set",
		Short:   "Limit pools: how many more instances each of them can launch",
		Example: `  drover-lab capacity set --instance-type 'c5.*' --zone us-west-2a --capacity-type spot --available 0`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("instance-type") || !cmd.Flags().Changed("available") {
				return errors.New("--instance-type and --available are required, such as --instance-type m5.large --available 0")
			}
			p.Available = &available
			return changeCapacity(cmd, http.MethodPut, p)
		},
	}
	p.addFlags(cmd.Flags())
	cmd.Flags().Int64Var(&available, "available", 0, "how many more instances each pool can launch")
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
		if err := askLab(cmd, http.MethodGet, nil, &pools); err != nil {
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
		Pools int `json:"pools"`
	}
	if err := askLab(cmd, method, p, &answer); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d pools changed\n", answer.Pools)
	return nil
}

// askLab sends one of the lab's own requests about capacity to the running lab.
func askLab(cmd *cobra.Command, method string, body, answer any) error {
	return askLabAt(cmd, method, "/capacity", body, answer)
}

// askLabAt sends one of the lab's own requests to the running lab.
func askLabAt(cmd *cobra.Command, method, at string, body, answer any) error {
	path, err := dataDir(cmd)
	if err != nil {
		return err
	}
	run, ok, err := datadir.ReadRun(path)
	if err != nil {
		return err
	}
	if !ok || !run.Ready {
		return errNotRunning
	}
	content, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, run.AWSEndpoint+assemble.AdminPath+at, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking the lab: %w", err)
	}
	defer response.Body.Close()
	return readAnswer(response, answer)
}

func readAnswer(response *http.Response, answer any) error {
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the lab's answer: %w", err)
	}
	if response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(content, answer); err != nil {
			return fmt.Errorf("reading the lab's answer: %w", err)
		}
		return nil
	}
	var problem struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(content, &problem) == nil && problem.Error != "" {
		return errors.New(problem.Error)
	}
	return fmt.Errorf("the lab answered %s", response.Status)
}
