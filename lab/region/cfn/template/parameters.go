package template

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Parameter is one parameter's declaration.
type Parameter struct {
	Name, Type, Description string
	Default                 *string
	AllowedValues           []string
	AllowedPattern          string
	ConstraintDescription   string
	MinLength, MaxLength    *int
	MinValue, MaxValue      *float64
	NoEcho                  bool
	At                      Position
}

var parameterFields = []string{"Type", "Default", "AllowedValues", "AllowedPattern", "ConstraintDescription", "Description",
	"MinLength", "MaxLength", "MinValue", "MaxValue", "NoEcho"}

// List reports whether the parameter's value is a list.
func (p Parameter) List() bool {
	return p.Type == "CommaDelimitedList" || strings.HasPrefix(p.ValueType(), "List<") || p.ValueType() == "CommaDelimitedList"
}

// Stored reports whether the value names a parameter of Systems Manager, whose
// value counts.
func (p Parameter) Stored() bool { return strings.HasPrefix(p.Type, "AWS::SSM::Parameter::Value<") }

// ValueType is the type of the value itself.
func (p Parameter) ValueType() string {
	if !p.Stored() {
		return p.Type
	}
	return strings.TrimSuffix(strings.TrimPrefix(p.Type, "AWS::SSM::Parameter::Value<"), ">")
}

// ResourceType is the kind of thing in the account that a value must name, such
// as AWS::EC2::Subnet::Id; empty when it need not name any.
func (p Parameter) ResourceType() string {
	t := strings.TrimSuffix(strings.TrimPrefix(p.ValueType(), "List<"), ">")
	if slices.Contains(resourceTypes, t) {
		return t
	}
	return ""
}

// resourceTypes are the parameter types that name something in the account.
var resourceTypes = []string{
	"AWS::EC2::AvailabilityZone::Name", "AWS::EC2::Image::Id", "AWS::EC2::Instance::Id", "AWS::EC2::KeyPair::KeyName",
	"AWS::EC2::SecurityGroup::GroupName", "AWS::EC2::SecurityGroup::Id", "AWS::EC2::Subnet::Id", "AWS::EC2::Volume::Id",
	"AWS::EC2::VPC::Id", "AWS::Route53::HostedZone::Id",
}

func knownType(t string) bool {
	p := Parameter{Type: t}
	if t == "AWS::SSM::Parameter::Name" {
		return true
	}
	inner := p.ValueType()
	switch inner {
	case "String", "Number", "CommaDelimitedList", "List<Number>", "List<String>":
		return true
	}
	// These are never lists.
	if strings.HasPrefix(inner, "List<") && (strings.Contains(inner, "KeyPair") || strings.Contains(inner, "SSM")) {
		return false
	}
	return p.ResourceType() != ""
}

func (t *Template) readParameters(n *Node) error {
	if n.Kind != Map {
		return formatError(n.At, "Parameters must be a JSON object.")
	}
	for _, f := range n.Fields {
		if err := checkName("Parameter", f); err != nil {
			return err
		}
		if err := mapping(f.Value, "Parameters"); err != nil {
			return err
		}
		p, err := readParameter(f)
		if err != nil {
			return err
		}
		t.Parameters = append(t.Parameters, p)
	}
	return nil
}

func readParameter(f Field) (Parameter, error) {
	p := Parameter{Name: f.Name, At: f.At}
	for _, field := range f.Value.Fields {
		if !slices.Contains(parameterFields, field.Name) {
			return p, errorAt(field.At, "Invalid template parameter property '%s'", field.Name)
		}
		if err := p.read(field); err != nil {
			return p, err
		}
	}
	switch {
	case p.Type == "":
		return p, formatError(f.At, "Every Parameters object must contain a Type member.")
	case !knownType(p.Type):
		return p, formatError(f.At, "Unrecognized parameter type: %s", p.Type)
	}
	if p.Default == nil || p.Stored() {
		return p, nil
	}
	if err := p.Check(*p.Default); err != nil {
		return p, err
	}
	return p, nil
}

func (p *Parameter) read(f Field) error {
	if f.Name == "AllowedValues" {
		for _, item := range f.Value.Items {
			p.AllowedValues = append(p.AllowedValues, item.Text)
		}
		if f.Value.Kind != List {
			return formatError(f.At, "AllowedValues must be a list.")
		}
		return nil
	}
	if !f.Value.Scalar() && f.Value.Kind != Null {
		return formatError(f.At, "Every %s member must be a string.", f.Name)
	}
	text := f.Value.Text
	switch f.Name {
	case "Type":
		p.Type = text
	case "Default":
		p.Default = &text
	case "Description":
		p.Description = text
	case "ConstraintDescription":
		p.ConstraintDescription = text
	case "NoEcho":
		p.NoEcho = strings.EqualFold(text, "true")
	case "AllowedPattern":
		p.AllowedPattern = text
		if _, err := regexp.Compile(text); err != nil {
			return formatError(f.At, "AllowedPattern of %s cannot be read: %v (%v)", p.Name, err, f.At)
		}
	default:
		return p.readBound(f, text)
	}
	return nil
}

func (p *Parameter) readBound(f Field, text string) error {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return formatError(f.At, "%s of parameter %s must be a number. (%v)", f.Name, p.Name, f.At)
	}
	length := int(number)
	switch f.Name {
	case "MinLength":
		p.MinLength = &length
	case "MaxLength":
		p.MaxLength = &length
	case "MinValue":
		p.MinValue = &number
	case "MaxValue":
		p.MaxValue = &number
	}
	return nil
}

// Split takes the value of a list apart.
func Split(value string) []string {
	var items []string
	for _, item := range strings.Split(value, ",") {
		items = append(items, strings.TrimSpace(item))
	}
	return items
}

// Check holds a value against the declaration. An error is an *Error. Whether
// what it names exists is not checked.
func (p Parameter) Check(value string) error {
	items := []string{value}
	if p.List() {
		items = Split(value)
	}
	for _, item := range items {
		if rule := p.broken(item); rule != "" {
			if p.ConstraintDescription != "" {
				return errorAt(p.At, "Parameter %s failed to satisfy constraint: %s", p.Name, p.ConstraintDescription)
			}
			return errorAt(p.At, "Parameter '%s' %s", p.Name, rule)
		}
	}
	return nil
}

// broken says which rule one value breaks; empty for none.
func (p Parameter) broken(item string) string {
	if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, item) {
		return "must be one of AllowedValues"
	}
	if p.Type == "Number" || p.Type == "List<Number>" {
		return p.brokenNumber(item)
	}
	if p.AllowedPattern != "" {
		pattern, err := regexp.Compile(`^(?:` + p.AllowedPattern + `)$`)
		if err != nil || !pattern.MatchString(item) {
			return "must match pattern " + p.AllowedPattern
		}
	}
	length := len([]rune(item))
	switch {
	case p.MinLength != nil && length < *p.MinLength:
		return "must contain at least " + strconv.Itoa(*p.MinLength) + " characters"
	case p.MaxLength != nil && length > *p.MaxLength:
		return "must contain at most " + strconv.Itoa(*p.MaxLength) + " characters"
	}
	return ""
}

func (p Parameter) brokenNumber(item string) string {
	number, err := strconv.ParseFloat(strings.TrimSpace(item), 64)
	bound := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	switch {
	case err != nil:
		return "must be a number"
	case p.MinValue != nil && number < *p.MinValue:
		return "must be a number not less than " + bound(*p.MinValue)
	case p.MaxValue != nil && number > *p.MaxValue:
		return "must be a number not greater than " + bound(*p.MaxValue)
	}
	return ""
}
