package main

import (
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-project/drover/lab/datadir"
	"github.com/drover-project/drover/lab/kubeconfig"
)

const stopTimeout = 60 * time.Second

func newDown() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the running lab and wait until it is gone; its state stays",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := dataDir(cmd)
			if err != nil {
				return err
			}
			stopped, err := stopLab(path)
			if err != nil {
				return err
			}
			if !stopped {
				fmt.Fprintf(cmd.OutOrStdout(), "no lab is running on %s\n", path)
				return nil
			}
			fmt.Fprintln(cmd.OutOrStdout(), "the lab has stopped; `drover-lab up` goes on where it was")
			return nil
		},
	}
}

func newReset() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Delete the lab's state: its cluster, its region, its keys",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := dataDir(cmd)
			if err != nil {
				return err
			}
			if force {
				if _, err := stopLab(path); err != nil {
					return err
				}
			}
			return reset(cmd.OutOrStdout(), path)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "stop the lab first if it is running")
	return cmd
}

func reset(out io.Writer, path string) error {
	entries, err := datadir.ReadKubeconfigs(path)
	if err != nil {
		return err
	}
	if err := datadir.Remove(path); err != nil {
		return err
	}
	for _, entry := range entries {
		if err := kubeconfig.Remove(entry.Path, entry.Context); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "the lab's state in %s is deleted\n", path)
	return err
}

// stopLab ends the lab that runs on the folder, if one does, and waits until it
// has given the folder free.
func stopLab(path string) (stopped bool, err error) {
	pid, running, err := datadir.Holder(path)
	if err != nil || !running {
		return false, err
	}
	if pid <= 0 {
		return false, fmt.Errorf("a lab runs on %s, but its pid is not known: stop it where it was started", path)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return false, fmt.Errorf("stopping the lab (pid %d): %w", pid, err)
	}
	deadline := time.Now().Add(stopTimeout)
	for time.Now().Before(deadline) {
		if _, running, err = datadir.Holder(path); err != nil || !running {
			return true, err
		}
		time.Sleep(pollInterval)
	}
	return false, fmt.Errorf("the lab (pid %d) has not stopped after %s: `kill -9 %d` ends it, and its state survives that", pid, stopTimeout, pid)
}
