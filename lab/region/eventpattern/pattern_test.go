package eventpattern_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/drover-project/drover/lab/region/eventpattern"
)

// interruption is an event as EC2 tells it, with fields of every kind.
const interruption = `{
  "version": "0", "id": "7bf73129-1428-4cd3-a780-95db273d1602", "detail-type": "EC2 Spot Instance Interruption Warning", "source": "aws.ec2",
  "account": "111122223333", "time": "2026-11-24T08:00:00Z", "region": "us-west-2",
  "resources": ["arn:aws:ec2:us-west-2a:instance/i-1", "arn:aws:ec2:us-west-2b:instance/i-2"],
  "detail": {
    "instance-id": "i-1", "instance-action": "terminate", "count": 5, "price": 0.30, "spot": true, "none": null, "empty": "", "list": [], "address": "10.0.0.17",
    "address6": "2001:db8::17", "tags": [{"key": "team", "value": "a"}, {"key": "tier", "value": "b"}], "nested": {"Deep": ["X", ["y", 7]]}, "star": "a*b"
  }
}`

// TestMatches: one case for every kind of pattern, fitting and not.
func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern string
		want    bool
	}{
		{`{"source": ["aws.ec2"]}`, true},
		{`{"source": ["aws.health", "aws.ec2"], "detail-type": ["EC2 Spot Instance Interruption Warning"]}`, true},
		{`{"source": ["aws.ec2"], "detail-type": ["AWS Health Event"]}`, false},
		{`{"Source": ["aws.ec2"]}`, false},
		{`{"resources": ["arn:aws:ec2:us-west-2b:instance/i-2"]}`, true},
		{`{"resources": ["arn:aws:ec2:us-west-2c:instance/i-2"]}`, false},
		{`{"detail": {"count": [5]}}`, true}, {`{"detail": {"count": [5.0]}}`, true}, {`{"detail": {"count": [0.5e1]}}`, true}, {`{"detail": {"count": ["5"]}}`, false},
		{`{"detail": {"price": [0.3]}}`, true}, {`{"detail": {"price": [0.30000001]}}`, false},
		{`{"detail": {"spot": [true]}}`, true}, {`{"detail": {"spot": [false]}}`, false}, {`{"detail": {"spot": ["true"]}}`, false},
		{`{"detail": {"none": [null]}}`, true}, {`{"detail": {"spot": [null]}}`, false}, {`{"detail": {"missing": [null]}}`, false},
		{`{"detail": {"empty": [""]}}`, true}, {`{"detail": {"none": [""]}}`, false},
		{`{"detail": {"nested": {"Deep": ["y"]}}}`, true}, {`{"detail": {"nested": {"Deep": [7]}}}`, true}, {`{"detail": {"nested": {"Deep": [8]}}}`, false},
		{`{"detail": {"nested": ["X"]}}`, false},

		{`{"detail": {"instance-id": [{"prefix": "i-"}]}}`, true}, {`{"detail": {"instance-id": [{"prefix": "I-"}]}}`, false}, {`{"detail": {"count": [{"prefix": "5"}]}}`, false},
		{`{"detail": {"instance-id": [{"prefix": {"equals-ignore-case": "I-"}}]}}`, true}, {`{"detail": {"empty": [{"prefix": {"equals-ignore-case": "I-"}}]}}`, false},
		{`{"detail": {"instance-action": [{"suffix": "nate"}]}}`, true}, {`{"detail": {"instance-action": [{"suffix": "NATE"}]}}`, false},
		{`{"detail": {"instance-action": [{"suffix": {"equals-ignore-case": "NATE"}}]}}`, true},
		{`{"detail": {"instance-action": [{"equals-ignore-case": "TermiNate"}]}}`, true}, {`{"detail": {"instance-action": [{"equals-ignore-case": "Termi"}]}}`, false},

		{`{"detail": {"instance-action": [{"anything-but": "stop"}]}}`, true}, {`{"detail": {"instance-action": [{"anything-but": "terminate"}]}}`, false},
		{`{"detail": {"instance-action": [{"anything-but": ["stop", "terminate"]}]}}`, false}, {`{"detail": {"count": [{"anything-but": [5, 6]}]}}`, false},
		{`{"detail": {"count": [{"anything-but": 6}]}}`, true}, {`{"detail": {"missing": [{"anything-but": "x"}]}}`, false},
		{`{"detail": {"instance-id": [{"anything-but": {"prefix": "i-"}}]}}`, false}, {`{"detail": {"instance-id": [{"anything-but": {"prefix": ["j-", "k-"]}}]}}`, true},
		{`{"detail": {"instance-id": [{"anything-but": {"suffix": "1"}}]}}`, false}, {`{"detail": {"instance-id": [{"anything-but": {"equals-ignore-case": ["I-1"]}}]}}`, false},
		{`{"detail": {"instance-id": [{"anything-but": {"wildcard": "*-2"}}]}}`, true},
		{`{"resources": [{"anything-but": "arn:aws:ec2:us-west-2b:instance/i-2"}]}`, true}, // of the other one

		{`{"detail": {"count": [{"numeric": ["=", 5]}]}}`, true}, {`{"detail": {"count": [{"numeric": [">", 5]}]}}`, false}, {`{"detail": {"count": [{"numeric": [">=", 5]}]}}`, true},
		{`{"detail": {"count": [{"numeric": [">", 0, "<=", 5]}]}}`, true}, {`{"detail": {"count": [{"numeric": [">", 0, "<", 5]}]}}`, false},
		{`{"detail": {"price": [{"numeric": ["<", 0.31]}]}}`, true}, {`{"detail": {"instance-id": [{"numeric": ["<", 5]}]}}`, false},

		{`{"detail": {"count": [{"exists": true}]}}`, true}, {`{"detail": {"none": [{"exists": true}]}}`, true}, {`{"detail": {"missing": [{"exists": true}]}}`, false},
		{`{"detail": {"missing": [{"exists": false}]}}`, true}, {`{"detail": {"count": [{"exists": false}]}}`, false}, {`{"detail": {"list": [{"exists": false}]}}`, true},
		{`{"detail": {"gone": {"deeper": [{"exists": false}]}}}`, true}, {`{"detail": {"nested": [{"exists": true}]}}`, false}, // it has fields, no value
		{`{"detail": {"missing": ["x", {"exists": false}]}}`, true},

		{`{"detail": {"instance-id": [{"wildcard": "*-*"}]}}`, true}, {`{"detail": {"instance-id": [{"wildcard": "i*"}]}}`, true}, {`{"detail": {"instance-id": [{"wildcard": "*2"}]}}`, false},
		{`{"detail": {"instance-action": [{"wildcard": "t*m*n*te"}]}}`, true}, {`{"detail": {"star": [{"wildcard": "a\\*b"}]}}`, true}, {`{"detail": {"instance-id": [{"wildcard": "\\*"}]}}`, false},

		{`{"detail": {"address": [{"cidr": "10.0.0.0/24"}]}}`, true}, {`{"detail": {"address": [{"cidr": "10.0.1.0/24"}]}}`, false},
		{`{"detail": {"address6": [{"cidr": "2001:db8::/32"}]}}`, true}, {`{"detail": {"instance-id": [{"cidr": "0.0.0.0/0"}]}}`, false},

		{`{"$or": [{"source": ["aws.health"]}, {"detail": {"count": [5]}}]}`, true}, {`{"$or": [{"source": ["aws.health"]}, {"detail": {"count": [6]}}]}`, false},
		{`{"source": ["aws.ec2"], "detail": {"$or": [{"count": [6]}, {"spot": [true]}], "instance-id": ["i-1"]}}`, true},
		{`{"source": ["aws.ec2"], "detail": {"$or": [{"count": [6]}, {"spot": [true]}], "instance-id": ["i-2"]}}`, false},

		// Of a list of objects the fields must be in one and the same.
		{`{"detail": {"tags": {"key": ["team"], "value": ["a"]}}}`, true}, {`{"detail": {"tags": {"key": ["team"], "value": ["b"]}}}`, false},
	} {
		parsed, err := eventpattern.Parse(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := parsed.Matches([]byte(interruption)); got != c.want {
			t.Errorf("%s: %v, want %v", c.pattern, got, c.want)
		}
	}
}

