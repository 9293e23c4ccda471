// Package xmlwire encodes the answers of the query protocols as XML. Unions are
// left out: no answer of these services has one, and the conformance test, which
// fills every answer, would tell.
package xmlwire

import (
	"bytes"
	"encoding/xml"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/drover-project/drover/lab/awswire/shape"
)

// Writer writes elements. The zero value is ready.
type Writer struct{ buf bytes.Buffer }

// Bytes gives what was written.
func (w *Writer) Bytes() []byte { return w.buf.Bytes() }

// Start opens an element; a namespace, if any, becomes its xmlns.
func (w *Writer) Start(name, namespace string) {
	w.buf.WriteString("<" + name)
	if namespace != "" {
		w.buf.WriteString(` xmlns="` + namespace + `"`)
	}
	w.buf.WriteByte('>')
}

// End closes an element.
func (w *Writer) End(name string) { w.buf.WriteString("</" + name + ">") }

// Text writes an element that holds text.
func (w *Writer) Text(name, text string) {
	w.Start(name, "")
	// A bytes.Buffer never fails to write.
	_ = xml.EscapeText(&w.buf, []byte(text))
	w.End(name)
}

// Encode writes the members of an output struct. At the top level a nil list is
// written as an empty one, because AWS answers <reservationSet/> rather than
// nothing and clients count on the key being there.
func (w *Writer) Encode(s *shape.Service, out reflect.Value) {
	e := encoder{service: s, w: w, item: "item", layout: layoutOf(s.Name)}
	if s.Protocol == shape.Query {
		e.item = "member"
	}
	e.structure(out, true)
}

// layoutOf is how a service writes times: IAM and STS without fractions.
func layoutOf(service string) string {
	switch service {
	case "iam", "sts":
		return "2006-01-02T15:04:05Z"
	default:
		return "2006-01-02T15:04:05.000Z"
	}
}

type encoder struct {
	service *shape.Service
	w       *Writer
	item    string
	layout  string
}

func (e encoder) structure(v reflect.Value, top bool) {
	for _, m := range e.service.Out(v.Type()).Members {
		field := v.Field(m.Index)
		if shape.IsAbsent(field) && !(top && isCollection(field)) {
			continue
		}
		if m.Item == shape.Flat || strings.Contains(m.Item, shape.KeyValue) {
			e.flat(m, field)
			continue
		}
		e.element(m.Wire, field, m.Item)
	}
}

func isCollection(v reflect.Value) bool {
	return v.Kind() == reflect.Map || v.Kind() == reflect.Slice && !shape.IsBlob(v.Type())
}

func (e encoder) element(name string, v reflect.Value, item string) {
	v = reflect.Indirect(v)
	if shape.IsScalar(v.Type()) {
		e.w.Text(name, shape.Text(v, e.layout))
		return
	}
	e.w.Start(name, "")
	switch v.Kind() {
	case reflect.Slice:
		e.list(v, item)
	case reflect.Map:
		e.dictionary(v)
	default:
		e.structure(v, false)
	}
	e.w.End(name)
}

func (e encoder) list(v reflect.Value, item string) {
	if item == "" {
		item = e.item
	}
	for i := range v.Len() {
		e.element(item, v.Index(i), "")
	}
}

// flat writes the elements of a list, or the entries of a map, each under the
// member's own name.
func (e encoder) flat(m shape.Member, v reflect.Value) {
	key, value, isMap := strings.Cut(m.Item, shape.KeyValue)
	if !isMap {
		for i := range v.Len() {
			e.element(m.Wire, v.Index(i), "")
		}
		return
	}
	entries := byKey(v)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		e.w.Start(m.Wire, "")
		e.w.Text(key, name)
		e.element(value, entries[name], "")
		e.w.End(m.Wire)
	}
}

func byKey(v reflect.Value) map[string]reflect.Value {
	entries := map[string]reflect.Value{}
	for _, key := range v.MapKeys() {
		entries[key.String()] = v.MapIndex(key)
	}
	return entries
}

func (e encoder) dictionary(v reflect.Value) {
	entries := byKey(v)
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		e.w.Start("entry", "")
		e.w.Text("key", key)
		e.element("value", entries[key], "")
		e.w.End("entry")
	}
}
