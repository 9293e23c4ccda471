// Command drover keeps a Kubernetes cluster's nodes right: pods that fit nowhere
// get the cheapest node they can run on, and nodes that nobody needs go.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

// failure is an error of what was asked for, as opposed to how it was asked.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func main() {
	command := newCommand()
	if err := command.ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		fmt.Fprintln(os.Stderr, "drover:", err)
		os.Exit(exitCode(err))
	}
}

func exitCode(err error) int {
	if errors.As(err, new(failure)) {
		return exitFailure
	}
	return exitUsage
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "drover",
		Short:         "The right nodes for a Kubernetes cluster on AWS",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newControllerCommand(), newManifestsCommand(), newVersionCommand())
	return root
}
