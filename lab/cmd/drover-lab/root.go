package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drover-project/drover/lab/controlplane/component"
	"github.com/drover-project/drover/lab/datadir"
)

// Set by the linker.
var (
	version = "dev"
	commit  = "unknown"
)

// componentVerb is the hidden verb with which the lab starts its children.
const componentVerb = "component"

const dataDirFlag = "data-dir"

func newRoot() *cobra.Command {
	// The Kubernetes packages put flags of their own into the global set, among
	// them --version, and cobra would offer them on every verb.
	pflag.CommandLine = pflag.NewFlagSet("drover-lab", pflag.ContinueOnError)
	up := newUp()
	root := &cobra.Command{
		Use:   "drover-lab",
		Short: "A Kubernetes cluster on a simulated AWS region, on this machine",
		Long: `drover-lab runs a real Kubernetes control plane, a simulated AWS region behind
an AWS endpoint, nodes that join the cluster, and drover. Without a verb it does
what "drover-lab up" does.`,
		Version:       fmt.Sprintf("%s (commit %s)", version, commit),
		Args:          cobra.NoArgs,
		RunE:          up.RunE,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().String(dataDirFlag, "", "`folder` of the lab's state (default $XDG_DATA_HOME/drover/lab, or ~/.local/share/drover/lab)")
	root.Flags().AddFlagSet(up.Flags())
	root.AddCommand(up, newEnv(), newStatus(), newDown(), newReset(), newCapacity(), newIMDS(), newInterrupt(), newRecommend(), newScheduleEvent(), newZone(), newWeather(),
		newComponent())
	return root
}

func newComponent() *cobra.Command {
	return &cobra.Command{
		Use:                componentVerb,
		Hidden:             true,
		DisableFlagParsing: true,
		RunE:               func(_ *cobra.Command, args []string) error { return component.Run(args) },
	}
}

// programName is how the user can call this program again from here: by its
// plain name only when that is what PATH has under it.
func programName() string {
	self, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	if found, err := exec.LookPath("drover-lab"); err == nil {
		if found, err = filepath.EvalSymlinks(found); err == nil && found == self {
			return "drover-lab"
		}
	}
	return shellQuote(os.Args[0])
}

// dataDir is the folder that the flag names, or the default one.
func dataDir(cmd *cobra.Command) (string, error) {
	path, err := cmd.Flags().GetString(dataDirFlag)
	if err != nil || path != "" {
		return path, err
	}
	return datadir.Default()
}
