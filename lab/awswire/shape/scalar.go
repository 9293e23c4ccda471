package shape

import (
	"encoding/base64"
	"reflect"
	"strconv"
	"strings"
	"time"

	smithytime "github.com/aws/smithy-go/time"
)

// IsTime reports whether t is time.Time.
func IsTime(t reflect.Type) bool { return t == reflect.TypeFor[time.Time]() }

// IsBlob reports whether t is []byte.
func IsBlob(t reflect.Type) bool { return t == reflect.TypeFor[[]byte]() }

// IsScalar reports whether t is written as one value.
func IsScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Interface, reflect.Map:
		return IsTime(t)
	case reflect.Slice:
		return IsBlob(t)
	default:
		return true
	}
}

// IsAbsent reports whether a field of an output says nothing. Numbers and
// booleans that are not pointers always say something.
func IsAbsent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	default:
		return false
	}
}

// Settable gives what a pointer field points to, making it when it is nil, or
// the field itself when it is no pointer.
func Settable(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}

// SetText sets a scalar from its text on the wire; times are RFC 3339, blobs
// base64. The fault it answers has no path.
func SetText(v reflect.Value, text string) *Fault {
	wrong := func(want string) *Fault {
		return &Fault{Kind: WrongType, Value: Shorten(text), Want: want}
	}
	switch kind := v.Kind(); {
	case IsTime(v.Type()):
		t, err := smithytime.ParseDateTime(text)
		if err != nil {
			return wrong("a time such as 2006-01-02T15:04:05Z")
		}
		v.Set(reflect.ValueOf(t))
	case IsBlob(v.Type()):
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return wrong("base64")
		}
		v.SetBytes(b)
	case kind == reflect.String:
		v.SetString(text)
		return checkEnum(v)
	case kind == reflect.Bool:
		if text != "true" && text != "false" {
			return wrong("true or false")
		}
		v.SetBool(text == "true")
	case v.CanInt():
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return wrong("an integer of " + strconv.Itoa(v.Type().Bits()) + " bits")
		}
		v.SetInt(n)
	case v.CanFloat():
		n, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil {
			return wrong("a number")
		}
		v.SetFloat(n)
	default:
		return wrong("nothing: " + v.Type().String() + " has no text form")
	}
	return nil
}

// openEnum reports whether the handlers decide on the values of an enumeration.
// Instance types: the region's catalogue has its own date, and EC2 answers
// InvalidInstanceType or a fleet error, not a validation error. Names of queue
// attributes: older clients ask for those of messages under the same type.
func openEnum(name string) bool { return name == "InstanceType" || name == "QueueAttributeName" }

// checkEnum holds a string against the values of its SDK enumeration, which
// every enumeration type gives by a method Values.
func checkEnum(v reflect.Value) *Fault {
	if v.String() == "" || openEnum(v.Type().Name()) {
		return nil
	}
	method := v.MethodByName("Values")
	if !method.IsValid() {
		return nil
	}
	values := method.Call(nil)[0]
	known := make([]string, values.Len())
	for i := range known {
		if known[i] = values.Index(i).String(); known[i] == v.String() {
			return nil
		}
	}
	return &Fault{Kind: NotInEnum, Value: Shorten(v.String()), Want: "[" + strings.Join(known, ", ") + "]"}
}

// Text is the inverse of SetText; layout is that of times.
func Text(v reflect.Value, layout string) string {
	switch {
	case IsTime(v.Type()):
		return v.Interface().(time.Time).UTC().Format(layout)
	case IsBlob(v.Type()):
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	case v.CanFloat():
		return strconv.FormatFloat(v.Float(), 'f', -1, v.Type().Bits())
	default:
		return v.String()
	}
}
