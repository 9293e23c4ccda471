package eventpattern

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"slices"
	"strings"
)

// filter says whether a value - a string, json.Number, bool or nil - fits.
type filter func(value any) bool

// parseFilter reads an item of a list: a value, or an object with one filter.
func parseFilter(item any) (filter, error) {
	switch value := item.(type) {
	case map[string]any:
		return parseContent(value)
	case []any:
		return nil, wrong("Match value must be String, number, true, false, or null")
	default:
		return exactly(value), nil
	}
}

// exactly fits the same value; numbers are the same however they are written.
func exactly(want any) filter {
	number, isNumber := want.(json.Number)
	if !isNumber {
		return func(value any) bool { return value == want }
	}
	wanted, known := rational(number)
	return func(value any) bool {
		n, isNumber := value.(json.Number)
		if !isNumber || !known {
			return value == want
		}
		r, known := rational(n)
		return known && r.Cmp(wanted) == 0
	}
}

// rational is a number exactly; known is false for one that is too long to write
// out.
func rational(n json.Number) (r *big.Rat, known bool) {
	const longest, longestExponent = 400, 3
	_, exponent, _ := strings.Cut(strings.ToLower(string(n)), "e")
	if len(n) > longest || len(strings.TrimLeft(exponent, "+-0")) > longestExponent {
		return nil, false
	}
	return new(big.Rat).SetString(string(n))
}

// parseContent reads {"NAME": ...}.
func parseContent(from map[string]any) (filter, error) {
	if len(from) != 1 {
		return nil, wrong("Only one key allowed in match expression")
	}
	for name, value := range from {
		switch name {
		case "prefix", "suffix", "equals-ignore-case", "wildcard":
			return parseText(name, value)
		case "anything-but":
			return parseAnythingBut(value)
		case "numeric":
			return parseNumeric(value)
		case "cidr":
			return parseCIDR(value)
		case "exists": // true: parseLeaf takes false
			return func(any) bool { return true }, nil
		default:
			return nil, wrong("Unrecognized match type %s", name)
		}
	}
	return nil, nil // not reached: there is one
}

// onText makes a filter of strings.
func onText(fits func(string) bool) filter {
	return func(value any) bool {
		text, isText := value.(string)
		return isText && fits(text)
	}
}

// parseText reads the filters that have one string.
func parseText(name string, value any) (filter, error) {
	text, isText := value.(string)
	if !isText {
		return parseFolded(name, value)
	}
	switch name {
	case "prefix":
		return onText(func(s string) bool { return strings.HasPrefix(s, text) }), nil
	case "suffix":
		return onText(func(s string) bool { return strings.HasSuffix(s, text) }), nil
	case "wildcard":
		w, err := parseWildcard(text)
		if err != nil {
			return nil, err
		}
		return onText(w.fits), nil
	default:
		return onText(func(s string) bool { return strings.EqualFold(s, text) }), nil
	}
}

// parseFolded reads {"prefix": {"equals-ignore-case": "x"}}, and suffix so.
func parseFolded(name string, value any) (filter, error) {
	inner, _ := value.(map[string]any)
	text, isText := inner["equals-ignore-case"].(string)
	if !isText || len(inner) != 1 || name != "prefix" && name != "suffix" {
		return nil, wrong("%s match pattern must be a string", name)
	}
	// By letters, not bytes: those of other case may be longer.
	letters := []rune(text)
	return onText(func(s string) bool {
		all := []rune(s)
		if len(all) < len(letters) {
			return false
		}
		part := all[:len(letters)]
		if name == "suffix" {
			part = all[len(all)-len(letters):]
		}
		return strings.EqualFold(string(part), text)
	}), nil
}

// parseAnythingBut reads what a value must not be: a value, a list of them, or
// one of the filters of strings with one string or a list of them.
func parseAnythingBut(value any) (filter, error) {
	excluded, err := parseExcluded(value)
	if err != nil {
		return nil, err
	}
	return func(value any) bool {
		return !slices.ContainsFunc(excluded, func(f filter) bool { return f(value) })
	}, nil
}

func parseExcluded(value any) ([]filter, error) {
	switch v := value.(type) {
	case map[string]any:
		return parseExcludedTexts(v)
	case []any:
		return parseExcludedList(v)
	case string, json.Number:
		return []filter{exactly(v)}, nil
	default:
		return nil, wrong("Value of anything-but must be an array or single string/number value.")
	}
}

func parseExcludedList(list []any) ([]filter, error) {
	if len(list) == 0 {
		return nil, wrong("Empty arrays are not allowed")
	}
	var excluded []filter
	texts := 0
	for _, item := range list {
		switch item.(type) {
		case string:
			texts++
		case json.Number:
		default:
			return nil, wrong("Inside anything but list, start|null|boolean is not supported.")
		}
		excluded = append(excluded, exactly(item))
	}
	if texts > 0 && texts < len(list) {
		return nil, wrong("Inside anything but list, either all values are number or string, mixed type is not supported")
	}
	return excluded, nil
}

func parseExcludedTexts(from map[string]any) ([]filter, error) {
	if len(from) != 1 {
		return nil, wrong("Only one key allowed in match expression")
	}
	var excluded []filter
	for name, value := range from {
		if !slices.Contains([]string{"prefix", "suffix", "equals-ignore-case", "wildcard"}, name) {
			return nil, wrong("Unsupported anything-but pattern: %s", name)
		}
		list, isList := value.([]any)
		if !isList {
			list = []any{value}
		}
		if len(list) == 0 {
			return nil, wrong("Empty arrays are not allowed")
		}
		for _, item := range list {
			f, err := parseText(name, item)
			if err != nil {
				return nil, err
			}
			excluded = append(excluded, f)
		}
	}
	return excluded, nil
}

// parseCIDR reads a range of addresses.
func parseCIDR(value any) (filter, error) {
	text, isText := value.(string)
	block, err := netip.ParsePrefix(text)
	if !isText || err != nil {
		return nil, wrong("Malformed CIDR, one '/' required")
	}
	block = block.Masked()
	return onText(func(s string) bool {
		address, err := netip.ParseAddr(s)
		return err == nil && block.Contains(address)
	}), nil
}
