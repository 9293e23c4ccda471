package shape

import (
	"fmt"
	"reflect"
	"sync"
)

// Protocol is how a service writes requests and answers.
type Protocol string

// The protocols of the services the tables hold.
const (
	EC2Query Protocol = "ec2query"
	Query    Protocol = "query"
	JSON10   Protocol = "json1.0"
	JSON11   Protocol = "json1.1"
	RESTJSON Protocol = "restjson"
)

// Place says which part of an HTTP request carries a member.
type Place string

// The places a member can be in; Body is the zero value.
const (
	Body  Place = ""
	Label Place = "label" // a {name} of the path template
	URL   Place = "query" // a parameter of the query string
)

// Flat is the Item of a list whose elements have the list's own name, with no
// element around them.
const Flat = "."

// KeyValue is between the two names in the Item of a flat map.
const KeyValue = ":"

// Service is the table of one service.
type Service struct {
	Name     string // as in the SigV4 credential scope
	Protocol Protocol
	Version  string // API version, as in the Version parameter
	// Namespace is the XML namespace of the query protocols' answers, or the
	// prefix of the JSON protocols' X-Amz-Target.
	Namespace  string
	Operations map[string]Operation
	// ErrorStatus is the HTTP status of modelled errors that is not 400.
	ErrorStatus map[string]int
	// QueryCodes are the codes that errors have in the query protocol, for a
	// service that speaks it beside JSON.
	QueryCodes map[string]string
	// UnionMember gives the Go struct type of a member of a union, nil when
	// unknown. Reflection cannot find the implementations of an interface.
	UnionMember func(union, member string) reflect.Type

	in, out map[string]*Struct
	unions  map[string][]Member
}

// Operation is one operation; Method and Path are for RESTJSON only, Result for
// Query only.
type Operation struct {
	Name   string
	Method string
	Path   string // template such as /clusters/{name}
	Result string // element around the output, empty when there is none
}

// Member is one field of a struct as it is on the wire.
type Member struct {
	Field string
	Wire  string
	// Item is the element name of a list, empty for the protocol's default, or
	// Flat. Of a map whose entries have no element around them it is the names
	// of key and value: Name:Value.
	Item     string
	Place    Place
	Required bool
	// Index is the field's position in the Go struct.
	Index int
	// Hidden is a field that only the SDK can set, for its own use: the
	// destinationRegion of CopySnapshot. A codec skips it.
	Hidden bool
}

// Struct is a Go struct as it is on the wire in one direction.
type Struct struct {
	Name    string
	Members []Member
	byWire  map[string]*Member
	bind    sync.Once
}

// In gives the wire form of a Go struct type in requests.
func (s *Service) In(t reflect.Type) *Struct { return lookup(s.in, t) }

// Out gives the wire form of a Go struct type in answers.
func (s *Service) Out(t reflect.Type) *Struct { return lookup(s.out, t) }

// Union gives the members of a union, an interface type, and whether the table
// knows it. A member's Field is the part of the Go type's name after "Member".
func (s *Service) Union(t reflect.Type) ([]Member, bool) {
	m, ok := s.unions[t.Name()]
	return m, ok
}

// lookup answers an empty Struct for types without members on the wire.
func lookup(structs map[string]*Struct, t reflect.Type) *Struct {
	st, ok := structs[t.Name()]
	if !ok {
		return &Struct{Name: t.Name()}
	}
	st.bind.Do(func() { st.resolve(t) })
	return st
}

// resolve finds the Go fields. A field the SDK does not have means that table
// and SDK are of different versions, which only a rebuild can mend.
func (st *Struct) resolve(t reflect.Type) {
	st.byWire = make(map[string]*Member, len(st.Members))
	for i := range st.Members {
		m := &st.Members[i]
		f, ok := t.FieldByName(m.Field)
		if !ok {
			panic(fmt.Sprintf("awswire: %v has no field %s: the tables are of another SDK version; run go generate", t, m.Field))
		}
		m.Index, m.Hidden = f.Index[0], !f.IsExported()
		st.byWire[m.Wire] = m
	}
}

// ByWire gives the member with the name on the wire, nil when there is none.
func (st *Struct) ByWire(name string) *Member { return st.byWire[name] }
