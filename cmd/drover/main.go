// Command drover keeps a Kubernetes cluster's nodes right: pods that fit nowhere
// get the cheapest node they can run on, and nodes that nobody needs go.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/present"
)

// Exit codes.
const (
	exitFailure  = 1
	exitUsage    = 2
	exitInternal = 3
)

// failure is an error of what was asked for, as opposed to how it was asked.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// internalFailure is an error of drover itself.
type internalFailure struct{ error }

func (f internalFailure) Unwrap() error { return f.error }

// unplacedPods is the outcome of a plan that leaves pods out. The plan says so
// itself, so it is no message.
type unplacedPods int

func (n unplacedPods) Error() string { return fmt.Sprintf("%d pods have no place", int(n)) }

func main() {
	command := newCommand()
	command.SetArgs(byProgramName(os.Args))
	if err := command.ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		report(os.Stderr, err)
		os.Exit(exitCode(err))
	}
}

// report writes an error for people; problems of files come one on each line,
// so that editors find the place.
func report(out io.Writer, err error) {
	var problems manifest.Problems
	switch {
	case errors.As(err, new(unplacedPods)):
	case errors.As(err, new(undone)) && errors.As(err, &problems):
		fmt.Fprintln(out, problems)
		fmt.Fprintf(out, "drover: nothing is done: %s in the input\n", present.Counted(len(problems), "problem"))
	case errors.As(err, &problems):
		fmt.Fprintln(out, problems)
		what := "problems"
		if len(problems) == 1 {
			what = "problem"
		}
		fmt.Fprintf(out, "drover: nothing is planned: %d %s in the input\n", len(problems), what)
	default:
		fmt.Fprintln(out, "drover:", err)
	}
}

func exitCode(err error) int {
	switch {
	case errors.As(err, new(failure)), errors.As(err, new(unplacedPods)):
		return exitFailure
	case errors.As(err, new(internalFailure)):
		return exitInternal
	}
	return exitUsage
}

func newCommand() *cobra.Command { return newCommandFor(realConnector{}) }

// newCommandFor has commands that speak to AWS do so through connect.
func newCommandFor(connect connector) *cobra.Command {
	root := &cobra.Command{
		Use:           "drover",
		Short:         "The right nodes for a Kubernetes cluster on AWS",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newControllerCommand(), newGroupCommand(), newAgentCommand(), newManifestsCommand(), newSolveCommand(), newVersionCommand())
	root.AddCommand(newCreateCommand(connect), newGetCommand(connect), newScaleCommand(connect), newUpgradeCommand(connect),
		newDrainCommand(connect), newDeleteCommand(connect), newUtilsCommand(connect))
	return root
}
