// Package policy reads IAM's policy documents, says where one is wrong, and
// decides whether the trust policy of a role lets a caller have it.
package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-project/drover/lab/awserr"
)

// Document is a policy document that has been checked.
type Document struct {
	Version    string
	Statements []Statement
}

// Statement is one statement. Of Actions and NotActions one is set, and of
// Resources and NotResources in a policy of an identity.
type Statement struct {
	Sid                     string
	Allow                   bool
	Principals              []Principal // of a trust policy
	Actions, NotActions     []string
	Resources, NotResources []string
	Conditions              []Condition
}

// Principal is one whom a trust policy names. Kind is AWS, Service or
// Federated; everyone is AWS and *.
type Principal struct{ Kind, ID string }

// Condition holds a key of the request against values.
type Condition struct {
	Operator string
	Key      string
	Values   []string
}

// malformed is the error for a document, with the place in it.
func malformed(place, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if place != "" {
		text += " (" + place + ")"
	}
	return awserr.New("MalformedPolicyDocument", "%s", text)
}

const syntax = "Syntax errors in policy."

// kind is where a document is used: what it may and must say.
type kind struct{ trust, resource bool }

// Identity reads a policy that is attached to an identity.
func Identity(text string) (Document, error) { return kind{}.read(text) }

// Resource reads the policy of a resource, such as a queue.
func Resource(text string) (Document, error) { return kind{resource: true}.read(text) }

// Trust reads the trust policy of a role.
func Trust(text string) (Document, error) { return kind{trust: true}.read(text) }

func (k kind) read(text string) (Document, error) {
	var root any
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		return Document{}, malformed(placeOf(text, err), syntax)
	}
	object, isObject := root.(map[string]any)
	if !isObject {
		return Document{}, malformed("the document is not an object", syntax)
	}
	if err := onlyKeys(object, "", "Version", "Id", "Statement"); err != nil {
		return Document{}, err
	}
	if id, given := object["Id"]; given {
		if _, isText := id.(string); !isText {
			return Document{}, malformed("Id is not a string", syntax)
		}
	}
	version, err := k.version(object)
	if err != nil {
		return Document{}, err
	}
	statements, err := k.statements(object["Statement"])
	return Document{Version: version, Statements: statements}, err
}

// placeOf is the line and column of a mistake in the JSON.
func placeOf(text string, err error) string {
	wrong, known := err.(*json.SyntaxError)
	if !known {
		return err.Error()
	}
	before := text[:min(int(wrong.Offset), len(text))]
	line := strings.Count(before, "\n") + 1
	return fmt.Sprintf("line %d, column %d: %v", line, len(before)-strings.LastIndexByte(before, '\n')-1, err)
}

func onlyKeys(object map[string]any, place string, known ...string) error {
	for _, key := range sortedKeys(object) {
		if !slices.Contains(known, key) {
			return malformed(join(place, key)+" is not an element of a policy", syntax)
		}
	}
	return nil
}

func join(place, key string) string {
	if place == "" {
		return key
	}
	return place + "." + key
}

func (k kind) version(object map[string]any) (string, error) {
	const current, old = "2012-10-17", "2008-10-17"
	value, given := object["Version"]
	version, isText := value.(string)
	switch {
	case given && (!isText || version != current && version != old):
		return "", malformed("Version", syntax)
	case version != current && !k.trust && !k.resource:
		return "", malformed("Version", "Policy document must be version 2012-10-17 or greater.")
	case !given:
		return old, nil
	}
	return version, nil
}

func (k kind) statements(value any) ([]Statement, error) {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	if len(list) == 0 || value == nil {
		return nil, malformed("Statement", syntax)
	}
	var statements []Statement
	sids := map[string]bool{}
	for i, item := range list {
		place := fmt.Sprintf("Statement[%d]", i)
		object, isObject := item.(map[string]any)
		if !isObject {
			return nil, malformed(place+" is not an object", syntax)
		}
		s, err := k.statement(object, place)
		if err != nil {
			return nil, err
		}
		if s.Sid != "" && sids[s.Sid] {
			return nil, malformed(place+".Sid", "Statement IDs (SID) in a single policy must be unique.")
		}
		sids[s.Sid] = true
		statements = append(statements, s)
	}
	return statements, nil
}

func (k kind) statement(object map[string]any, place string) (s Statement, err error) {
	if err := onlyKeys(object, place, "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"); err != nil {
		return s, err
	}
	if s.Sid, err = readSid(object, place); err != nil {
		return s, err
	}
	effect, _ := object["Effect"].(string)
	if effect != "Allow" && effect != "Deny" {
		return s, malformed(place+".Effect must be Allow or Deny", syntax)
	}
	s.Allow = effect == "Allow"
	if s.Actions, s.NotActions, err = oneOf(object, place, "Action"); err != nil {
		return s, err
	}
	if s.Resources, s.NotResources, err = oneOf(object, place, "Resource"); err != nil {
		return s, err
	}
	if s.Conditions, err = readConditions(object["Condition"], place+".Condition"); err != nil {
		return s, err
	}
	switch {
	case k.trust:
		s.Principals, err = readTrust(object, s, place)
	case k.resource:
		s.Principals, err = readResource(object, s, place)
	default:
		err = checkIdentity(object, s, place)
	}
	return s, err
}

func readSid(object map[string]any, place string) (string, error) {
	value, given := object["Sid"]
	sid, isText := value.(string)
	if given && !isText {
		return "", malformed(place+".Sid is not a string", syntax)
	}
	for _, c := range sid {
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return "", malformed(place+".Sid", "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
		}
	}
	return sid, nil
}

// oneOf reads an element or its opposite, such as Action or NotAction.
func oneOf(object map[string]any, place, name string) (is, not []string, err error) {
	_, given := object[name]
	_, opposite := object["Not"+name]
	if given && opposite {
		return nil, nil, malformed(place+" has both "+name+" and Not"+name, syntax)
	}
	if is, err = texts(object[name], place+"."+name); err != nil {
		return nil, nil, err
	}
	not, err = texts(object["Not"+name], place+".Not"+name)
	return is, not, err
}

// texts is a string, or a list of them.
func texts(value any, place string) ([]string, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case []any:
		var list []string
		for i, item := range v {
			text, isText := item.(string)
			if !isText {
				return nil, malformed(fmt.Sprintf("%s[%d] is not a string", place, i), syntax)
			}
			list = append(list, text)
		}
		return list, nil
	}
	return nil, malformed(place+" is neither a string nor a list of strings", syntax)
}
