// Package template reads CloudFormation templates: JSON and YAML with function
// tags, keeping for every value where it is written. It knows the language, not
// the resource types, and decides nothing that depends on a region.
package template

import (
	"fmt"
	"strings"
)

// Position is where something is written, counted from 1.
type Position struct{ Line, Column int }

func (p Position) String() string { return fmt.Sprintf("line %d, column %d", p.Line, p.Column) }

// Kind is what a Node is.
type Kind int

// Kinds of nodes.
const (
	Null Kind = iota
	Text
	Number
	Boolean
	List
	Map
)

func (k Kind) String() string {
	return [...]string{"null", "string", "number", "boolean", "list", "map"}[k]
}

// Node is one value of a template.
type Node struct {
	Kind Kind
	// Text is a scalar as written; a boolean's is true or false.
	Text   string
	Items  []*Node // of a List
	Fields []Field // of a Map, as written
	At     Position
}

// Field is one entry of a Map.
type Field struct {
	Name  string
	At    Position
	Value *Node
}

// Get finds the value of a Map's field; nil when there is none.
func (n *Node) Get(name string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Fields {
		if n.Fields[i].Name == name {
			return n.Fields[i].Value
		}
	}
	return nil
}

// Names are a Map's field names as written.
func (n *Node) Names() []string {
	var names []string
	for i := range n.Fields {
		names = append(names, n.Fields[i].Name)
	}
	return names
}

// Scalar reports whether the node is a string, number or boolean.
func (n *Node) Scalar() bool {
	return n != nil && (n.Kind == Text || n.Kind == Number || n.Kind == Boolean)
}

// Function takes a function call apart: {"Fn::Join": argument} or {"Ref":
// argument}. The name is as in JSON.
func (n *Node) Function() (name string, argument *Node, ok bool) {
	if n == nil || n.Kind != Map || len(n.Fields) != 1 {
		return "", nil, false
	}
	f := n.Fields[0]
	// A Condition that is not a name is a field of a policy document.
	isCondition := f.Name == "Condition" && f.Value.Kind == Text
	if f.Name == "Ref" || isCondition || strings.HasPrefix(f.Name, "Fn::") {
		return f.Name, f.Value, true
	}
	return "", nil, false
}

// Walk calls visit for the node and all below it, outermost first.
func (n *Node) Walk(visit func(*Node)) {
	if n == nil {
		return
	}
	visit(n)
	for _, item := range n.Items {
		item.Walk(visit)
	}
	for i := range n.Fields {
		n.Fields[i].Value.Walk(visit)
	}
}

// Error is what is wrong with a template or its parameters, in CloudFormation's
// words.
type Error struct {
	Message string
	// At is where it is written; zero when it is about no one place.
	At Position
}

func (e *Error) Error() string { return e.Message }

// errorAt makes an Error.
func errorAt(at Position, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), At: at}
}

// formatError makes an Error of CloudFormation's commonest kind.
func formatError(at Position, format string, args ...any) *Error {
	return errorAt(at, "Template format error: "+format, args...)
}
