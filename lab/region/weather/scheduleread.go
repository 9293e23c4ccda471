package weather

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/drover-project/drover/lab/region/world"
)

// ReadSchedule reads a schedule strictly. The error names every mistake as
// FILE:LINE: FIELD: what is wrong.
func ReadSchedule(file string, content []byte) (s Schedule, err error) {
	r := &scheduleReader{file: file}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return s, notYAML(file, err)
	}
	if document.Kind == 0 {
		return s, fmt.Errorf("%s: is empty", file)
	}
	version, kind := "", ""
	r.object(document.Content[0], "", fields{
		"apiVersion": r.text(&version), "kind": r.text(&kind), "seed": r.whole(&s.Seed),
		"events": func(n *yaml.Node, path string) { s.Events = r.events(n, path) },
	})
	root := document.Content[0]
	if len(r.problems) == 0 && version != ScheduleVersion {
		r.wrong(root, "apiVersion", "must be %s", ScheduleVersion)
	}
	if len(r.problems) == 0 && kind != ScheduleKind {
		r.wrong(root, "kind", "must be %s", ScheduleKind)
	}
	if len(r.problems) == 0 && len(s.Events) == 0 {
		r.wrong(root, "events", "is missing: a schedule has at least one event")
	}
	s.Events = sorted(s.Events)
	return s, errors.Join(r.problems...)
}

var lineOfProblem = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

func notYAML(file string, err error) error {
	if m := lineOfProblem.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%s:%s: is not YAML: %s", file, m[1], m[2])
	}
	return fmt.Errorf("%s: is not YAML: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
}

// scheduleReader collects what is wrong with a file.
type scheduleReader struct {
	file     string
	problems []error
}

// fields are what an object may have.
type fields map[string]func(value *yaml.Node, path string)

func (r *scheduleReader) wrong(n *yaml.Node, path, format string, args ...any) {
	if path != "" {
		path += ": "
	}
	r.problems = append(r.problems, fmt.Errorf("%s:%d: %s%s", r.file, n.Line, path, fmt.Sprintf(format, args...)))
}

func (r *scheduleReader) object(n *yaml.Node, path string, known fields) {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, path, "must be an object")
		return
	}
	seen := map[string]bool{}
	for at := 0; at+1 < len(n.Content); at += 2 {
		key, value := n.Content[at], n.Content[at+1]
		name := strings.TrimPrefix(path+"."+key.Value, ".")
		read, isKnown := known[key.Value]
		switch {
		case !isKnown:
			r.wrong(key, name, "is no field here: use one of %s", strings.Join(sortedNames(known), ", "))
		case seen[key.Value]:
			r.wrong(key, name, "is there twice")
		default:
			read(value, name)
		}
		seen[key.Value] = true
	}
}

func sortedNames(known fields) []string {
	var names []string
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// scalar reads a value by its text.
func (r *scheduleReader) scalar(read func(text string) error) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			r.wrong(n, path, "must be a single value")
			return
		}
		if err := read(n.Value); err != nil {
			r.wrong(n, path, "%s", err)
		}
	}
}

func (r *scheduleReader) text(into *string) func(*yaml.Node, string) {
	return r.scalar(func(text string) error {
		*into = text
		return nil
	})
}

func (r *scheduleReader) whole(into *int64) func(*yaml.Node, string) {
	return r.scalar(func(text string) (err error) {
		if *into, err = strconv.ParseInt(text, 10, 64); err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		return nil
	})
}

func (r *scheduleReader) count(into **int64) func(*yaml.Node, string) {
	return r.scalar(func(text string) error {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a whole number of 0 or more", text)
		}
		*into = &n
		return nil
	})
}

func (r *scheduleReader) number(into *float64) func(*yaml.Node, string) {
	return r.scalar(func(text string) (err error) {
		if *into, err = strconv.ParseFloat(text, 64); err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
		return nil
	})
}

func (r *scheduleReader) flag(into *bool) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			r.wrong(n, path, "must be true or false")
			return
		}
		*into = n.Value == "true"
	}
}

func (r *scheduleReader) duration(into **Duration) func(*yaml.Node, string) {
	return r.scalar(func(text string) error {
		d, err := ParseDuration(text)
		if err == nil {
			*into = &d
		}
		return err
	})
}

func (r *scheduleReader) texts(into *[]string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.SequenceNode {
			r.wrong(n, path, "must be a list")
			return
		}
		for at, item := range n.Content {
			var text string
			r.text(&text)(item, fmt.Sprintf("%s[%d]", path, at))
			*into = append(*into, text)
		}
	}
}

func (r *scheduleReader) events(n *yaml.Node, path string) (events []Event) {
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, path, "must be a list")
		return nil
	}
	for at, item := range n.Content {
		events = append(events, r.event(item, fmt.Sprintf("%s[%d]", path, at)))
	}
	return events
}

