package present

import (
	"encoding/json"
	"io"

	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/internal/model"
)

// Document is a plan for programs.
type Document struct {
	Source  string         `json:"source"`
	Summary Summary        `json:"summary"`
	Plan    model.Plan     `json:"plan"`
	Report  model.Report   `json:"report"`
	LeftOut []LeftOut      `json:"leftOut,omitempty"`
	Others  map[string]int `json:"otherObjects,omitempty"`
	Notices []string       `json:"notices,omitempty"`
}

func (r *Result) document() Document {
	return Document{Source: r.Source, Summary: r.Summary(), Plan: r.Plan, Report: r.Report, LeftOut: r.LeftOut, Others: r.Others, Notices: r.Notices}
}

// JSON writes a Document, indented.
func (r *Result) JSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r.document())
}

// YAML writes a Document.
func (r *Result) YAML(out io.Writer) error {
	encoded, err := yaml.Marshal(r.document())
	if err != nil {
		return err
	}
	_, err = out.Write(encoded)
	return err
}
