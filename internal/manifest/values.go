package manifest

import (
	"fmt"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// plain follows an alias to the node that it stands for.
func plain(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// entry is one key of a mapping with its value.
type entry struct{ key, value *yaml.Node }

// entries lists a mapping's keys, those merged in with << last; a key that is
// there twice is listed twice.
func entries(mapping *yaml.Node) []entry {
	var own, merged []entry
	seen := map[string]bool{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if key.ShortTag() != "!!merge" {
			own = append(own, entry{key, value})
			seen[key.Value] = true
			continue
		}
		sources := []*yaml.Node{plain(value)}
		if sources[0].Kind == yaml.SequenceNode {
			sources = sources[0].Content
		}
		for _, source := range sources {
			if source = plain(source); source.Kind == yaml.MappingNode {
				merged = append(merged, entries(source)...)
			}
		}
	}
	for _, each := range merged {
		if !seen[each.key.Value] {
			seen[each.key.Value] = true
			own = append(own, each)
		}
	}
	return own
}

// lookup is the value of a key, nil when it is not there.
func lookup(mapping *yaml.Node, key string) *yaml.Node {
	if mapping = plain(mapping); mapping.Kind != yaml.MappingNode {
		return nil
	}
	for _, each := range entries(mapping) {
		if each.key.Value == key {
			return plain(each.value)
		}
	}
	return nil
}

// textOf is a key's scalar as it is written, empty when it is not there.
func textOf(mapping *yaml.Node, key string) string {
	if node := lookup(mapping, key); node != nil && node.Kind == yaml.ScalarNode && node.ShortTag() != "!!null" {
		return node.Value
	}
	return ""
}

// jsonValue is the node as encoding/json would have decoded it.
func jsonValue(node *yaml.Node) any {
	switch node = plain(node); node.Kind {
	case yaml.MappingNode:
		object := make(map[string]any, len(node.Content)/2)
		for _, each := range entries(node) {
			object[each.key.Value] = jsonValue(each.value)
		}
		return object
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, item := range node.Content {
			list[i] = jsonValue(item)
		}
		return list
	}
	return jsonScalar(node)
}

func jsonScalar(node *yaml.Node) any {
	switch node.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		value, err := strconv.ParseBool(node.Value)
		if err == nil {
			return value
		}
	case "!!int":
		var number int64
		if node.Decode(&number) == nil {
			return number
		}
		var large uint64
		if node.Decode(&large) == nil {
			return large
		}
	case "!!float":
		var number float64
		if node.Decode(&number) == nil && !math.IsInf(number, 0) && !math.IsNaN(number) {
			return number
		}
	}
	return node.Value
}

// kindOf names what a node holds, for people.
func kindOf(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "an object"
	case yaml.SequenceNode:
		return "a list"
	}
	switch node.ShortTag() {
	case "!!int", "!!float":
		return "the number " + node.Value
	case "!!bool":
		return "the boolean " + node.Value
	case "!!null":
		return "nothing"
	}
	return fmt.Sprintf("the text %q", node.Value)
}
