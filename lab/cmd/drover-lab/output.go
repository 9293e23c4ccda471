package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// outputFormat is the value of -o: table, json or yaml.
type outputFormat string

const table outputFormat = "table"

func (f *outputFormat) addFlag(cmd *cobra.Command) {
	*f = table
	cmd.Flags().VarP(f, "output", "o", "table, json or yaml")
}

// String, Set and Type make it a flag.
func (f *outputFormat) String() string { return string(*f) }

// Set refuses unknown formats.
func (f *outputFormat) Set(value string) error {
	switch value {
	case string(table), "json", "yaml":
		*f = outputFormat(value)
		return nil
	}
	return fmt.Errorf("must be table, json or yaml")
}

// Type is what the help calls the value.
func (*outputFormat) Type() string { return "format" }

// encode writes value as JSON or YAML.
func (f *outputFormat) encode(out io.Writer, value any) error {
	if *f == "yaml" {
		text, err := yaml.Marshal(value)
		if err != nil {
			return fmt.Errorf("encoding the answer: %w", err)
		}
		_, err = out.Write(text)
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
