package intrinsic

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/drover-project/drover/lab/region/cfn/template"
)

// call computes one function.
func (s *Scope) call(name string, argument *template.Node, at template.Position) (any, error) {
	functions := map[string]func(*template.Node) (any, error){
		"Ref": s.ref, "Condition": s.condition,
		"Fn::GetAtt": s.getAtt, "Fn::Sub": s.sub, "Fn::Join": s.join, "Fn::Split": s.split, "Fn::Select": s.selectItem,
		"Fn::FindInMap": s.findInMap, "Fn::ImportValue": s.importValue, "Fn::GetAZs": s.getAZs, "Fn::Base64": s.base64,
		"Fn::Cidr": s.cidr, "Fn::If": s.choose, "Fn::Equals": s.equals, "Fn::Not": s.not,
		"Fn::And":    func(n *template.Node) (any, error) { return s.several("Fn::And", n, true) },
		"Fn::Or":     func(n *template.Node) (any, error) { return s.several("Fn::Or", n, false) },
		"Fn::Length": s.length, "Fn::ToJsonString": s.toJSON,
	}
	f := functions[name]
	if f == nil {
		return nil, &template.Error{Message: fmt.Sprintf("Template error: %s is not supported by this endpoint (%v)", name, at), At: at}
	}
	return f(argument)
}

func (s *Scope) ref(n *template.Node) (any, error) {
	if !n.Scalar() {
		return nil, templateError(n, "every Ref object must have a single String value.")
	}
	name := n.Text
	if name == "AWS::NoValue" {
		return NoValue(), nil
	}
	if v, found := s.Pseudo[name]; found {
		return v, nil
	}
	if v, found := s.Values[name]; found {
		return v, nil
	}
	if s.Resource == nil {
		return nil, &template.Error{Message: fmt.Sprintf("Template format error: Unresolved dependencies [%s]. Cannot reference resources in the Conditions block of the template", name), At: n.At}
	}
	return s.Resource(name)
}

func (s *Scope) condition(n *template.Node) (any, error) {
	return s.Condition(n.Text)
}

const getAttRule = "every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute"

func (s *Scope) getAtt(n *template.Node) (any, error) {
	resource, attribute := "", ""
	switch {
	case n.Kind == template.Text:
		resource, attribute, _ = strings.Cut(n.Text, ".")
	case n.Kind == template.List && len(n.Items) == 2 && n.Items[0].Scalar():
		resource = n.Items[0].Text
		var err error
		if attribute, err = s.text(n.Items[1], getAttRule); err != nil {
			return nil, err
		}
	}
	if resource == "" || attribute == "" {
		return nil, templateError(n, getAttRule)
	}
	return s.attribute(resource, attribute)
}

func (s *Scope) attribute(resource, attribute string) (any, error) {
	if s.Attribute == nil {
		return nil, templateError(nil, "instance of Fn::GetAtt references undefined resource %s", resource)
	}
	return s.Attribute(resource, attribute)
}

func (s *Scope) sub(n *template.Node) (any, error) {
	const rule = "One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string"
	text, own := n, (*template.Node)(nil)
	if n.Kind == template.List && len(n.Items) == 2 {
		text, own = n.Items[0], n.Items[1]
	}
	if !text.Scalar() || own != nil && own.Kind != template.Map {
		return nil, templateError(n, rule)
	}
	var out strings.Builder
	rest := text.Text
	for {
		before, after, found := strings.Cut(rest, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			out.WriteString("${" + after)
			return out.String(), nil
		}
		value, err := s.variable(name, own, text)
		if err != nil {
			return nil, err
		}
		out.WriteString(value)
		rest = tail
	}
}

// variable is what stands in ${name}.
func (s *Scope) variable(name string, own, text *template.Node) (string, error) {
	if literal, is := strings.CutPrefix(name, "!"); is {
		return "${" + literal + "}", nil
	}
	name = strings.TrimSpace(name)
	if name == "" || strings.ContainsFunc(name, notInVariable) {
		return "", templateError(text, "variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and colons")
	}
	var v any
	var err error
	resource, attribute, isAttribute := strings.Cut(name, ".")
	switch value := own.Get(name); {
	case value != nil:
		v, err = s.Evaluate(value)
	case isAttribute:
		v, err = s.attribute(resource, attribute)
	default:
		v, err = s.ref(&template.Node{Kind: template.Text, Text: name, At: text.At})
	}
	if err != nil {
		return "", err
	}
	got, ok := Text(v)
	if !ok {
		return "", templateError(text, "Fn::Sub expression does not resolve to a string: ${%s}", name)
	}
	return got, nil
}

func notInVariable(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.' || r == ':')
}

const joinRule = "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."

