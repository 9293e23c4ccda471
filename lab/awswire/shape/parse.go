package shape

import (
	"fmt"
	"strconv"
	"strings"
)

// Parse reads a table. Errors name the line.
func Parse(table string) (*Service, error) {
	s := &Service{
		Operations:  map[string]Operation{},
		ErrorStatus: map[string]int{},
		QueryCodes:  map[string]string{},
		in:          map[string]*Struct{},
		out:         map[string]*Struct{},
		unions:      map[string][]Member{},
	}
	number := 0
	for line := range strings.Lines(table) {
		number++
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := s.record(words); err != nil {
			return nil, fmt.Errorf("table line %d: %w", number, err)
		}
	}
	return s, nil
}

func (s *Service) record(words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("record %q has no name", words[0])
	}
	kind, name, rest := words[0], words[1], words[2:]
	switch kind {
	case "service":
		return s.header(name, rest)
	case "op":
		return s.operation(name, rest)
	case "error":
		return s.errorStatus(name, rest)
	case "union":
		s.unions[name] = members(rest)
	case "in":
		s.in[name] = &Struct{Name: name, Members: members(rest)}
	case "out":
		s.out[name] = &Struct{Name: name, Members: members(rest)}
	case "both":
		s.in[name] = &Struct{Name: name, Members: members(rest)}
		s.out[name] = &Struct{Name: name, Members: members(rest)}
	default:
		return fmt.Errorf("unknown record %q", kind)
	}
	return nil
}

func (s *Service) header(name string, rest []string) error {
	if len(rest) != 3 {
		return fmt.Errorf("service %s: want protocol, version and namespace, got %d words", name, len(rest))
	}
	s.Name, s.Protocol, s.Version, s.Namespace = name, Protocol(rest[0]), rest[1], rest[2]
	return nil
}

func (s *Service) operation(name string, rest []string) error {
	op := Operation{Name: name}
	switch len(rest) {
	case 0:
	case 1:
		op.Result = rest[0]
	case 2:
		op.Method, op.Path = rest[0], rest[1]
	default:
		return fmt.Errorf("op %s: want method and path, a result element or nothing, got %d words", name, len(rest))
	}
	s.Operations[name] = op
	return nil
}

func (s *Service) errorStatus(code string, rest []string) error {
	if len(rest) != 1 && len(rest) != 2 {
		return fmt.Errorf("error %s: want a status, and the code in the query protocol or nothing", code)
	}
	status, err := strconv.Atoi(rest[0])
	if err != nil {
		return fmt.Errorf("error %s: status: %w", code, err)
	}
	s.ErrorStatus[code] = status
	if len(rest) == 2 {
		s.QueryCodes[code] = rest[1]
	}
	return nil
}

func members(words []string) []Member {
	list := make([]Member, len(words))
	for i, w := range words {
		list[i] = ParseMember(w)
	}
	return list
}

// ParseMember reads FIELD[=WIRE][/ITEM][@PLACE][!].
func ParseMember(text string) Member {
	var m Member
	text, m.Required = strings.CutSuffix(text, "!")
	text, place, _ := strings.Cut(text, "@")
	m.Place = Place(place)
	text, m.Item, _ = strings.Cut(text, "/")
	m.Field, m.Wire, _ = strings.Cut(text, "=")
	if m.Wire == "" {
		m.Wire = m.Field
	}
	return m
}

// String is the inverse of ParseMember.
func (m Member) String() string {
	text := m.Field
	if m.Wire != m.Field {
		text += "=" + m.Wire
	}
	if m.Item != "" {
		text += "/" + m.Item
	}
	if m.Place != Body {
		text += "@" + string(m.Place)
	}
	if m.Required {
		text += "!"
	}
	return text
}
