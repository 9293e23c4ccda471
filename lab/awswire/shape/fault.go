package shape

import "fmt"

// Kind is what is wrong with a request.
type Kind int

// The kinds of faults that decoding finds.
const (
	Malformed Kind = iota // the body cannot be read at all
	Unknown               // a parameter the operation does not have
	Missing               // a required parameter is not there
	WrongType             // a value of another type
	NotInEnum             // a value outside the enumeration
)

// Fault is a request that does not fit its operation. Each service has its own
// error codes and sentences for it.
type Fault struct {
	Kind Kind
	// Path leads to the parameter by names on the wire, such as Filter.1.Name.
	Path string
	// Value is what was sent, shortened when long.
	Value string
	// Want says what would be right.
	Want string
}

func (f *Fault) Error() string {
	switch f.Kind {
	case Unknown:
		return fmt.Sprintf("the parameter %s is not recognized", f.Path)
	case Missing:
		return fmt.Sprintf("the parameter %s is required", f.Path)
	case Malformed:
		return "the request cannot be read: " + f.Want
	default:
		return fmt.Sprintf("the value %q of the parameter %s is wrong: want %s", f.Value, f.Path, f.Want)
	}
}

// In gives the fault with its path continued upwards by name.
func (f *Fault) In(name string) *Fault {
	below := *f
	below.Path = Join(name, f.Path)
	return &below
}

// Join makes a path of two parts, either of which may be empty.
func Join(above, below string) string {
	if above == "" || below == "" {
		return above + below
	}
	return above + "." + below
}

// Shorten cuts a value for use in a message.
func Shorten(value string) string {
	const most = 80
	if runes := []rune(value); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return value
}