func (r *scheduleReader) event(n *yaml.Node, path string) (e Event) {
	e.Line = n.Line
	var at *Duration
	parts := 0
	known := fields{"at": r.duration(&at)}
	for name, read := range r.parts(&e) {
		known[name] = func(value *yaml.Node, path string) {
			parts++
			before := len(r.problems)
			if err := read(value, path); err != nil && before == len(r.problems) {
				r.wrong(value, path, "%s", err)
			}
		}
	}
	before := len(r.problems)
	r.object(n, path, known)
	if before < len(r.problems) {
		return e
	}
	if at == nil {
		r.wrong(n, path+".at", "is missing: when it happens, such as 2m, from the beginning of the replay")
	} else {
		e.At = *at
	}
	if parts != 1 {
		delete(known, "at")
		r.wrong(n, path, "must have exactly one of %s", strings.Join(sortedNames(known), ", "))
	}
	return e
}

// selection are the fields that say which instances are meant.
func (r *scheduleReader) selection(s *Selection, more fields) fields {
	more["nodes"], more["pool"], more["all"] = r.texts(&s.Targets), r.text(&s.Pool), r.flag(&s.All)
	more["fraction"], more["seed"] = r.number(&s.Fraction), r.whole(&s.Seed)
	return more
}

// parts read what happens; the error is what is wrong with it as a whole.
func (r *scheduleReader) parts(e *Event) map[string]func(*yaml.Node, string) error {
	part := func(known func() fields, check func() error) func(*yaml.Node, string) error {
		return func(n *yaml.Node, path string) error {
			before := len(r.problems)
			r.object(n, path, known())
			if before < len(r.problems) {
				return nil
			}
			return check()
		}
	}
	return map[string]func(*yaml.Node, string) error{
		"interrupt": part(func() fields {
			e.Interrupt = &Interruption{}
			in := e.Interrupt
			return r.selection(&in.Selection, fields{"action": r.text(&in.Action), "notice": r.duration(&in.Notice), "recommend": r.duration(&in.Recommend)})
		}, func() error { return errors.Join(e.Interrupt.Check(), e.Interrupt.check()) }),
		"recommend": part(func() fields {
			e.Recommend = &Recommendation{}
			in := e.Recommend
			return r.selection(&in.Selection, fields{"false": r.flag(&in.False), "lead": r.duration(&in.Lead)})
		}, func() error { return e.Recommend.Check() }),
		"scheduleEvent": part(func() fields {
			e.ScheduleEvent = &Maintenance{}
			in := e.ScheduleEvent
			return r.selection(&in.Selection, fields{"code": r.text(&in.Code), "in": r.duration(&in.In), "for": r.duration(&in.For)})
		}, func() error { return errors.Join(e.ScheduleEvent.Check(), checkCode(e.ScheduleEvent.Code)) }),
		"capacity": part(func() fields {
			e.Capacity = &CapacityChange{}
			in := e.Capacity
			return fields{"pool": r.text(&in.Pool), "capacityType": r.text(&in.CapacityType), "available": r.count(&in.Available),
				"total": r.count(&in.Total), "unlimited": r.flag(&in.Unlimited), "seed": r.whole(&in.Seed)}
		}, func() error { return cmp.Or(checkPool(e.Capacity.Pool), e.Capacity.check()) }),
		"price": part(func() fields {
			e.Price = &PriceChange{}
			in := e.Price
			return fields{"pool": r.text(&in.Pool), "usd": r.number(&in.USD), "share": r.number(&in.Share), "market": r.flag(&in.Market)}
		}, func() error { return cmp.Or(checkPool(e.Price.Pool), e.Price.check()) }),
		"depth": part(func() fields {
			e.Depth = &DepthChange{}
			return fields{"pool": r.text(&e.Depth.Pool), "depth": r.depth(&e.Depth.Depth), "model": r.flag(&e.Depth.Model)}
		}, func() error { return cmp.Or(checkPool(e.Depth.Pool), e.Depth.check()) }),
		"failZone": part(func() fields {
			e.FailZone = &ZoneFailure{}
			in := e.FailZone
			return fields{"zone": r.text(&in.Zone), "for": r.duration(&in.For), "instances": r.text(&in.Instances)}
		}, func() error { return cmp.Or(checkZone(e.FailZone.Zone), e.FailZone.check()) }),
		"restoreZone": part(func() fields {
			e.RestoreZone = &ZoneName{}
			return fields{"zone": r.text(&e.RestoreZone.Zone)}
		}, func() error { return checkZone(e.RestoreZone.Zone) }),
		"weather": part(func() fields {
			e.Weather = &Change{}
			in := e.Weather
			return fields{"seed": r.whole(&in.Seed), "intensity": r.number(&in.Intensity), "stop": r.flag(&in.Stop)}
		}, func() error { return e.Weather.check() }),
	}
}

func (r *scheduleReader) depth(into **int) func(*yaml.Node, string) {
	return r.scalar(func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*into = &n
		return nil
	})
}

func checkPool(pool string) error {
	_, err := ParsePool(pool)
	return err
}

func checkZone(zone string) error {
	if zone == "" {
		return errors.New("zone is missing")
	}
	return nil
}

func checkCode(code string) error {
	if !slices.Contains(world.EventCodes(), code) {
		return fmt.Errorf("code %q: use one of %s", code, strings.Join(world.EventCodes(), ", "))
	}
	return nil
}

func (c Change) check() error {
	if c.Stop && (c.Seed != 0 || c.Intensity != 0) {
		return errors.New("stop has neither a seed nor an intensity")
	}
	if !(c.Intensity >= 0) || math.IsInf(c.Intensity, 1) {
		return errors.New("intensity must be greater than 0")
	}
	return nil
}
