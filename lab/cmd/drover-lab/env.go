package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-project/drover/lab/datadir"
)

// errNotRunning is the answer of commands that need a running lab.
var errNotRunning = errors.New("no lab is running here: start one with `drover-lab up`, or name its folder with --data-dir")

func newEnv() *cobra.Command {
	var shell string
	cmd := &cobra.Command{
		Use:     "env",
		Short:   "Print what a shell needs for kubectl and aws to talk to the lab",
		Example: `  eval "$(drover-lab env)"`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printEnv(cmd, shell)
		},
	}
	cmd.Flags().StringVar(&shell, "shell", "", "`syntax`: bash (also sh and zsh), fish or powershell (default: by $SHELL)")
	return cmd
}

func printEnv(cmd *cobra.Command, shell string) error {
	syntax, err := syntaxOf(shell)
	if err != nil {
		return err
	}
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
	state, err := datadir.ReadState(path)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	for _, variable := range [][2]string{
		{"AWS_ENDPOINT_URL", run.AWSEndpoint},
		{"AWS_ACCESS_KEY_ID", state.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", state.SecretAccessKey},
		{"AWS_REGION", run.Region},
		{"AWS_DEFAULT_REGION", run.Region},
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"KUBECONFIG", run.Kubeconfig},
	} {
		fmt.Fprintln(out, syntax.set(variable[0], variable[1]))
	}
	// With the lab's keys these would be wrong.
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		fmt.Fprintln(out, syntax.unset(name))
	}
	return nil
}

// syntax of a shell.
type syntax struct {
	set   func(name, value string) string
	unset func(name string) string
}

func syntaxOf(shell string) (syntax, error) {
	if shell == "" {
		shell = filepath.Base(os.Getenv("SHELL"))
		if shell != "fish" {
			shell = "bash"
		}
	}
	switch shell {
	case "bash", "sh", "zsh":
		return syntax{
			set:   func(name, value string) string { return "export " + name + "=" + shellQuote(value) },
			unset: func(name string) string { return "unset " + name },
		}, nil
	case "fish":
		return syntax{
			set:   func(name, value string) string { return "set -gx " + name + " " + shellQuote(value) + ";" },
			unset: func(name string) string { return "set -e " + name + ";" },
		}, nil
	case "powershell":
		return syntax{
			set: func(name, value string) string {
				return "$Env:" + name + " = '" + strings.ReplaceAll(value, "'", "''") + "'"
			},
			unset: func(name string) string { return "Remove-Item -ErrorAction Ignore Env:" + name },
		}, nil
	}
	return syntax{}, fmt.Errorf("--shell %q: must be bash, fish or powershell", shell)
}

// shellQuote leaves plain words alone and puts the rest in single quotes.
func shellQuote(value string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@%+=,", r)
	}
	if value != "" && strings.TrimFunc(value, plain) == "" {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
