package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/prometheus/procfs"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/drover-project/drover/lab/datadir"
)

// status is what `drover-lab status -o json` prints.
type status struct {
	Running bool   `json:"running"`
	DataDir string `json:"dataDir"`
	datadir.Run
	Components []componentStatus `json:"components"`
	// MemoryBytes is the sum over processes, 0 where it cannot be read.
	MemoryBytes int `json:"memoryBytes"`
}

type componentStatus struct {
	datadir.Component
	// MemoryBytes is the resident memory of the component's process, which
	// other components may share.
	MemoryBytes int `json:"memoryBytes"`
}

func newStatus() *cobra.Command {
	var output outputFormat
	var wait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the running lab; exit code 1 when there is none",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := dataDir(cmd)
			if err != nil {
				return err
			}
			if !wait {
				timeout = 0
			}
			s, err := readStatus(path, timeout)
			if err != nil {
				return err
			}
			if err := s.print(cmd.OutOrStdout(), output); err != nil {
				return err
			}
			if !s.Ready {
				return errSilent
			}
			return nil
		},
	}
	output.addFlag(cmd)
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the lab is ready")
	cmd.Flags().DurationVar(&timeout, "timeout", 60*time.Second, "how long to wait")
	return cmd
}

// readStatus asks until the lab is ready or the timeout is over.
func readStatus(path string, timeout time.Duration) (status, error) {
	deadline := time.Now().Add(timeout)
	for {
		run, ok, err := datadir.ReadRun(path)
		if err != nil {
			return status{}, err
		}
		if ok && run.Ready || !time.Now().Before(deadline) {
			return measure(path, run, ok), nil
		}
		time.Sleep(pollInterval)
	}
}

func measure(path string, run datadir.Run, running bool) status {
	s := status{Running: running, DataDir: path, Components: []componentStatus{}}
	if !running {
		return s
	}
	s.Run = run
	counted := map[int]bool{}
	for _, component := range run.Components {
		memory := residentBytes(component.PID)
		if !counted[component.PID] {
			counted[component.PID] = true
			s.MemoryBytes += memory
		}
		s.Components = append(s.Components, componentStatus{Component: component, MemoryBytes: memory})
	}
	return s
}

// residentBytes is 0 where it cannot be read: for a process that has just
// ended, and on systems without /proc.
func residentBytes(pid int) int {
	process, err := procfs.NewProc(pid)
	if err != nil {
		return 0
	}
	stat, err := process.Stat()
	if err != nil {
		return 0
	}
	return stat.ResidentMemory()
}

func (s status) print(out io.Writer, format outputFormat) error {
	if format != table {
		return format.encode(out, s)
	}
	if !s.Running {
		_, err := fmt.Fprintf(out, "no lab is running on %s\n", s.DataDir)
		return err
	}
	rows := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(rows, "CLUSTER\t%s (Kubernetes %s)\n", s.Cluster, s.Version)
	fmt.Fprintf(rows, "REGION\t%s\n", s.Region)
	fmt.Fprintf(rows, "API SERVER\t%s\n", s.APIServer)
	fmt.Fprintf(rows, "AWS ENDPOINT\t%s\n", s.AWSEndpoint)
	fmt.Fprintf(rows, "KUBECONFIG\t%s\n", s.Kubeconfig)
	fmt.Fprintf(rows, "DATA\t%s\n", s.DataDir)
	fmt.Fprintf(rows, "TIME SCALE\t%v\n", s.TimeScale)
	fmt.Fprintf(rows, "READY\t%v\n", s.Ready)
	fmt.Fprintf(rows, "MEMORY\t%s\n\n", mebibytes(s.MemoryBytes))
	if err := rows.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(rows, "COMPONENT\tPID\tMEMORY\tRESTARTS\tAGE")
	for _, c := range s.Components {
		fmt.Fprintf(rows, "%s\t%s\t%s\t%d\t%s\n", c.Name, orDash(c.PID), mebibytes(c.MemoryBytes), c.Restarts, duration.HumanDuration(time.Since(c.Since)))
	}
	return rows.Flush()
}

func orDash(pid int) string {
	if pid == 0 {
		return "-"
	}
	return fmt.Sprint(pid)
}

func mebibytes(bytes int) string {
	if bytes == 0 {
		return "-"
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}
