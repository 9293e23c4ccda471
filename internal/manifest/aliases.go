package manifest

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// mostExpanded bounds what aliases may grow a document to, in values.
const mostExpanded = 5_000_000

// expansion follows aliases the way that reading them will.
type expansion struct {
	values int
	inside []*yaml.Node // anchors being followed
}

// aliasProblem says why a document's aliases cannot be followed, or nothing: an
// anchor may hold an alias of itself, and a few lines may stand for billions.
func aliasProblem(root *yaml.Node) string {
	if !hasAlias(root) {
		return ""
	}
	e := &expansion{}
	return e.follow(root)
}

func hasAlias(node *yaml.Node) bool {
	return node.Kind == yaml.AliasNode || slices.ContainsFunc(node.Content, hasAlias)
}

func (e *expansion) follow(node *yaml.Node) string {
	if e.values++; e.values > mostExpanded {
		return "its aliases stand for too many values"
	}
	if node.Kind == yaml.AliasNode {
		if slices.Contains(e.inside, node.Alias) {
			return "the anchor &" + node.Value + " holds an alias of itself"
		}
		e.inside = append(e.inside, node.Alias)
		defer func() { e.inside = e.inside[:len(e.inside)-1] }()
		return e.follow(node.Alias)
	}
	if node.Anchor != "" {
		e.inside = append(e.inside, node)
		defer func() { e.inside = e.inside[:len(e.inside)-1] }()
	}
	for _, child := range node.Content {
		if problem := e.follow(child); problem != "" {
			return problem
		}
	}
	return ""
}
