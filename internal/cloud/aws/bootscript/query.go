package bootscript

import (
	"regexp"
	"strconv"
	"strings"
)

// search evaluates a query of the aws program (JMESPath) as far as it is a path,
// the length of one, or the first of what it finds.
func search(document any, query string) (any, bool) {
	query = strings.TrimSpace(query)
	if inner, isLength := strings.CutPrefix(query, "length("); isLength && strings.HasSuffix(inner, ")") {
		found, ok := search(document, strings.TrimSuffix(inner, ")"))
		list, isList := found.([]any)
		return len(list), ok && isList
	}
	first := false
	if path, rest, piped := strings.Cut(query, "|"); piped {
		if strings.TrimSpace(rest) != "[0]" {
			return nil, false
		}
		query, first = strings.TrimSpace(path), true
	}
	values, ok := follow(document, query, false)
	if !ok {
		return nil, false
	}
	if !strings.Contains(query, "[]") && !strings.Contains(query, "[*]") {
		if len(values) == 0 {
			return nil, true
		}
		return values[0], !first
	}
	list := make([]any, 0, len(values))
	for _, value := range values {
		if value != nil { // a projection drops what is not there
			list = append(list, value)
		}
	}
	if !first {
		return list, true
	}
	if len(list) == 0 {
		return nil, true
	}
	return list[0], true
}

// step is one of NAME, [0], [], [*] and [NAME].
var step = regexp.MustCompile(`^\.?(?:([A-Za-z]+)|\[(\d{1,2}|\*|[A-Za-z]+)?\])`)

// follow returns what a path finds. It is not ok where the path leaves what is
// known of the document. Where strict, as in jq, something that is not there has
// no index.
func follow(value any, path string, strict bool) ([]any, bool) {
	if path == "" {
		return []any{value}, true
	}
	found := step.FindStringSubmatch(path)
	if found == nil {
		return nil, false
	}
	rest := path[len(found[0]):]
	name, index := found[1], found[2]
	switch {
	case name != "":
		return followName(value, name, rest, strict)
	case index == "" || index == "*" && !strict:
		return followAll(value, rest, strict)
	}
	number, err := strconv.Atoi(index)
	switch {
	case err != nil && (strict || rest != "" && !strings.HasPrefix(rest, "[0]") && rest != "[]"):
		return nil, false
	case err != nil: // a list of one, made by the query
		values, ok := followName(value, index, "", strict)
		if !ok || len(values) != 1 {
			return nil, false
		}
		if values[0] == nil {
			values[0] = "None"
		}
		return values, true
	}
	list, isList := value.([]any)
	switch {
	case value == nil:
		return follow(nil, rest, strict)
	case !isList:
		return nil, false
	case number >= len(list):
		return follow(nil, rest, strict)
	}
	return follow(list[number], rest, strict)
}

func followName(value any, name, rest string, strict bool) ([]any, bool) {
	object, isObject := value.(map[string]any)
	switch {
	case value == nil:
		return follow(nil, rest, strict)
	case !isObject:
		return nil, false
	}
	inner, there := object[name]
	if !there {
		return nil, false // only some fields are known
	}
	return follow(inner, rest, strict)
}

func followAll(value any, rest string, strict bool) ([]any, bool) {
	list, isList := value.([]any)
	if value == nil && !strict {
		return nil, true
	}
	if !isList {
		return nil, false
	}
	var all []any
	for _, each := range list {
		values, ok := follow(each, rest, strict)
		if !ok {
			return nil, false
		}
		all = append(all, values...)
	}
	return all, true
}
