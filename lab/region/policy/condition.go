package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// operators are all that IAM knows, without what may be put around them.
func operators() []string {
	return []string{
		"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike",
		"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
		"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals",
		"Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null",
	}
}

// operator is a condition's operator in its parts.
type operator struct {
	name              string
	negative          bool // it holds when no value fits
	all, any          bool // ForAllValues, ForAnyValue
	ifExists, unknown bool
}

func parseOperator(text string) operator {
	o := operator{}
	if rest, found := strings.CutPrefix(text, "ForAllValues:"); found {
		o.all, text = true, rest
	} else if rest, found := strings.CutPrefix(text, "ForAnyValue:"); found {
		o.any, text = true, rest
	}
	if rest, found := strings.CutSuffix(text, "IfExists"); found {
		o.ifExists, text = true, rest
	}
	o.unknown = !slices.Contains(operators(), text)
	o.negative = strings.Contains(text, "Not")
	o.name = strings.Replace(text, "Not", "", 1)
	return o
}

func readConditions(value any, place string) ([]Condition, error) {
	if value == nil {
		return nil, nil
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		return nil, malformed(place+" is not an object", syntax)
	}
	var conditions []Condition
	for _, name := range sortedKeys(object) {
		if parseOperator(name).unknown {
			return nil, malformed(join(place, name), "Invalid Condition type : %s.", name)
		}
		keys, isObject := object[name].(map[string]any)
		if !isObject {
			return nil, malformed(join(place, name)+" is not an object", syntax)
		}
		for _, key := range sortedKeys(keys) {
			if !strings.Contains(key, ":") {
				return nil, malformed(join(place, name)+"."+key, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
			}
			values, err := scalars(keys[key], join(place, name)+"."+key)
			if err != nil {
				return nil, err
			}
			conditions = append(conditions, Condition{Operator: name, Key: key, Values: values})
		}
	}
	return conditions, nil
}

func sortedKeys(object map[string]any) []string {
	var keys []string
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// scalars are the values of a condition: strings, or what is written without
// quotes.
func scalars(value any, place string) ([]string, error) {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	var values []string
	for _, item := range list {
		switch v := item.(type) {
		case string:
			values = append(values, v)
		case bool:
			values = append(values, strconv.FormatBool(v))
		case float64:
			values = append(values, fmt.Sprint(v))
		default:
			return nil, malformed(place, syntax)
		}
	}
	return values, nil
}

// holds reports whether a condition holds for the values that the request has
// of its key. Conditions on numbers, dates and addresses hold never: no request
// for a role has any.
func (c Condition) holds(request []string) bool {
	o := parseOperator(c.Operator)
	if o.name == "Null" {
		return slices.Contains(c.Values, strconv.FormatBool(len(request) == 0))
	}
	if len(request) == 0 {
		return o.ifExists || o.all || o.negative && !o.any
	}
	fits := func(value string) bool {
		fit := slices.ContainsFunc(c.Values, func(pattern string) bool { return o.fits(pattern, value) })
		return fit != o.negative
	}
	if o.any {
		return slices.ContainsFunc(request, fits)
	}
	return !slices.ContainsFunc(request, func(value string) bool { return !fits(value) })
}

func (o operator) fits(pattern, value string) bool {
	switch o.name {
	case "StringEquals":
		return pattern == value
	case "StringEqualsIgnoreCase", "Bool":
		return strings.EqualFold(pattern, value)
	case "StringLike", "ArnLike", "ArnEquals":
		return like(pattern, value)
	}
	return false
}
