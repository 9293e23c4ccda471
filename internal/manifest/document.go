package manifest

import (
	"encoding/json"
	"io"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Document is one document of a file, whatever its schema.
type Document struct {
	File string
	root *yaml.Node
}

// Documents reads the documents of a file, or of standard input when path is
// Stdin. text is the file as it is written. An error is of type Problems; text
// is then what could be read.
func Documents(path string, stdin io.Reader) (all []Document, text []byte, err error) {
	text, err = content(path, stdin)
	name := path
	if path == Stdin {
		name = "standard input"
	}
	if err != nil {
		return nil, nil, Problems{{File: name, Message: plainError(err)}}
	}
	roots, problems := documents(name, text)
	for _, root := range roots {
		all = append(all, Document{File: name, root: root})
	}
	if len(problems) > 0 {
		return all, text, problems
	}
	return all, text, nil
}

// Text is the scalar at a key of the document, empty when it is not there.
func (d Document) Text(key string) string { return textOf(d.root, key) }

// Line is where the document begins.
func (d Document) Line() int { return d.root.Line }

// Decode compares the document with the type of into, a pointer to a struct, and
// decodes it when there is nothing wrong: no unknown fields, no key twice, no
// value of another type.
func (d Document) Decode(into any) Problems {
	w := &walker{file: d.File}
	w.value(d.root, reflect.TypeOf(into), "")
	if len(w.problems) == 0 {
		encoded, err := json.Marshal(jsonValue(d.root))
		if err == nil {
			err = json.Unmarshal(encoded, into)
		}
		if err != nil {
			w.note(d.root, "", err.Error(), "")
		}
	}
	return w.problems
}

// Problem is a problem at a field, or at the nearest parent that is there.
func (d Document) Problem(field, message, right string) Problem {
	return Problem{File: d.File, Line: locate(d.root, field).Line, Field: field, Message: message, Right: right}
}

// Value is one scalar of a document.
type Value struct {
	Field string
	Line  int
	Text  string
	// Empty is true for a key without a value.
	Empty bool
	// Block is true when the text begins on the line after Line.
	Block bool
}

// Values lists the scalars in their order.
func (d Document) Values() []Value {
	var all []Value
	d.collect(d.root, "", &all)
	return all
}

func (d Document) collect(node *yaml.Node, field string, all *[]Value) {
	switch node = plain(node); node.Kind {
	case yaml.MappingNode:
		for _, each := range entries(node) {
			value := plain(each.value)
			if value.Kind == yaml.ScalarNode && value.Line == 0 {
				value.Line = each.key.Line
			}
			d.collect(value, join(field, each.key.Value), all)
		}
	case yaml.SequenceNode:
		for i, item := range node.Content {
			d.collect(item, field+"["+strconv.Itoa(i)+"]", all)
		}
	case yaml.ScalarNode:
		*all = append(*all, Value{
			Field: strings.TrimPrefix(field, "."), Line: node.Line, Text: node.Value, Empty: node.ShortTag() == "!!null",
			Block: node.Style == yaml.LiteralStyle || node.Style == yaml.FoldedStyle,
		})
	}
}
