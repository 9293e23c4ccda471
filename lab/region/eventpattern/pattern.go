// Package eventpattern is EventBridge's language of event patterns: which events
// a rule wants. Objects of a pattern mirror those of events; a list holds what a
// field may be, as values or as filters on content.
package eventpattern

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Pattern is a pattern that was checked.
type Pattern struct{ root node }

// Error says what is wrong with a pattern.
type Error struct{ Reason string }

func (e *Error) Error() string { return "Event pattern is not valid. Reason: " + e.Reason }

func wrong(format string, args ...any) error { return &Error{Reason: fmt.Sprintf(format, args...)} }

// node is a part of a pattern. values are everything that an event has in the
// place of the node: several when a list is on the way there, none when the
// event has nothing there.
type node interface{ matches(values []any) bool }

// Parse reads a pattern. The error is an *Error.
func Parse(text string) (*Pattern, error) {
	parsed, err := decode([]byte(text))
	if err != nil {
		return nil, wrong("%v", err)
	}
	root, isObject := parsed.(map[string]any)
	if !isObject {
		return nil, wrong("Filter is not an object")
	}
	parsedRoot, err := parseObject(root)
	if err != nil {
		return nil, err
	}
	return &Pattern{root: parsedRoot}, nil
}

// Event is an event that was read, to be held against several patterns.
type Event struct{ value any }

// Read reads an event, a JSON object.
func Read(text []byte) (Event, error) {
	value, err := decode(text)
	return Event{value}, err
}

// Wants reports whether an event is one that the pattern wants.
func (p *Pattern) Wants(event Event) bool { return p.root.matches([]any{event.value}) }

// Matches is Wants for the text of an event. Text that is not JSON never fits.
func (p *Pattern) Matches(text []byte) bool {
	event, err := Read(text)
	return err == nil && p.Wants(event)
}

// decode reads one JSON value, numbers as they are written.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var parsed any
	if err := d.Decode(&parsed); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("there is more after the JSON value")
	}
	return parsed, nil
}

// either is the key of alternatives.
const either = "$or"

// object wants all of its fields, and one of each of its alternatives.
type object struct {
	fields       map[string]node
	alternatives [][]node
}

func parseObject(from map[string]any) (node, error) {
	if len(from) == 0 {
		return nil, wrong("Empty objects are not allowed")
	}
	o := object{fields: map[string]node{}}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if list, isList := from[name].([]any); isList && name == either {
			parsed, err := parseAlternatives(list)
			if err != nil {
				return nil, err
			}
			o.alternatives = append(o.alternatives, parsed)
			continue
		}
		field, err := parseField(name, from[name])
		if err != nil {
			return nil, err
		}
		o.fields[name] = field
	}
	return o, nil
}

func parseAlternatives(list []any) ([]node, error) {
	const least = 2
	if len(list) < least {
		return nil, wrong("%s must have at least %d alternatives", either, least)
	}
	var parsed []node
	for _, item := range list {
		from, isObject := item.(map[string]any)
		if !isObject {
			return nil, wrong("%s must be an array of objects", either)
		}
		one, err := parseObject(from)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, one)
	}
	return parsed, nil
}

func parseField(name string, from any) (node, error) {
	switch value := from.(type) {
	case map[string]any:
		return parseObject(value)
	case []any:
		return parseLeaf(value)
	default:
		return nil, wrong("%q must be an object or an array", name)
	}
}

// matches looks at the objects among the values, one at a time: the fields that
// are wanted together must be in the same object of a list.
func (o object) matches(values []any) bool {
	some := false
	for _, value := range flatten(values) {
		if inner, isObject := value.(map[string]any); isObject {
			some = true
			if o.holds(inner) {
				return true
			}
		}
	}
	// Where there is no object there is none of its fields, which is what a
	// pattern may want.
	return !some && o.holds(nil)
}

func (o object) holds(value map[string]any) bool {
	for name, field := range o.fields {
		if !field.matches(under(value, name)) {
			return false
		}
	}
	for _, list := range o.alternatives {
		if !slices.ContainsFunc(list, func(n node) bool { return n.matches([]any{value}) }) {
			return false
		}
	}
	return true
}

// under is what an object has under a name.
func under(value map[string]any, name string) []any {
	if held, has := value[name]; has {
		return []any{held}
	}
	return nil
}

// flatten takes lists apart, at any depth.
func flatten(values []any) []any {
	var flat []any
	for _, value := range values {
		if list, isList := value.([]any); isList {
			flat = append(flat, flatten(list)...)
		} else {
			flat = append(flat, value)
		}
	}
	return flat
}

// leaf wants one of its filters to fit one of the values.
type leaf struct {
	filters []filter
	absent  bool // or that there is none
}

func parseLeaf(list []any) (node, error) {
	if len(list) == 0 {
		return nil, wrong("Empty arrays are not allowed")
	}
	var l leaf
	for _, item := range list {
		if exists, is, err := parseExists(item); is {
			if err != nil {
				return nil, err
			}
			if !exists {
				l.absent = true
				continue
			}
		}
		f, err := parseFilter(item)
		if err != nil {
			return nil, err
		}
		l.filters = append(l.filters, f)
	}
	return l, nil
}

func (l leaf) matches(values []any) bool {
	some := false
	for _, value := range flatten(values) {
		if _, isObject := value.(map[string]any); isObject {
			continue // a field with fields of its own has no value
		}
		some = true
		if slices.ContainsFunc(l.filters, func(f filter) bool { return f(value) }) {
			return true
		}
	}
	return l.absent && !some
}

// parseExists reads {"exists": true} or false.
func parseExists(item any) (exists, is bool, err error) {
	from, isObject := item.(map[string]any)
	value, has := from["exists"]
	if !isObject || !has {
		return false, false, nil
	}
	exists, isBool := value.(bool)
	if !isBool || len(from) > 1 {
		return false, true, wrong("exists match pattern must be either true or false.")
	}
	return exists, true, nil
}
