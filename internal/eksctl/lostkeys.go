package eksctl

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/manifest"
)

// Copies of web pages often lose the lines that hold a key alone, such as
// `metadata:`. What is left is no YAML, and the parser's words do not help, so
// the places are found by indentation.

var (
	keyAndValue = regexp.MustCompile(`^(\s*)(- )?([A-Za-z_][\w./-]*):\s+[^\s|>&#].*$`)
	anyKey      = regexp.MustCompile(`^(\s*)(- )?([A-Za-z_][\w./-]*):(\s|$)`)
	listItem    = regexp.MustCompile(`^(\s*)- `)
)

type sourceLine struct {
	number, indent int
	text           string
	item           bool
	key            string
	complete       bool // a key with its value
}

// lostKeys adds to a syntax error the places at which a key is missing.
func lostKeys(problems manifest.Problems, text string) manifest.Problems {
	lines := sourceLines(text)
	var found manifest.Problems
	file := problems[0].File
	for i := 1; i < len(lines); i++ {
		before, here := lines[i-1], lines[i]
		if !before.complete {
			continue
		}
		inner := before.indent
		if before.item {
			inner += 2
		}
		orphan := here.indent > inner
		itemAmongKeys := here.item && here.indent == before.indent && !before.item
		if !orphan && !itemAmongKeys {
			continue
		}
		message := fmt.Sprintf("is indented under `%s`, which has a value already: the line with the key above it is lost", strings.TrimSpace(before.text))
		if itemAmongKeys && !orphan {
			message = fmt.Sprintf("is a list item among the keys of `%s`: the line with the key of the list is lost", strings.TrimSpace(before.text))
		}
		found = append(found, manifest.Problem{File: file, Line: here.number, Message: "this line " + message, Right: guess(block(lines[i:]))})
	}
	if len(found) == 0 {
		return problems
	}
	return sorted(found)
}

func sourceLines(text string) []sourceLine {
	var lines []sourceLine
	inBlock := -1
	for i, raw := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(raw)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		indent := len(raw) - len(strings.TrimLeft(raw, " "))
		if inBlock >= 0 && indent > inBlock {
			continue
		}
		inBlock = -1
		line := sourceLine{number: i + 1, indent: indent, text: raw, item: listItem.MatchString(raw), complete: keyAndValue.MatchString(raw)}
		if match := anyKey.FindStringSubmatch(raw); match != nil {
			line.key = match[3]
		}
		if strings.HasSuffix(trimmed, "|") || strings.HasSuffix(trimmed, "|-") || strings.HasSuffix(trimmed, ">") || strings.HasSuffix(trimmed, ">-") {
			inBlock, line.complete = indent, false
		}
		lines = append(lines, line)
	}
	return lines
}

// block is the keys that the lost one held, and whether it held a list.
func block(lines []sourceLine) (keys []string, list bool) {
	first := lines[0]
	list = first.item
	for _, line := range lines {
		if line.indent < first.indent {
			break
		}
		at := line.indent
		if list && line.item && at == first.indent || at == first.indent && !list || list && !line.item && at == first.indent+2 {
			if line.key != "" {
				keys = append(keys, line.key)
			}
		}
	}
	return keys, list
}

// guess names the fields of a ClusterConfig that hold such keys.
func guess(keys []string, list bool) string {
	if len(keys) == 0 {
		return ""
	}
	names := map[string]bool{}
	candidates(reflect.TypeFor[ClusterConfig](), keys, list, names)
	all := make([]string, 0, len(names))
	for _, name := range []string{"metadata", "nodeGroups", "managedNodeGroups", "instancesDistribution", "iam", "vpc", "addons"} {
		if names[name] {
			all = append(all, name+":")
		}
	}
	return strings.Join(all, " or ")
}

func candidates(t reflect.Type, keys []string, list bool, names map[string]bool) {
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous {
			candidates(field.Type, keys, list, names)
			continue
		}
		inner, isList := field.Type, false
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			isList = isList || inner.Kind() == reflect.Slice
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if isList == list && holds(inner, keys) {
			names[name] = true
		}
		candidates(inner, keys, list, names)
	}
}

func holds(t reflect.Type, keys []string) bool {
	fields := fieldNames(t)
	return !slices.ContainsFunc(keys, func(key string) bool { return !slices.Contains(fields, key) })
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous {
			names = append(names, fieldNames(field.Type)...)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
