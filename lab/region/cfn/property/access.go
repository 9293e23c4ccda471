package property

import (
	"bytes"
	"encoding/json"
	"maps"

	"github.com/drover-project/drover/lab/region/cfn/intrinsic"
)

// Set is the properties of a resource, as Scope.Evaluate gives them.
type Set map[string]any

// Text is a property's text; empty when it is not set or not a scalar.
func (s Set) Text(name string) string {
	text, _ := intrinsic.Text(s[name])
	return text
}

// Has reports whether a property is set.
func (s Set) Has(name string) bool {
	_, has := s[name]
	return has
}

// Texts are the scalars of a list.
func (s Set) Texts(name string) []string {
	var texts []string
	for _, item := range s.List(name) {
		if text, ok := intrinsic.Text(item); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// List is a property's items.
func (s Set) List(name string) []any {
	items, _ := s[name].([]any)
	return items
}

// Objects are the objects of a list.
func (s Set) Objects(name string) []Set {
	var objects []Set
	for _, item := range s.List(name) {
		if fields, ok := item.(map[string]any); ok {
			objects = append(objects, fields)
		}
	}
	return objects
}

// Object is a property that is an object; nil when it is not.
func (s Set) Object(name string) Set {
	fields, _ := s[name].(map[string]any)
	return fields
}

// JSON is a document: an object as JSON, or what is written as text already.
func (s Set) JSON(name string) string {
	if text, ok := intrinsic.Text(s[name]); ok {
		return text
	}
	if !s.Has(name) {
		return ""
	}
	text, err := json.Marshal(s[name])
	if err != nil {
		return ""
	}
	return string(text)
}

// Without is a copy that lacks some properties.
func (s Set) Without(names ...string) Set {
	rest := maps.Clone(s)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}

// Only is a copy that has only some properties.
func (s Set) Only(names ...string) Set {
	part := Set{}
	for _, name := range names {
		if v, has := s[name]; has {
			part[name] = v
		}
	}
	return part
}

// Decode is Decode for a Set.
func (s Set) Decode(into any) error { return Decode(s, into) }

// Parse reads what was stored as JSON; numbers stay as written.
func Parse(text []byte) (Set, error) {
	if len(text) == 0 {
		return Set{}, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var s Set
	return s, decoder.Decode(&s)
}