// TestNotJSON: what is no event fits no pattern.
func TestNotJSON(t *testing.T) {
	parsed, err := eventpattern.Parse(`{"source": [{"exists": false}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{``: false, `{`: false, `{} {}`: false, `{}`: true} {
		if got := parsed.Matches([]byte(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// TestMistakes: what is wrong with a pattern is said.
func TestMistakes(t *testing.T) {
	for pattern, reason := range map[string]string{
		``: "EOF", `[]`: "Filter is not an object", `{}`: "Empty objects are not allowed", `{"a": "b"}`: `"a" must be an object or an array`, `{"a": 1}`: `"a" must be`,
		`{"a": []}`: "Empty arrays are not allowed", `{"a": {}}`: "Empty objects", `{"a": [["b"]]}`: "Match value must be", `{"a": [{"b": 1}]}`: "Unrecognized match type b",
		`{"a": [{}]}`: "Only one key", `{"a": [{"prefix": "x", "suffix": "y"}]}`: "Only one key", `{"a": [{"prefix": 1}]}`: "prefix match pattern must be a string",
		`{"a": [{"exists": "yes"}]}`: "exists match pattern", `{"a": [{"exists": true, "prefix": "x"}]}`: "exists match pattern",
		`{"a": [{"numeric": [">"]}]}`: "one operator with its number", `{"a": [{"numeric": ["~", 1]}]}`: "Unrecognized numeric range operator", `{"a": [{"numeric": [">", "1"]}]}`: "must be numeric",
		`{"a": [{"numeric": [">", 5, "<", 5]}]}`: "Bottom must be less than top", `{"a": [{"numeric": ["<", 5, ">", 1]}]}`: "Too many elements", `{"a": [{"numeric": [">", 5, "=", 6]}]}`: "Bad numeric range operator",
		`{"a": [{"numeric": [">", 6e9]}]}`: "between -5.0E9 and 5.0E9", `{"a": [{"numeric": [">", 1e999999999]}]}`: "between", `{"a": [{"numeric": 5}]}`: "must be an array",
		`{"a": [{"anything-but": []}]}`: "Empty arrays", `{"a": [{"anything-but": [1, "a"]}]}`: "mixed type", `{"a": [{"anything-but": true}]}`: "anything-but must be", `{"a": [{"anything-but": [null]}]}`: "not supported",
		`{"a": [{"anything-but": {"numeric": ["=", 1]}}]}`: "Unsupported anything-but pattern", `{"a": [{"anything-but": {"prefix": []}}]}`: "Empty arrays", `{"a": [{"anything-but": {}}]}`: "Only one key",
		`{"a": [{"wildcard": "a**b"}]}`: "Consecutive wildcard", `{"a": [{"wildcard": "a\\b"}]}`: "Invalid escape", `{"a": [{"wildcard": "a\\"}]}`: "Invalid escape", `{"a": [{"wildcard": {"equals-ignore-case": "x"}}]}`: "must be a string",
		`{"a": [{"cidr": "10.0.0.0"}]}`: "Malformed CIDR", `{"a": [{"cidr": 4}]}`: "Malformed CIDR",
		`{"$or": [{"a": ["b"]}]}`: "at least 2", `{"$or": [{"a": ["b"]}, 4]}`: "array of objects", `{"$or": [{"a": ["b"]}, {}]}`: "Empty objects",
	} {
		_, err := eventpattern.Parse(pattern)
		var mistake *eventpattern.Error
		if !errors.As(err, &mistake) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v, want %q", pattern, err, reason)
		}
	}
}
