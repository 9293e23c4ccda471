// Package stack writes CloudFormation templates and carries stacks through: made
// and awaited, or taken back with the reason. What the stacks are for is for
// others to say.
package stack

import (
	"bytes"
	"encoding/json"
)

// Template is a CloudFormation template.
type Template struct {
	AWSTemplateFormatVersion string
	Description              string              `json:",omitempty"`
	Mappings                 map[string]any      `json:",omitempty"`
	Resources                map[string]Resource `json:",omitempty"`
	Outputs                  map[string]Output   `json:",omitempty"`
}

// Resource is one thing that the stack makes. Its properties are what the
// documentation of its type says, as maps, lists and texts.
type Resource struct {
	Type         string
	DependsOn    []string       `json:",omitempty"`
	Properties   map[string]any `json:",omitempty"`
	UpdatePolicy map[string]any `json:",omitempty"`
}

// Output is a value that others read from the stack.
type Output struct {
	Value  any
	Export map[string]any `json:",omitempty"`
}

// New is a template without resources.
func New(description string) *Template {
	return &Template{
		AWSTemplateFormatVersion: "2010-09-09", Description: description,
		Mappings: map[string]any{}, Resources: map[string]Resource{}, Outputs: map[string]Output{},
	}
}

// Add adds a resource and returns a reference to it.
func (t *Template) Add(name, resourceType string, properties map[string]any) any {
	t.Resources[name] = Resource{Type: resourceType, Properties: properties}
	return Ref(name)
}

// Export adds an output that other stacks can import as STACK::NAME.
func (t *Template) Export(name string, value any) {
	t.Outputs[name] = Output{Value: value, Export: map[string]any{"Name": Sub("${AWS::StackName}::" + name)}}
}

// JSON is the template as CloudFormation reads it; equal templates are equal texts.
func (t *Template) JSON() (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(t); err != nil {
		return "", err
	}
	return text.String(), nil
}

// Ref is the physical id of a resource, or a parameter's value.
func Ref(name string) any { return map[string]any{"Ref": name} }

// GetAtt is an attribute of a resource.
func GetAtt(name, attribute string) any {
	return map[string]any{"Fn::GetAtt": []string{name, attribute}}
}

// Sub is a text with ${names} in it.
func Sub(text string) any { return map[string]any{"Fn::Sub": text} }

// FindInMap looks a value up in Mappings.
func FindInMap(mapping string, first any, second string) any {
	return map[string]any{"Fn::FindInMap": []any{mapping, first, second}}
}
