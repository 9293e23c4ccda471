// Package property turns the properties of a resource into the input of the
// operation that makes it. Properties have the names that the operation's fields
// have; numbers and booleans may be written as strings.
package property

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drover-project/drover/lab/region/cfn/intrinsic"
)

// Error is what is wrong with a property, in CloudFormation's words.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }

func wrong(format string, args ...any) error { return &Error{Message: fmt.Sprintf(format, args...)} }

// Unsupported is what CloudFormation says of a property that a type has not.
func Unsupported(name string) error { return wrong("Encountered unsupported property %s", name) }

// Decode sets the fields of a struct, which into points to, by the properties of
// the same names.
func Decode(properties map[string]any, into any) error {
	return object("", properties, reflect.ValueOf(into).Elem())
}

func object(path string, properties map[string]any, into reflect.Value) error {
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		field := into.FieldByNameFunc(func(f string) bool { return strings.EqualFold(f, name) })
		if !field.IsValid() || !field.CanSet() {
			return Unsupported(name)
		}
		if err := set(join(path, name), properties[name], field); err != nil {
			return err
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "/" + name
}

func set(path string, value any, into reflect.Value) error {
	switch into.Kind() {
	case reflect.Pointer:
		target := reflect.New(into.Type().Elem())
		if err := set(path, value, target.Elem()); err != nil {
			return err
		}
		into.Set(target)
		return nil
	case reflect.Struct:
		if into.Type() == reflect.TypeFor[time.Time]() {
			return setTime(path, value, into)
		}
		fields, ok := value.(map[string]any)
		if !ok {
			return wrong("Value of property %s must be an object", path)
		}
		return object(path, fields, into)
	case reflect.Slice:
		return setList(path, value, into)
	case reflect.Map:
		return setMap(path, value, into)
	}
	return setScalar(path, value, into)
}

func setList(path string, value any, into reflect.Value) error {
	items, ok := value.([]any)
	if !ok {
		return wrong("Value of property %s must be of type List", path)
	}
	list := reflect.MakeSlice(into.Type(), len(items), len(items))
	for i, item := range items {
		if err := set(join(path, strconv.Itoa(i)), item, list.Index(i)); err != nil {
			return err
		}
	}
	into.Set(list)
	return nil
}

func setMap(path string, value any, into reflect.Value) error {
	entries, ok := value.(map[string]any)
	if !ok || into.Type().Key().Kind() != reflect.String {
		return wrong("Value of property %s must be an object", path)
	}
	m := reflect.MakeMap(into.Type())
	for key, v := range entries {
		entry := reflect.New(into.Type().Elem()).Elem()
		if err := set(join(path, key), v, entry); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(key).Convert(into.Type().Key()), entry)
	}
	into.Set(m)
	return nil
}

func setScalar(path string, value any, into reflect.Value) error {
	text, ok := intrinsic.Text(value)
	if !ok && into.Kind() == reflect.String {
		// Policy documents are objects in a template and text in a request.
		if _, isObject := value.(map[string]any); isObject {
			document, err := json.Marshal(value)
			text, ok = string(document), err == nil
		}
	}
	if !ok {
		return wrong("Value of property %s must be of type %s", path, typeName(into.Kind()))
	}
	switch into.Kind() {
	case reflect.String:
		into.SetString(text)
		return nil
	case reflect.Bool:
		switch strings.ToLower(text) {
		case "true":
			into.SetBool(true)
			return nil
		case "false":
			into.SetBool(false)
			return nil
		}
	case reflect.Int32, reflect.Int64, reflect.Int:
		if n, err := strconv.ParseInt(text, 10, into.Type().Bits()); err == nil {
			into.SetInt(n)
			return nil
		}
	case reflect.Float32, reflect.Float64:
		if n, err := strconv.ParseFloat(text, into.Type().Bits()); err == nil {
			into.SetFloat(n)
			return nil
		}
	}
	return wrong("Value of property %s must be of type %s", path, typeName(into.Kind()))
}

func setTime(path string, value any, into reflect.Value) error {
	text, _ := intrinsic.Text(value)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return wrong("Value of property %s must be a time such as 2026-01-02T15:04:05Z", path)
	}
	into.Set(reflect.ValueOf(at))
	return nil
}

func typeName(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "Boolean"
	case reflect.String:
		return "String"
	}
	return "Number"
}
