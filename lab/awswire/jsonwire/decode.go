// Package jsonwire decodes and encodes the bodies of the JSON protocols.
package jsonwire

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strconv"

	smithytime "github.com/aws/smithy-go/time"

	"github.com/drover-project/drover/lab/awswire/shape"
)

// Decode sets the input struct in from a JSON object; an empty body is an empty
// object. Unknown members and values of the wrong type are faults; required
// members are not checked here.
func Decode(s *shape.Service, body []byte, in reflect.Value) *shape.Fault {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var parsed any
	if err := d.Decode(&parsed); err != nil {
		return &shape.Fault{Kind: shape.Malformed, Want: "valid JSON: " + err.Error()}
	}
	if _, err := d.Token(); err != io.EOF {
		return &shape.Fault{Kind: shape.Malformed, Want: "one JSON object and nothing after it"}
	}
	object, ok := parsed.(map[string]any)
	if !ok {
		return &shape.Fault{Kind: shape.Malformed, Want: "a JSON object"}
	}
	return decoder{service: s}.structure(object, in)
}

type decoder struct{ service *shape.Service }

func (d decoder) structure(object map[string]any, v reflect.Value) *shape.Fault {
	form := d.service.In(v.Type())
	for _, name := range sortedKeys(object) {
		m := form.ByWire(name)
		if m == nil || m.Place != shape.Body {
			return &shape.Fault{Kind: shape.Unknown, Path: name}
		}
		if fault := d.value(object[name], v.Field(m.Index)); fault != nil {
			return fault.In(name)
		}
	}
	return nil
}

// value decodes one JSON value by the Go type of v; null is nothing.
func (d decoder) value(from any, v reflect.Value) *shape.Fault {
	if from == nil {
		return nil
	}
	if v.Kind() == reflect.Interface {
		return d.union(from, v)
	}
	v = shape.Settable(v)
	switch {
	case shape.IsTime(v.Type()):
		return setTime(from, v)
	case shape.IsScalar(v.Type()):
		return setScalar(from, v)
	case v.Kind() == reflect.Slice:
		return d.list(from, v)
	}
	object, ok := from.(map[string]any)
	if !ok {
		return wrong(from, "an object")
	}
	if v.Kind() == reflect.Map {
		return d.dictionary(object, v)
	}
	return d.structure(object, v)
}

func (d decoder) list(from any, v reflect.Value) *shape.Fault {
	list, ok := from.([]any)
	if !ok {
		return wrong(from, "a list")
	}
	v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
	for i, element := range list {
		if fault := d.value(element, v.Index(i)); fault != nil {
			return fault.In(strconv.Itoa(i + 1))
		}
	}
	return nil
}

func (d decoder) dictionary(object map[string]any, v reflect.Value) *shape.Fault {
	v.Set(reflect.MakeMapWithSize(v.Type(), len(object)))
	for _, name := range sortedKeys(object) {
		element := reflect.New(v.Type().Elem()).Elem()
		if fault := d.value(object[name], element); fault != nil {
			return fault.In(name)
		}
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), element)
	}
	return nil
}

func (d decoder) union(from any, v reflect.Value) *shape.Fault {
	members, known := d.service.Union(v.Type())
	object, ok := from.(map[string]any)
	if !known || !ok || len(object) != 1 {
		return wrong(from, "an object with exactly one member")
	}
	for name, value := range object {
		for _, m := range members {
			if m.Wire != name {
				continue
			}
			holder := reflect.New(d.service.UnionMember(v.Type().Name(), m.Field))
			v.Set(holder)
			return d.value(value, holder.Elem().FieldByName("Value"))
		}
		return &shape.Fault{Kind: shape.Unknown, Path: name}
	}
	return nil
}

func setTime(from any, v reflect.Value) *shape.Fault {
	number, ok := from.(json.Number)
	if !ok {
		return wrong(from, "seconds since 1970-01-01T00:00:00Z as a number")
	}
	seconds, err := number.Float64()
	if err != nil {
		return wrong(from, "seconds since 1970-01-01T00:00:00Z as a number")
	}
	v.Set(reflect.ValueOf(smithytime.ParseEpochSeconds(seconds)))
	return nil
}

// setScalar takes a JSON value of the kind that v has: a string is not a number.
func setScalar(from any, v reflect.Value) *shape.Fault {
	switch value := from.(type) {
	case string:
		if v.Kind() != reflect.String && !shape.IsBlob(v.Type()) {
			return wrong(from, "a "+v.Kind().String())
		}
		return shape.SetText(v, value)
	case bool:
		if v.Kind() != reflect.Bool {
			return wrong(from, "a "+v.Kind().String())
		}
		v.SetBool(value)
		return nil
	case json.Number:
		if !v.CanInt() && !v.CanFloat() {
			return wrong(from, "a "+v.Kind().String())
		}
		return shape.SetText(v, value.String())
	default:
		return wrong(from, "a "+v.Kind().String())
	}
}

func wrong(from any, want string) *shape.Fault {
	text, err := json.Marshal(from)
	if err != nil {
		text = []byte("?")
	}
	return &shape.Fault{Kind: shape.WrongType, Value: shape.Shorten(string(text)), Want: want}
}
