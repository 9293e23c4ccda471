package main

import (
	"slices"

	"github.com/drover-project/drover/lab/awswire/shape"
)

// flat marks a list without element names while a table is being made.
const flat = "."

// reachable gives the structs that operations use, with the element names of
// their lists filled in. It starts from roots, follows every callee, and leaves
// out shapes such as errors that no operation's input or output holds.
func (t *table) reachable(functions map[string]*serde, roots []string, item string) map[string][]shape.Member {
	structs := map[string][]shape.Member{}
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		s := functions[name]
		if s == nil || seen[name] {
			return
		}
		seen[name] = true
		visit(s.element)
		for i := range s.members {
			visit(s.callees[i])
			s.members[i].Item = listItem(functions[s.callees[i]], s.members[i].Item, item)
		}
		switch {
		case s.union:
			t.unions[s.structName] = s.members
		case s.structName != "" && len(s.members) > 0:
			structs[s.structName] = s.members
		}
	}
	slices.Sort(roots)
	for _, r := range roots {
		visit(r)
	}
	return structs
}

// listItem is what the table says of a member's list: nothing when the element
// name is the protocol's default.
func listItem(list *serde, declared, fallback string) string {
	if list == nil || list.item == "" || list.structName != "" || declared == flat {
		return ""
	}
	if list.item == fallback || list.item == "entry" {
		return ""
	}
	return list.item
}