func (s *Scope) join(n *template.Node) (any, error) {
	if n.Kind != template.List || len(n.Items) != 2 || !n.Items[0].Scalar() {
		return nil, templateError(n, joinRule)
	}
	list, err := s.list(n.Items[1], joinRule)
	if err != nil {
		return nil, err
	}
	var parts []string
	for _, item := range list {
		text, ok := Text(item)
		if !ok {
			return nil, templateError(n, joinRule)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, n.Items[0].Text), nil
}

func (s *Scope) list(n *template.Node, complaint string) ([]any, error) {
	v, err := s.Evaluate(n)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, templateError(n, "%s", complaint)
	}
	return list, nil
}

func (s *Scope) split(n *template.Node) (any, error) {
	const rule = "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split."
	if n.Kind != template.List || len(n.Items) != 2 || !n.Items[0].Scalar() || n.Items[0].Text == "" {
		return nil, templateError(n, rule)
	}
	text, err := s.text(n.Items[1], rule)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, part := range strings.Split(text, n.Items[0].Text) {
		list = append(list, part)
	}
	return list, nil
}

func (s *Scope) selectItem(n *template.Node) (any, error) {
	const rule = "every Fn::Select object requires two non-null parameters, the first being an integer index, and the second being a list"
	if n.Kind != template.List || len(n.Items) != 2 {
		return nil, templateError(n, rule)
	}
	text, err := s.text(n.Items[0], rule)
	if err != nil {
		return nil, err
	}
	list, err := s.list(n.Items[1], rule)
	if err != nil {
		return nil, err
	}
	index, err := strconv.Atoi(text)
	if err != nil {
		return nil, templateError(n, rule)
	}
	if index < 0 || index >= len(list) {
		return nil, templateError(n, "Fn::Select  cannot select nonexistent value at index %d", index)
	}
	return list[index], nil
}

func (s *Scope) importValue(n *template.Node) (any, error) {
	name, err := s.text(n, "the attribute in Fn::ImportValue must be a string or a function that returns a string")
	if err != nil {
		return nil, err
	}
	if s.Import == nil {
		return nil, &template.Error{Message: "No export named " + name + " found"}
	}
	return s.Import(name)
}

func (s *Scope) getAZs(n *template.Node) (any, error) {
	region, err := s.text(n, "every Fn::GetAZs object must have a String value.")
	if err != nil {
		return nil, err
	}
	if region == "" {
		region, _ = Text(s.Pseudo["AWS::Region"])
	}
	zones := []any{}
	if s.Zones != nil {
		for _, z := range s.Zones(region) {
			zones = append(zones, z)
		}
	}
	return zones, nil
}

func (s *Scope) base64(n *template.Node) (any, error) {
	text, err := s.text(n, "every Fn::Base64 object must have a String-typed value.")
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.EncodeToString([]byte(text)), nil
}

func (s *Scope) choose(n *template.Node) (any, error) {
	if n.Kind != template.List || len(n.Items) != 3 || !n.Items[0].Scalar() {
		return nil, templateError(n, "Fn::If requires a list argument with the first element being a condition")
	}
	holds, err := s.Condition(n.Items[0].Text)
	if err != nil {
		return nil, err
	}
	if holds {
		return s.Evaluate(n.Items[1])
	}
	return s.Evaluate(n.Items[2])
}

func (s *Scope) equals(n *template.Node) (any, error) {
	const rule = "every Fn::Equals object requires a list of 2 string parameters"
	if n.Kind != template.List || len(n.Items) != 2 {
		return nil, templateError(n, rule)
	}
	var sides [2]any
	for i, item := range n.Items {
		v, err := s.Evaluate(item)
		if err != nil {
			return nil, err
		}
		if text, isText := Text(v); isText {
			v = text
		}
		sides[i] = v
	}
	return reflect.DeepEqual(sides[0], sides[1]), nil
}

func (s *Scope) not(n *template.Node) (any, error) {
	if n.Kind != template.List || len(n.Items) != 1 {
		return nil, templateError(n, "every Fn::Not object requires a list of one boolean parameter")
	}
	holds, err := s.boolean(n.Items[0])
	return !holds, err
}

func (s *Scope) several(name string, n *template.Node, all bool) (any, error) {
	const fewest, most = 2, 10
	if n.Kind != template.List || len(n.Items) < fewest || len(n.Items) > most {
		return nil, templateError(n, "every %s object requires a list of at least 2 and at most 10 boolean parameters", name)
	}
	result := all
	for _, item := range n.Items {
		holds, err := s.boolean(item)
		if err != nil {
			return nil, err
		}
		if all {
			result = result && holds
		} else {
			result = result || holds
		}
	}
	return result, nil
}

func (s *Scope) length(n *template.Node) (any, error) {
	list, err := s.list(n, "every Fn::Length object requires a list")
	if err != nil {
		return nil, err
	}
	return json.Number(strconv.Itoa(len(list))), nil
}

func (s *Scope) toJSON(n *template.Node) (any, error) {
	v, err := s.Evaluate(n)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(v)
	return string(text), err
}
