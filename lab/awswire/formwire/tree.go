// Package formwire decodes the requests of the query protocols: parameters such as
// Filter.1.Value.2=x, of which lists, maps and structs are made by their names.
package formwire

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/drover-project/drover/lab/awswire/shape"
)

// deepest bounds the parts of a parameter name, so that a request cannot cost
// more than its size. The deepest name of an SDK request has 13 parts.
const deepest = 32

// node is one part of the parameter names: a value, or more parts, or both.
type node struct {
	text     *string
	children map[string]*node
}

// tree makes the names' parts into a tree. A name that comes twice keeps its
// first value, as AWS does.
func tree(values url.Values) (*node, *shape.Fault) {
	root := &node{}
	for name, texts := range values {
		parts := strings.Split(name, ".")
		if len(parts) > deepest {
			return nil, &shape.Fault{Kind: shape.Unknown, Path: shape.Shorten(name)}
		}
		n := root
		for _, p := range parts {
			n = n.child(p)
		}
		n.text = &texts[0]
	}
	return root, nil
}

func (n *node) child(name string) *node {
	if n.children == nil {
		n.children = map[string]*node{}
	}
	c := n.children[name]
	if c == nil {
		c = &node{}
		n.children[name] = c
	}
	return c
}

// names gives the children's names in a fixed order, numbers by value.
func (n *node) names() []string {
	names := make([]string, 0, len(n.children))
	for name := range n.children {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if len(a) != len(b) && isIndex(a) && isIndex(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return names
}

// isIndex reports whether name is a list position: 1, 2, 3...
func isIndex(name string) bool {
	i, err := strconv.Atoi(name)
	return err == nil && i > 0 && strconv.Itoa(i) == name
}
