// Package intrinsic computes what the functions of a template give: Ref,
// Fn::Join and the others. What they name is asked of a Scope.
package intrinsic

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/drover-project/drover/lab/region/cfn/template"
)

// Scope is what names stand for. The functions may be nil as long as the
// template calls none that asks them.
type Scope struct {
	Template *template.Template
	// Values are the parameters: a string, or a []any of strings.
	Values map[string]any
	// Pseudo are AWS::Region and the others; the value of AWS::NotificationARNs
	// is a list.
	Pseudo map[string]any
	// Resource gives what Ref gives for a resource.
	Resource func(name string) (any, error)
	// Attribute gives what Fn::GetAtt gives.
	Attribute func(name, attribute string) (any, error)
	// Import gives the value of another stack's export.
	Import func(name string) (any, error)
	// Zones are the zones of a region.
	Zones func(region string) []string

	conditions map[string]bool
	visiting   []string
}

type noValue struct{}

// NoValue is what Ref: AWS::NoValue gives: the property, item or argument is as
// if it were not written.
func NoValue() any { return noValue{} }

// IsNoValue reports whether a value is NoValue.
func IsNoValue(v any) bool {
	_, is := v.(noValue)
	return is
}

// Evaluate computes a node: string, bool, json.Number, nil, []any or
// map[string]any, or NoValue.
func (s *Scope) Evaluate(n *template.Node) (any, error) {
	if n == nil {
		return NoValue(), nil
	}
	if name, argument, isCall := n.Function(); isCall {
		return s.call(name, argument, n.At)
	}
	switch n.Kind {
	case template.Map:
		return s.object(n)
	case template.List:
		items := []any{}
		for _, item := range n.Items {
			v, err := s.Evaluate(item)
			if err != nil {
				return nil, err
			}
			if !IsNoValue(v) {
				items = append(items, v)
			}
		}
		return items, nil
	case template.Number:
		return json.Number(n.Text), nil
	case template.Boolean:
		return n.Text == "true", nil
	case template.Null:
		return nil, &template.Error{Message: fmt.Sprintf("Template format error: 'null' values are not allowed in templates (%v)", n.At), At: n.At}
	}
	return n.Text, nil
}

func (s *Scope) object(n *template.Node) (any, error) {
	fields := map[string]any{}
	for _, f := range n.Fields {
		v, err := s.Evaluate(f.Value)
		if err != nil {
			return nil, err
		}
		if !IsNoValue(v) {
			fields[f.Name] = v
		}
	}
	return fields, nil
}

// Text is a scalar as functions see it.
func Text(v any) (string, bool) {
	switch t := v.(type) {
	case string:
		return t, true
	case json.Number:
		return t.String(), true
	case bool:
		if t {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

func (s *Scope) text(n *template.Node, complaint string) (string, error) {
	v, err := s.Evaluate(n)
	if err != nil {
		return "", err
	}
	text, ok := Text(v)
	if !ok {
		return "", templateError(n, "%s", complaint)
	}
	return text, nil
}

func templateError(n *template.Node, format string, args ...any) error {
	e := &template.Error{Message: "Template error: " + fmt.Sprintf(format, args...)}
	if n != nil {
		e.At = n.At
	}
	return e
}

// Condition computes a condition of the template.
func (s *Scope) Condition(name string) (bool, error) {
	if known, done := s.conditions[name]; done {
		return known, nil
	}
	i := slices.IndexFunc(s.Template.Conditions, func(f template.Field) bool { return f.Name == name })
	if i < 0 {
		return false, &template.Error{Message: fmt.Sprintf("Template format error: Unresolved condition dependency %s in the Conditions block of the template", name)}
	}
	if slices.Contains(s.visiting, name) {
		return false, &template.Error{Message: fmt.Sprintf("Template format error: Circular dependency between conditions: [%s]", name)}
	}
	s.visiting = append(s.visiting, name)
	holds, err := s.boolean(s.Template.Conditions[i].Value)
	s.visiting = s.visiting[:len(s.visiting)-1]
	if err != nil {
		return false, err
	}
	if s.conditions == nil {
		s.conditions = map[string]bool{}
	}
	s.conditions[name] = holds
	return holds, nil
}

func (s *Scope) boolean(n *template.Node) (bool, error) {
	v, err := s.Evaluate(n)
	if err != nil {
		return false, err
	}
	switch text, _ := Text(v); text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, &template.Error{Message: fmt.Sprintf("Template format error: Conditions can only be boolean operations on parameters and other conditions (%v)", n.At), At: n.At}
}

// Live is the branch argument of template.References: of Fn::If only what is
// chosen counts.
func (s *Scope) Live(name string, argument *template.Node) []*template.Node {
	if name != "Fn::If" || argument.Kind != template.List || len(argument.Items) != 3 {
		return nil
	}
	holds, err := s.Condition(argument.Items[0].Text)
	if err != nil {
		return nil
	}
	if holds {
		return argument.Items[1:2]
	}
	return argument.Items[2:3]
}
