package template

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// Template is a whole template whose structure is right.
type Template struct {
	Description string
	Metadata    *Node
	Parameters  []Parameter
	Mappings    *Node
	Conditions  []Field
	Resources   []Resource
	Outputs     []Output
}

// Resource is one resource as written.
type Resource struct {
	Name, Type string
	At         Position
	// Condition is the name of the condition it needs; empty for none.
	Condition  string
	DependsOn  []string
	Properties *Node // nil when there are none
	// Policies as written; nil or empty when there are none.
	CreationPolicy, UpdatePolicy        *Node
	DeletionPolicy, UpdateReplacePolicy string
	Metadata                            *Node
}

// Output is one output as written.
type Output struct {
	Name, Description, Condition string
	Value                        *Node
	// Export is the name under which other stacks import it; nil for none.
	Export *Node
	At     Position
}

// Largest is how many bytes a template in a request may have.
const Largest = 51200

// FormatVersion is the only version of the language.
const FormatVersion = "2010-09-09"

// Parse reads a template: JSON when it begins with a brace, YAML otherwise. An
// error is an *Error.
func Parse(body string) (*Template, error) {
	root, err := read([]byte(body))
	if err != nil {
		return nil, err
	}
	if root.Kind != Map {
		return nil, formatError(root.At, "unsupported structure.")
	}
	t := &Template{}
	if err := t.sections(root); err != nil {
		return nil, err
	}
	return t, nil
}

func read(text []byte) (*Node, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return readJSON(text)
	}
	return readYAML(text)
}

func (t *Template) sections(root *Node) error {
	readers := map[string]func(*Node) error{
		"AWSTemplateFormatVersion": checkVersion,
		"Description":              t.readDescription,
		"Metadata":                 func(n *Node) error { t.Metadata = n; return nil },
		"Parameters":               t.readParameters,
		"Mappings":                 t.readMappings,
		"Conditions":               t.readConditions,
		"Resources":                t.readResources,
		"Outputs":                  t.readOutputs,
		"Transform":                refuseSection("Transform", "macros and AWS::Serverless"),
		"Rules":                    refuseSection("Rules", "assertions on parameters"),
		"Hooks":                    refuseSection("Hooks", "blue/green deployments"),
	}
	var unknown []string
	for _, f := range root.Fields {
		if readers[f.Name] == nil {
			unknown = append(unknown, f.Name)
		}
	}
	if len(unknown) > 0 {
		return errorAt(root.At, "Invalid template property or properties [%s]", strings.Join(unknown, ", "))
	}
	for _, f := range root.Fields {
		if err := readers[f.Name](f.Value); err != nil {
			return err
		}
	}
	if len(t.Resources) == 0 {
		return formatError(root.At, "At least one Resources member must be defined.")
	}
	return nil
}

// refuseSection is for what the language has and the lab does not do.
func refuseSection(name, does string) func(*Node) error {
	return func(n *Node) error {
		return formatError(n.At, "the section %s (%s) is not supported by this endpoint. (%v)", name, does, n.At)
	}
}

func checkVersion(n *Node) error {
	if n.Text != FormatVersion {
		return formatError(n.At, "Template version %s is not supported. Supported template version is: [%s].", n.Text, FormatVersion)
	}
	return nil
}

func (t *Template) readDescription(n *Node) error {
	const longest = 1024
	if !n.Scalar() {
		return formatError(n.At, "Any Description member must be a string.")
	}
	if len(n.Text) > longest {
		return formatError(n.At, "Template Description member exceeds maximum length of %d.", longest)
	}
	t.Description = n.Text
	return nil
}

func mapping(n *Node, section string) error {
	if n.Kind != Map {
		return formatError(n.At, "Any %s member must be a JSON object.", section)
	}
	return nil
}

func (t *Template) readMappings(n *Node) error {
	if n.Kind != Map {
		return formatError(n.At, "Mappings must be a JSON object.")
	}
	for _, f := range n.Fields {
		if err := mapping(f.Value, "Mappings"); err != nil {
			return err
		}
		for _, key := range f.Value.Fields {
			if key.Value.Kind != Map {
				return formatError(key.At, "Every Mappings attribute must be a String or a List. (%v)", key.At)
			}
		}
	}
	t.Mappings = n
	return nil
}

func (t *Template) readConditions(n *Node) error {
	if n.Kind != Map {
		return formatError(n.At, "Conditions can only be boolean operations on parameters and other conditions")
	}
	t.Conditions = n.Fields
	return nil
}

// HasCondition reports whether a condition is declared.
func (t *Template) HasCondition(name string) bool {
	return slices.ContainsFunc(t.Conditions, func(f Field) bool { return f.Name == name })
}

// Resource finds a resource by its logical name.
func (t *Template) Resource(name string) (Resource, bool) {
	i := slices.IndexFunc(t.Resources, func(r Resource) bool { return r.Name == name })
	if i < 0 {
		return Resource{}, false
	}
	return t.Resources[i], true
}

var namePattern = regexp.MustCompile(`^[a-zA-Z0-9]{1,255}$`)

func checkName(section string, f Field) error {
	if !namePattern.MatchString(f.Name) {
		return formatError(f.At, "%s name %s is non alphanumeric.", section, f.Name)
	}
	return nil
}

func (t *Template) readOutputs(n *Node) error {
	if n.Kind != Map {
		return formatError(n.At, "Outputs must be a JSON object.")
	}
	for _, f := range n.Fields {
		if err := checkName("Outputs", f); err != nil {
			return err
		}
		if err := mapping(f.Value, "Outputs"); err != nil {
			return err
		}
		o := Output{Name: f.Name, At: f.At, Value: f.Value.Get("Value"), Export: f.Value.Get("Export").Get("Name")}
		if o.Value == nil {
			return formatError(f.At, "Every Outputs member must contain a Value object")
		}
		for _, text := range []struct {
			name string
			into *string
		}{{"Description", &o.Description}, {"Condition", &o.Condition}} {
			if n := f.Value.Get(text.name); n != nil {
				*text.into = n.Text
			}
		}
		t.Outputs = append(t.Outputs, o)
	}
	return nil
}
