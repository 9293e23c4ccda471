package jsonwire

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"time"

	smithytime "github.com/aws/smithy-go/time"

	"github.com/drover-project/drover/lab/awswire/shape"
)

// Encode gives the JSON object of an output struct. At the top level a nil list
// is written as an empty one, because AWS answers "clusters": [] and clients
// count on the key being there. SQS leaves it out: no message is no key.
func Encode(s *shape.Service, out reflect.Value) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(encoder{service: s}.structure(out, true))
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

type encoder struct{ service *shape.Service }

func (e encoder) structure(v reflect.Value, top bool) map[string]any {
	object := map[string]any{}
	for _, m := range e.service.Out(v.Type()).Members {
		field := v.Field(m.Index)
		switch {
		case !shape.IsAbsent(field):
			object[m.Wire] = e.value(field)
		case top && e.service.Name != "sqs" && field.Kind() == reflect.Slice && !shape.IsBlob(field.Type()):
			object[m.Wire] = []any{}
		}
	}
	return object
}

func (e encoder) value(v reflect.Value) any {
	v = reflect.Indirect(v)
	switch {
	case shape.IsTime(v.Type()):
		return smithytime.FormatEpochSeconds(v.Interface().(time.Time))
	case shape.IsScalar(v.Type()):
		return v.Interface() // encoding/json writes []byte as base64
	case v.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = e.value(v.Index(i))
		}
		return list
	case v.Kind() == reflect.Map:
		object := map[string]any{}
		for _, key := range v.MapKeys() {
			object[key.String()] = e.value(v.MapIndex(key))
		}
		return object
	case v.Kind() == reflect.Interface:
		return e.union(v)
	default:
		return e.structure(v, false)
	}
}

// union gives the one member that is set. The concrete type is named
// <union>Member<field> and holds a field Value.
func (e encoder) union(v reflect.Value) any {
	held := reflect.Indirect(v.Elem())
	members, _ := e.service.Union(v.Type())
	for _, m := range members {
		if held.Type().Name() == v.Type().Name()+"Member"+m.Field {
			return map[string]any{m.Wire: e.value(held.FieldByName("Value"))}
		}
	}
	return map[string]any{}
}

func sortedKeys(object map[string]any) []string {
	return slices.Sorted(maps.Keys(object))
}
