package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says what this binary was made of.
type build struct {
	Version   string `json:"version"`
	Commit    string `json:"commit"`
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"`
}

const shortCommit = 7

// readBuild takes the facts from what the Go toolchain put into the binary.
func readBuild() build {
	b := build{Version: "unknown", Commit: "unknown", GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= shortCommit {
			b.Commit = setting.Value[:shortCommit]
		}
	}
	return b
}

func newVersionCommand() *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			b := readBuild()
			switch output {
			case "":
				_, err := fmt.Fprintf(command.OutOrStdout(), "drover %s (commit %s, %s, %s)\n", b.Version, b.Commit, b.GoVersion, b.Platform)
				return err
			case "json":
				encoder := json.NewEncoder(command.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(b)
			}
			return fmt.Errorf("--output %q is not known: use json, or leave it out", output)
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "", "output format: json")
	return command
}
