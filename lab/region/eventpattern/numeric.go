package eventpattern

import (
	"encoding/json"
	"math/big"
	"slices"
)

// comparison is an operator with its number.
type comparison struct {
	operator string
	number   *big.Rat
}

func (c comparison) holds(n *big.Rat) bool {
	switch order := n.Cmp(c.number); c.operator {
	case "=":
		return order == 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default:
		return order >= 0
	}
}

// widest is the largest number that patterns compare with, either way.
const widest = 5_000_000_000

// parseNumeric reads ["=", n], one comparison, or a lower and an upper bound.
func parseNumeric(value any) (filter, error) {
	list, isList := value.([]any)
	if !isList {
		return nil, wrong("Value of numeric must be an array.")
	}
	const one, two = 2, 4
	if len(list) != one && len(list) != two {
		return nil, wrong("numeric must have one operator with its number, or two")
	}
	var all []comparison
	for i := 0; i < len(list); i += one {
		c, err := parseComparison(list[i], list[i+1])
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if len(all) > 1 {
		if err := checkRange(all[0], all[1]); err != nil {
			return nil, err
		}
	}
	return func(value any) bool {
		number, isNumber := value.(json.Number)
		if !isNumber {
			return false
		}
		n, known := rational(number)
		return known && !slices.ContainsFunc(all, func(c comparison) bool { return !c.holds(n) })
	}, nil
}

func parseComparison(operator, number any) (comparison, error) {
	text, isText := operator.(string)
	if !isText || !slices.Contains([]string{"=", "<", "<=", ">", ">="}, text) {
		return comparison{}, wrong("Unrecognized numeric range operator: %v", operator)
	}
	n, isNumber := number.(json.Number)
	if !isNumber {
		return comparison{}, wrong("Value of %s must be numeric", text)
	}
	value, known := rational(n)
	if !known || new(big.Rat).Abs(value).Cmp(big.NewRat(widest, 1)) > 0 {
		return comparison{}, wrong("Value of %s must be between -5.0E9 and 5.0E9", text)
	}
	return comparison{text, value}, nil
}

// checkRange wants a lower bound before an upper one that is above it.
func checkRange(low, high comparison) error {
	switch {
	case low.operator != ">" && low.operator != ">=":
		return wrong("Too many elements in numeric expression")
	case high.operator != "<" && high.operator != "<=":
		return wrong("Bad numeric range operator: %s", high.operator)
	case low.number.Cmp(high.number) >= 0:
		return wrong("Bottom must be less than top")
	}
	return nil
}
