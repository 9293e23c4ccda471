package awswire

import (
	"reflect"
	"slices"

	"github.com/drover-project/drover/lab/awserr"
)

// Supported lets a handler refuse parameters it does not honour. in is a
// pointer to an SDK input (or any nested SDK struct), honoured are Go field
// names. It answers UnsupportedOperation naming the first set field that is
// not honoured. A field is set when it is not its zero value; an empty list or
// a pointer to false counts as not set, because neither asks for anything.
func Supported(in any, honoured ...string) error {
	v := reflect.Indirect(reflect.ValueOf(in))
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || slices.Contains(honoured, f.Name) || !asks(v.Field(i)) {
			continue
		}
		return awserr.New("UnsupportedOperation",
			"The parameter %s is not supported by this endpoint. Leave it out.", f.Name)
	}
	return nil
}

// asks reports whether the value requests anything of a handler.
func asks(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() > 0
	case reflect.Pointer:
		return !v.IsNil() && (v.Elem().Kind() != reflect.Bool || v.Elem().Bool())
	case reflect.Struct:
		return v.NumField() > 1 && !v.IsZero() // an SDK struct always ends in noSmithyDocumentSerde
	default:
		return !v.IsZero()
	}
}
