package workload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Workload is a file of groups of equal pods.
type Workload struct {
	// File is where it was read from; it opens every error message.
	File string `json:"-"`
	Name string `json:"name"`
	// Zones in which every instance type can be bought at the same price.
	Zones []string `json:"zones"`
	// Catalog names the catalogue the workload is meant for; it is not opened.
	Catalog string  `json:"catalog"`
	Groups  []Group `json:"groups"`
}

// Group is Count equal pods.
type Group struct {
	Name      string `json:"name"`
	Count     int    `json:"count"`
	CPUMilli  int64  `json:"cpu_milli"`
	MemoryMiB int64  `json:"memory_mib"`
	GPU       int64  `json:"gpu"` // whole GPUs
	// NodeSelector as in a pod.
	NodeSelector map[string]string `json:"node_selector"`
	// ZoneSpread and HostSpread are the maxSkew of a hard topology spread of
	// the group over zones and nodes; 0: none.
	ZoneSpread int32 `json:"zone_spread"`
	HostSpread int32 `json:"host_spread"`
	// HostAnti keeps the group's pods on different nodes, ZoneAffinity in one
	// zone.
	HostAnti     bool `json:"host_anti"`
	ZoneAffinity bool `json:"zone_affinity"`
}

// document is the file with its groups still as text, so that an error can
// say which group it is in.
type document struct {
	Name    string            `json:"name"`
	Zones   []string          `json:"zones"`
	Catalog string            `json:"catalog"`
	Groups  []json.RawMessage `json:"groups"`
}

// Decode reads a workload. Fields it does not know are errors, as are values
// no pod could have; each error names the file, the group and the field.
func Decode(r io.Reader, file string) (*Workload, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var d document
	if err := strict(text, 1, &d); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	w := &Workload{File: file, Name: d.Name, Zones: d.Zones, Catalog: d.Catalog, Groups: make([]Group, len(d.Groups))}
	if err := w.checkZones(); err != nil {
		return nil, err
	}
	byName := make(map[string]int, len(d.Groups))
	line, rest := 1, text
	for i, raw := range d.Groups {
		from := bytes.Index(rest, raw)
		line += bytes.Count(rest[:from], []byte("\n"))
		if err := strict(raw, line, &w.Groups[i]); err != nil {
			return nil, fmt.Errorf("%s: groups[%d]: %w", file, i, err)
		}
		line += bytes.Count(raw, []byte("\n"))
		rest = rest[from+len(raw):]
		g := &w.Groups[i]
		if err := g.check(); err != nil {
			return nil, fmt.Errorf("%s: groups[%d] (%s): %w", file, i, g.Name, err)
		}
		if first, taken := byName[g.Name]; taken {
			return nil, fmt.Errorf("%s: groups[%d]: name %q is taken by groups[%d]; names of groups must differ", file, i, g.Name, first)
		}
		byName[g.Name] = i
	}
	return w, nil
}

// strict decodes one JSON value and nothing after it. Its errors say the line,
// when text starts on line first.
func strict(text []byte, first int, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return fmt.Errorf("line %d: more text after the end of the value", first+linesBefore(text, decoder.InputOffset()))
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: not JSON: %s", first+linesBefore(text, syntax.Offset), syntax.Error())
	case errors.As(err, &kind):
		return fmt.Errorf("line %d: field %q must be %s, not a JSON %s", first+linesBefore(text, kind.Offset), kind.Field, kindText(kind.Type.String()), kind.Value)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the text ends before the JSON value does")
	}
	return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "json: "))
}

func linesBefore(text []byte, offset int64) int {
	return bytes.Count(text[:min(offset, int64(len(text)))], []byte("\n"))
}

func kindText(kind string) string {
	switch kind {
	case "int", "int32", "int64":
		return "a whole number"
	case "string":
		return "a string"
	case "bool":
		return "true or false"
	case "map[string]string":
		return "an object of strings"
	case "[]string":
		return "a list of strings"
	}
	return "a list or an object as documented"
}

func (w *Workload) checkZones() error {
	if len(w.Zones) == 0 {
		return fmt.Errorf("%s: zones is empty; list at least one zone", w.File)
	}
	seen := map[string]bool{}
	for i, zone := range w.Zones {
		if zone == "" || seen[zone] {
			return fmt.Errorf("%s: zones[%d] is %q; zones must differ and have a name", w.File, i, zone)
		}
		seen[zone] = true
	}
	return nil
}

// Limits of a group. They keep sums of int64 amounts from overflowing.
const (
	maxCount     = 10_000_000
	maxCPUMilli  = 1_000_000_000
	maxMemoryMiB = 1 << 30
	maxGPU       = 1_000_000
)

func (g *Group) check() error {
	if !validName(g.Name) {
		return fmt.Errorf("name %q must be a DNS label: lower case letters, digits and '-', at most 63 characters", g.Name)
	}
	for _, field := range []struct {
		name        string
		value       int64
		least, most int64
	}{
		{"count", int64(g.Count), 1, maxCount},
		{"cpu_milli", g.CPUMilli, 0, maxCPUMilli},
		{"memory_mib", g.MemoryMiB, 0, maxMemoryMiB},
		{"gpu", g.GPU, 0, maxGPU},
		{"zone_spread", int64(g.ZoneSpread), 0, 1<<31 - 1},
		{"host_spread", int64(g.HostSpread), 0, 1<<31 - 1},
	} {
		if field.value < field.least || field.value > field.most {
			return fmt.Errorf("%s is %d; it must be from %d to %d", field.name, field.value, field.least, field.most)
		}
	}
	for key := range g.NodeSelector {
		if key == "" {
			return errors.New("node_selector has an empty label key")
		}
	}
	return nil
}

func validName(name string) bool {
	for i, c := range []byte(name) {
		inner := i > 0 && i < len(name)-1
		if c < '0' || c > '9' && c < 'a' || c > 'z' {
			if c != '-' || !inner {
				return false
			}
		}
	}
	return len(name) > 0 && len(name) <= 63
}
