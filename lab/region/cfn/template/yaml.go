package template

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readYAML reads a YAML text.
func readYAML(text []byte) (*Node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, notYAML(err)
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil, formatError(Position{1, 1}, "unsupported structure.")
	}
	return fromYAML(document.Content[0], 0)
}

// lineInYAML is how the reader says where something is wrong.
var lineInYAML = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func notYAML(err error) error {
	var kind *yaml.TypeError
	if errors.As(err, &kind) {
		return formatError(Position{}, "YAML not well-formed. %s", strings.Join(kind.Errors, "; "))
	}
	m := lineInYAML.FindStringSubmatch(err.Error())
	if m == nil || m[1] == "" {
		return formatError(Position{}, "YAML not well-formed. %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	line, _ := strconv.Atoi(m[1])
	return formatError(Position{Line: line, Column: 1}, "YAML not well-formed. (line %d) %s", line, m[2])
}

func fromYAML(y *yaml.Node, depth int) (*Node, error) {
	at := Position{y.Line, y.Column}
	if depth > deepest {
		return nil, tooDeep(at)
	}
	n, err := plainYAML(y, depth)
	if err != nil {
		return nil, err
	}
	if !customTag(y.Tag) {
		return n, nil
	}
	return taggedYAML(strings.TrimPrefix(y.Tag, "!"), n)
}

// customTag reports whether a tag is not one of YAML's own.
func customTag(tag string) bool {
	return strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") && tag != "!"
}

func plainYAML(y *yaml.Node, depth int) (*Node, error) {
	n := &Node{At: Position{y.Line, y.Column}}
	switch y.Kind {
	case yaml.AliasNode:
		return nil, errorAt(n.At, "Template error: YAML aliases are not allowed in CloudFormation templates")
	case yaml.MappingNode:
		n.Kind = Map
		return n, n.yamlFields(y, depth)
	case yaml.SequenceNode:
		n.Kind = List
		for _, item := range y.Content {
			value, err := fromYAML(item, depth+1)
			if err != nil {
				return nil, err
			}
			n.Items = append(n.Items, value)
		}
		return n, nil
	}
	n.Kind, n.Text = yamlScalar(y)
	return n, nil
}

func (n *Node) yamlFields(y *yaml.Node, depth int) error {
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		at := Position{key.Line, key.Column}
		if key.Kind != yaml.ScalarNode {
			return formatError(at, "YAML not well-formed. (%v) a key must be a string", at)
		}
		if key.Tag == "!!merge" {
			return formatError(at, "YAML merge keys (<<) are not supported. (%v)", at)
		}
		value, err := fromYAML(y.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		if err := n.add(Field{Name: key.Value, At: at, Value: value}); err != nil {
			return err
		}
	}
	return nil
}

// yamlScalar reads a scalar by YAML 1.1, as CloudFormation does: yes and no are
// booleans. What looks like a date stays text.
func yamlScalar(y *yaml.Node) (Kind, string) {
	if y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return Text, y.Value
	}
	if customTag(y.Tag) {
		return Text, y.Value
	}
	switch y.ShortTag() {
	case "!!null":
		return Null, ""
	case "!!int", "!!float":
		return Number, y.Value
	}
	switch strings.ToLower(y.Value) {
	case "true", "yes", "on":
		return Boolean, "true"
	case "false", "no", "off":
		return Boolean, "false"
	}
	return Text, y.Value
}

// shortFunctions are the functions that have a tag.
var shortFunctions = map[string]bool{
	"And": true, "Base64": true, "Cidr": true, "Equals": true, "FindInMap": true, "GetAZs": true, "GetAtt": true, "If": true,
	"ImportValue": true, "Join": true, "Length": true, "Not": true, "Or": true, "Select": true, "Split": true, "Sub": true,
	"ToJsonString": true, "Transform": true,
}

// taggedYAML writes !Name argument as a call of the function.
func taggedYAML(tag string, argument *Node) (*Node, error) {
	at := argument.At
	name := tag
	switch {
	case tag == "Ref" || tag == "Condition":
	case shortFunctions[tag]:
		name = "Fn::" + tag
	default:
		return nil, formatError(at, "!%s is not a function of CloudFormation. (%v)", tag, at)
	}
	if tag == "GetAtt" && argument.Kind == Text {
		argument = splitAttribute(argument)
	}
	return &Node{Kind: Map, At: at, Fields: []Field{{Name: name, At: at, Value: argument}}}, nil
}

// splitAttribute makes a list of Resource.Attribute, whose second part may have
// dots of its own.
func splitAttribute(n *Node) *Node {
	resource, attribute, _ := strings.Cut(n.Text, ".")
	return &Node{Kind: List, At: n.At, Items: []*Node{
		{Kind: Text, Text: resource, At: n.At}, {Kind: Text, Text: attribute, At: n.At},
	}}
}
