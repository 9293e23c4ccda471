package template

import (
	"fmt"
	"slices"
	"strings"
)

// attributes of a resource besides its type and properties.
var resourceFields = []string{"Type", "Properties", "Condition", "DependsOn", "CreationPolicy", "UpdatePolicy",
	"DeletionPolicy", "UpdateReplacePolicy", "Metadata", "Description", "Version"}

func (t *Template) readResources(n *Node) error {
	if n.Kind != Map {
		return formatError(n.At, "Resources must be a JSON object.")
	}
	for _, f := range n.Fields {
		if err := checkName("Resource", f); err != nil {
			return err
		}
		r, err := readResource(f)
		if err != nil {
			return err
		}
		t.Resources = append(t.Resources, r)
	}
	return nil
}

func readResource(f Field) (Resource, error) {
	n := f.Value
	r := Resource{Name: f.Name, At: f.At}
	if err := mapping(n, "Resources"); err != nil {
		return r, err
	}
	if kind := n.Get("Type"); kind == nil || kind.Kind != Text {
		return r, formatError(f.At, "[/Resources/%s] Every Resources object must contain a Type member.", f.Name)
	}
	for _, field := range n.Fields {
		if !slices.Contains(resourceFields, field.Name) {
			return r, errorAt(field.At, "Invalid template resource property '%s'", field.Name)
		}
	}
	r.Type, r.Metadata = n.Get("Type").Text, n.Get("Metadata")
	r.CreationPolicy, r.UpdatePolicy = n.Get("CreationPolicy"), n.Get("UpdatePolicy")
	if c := n.Get("Condition"); c != nil {
		r.Condition = c.Text
	}
	if r.Properties = n.Get("Properties"); r.Properties != nil && r.Properties.Kind != Map {
		return r, formatError(r.Properties.At, "[/Resources/%s/Properties] must be an object", f.Name)
	}
	if err := r.readPolicies(n); err != nil {
		return r, err
	}
	return r, r.readDependsOn(n.Get("DependsOn"))
}

// deletionPolicies are what may become of a resource that a stack lets go.
var deletionPolicies = []string{"Delete", "Retain", "Snapshot", "RetainExceptOnCreate"}

func (r *Resource) readPolicies(n *Node) error {
	for _, p := range []struct {
		name string
		into *string
	}{{"DeletionPolicy", &r.DeletionPolicy}, {"UpdateReplacePolicy", &r.UpdateReplacePolicy}} {
		value := n.Get(p.name)
		if value == nil {
			continue
		}
		if value.Kind != Text || !slices.Contains(deletionPolicies, value.Text) {
			return formatError(value.At, "Unrecognized %s %s for resource %s", p.name, value.Text, r.Name)
		}
		if *p.into = value.Text; value.Text == "Snapshot" {
			return formatError(value.At, "%s Snapshot is not applicable to %s", p.name, r.Type)
		}
	}
	return nil
}

func (r *Resource) readDependsOn(n *Node) error {
	if n == nil {
		return nil
	}
	items := n.Items
	if n.Kind != List {
		items = []*Node{n}
	}
	for _, item := range items {
		if item.Kind != Text {
			return formatError(item.At, "DependsOn must be a string or list of strings.")
		}
		r.DependsOn = append(r.DependsOn, item.Text)
	}
	return nil
}

// Reference is one place where a template names something else of itself.
type Reference struct {
	Name string
	// Attribute is what Fn::GetAtt asks for; empty for Ref.
	Attribute string
	At        Position
}

// References are the resources and parameters that a node names, as written.
// Branches are taken by branch: it says which arguments of a function count,
// nil for all.
func References(n *Node, branch func(name string, argument *Node) []*Node) []Reference {
	var found []Reference
	var visit func(*Node)
	visit = func(n *Node) {
		if n == nil {
			return
		}
		name, argument, isCall := n.Function()
		if !isCall {
			for _, item := range n.Items {
				visit(item)
			}
			for i := range n.Fields {
				visit(n.Fields[i].Value)
			}
			return
		}
		found = append(found, named(name, argument)...)
		if branch != nil {
			if taken := branch(name, argument); taken != nil {
				for _, n := range taken {
					visit(n)
				}
				return
			}
		}
		if name != "Ref" && name != "Condition" {
			visit(argument)
		}
	}
	visit(n)
	return found
}

// named are the references that a call makes by itself.
func named(function string, argument *Node) []Reference {
	switch {
	case argument == nil:
		return nil
	case function == "Ref" && argument.Scalar():
		return []Reference{{Name: argument.Text, At: argument.At}}
	case function == "Fn::GetAtt" && argument.Kind == Text:
		argument = splitAttribute(argument)
		return []Reference{{Name: argument.Items[0].Text, Attribute: argument.Items[1].Text, At: argument.At}}
	case function == "Fn::GetAtt" && argument.Kind == List && len(argument.Items) == 2 && argument.Items[0].Scalar():
		attribute := "*"
		if argument.Items[1].Scalar() {
			attribute = argument.Items[1].Text
		}
		return []Reference{{Name: argument.Items[0].Text, Attribute: attribute, At: argument.At}}
	case function == "Fn::Sub":
		return inText(argument)
	}
	return nil
}

// inText are the references of a Fn::Sub to what its own map does not define.
func inText(argument *Node) []Reference {
	text, own := argument, (*Node)(nil)
	if argument.Kind == List && len(argument.Items) == 2 {
		text, own = argument.Items[0], argument.Items[1]
	}
	var found []Reference
	for _, v := range Variables(text.Text) {
		if own.Get(v) != nil {
			continue
		}
		name, attribute, _ := strings.Cut(v, ".")
		found = append(found, Reference{Name: name, Attribute: attribute, At: text.At})
	}
	return found
}

// Variables are the names in ${...} of a text, without ${!literal}.
func Variables(text string) []string {
	var names []string
	for {
		_, rest, found := strings.Cut(text, "${")
		if !found {
			return names
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return names
		}
		if !strings.HasPrefix(name, "!") {
			names = append(names, strings.TrimSpace(name))
		}
		text = after
	}
}

// Cycle finds resources that wait for each other: names in order, nil for none.
// needs gives what a resource waits for.
func Cycle(names []string, needs func(string) []string) []string {
	const visiting, done = 1, 2
	state := map[string]int{}
	var path []string
	var visit func(string) []string
	visit = func(name string) []string {
		switch state[name] {
		case done:
			return nil
		case visiting:
			return path[slices.Index(path, name):]
		}
		state[name] = visiting
		path = append(path, name)
		for _, next := range needs(name) {
			if found := visit(next); found != nil {
				return found
			}
		}
		path = path[:len(path)-1]
		state[name] = done
		return nil
	}
	for _, name := range names {
		if found := visit(name); found != nil {
			found = slices.Clone(found)
			slices.Sort(found)
			return found
		}
	}
	return nil
}

// CycleError is what CloudFormation says of a cycle.
func CycleError(names []string) *Error {
	return errorAt(Position{}, "Circular dependency between resources: [%s]", strings.Join(names, ", "))
}

// Unresolved is what CloudFormation says of names that a block uses and the
// template does not have.
func Unresolved(names []string, block string) *Error {
	return &Error{Message: fmt.Sprintf("Template format error: Unresolved resource dependencies [%s] in the %s block of the template",
		strings.Join(names, ", "), block)}
}
