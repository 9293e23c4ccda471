package eventsapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/drover-project/drover/lab/region/world"
)

// wholeEvent are the variables that stand for the event itself.
func wholeEvent(name string) bool {
	return name == "aws.events.event" || name == "aws.events.event.json"
}

var pathStep = regexp.MustCompile(`^(?:\.([A-Za-z0-9_-]+)|\['([^']+)'\]|\[(\d+)\])`)

// parsePath reads a JSON path: $, $.detail.instance-id, $.resources[0].
func parsePath(path string) (steps []string, err error) {
	rest, rooted := strings.CutPrefix(path, "$")
	if !rooted {
		return nil, fmt.Errorf("%q does not begin with $", path)
	}
	for rest != "" {
		found := pathStep.FindStringSubmatch(rest)
		if found == nil {
			return nil, fmt.Errorf("%q is no JSON path: it must be made of .NAME, ['NAME'] and [NUMBER]", path)
		}
		steps = append(steps, found[1]+found[2]+found[3])
		rest = rest[len(found[0]):]
	}
	return steps, nil
}

// lookUp is what a value has at a path; ok is false for nothing.
func lookUp(path string, value any) (found any, ok bool) {
	steps, err := parsePath(path)
	if err != nil {
		return nil, false
	}
	for _, step := range steps {
		switch held := value.(type) {
		case map[string]any:
			value, ok = held[step]
			if !ok {
				return nil, false
			}
		case []any:
			index, err := strconv.Atoi(step)
			if err != nil || index >= len(held) {
				return nil, false
			}
			value = held[index]
		default:
			return nil, false
		}
	}
	return value, true
}

// at is the JSON that an event has at a path, null for nothing.
func at(path string, event []byte) ([]byte, error) {
	parsed, err := parse(event)
	if err != nil {
		return nil, err
	}
	value, _ := lookUp(path, parsed)
	return marshal(value)
}

// variables finds the variables of a template, and whether each is within a
// JSON string. visit gives what replaces one.
func variables(template string, visit func(name string, quoted bool) (string, error)) (string, error) {
	var filled strings.Builder
	quoted := false
	for i := 0; i < len(template); i++ {
		switch c := template[i]; {
		case c == '\\' && quoted && i+1 < len(template):
			filled.WriteString(template[i : i+2])
			i++
		case c == '<':
			end := strings.IndexByte(template[i:], '>')
			if end < 0 {
				return "", fmt.Errorf("a variable that begins with < does not end")
			}
			text, err := visit(template[i+1:i+end], quoted)
			if err != nil {
				return "", err
			}
			filled.WriteString(text)
			i += end
		default:
			if c == '"' {
				quoted = !quoted
			}
			filled.WriteByte(c)
		}
	}
	return filled.String(), nil
}

// checkTemplate checks that a template is JSON with variables that it has.
func checkTemplate(paths map[string]string, template string) error {
	for name, path := range paths {
		if _, err := parsePath(path); err != nil {
			return fmt.Errorf("variable %s: %w", name, err)
		}
	}
	filled, err := variables(template, func(name string, quoted bool) (string, error) {
		if _, known := paths[name]; !known && !strings.HasPrefix(name, "aws.events.") {
			return "", fmt.Errorf("the variable %s is not in InputPathsMap", name)
		}
		if quoted {
			return "", nil
		}
		return "null", nil
	})
	if err == nil && !json.Valid([]byte(filled)) {
		return fmt.Errorf("it is not JSON; a text must be in quotes")
	}
	return err
}

// fill makes a target's input of an event. Within quotes a variable is replaced
// by its text, elsewhere by its JSON.
func fill(target world.EventTarget, event []byte, predefined map[string]string) ([]byte, error) {
	parsed, err := parse(event)
	if err != nil {
		return nil, err
	}
	filled, err := variables(target.Template, func(name string, quoted bool) (string, error) {
		value, known := any(nil), false
		if path, own := target.Paths[name]; own {
			value, known = lookUp(path, parsed)
		} else if wholeEvent(name) {
			value, known = parsed, true
		} else {
			value, known = predefined[name]
		}
		return inserted(value, known, quoted)
	})
	return []byte(filled), err
}

func inserted(value any, known, quoted bool) (string, error) {
	if !known {
		value = nil
	}
	text, err := marshal(value)
	switch _, isText := value.(string); {
	case err != nil:
		return "", err
	case !quoted:
		return string(text), nil
	case !known:
		return "", nil
	case isText:
		return unquoted(text), nil
	}
	// JSON within a string is written as a string has it.
	outer, err := marshal(string(text))
	return unquoted(outer), err
}

// unquoted is what a JSON string has between its quotes.
func unquoted(text []byte) string {
	return strings.TrimSuffix(strings.TrimPrefix(string(text), `"`), `"`)
}

// parse reads an event, numbers as they are written.
func parse(event []byte) (parsed any, err error) {
	d := json.NewDecoder(bytes.NewReader(event))
	d.UseNumber()
	err = d.Decode(&parsed)
	return parsed, err
}
