package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sort"
)

// deepest is how far values may be nested.
const deepest = 100

// readJSON reads a JSON text.
func readJSON(text []byte) (*Node, error) {
	r := &jsonReader{decoder: json.NewDecoder(bytes.NewReader(text)), text: text}
	r.decoder.UseNumber()
	for i, b := range text {
		if b == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	root, err := r.value(0)
	if err != nil {
		return nil, r.explain(err)
	}
	if _, err := r.decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, notJSON(r.position())
	}
	return root, nil
}

type jsonReader struct {
	decoder *json.Decoder
	text    []byte
	lines   []int // where lines after the first begin
}

func notJSON(at Position) *Error {
	return formatError(at, "JSON not well-formed. (%v)", at)
}

// explain puts the reader's errors into CloudFormation's words.
func (r *jsonReader) explain(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return notJSON(r.at(int(syntax.Offset)))
	}
	return notJSON(r.position())
}

// at turns an offset into a position.
func (r *jsonReader) at(offset int) Position {
	line := sort.SearchInts(r.lines, offset+1)
	begin := 0
	if line > 0 {
		begin = r.lines[line-1]
	}
	return Position{Line: line + 1, Column: offset - begin + 1}
}

func (r *jsonReader) position() Position { return r.at(int(r.decoder.InputOffset())) }

// next is where the next token begins.
func (r *jsonReader) next() Position {
	offset := int(r.decoder.InputOffset())
	for offset < len(r.text) && bytes.IndexByte([]byte(" \t\r\n,:"), r.text[offset]) >= 0 {
		offset++
	}
	return r.at(offset)
}

func (r *jsonReader) value(depth int) (*Node, error) {
	at := r.next()
	if depth > deepest {
		return nil, tooDeep(at)
	}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return r.object(at, depth)
		}
		return r.array(at, depth)
	case string:
		return &Node{Kind: Text, Text: t, At: at}, nil
	case json.Number:
		return &Node{Kind: Number, Text: t.String(), At: at}, nil
	case bool:
		return &Node{Kind: Boolean, Text: boolText(t), At: at}, nil
	default:
		return &Node{Kind: Null, At: at}, nil
	}
}

func (r *jsonReader) object(at Position, depth int) (*Node, error) {
	n := &Node{Kind: Map, At: at}
	for r.decoder.More() {
		keyAt := r.next()
		key, err := r.decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if err := n.add(Field{Name: name, At: keyAt, Value: value}); err != nil {
			return nil, err
		}
	}
	_, err := r.decoder.Token()
	return n, err
}

func (r *jsonReader) array(at Position, depth int) (*Node, error) {
	n := &Node{Kind: List, At: at}
	for r.decoder.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.Items = append(n.Items, item)
	}
	_, err := r.decoder.Token()
	return n, err
}

// add refuses a key that is there already: one of the two would be lost.
func (n *Node) add(f Field) error {
	if n.Get(f.Name) != nil {
		return formatError(f.At, "Duplicate key %q found in template (%v)", f.Name, f.At)
	}
	n.Fields = append(n.Fields, f)
	return nil
}

func tooDeep(at Position) error {
	return formatError(at, "values are nested more than %d levels deep (%v)", deepest, at)
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
