package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
)

// walker compares a document with the Go type that it will be decoded into, and
// notes every difference with its place.
type walker struct {
	file     string
	problems Problems
	// newer collects unknown fields of objects that come from a cluster: its
	// API may be newer than this one's, so they are no mistakes.
	fromCluster bool
	newer       []string
}

func (w *walker) note(node *yaml.Node, field, message, right string) {
	w.problems = append(w.problems, Problem{File: w.file, Line: node.Line, Field: field, Message: message, Right: right})
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// value compares a node with the type of its field.
func (w *walker) value(node *yaml.Node, t reflect.Type, field string) {
	node = plain(node)
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" {
		return
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case reflect.PointerTo(t).Implements(unmarshaler):
		w.custom(node, t, field)
	case t.Kind() == reflect.Struct:
		w.object(node, t, field)
	case t.Kind() == reflect.Map:
		w.mapping(node, t, field)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		w.scalar(node, reflect.TypeFor[string](), field)
	case t.Kind() == reflect.Slice:
		if node.Kind != yaml.SequenceNode {
			w.note(node, field, "must be a list, not "+kindOf(node), "")
			return
		}
		for i, item := range node.Content {
			w.value(item, t.Elem(), field+"["+strconv.Itoa(i)+"]")
		}
	case t.Kind() != reflect.Interface:
		w.scalar(node, t, field)
	}
}

func (w *walker) object(node *yaml.Node, t reflect.Type, field string) {
	if node.Kind != yaml.MappingNode {
		w.note(node, field, "must be an object, not "+kindOf(node), "")
		return
	}
	fields := map[string]reflect.Type{}
	fieldsOf(t, fields)
	w.keys(node, field, func(key *yaml.Node, value *yaml.Node) {
		child := join(field, key.Value)
		fieldType, known := fields[key.Value]
		switch {
		case known:
			w.value(value, fieldType, child)
		case w.fromCluster || strings.HasPrefix(child, "status."):
			w.newer = append(w.newer, child)
		default:
			w.note(key, child, "there is no such field", nearest(key.Value, slices.Sorted(maps.Keys(fields))))
		}
	})
}

// keys calls use for every key once and notes those that are there twice.
func (w *walker) keys(node *yaml.Node, field string, use func(key, value *yaml.Node)) {
	seen := map[string]int{}
	for _, each := range entries(node) {
		if line, twice := seen[each.key.Value]; twice {
			w.note(each.key, join(field, each.key.Value), fmt.Sprintf("is already set in line %d", line), "")
			continue
		}
		seen[each.key.Value] = each.key.Line
		use(each.key, each.value)
	}
}

func (w *walker) mapping(node *yaml.Node, t reflect.Type, field string) {
	if node.Kind != yaml.MappingNode {
		w.note(node, field, "must be an object, not "+kindOf(node), "")
		return
	}
	w.keys(node, field, func(key, value *yaml.Node) {
		w.value(value, t.Elem(), join(field, key.Value))
	})
}

// fieldsOf collects the JSON names of a struct, those of inlined structs too.
func fieldsOf(t reflect.Type, into map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		inline := strings.Contains(options, "inline") || (f.Anonymous && name == "")
		switch {
		case name == "-":
		case inline && f.Type.Kind() == reflect.Struct:
			fieldsOf(f.Type, into)
		case name != "":
			into[name] = f.Type
		default:
			into[f.Name] = f.Type
		}
	}
}

// custom tries a type that decodes itself.
func (w *walker) custom(node *yaml.Node, t reflect.Type, field string) {
	encoded, err := json.Marshal(jsonValue(node))
	if err == nil {
		err = json.Unmarshal(encoded, reflect.New(t).Interface())
	}
	if err == nil {
		return
	}
	if t == reflect.TypeFor[resource.Quantity]() {
		w.note(node, field, notQuantity(node), rightQuantity(node.Value))
		return
	}
	w.note(node, field, fmt.Sprintf("%s is not what this field takes: %v", kindOf(node), err), "")
}

func (w *walker) scalar(node *yaml.Node, t reflect.Type, field string) {
	if node.Kind != yaml.ScalarNode {
		w.note(node, field, "must be "+want(t)+", not "+kindOf(node), "")
		return
	}
	switch tag := node.ShortTag(); t.Kind() {
	case reflect.String:
		if tag == "!!int" || tag == "!!float" || tag == "!!bool" {
			w.note(node, field, "must be a text, not "+kindOf(node)+"; put it in quotes", strconv.Quote(node.Value))
			return
		}
		if allowed := choices(t); allowed != nil && node.Value != "" && !slices.Contains(allowed, node.Value) {
			w.note(node, field, fmt.Sprintf("%q must be one of %s", node.Value, strings.Join(allowed, ", ")), nearest(node.Value, allowed))
		}
	case reflect.Bool:
		if tag != "!!bool" {
			w.note(node, field, "must be true or false, not "+kindOf(node), "")
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		w.integer(node, t, field)
	case reflect.Float64, reflect.Float32:
		if tag != "!!float" && tag != "!!int" {
			w.note(node, field, "must be a number, not "+kindOf(node), "")
		}
	}
}

func (w *walker) integer(node *yaml.Node, t reflect.Type, field string) {
	number, isInteger := jsonScalar(node).(int64)
	switch {
	case !isInteger:
		right := ""
		if _, err := strconv.ParseInt(node.Value, 10, t.Bits()); err == nil {
			right = node.Value + " without quotes"
		}
		w.note(node, field, "must be a whole number, not "+kindOf(node), right)
	case reflect.Zero(t).OverflowInt(number):
		w.note(node, field, fmt.Sprintf("%s does not fit in %d bits", node.Value, t.Bits()), "")
	}
}

func want(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a text"
}

func join(path, key string) string {
	switch {
	case strings.ContainsAny(key, "./"):
		return path + "[" + key + "]"
	case path == "":
		return key
	}
	return path + "." + key
}
