package eventpattern_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/drover-project/drover/lab/region/eventpattern"
)

// scalars are values that events have; few, so that they meet.
func scalars() *rapid.Generator[any] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "a", "A", "ab", "abc", "b*", `"`, "é"}).AsAny(), rapid.IntRange(-3, 3).AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil),
	)
}

// objects are events without lists.
func objects(depth int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		object := map[string]any{}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y", "z"}), 1, 3, rapid.ID).Draw(t, "names") {
			if depth > 0 && rapid.Bool().Draw(t, "deeper") {
				object[name] = objects(depth-1).Draw(t, name)
			} else {
				object[name] = scalars().Draw(t, name)
			}
		}
		return object
	})
}

func text(t *rapid.T, value any) string {
	written, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(written)
}

func matches(t *rapid.T, pattern, event any) bool {
	parsed, err := eventpattern.Parse(text(t, pattern))
	if err != nil {
		t.Fatalf("%s: %v", text(t, pattern), err)
	}
	return parsed.Matches([]byte(text(t, event)))
}

// asPattern is a pattern that wants what an event is, and more choices.
func asPattern(t *rapid.T, event map[string]any) map[string]any {
	pattern := map[string]any{}
	for name, value := range event {
		if inner, isObject := value.(map[string]any); isObject {
			pattern[name] = asPattern(t, inner)
		} else {
			pattern[name] = append(rapid.SliceOfN(scalars(), 0, 2).Draw(t, "others"), value)
		}
	}
	return pattern
}

// fits is the meaning of patterns of values on events without lists, by the
// paths of both.
func fits(pattern, event map[string]any) bool {
	for name, wanted := range pattern {
		switch wanted := wanted.(type) {
		case map[string]any:
			inner, isObject := event[name].(map[string]any)
			if !isObject || !fits(wanted, inner) {
				return false
			}
		case []any:
			value, has := event[name]
			found := false
			for _, one := range wanted {
				found = found || has && fmt.Sprintf("%T%v", one, one) == fmt.Sprintf("%T%v", value, value)
			}
			if !found {
				return false
			}
		}
	}
	return true
}

// TestPatternsOfValues: a pattern made of an event wants it, with any other
// fields too, and of other events those that have the same.
func TestPatternsOfValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		event, other := objects(2).Draw(t, "event"), objects(2).Draw(t, "other")
		pattern := asPattern(t, event)
		if !matches(t, pattern, event) {
			t.Fatalf("%s does not want %s", text(t, pattern), text(t, event))
		}
		more := map[string]any{"more": other}
		for name, value := range event {
			more[name] = value
		}
		if !matches(t, pattern, more) {
			t.Fatalf("%s does not want %s", text(t, pattern), text(t, more))
		}
		if got, want := matches(t, pattern, other), fits(pattern, other); got != want {
			t.Fatalf("%s on %s: %v, want %v", text(t, pattern), text(t, other), got, want)
		}
	})
}

// TestListsAreChoices: a field with a list is wanted when one of its values is.
func TestListsAreChoices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(scalars(), 0, 3).Draw(t, "values")
		pattern := map[string]any{"f": rapid.SliceOfN(scalars(), 1, 3).Draw(t, "wanted")}
		want := false
		for _, value := range values {
			want = want || matches(t, pattern, map[string]any{"f": value})
		}
		if got := matches(t, pattern, map[string]any{"f": values}); got != want {
			t.Fatalf("%s on %s: %v, want %v", text(t, pattern), text(t, values), got, want)
		}
	})
}

// TestOpposites: anything-but and $or mean what they say of the rest.
func TestOpposites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		event := map[string]any{"f": scalars().Draw(t, "value"), "g": scalars().Draw(t, "other")}
		word := rapid.SampledFrom([]string{"a", "A", "ab", ""}).Draw(t, "word")
		for _, filter := range []any{word, map[string]any{"prefix": word}, map[string]any{"suffix": word}, map[string]any{"equals-ignore-case": word}} {
			is := matches(t, map[string]any{"f": []any{filter}}, event)
			not := matches(t, map[string]any{"f": []any{map[string]any{"anything-but": filter}}}, event)
			if is == not {
				t.Fatalf("%v and not %v on %s: both %v", filter, filter, text(t, event), is)
			}
		}
		first, second := map[string]any{"f": []any{scalars().Draw(t, "one")}}, map[string]any{"g": []any{scalars().Draw(t, "two")}}
		either := matches(t, map[string]any{"$or": []any{first, second}}, event)
		if want := matches(t, first, event) || matches(t, second, event); either != want {
			t.Fatalf("%s or %s on %s: %v", text(t, first), text(t, second), text(t, event), either)
		}
		exists, missing := map[string]any{"h": []any{map[string]any{"exists": true}}}, map[string]any{"h": []any{map[string]any{"exists": false}}}
		if matches(t, exists, event) || !matches(t, missing, event) {
			t.Fatalf("h exists in %s", text(t, event))
		}
	})
}

// TestNumbers: ranges are those of arithmetic.
func TestNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low, width := rapid.IntRange(-50, 50).Draw(t, "low"), rapid.IntRange(1, 20).Draw(t, "width")
		value := rapid.IntRange(-60, 80).Draw(t, "value")
		operators := rapid.SampledFrom([][2]string{{">", "<"}, {">=", "<"}, {">", "<="}, {">=", "<="}}).Draw(t, "operators")
		pattern := map[string]any{"f": []any{map[string]any{"numeric": []any{operators[0], low, operators[1], low + width}}}}
		want := value > low && value < low+width || value == low && operators[0] == ">=" || value == low+width && operators[1] == "<="
		if got := matches(t, pattern, map[string]any{"f": value}); got != want {
			t.Fatalf("%d in %s: %v", value, text(t, pattern), got)
		}
	})
}

// TestWildcards: a wildcard is a regular expression of little.
func TestWildcards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wildcard := rapid.StringMatching(`\*?([ab]{0,2}\*){0,3}[ab]{0,2}`).Draw(t, "wildcard")
		for strings.Contains(wildcard, "**") {
			wildcard = strings.ReplaceAll(wildcard, "**", "*")
		}
		value := rapid.StringMatching(`[ab]{0,8}`).Draw(t, "value")
		want := regexp.MustCompile("^" + strings.ReplaceAll(wildcard, "*", ".*") + "$").MatchString(value)
		if got := matches(t, map[string]any{"f": []any{map[string]any{"wildcard": wildcard}}}, map[string]any{"f": value}); got != want {
			t.Fatalf("%q on %q: %v, want %v", wildcard, value, got, want)
		}
	})
}
