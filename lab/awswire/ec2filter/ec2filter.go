// Package ec2filter applies the Filters parameter of EC2's Describe operations.
//
// Filters are joined with AND, the values of one filter with OR. Values are
// case-sensitive; * stands for zero or more characters, ? for zero or one, and
// a backslash takes the next character literally.
package ec2filter

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
)

// Set is what one Describe operation can filter by.
type Set[T any] struct {
	// Fields gives, by filter name, the values an item has. An item matches
	// a filter when any of its values matches any value of the filter.
	Fields map[string]func(T) []string
	// Tags gives an item's tags and turns on the filters tag:KEY, tag-key
	// and tag-value; nil when the resource has no tags.
	Tags func(T) []types.Tag
}

// limit is the number of values EC2 takes over all filters of one request.
const limit = 200

// Select gives the items all filters match, in their order. A filter the set
// does not know is InvalidParameterValue, as in EC2.
func (s Set[T]) Select(items []T, filters []types.Filter) ([]T, error) {
	matchers, err := s.compile(filters)
	if err != nil {
		return nil, err
	}
	selected := make([]T, 0, len(items))
	for _, item := range items {
		if matchesAll(matchers, item) {
			selected = append(selected, item)
		}
	}
	return selected, nil
}

// matcher is one filter: the values of an item, and what they are held against.
type matcher[T any] struct {
	values   func(T) []string
	patterns []string
}

func (s Set[T]) compile(filters []types.Filter) ([]matcher[T], error) {
	var matchers []matcher[T]
	total := 0
	for _, f := range filters {
		if f.Name == nil {
			return nil, awserr.New("MissingParameter", "The request must contain the parameter filter name")
		}
		values := s.lookup(*f.Name)
		if values == nil {
			return nil, awserr.New("InvalidParameterValue", "The filter '%s' is invalid", *f.Name)
		}
		if len(f.Values) == 0 {
			return nil, awserr.New("InvalidParameterValue", "The filter '%s' has no values", *f.Name)
		}
		if total += len(f.Values); total > limit {
			return nil, awserr.New("FilterLimitExceeded", "The maximum number of filter values specified on a single call is %d", limit)
		}
		matchers = append(matchers, matcher[T]{values: values, patterns: f.Values})
	}
	return matchers, nil
}

// lookup gives the accessor of a filter name, nil when there is none.
func (s Set[T]) lookup(name string) func(T) []string {
	if values, ok := s.Fields[name]; ok {
		return values
	}
	if s.Tags == nil {
		return nil
	}
	switch key, isTag := strings.CutPrefix(name, "tag:"); {
	case isTag:
		return s.tagStrings(func(t types.Tag) (*string, bool) { return t.Value, deref(t.Key) == key })
	case name == "tag-key":
		return s.tagStrings(func(t types.Tag) (*string, bool) { return t.Key, true })
	case name == "tag-value":
		return s.tagStrings(func(t types.Tag) (*string, bool) { return t.Value, true })
	}
	return nil
}

func (s Set[T]) tagStrings(pick func(types.Tag) (*string, bool)) func(T) []string {
	return func(item T) []string {
		var values []string
		for _, t := range s.Tags(item) {
			if v, ok := pick(t); ok {
				values = append(values, deref(v))
			}
		}
		return values
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func matchesAll[T any](matchers []matcher[T], item T) bool {
	for _, m := range matchers {
		if !slices.ContainsFunc(m.values(item), m.matches) {
			return false
		}
	}
	return true
}

func (m matcher[T]) matches(value string) bool {
	return slices.ContainsFunc(m.patterns, func(p string) bool { return Match(p, value) })
}
