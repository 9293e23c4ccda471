package intrinsic

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-project/drover/lab/region/cfn/template"
)

// scope is one in which names stand for something.
func scope(t *testing.T, expression string) (*Scope, *template.Node) {
	t.Helper()
	parsed, err := template.Parse(`
Parameters: {P: {Type: String}}
Mappings: {M: {us-west-2: {ami: ami-1, list: [a, b]}}}
Conditions:
  On1: !Equals [a, a]
  Off1: !Not [!Condition On1]
  Both: !And [!Condition On1, !Condition Off1]
  Either: !Or [!Condition On1, !Condition Off1]
  Loop: !Not [!Condition Loop]
Resources:
  R:
    Type: x
    Properties:
      X: ` + expression + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return &Scope{
		Template: parsed, Values: map[string]any{"P": "value", "L": []any{"a", "b"}},
		Pseudo:    map[string]any{"AWS::Region": "us-west-2"},
		Resource:  func(name string) (any, error) { return "id-of-" + name, nil },
		Attribute: func(name, attribute string) (any, error) { return name + "'s " + attribute, nil },
		Zones:     func(region string) []string { return []string{region + "a", region + "b"} },
		Import: func(name string) (any, error) {
			if name == "known" {
				return "imported", nil
			}
			return nil, fmt.Errorf("No export named %s found", name)
		},
	}, parsed.Resources[0].Properties.Get("X")
}

func TestFunctions(t *testing.T) {
	for expression, want := range map[string]string{
		"!Ref P": `"value"`, "!Ref R": `"id-of-R"`, "!Ref AWS::Region": `"us-west-2"`, "!GetAtt R.Outputs.X": `"R's Outputs.X"`,
		"[a, !Ref AWS::NoValue]": `["a"]`, "{a: !Ref AWS::NoValue, b: 1}": `{"b":1}`,
		"!Sub '${P}-${R}-${R.Arn}-${!P}-${AWS::Region}$'":    `"value-id-of-R-R's Arn-${P}-us-west-2$"`,
		"!Sub ['${P}${Q}', {Q: !Select [1, !Ref L]}]":        `"valueb"`,
		"!Join ['-', [a, 1, true, !Ref P]]":                  `"a-1-true-value"`,
		"!Join ['', !GetAZs '']":                             `"us-west-2aus-west-2b"`,
		"!Split [',', 'a,b,,c']":                             `["a","b","","c"]`,
		"!Select [0, !Split ['/', a/b]]":                     `"a"`,
		"!FindInMap [M, !Ref AWS::Region, ami]":              `"ami-1"`,
		"!FindInMap [M, us-west-2, list]":                    `["a","b"]`,
		"!If [On1, a, !Select [9, []]]":                      `"a"`,
		"!If [Both, a, b]":                                   `"b"`,
		"!If [Either, a, b]":                                 `"a"`,
		"{x: !If [Off1, a, !Ref AWS::NoValue]}":              `{}`,
		"!ImportValue known":                                 `"imported"`,
		"!Base64 'hello'":                                    `"aGVsbG8="`,
		"!Cidr [10.0.0.0/16, 3, 8]":                          `["10.0.0.0/24","10.0.1.0/24","10.0.2.0/24"]`,
		"!Cidr [192.168.0.0/24, 2, 5]":                       `["192.168.0.0/27","192.168.0.32/27"]`,
		"!Cidr ['2001:db8::/56', 2, 64]":                     `["2001:db8::/64","2001:db8:0:1::/64"]`,
		"!Cidr [10.255.0.0/24, 1]":                           `["10.255.0.0/24"]`,
		"!Length [a, b]":                                     `2`,
		"!ToJsonString {b: [1, true], a: !Ref P}":            `"{\"a\":\"value\",\"b\":[1,true]}"`,
		"{Condition: {StringEquals: {a: b}}, Effect: Allow}": `{"Condition":{"StringEquals":{"a":"b"}},"Effect":"Allow"}`,
		"{Condition: {StringEquals: {a: b}}}":                `{"Condition":{"StringEquals":{"a":"b"}}}`,
		"!Equals [1, '1']":                                   `true`,
		"!Equals [!Ref L, [a, b]]":                           `true`,
	} {
		s, n := scope(t, expression)
		v, err := s.Evaluate(n)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got, _ := json.Marshal(v); string(got) != want {
			t.Errorf("%s = %s, want %s", expression, got, want)
		}
	}
}

func TestMistakesInFunctions(t *testing.T) {
	for expression, says := range map[string]string{
		"!Select [2, [a, b]]":             "Fn::Select  cannot select nonexistent value at index 2",
		"!Select [-1, [a]]":               "nonexistent value at index -1",
		"!Select [x, [a]]":                "every Fn::Select object requires two non-null parameters",
		"!Join [',', a]":                  "every Fn::Join object requires two parameters",
		"!Join [',', [[a]]]":              "every Fn::Join object requires two parameters",
		"!Split ['', a]":                  "every Fn::Split object requires two parameters",
		"!FindInMap [N, a, b]":            "Mapping named 'N' is not present",
		"!FindInMap [M, a, b]":            "Unable to get mapping for M::a::b",
		"!FindInMap [M]":                  "every Fn::FindInMap object requires three parameters",
		"!If [Maybe, a, b]":               "Unresolved condition dependency Maybe",
		"!If [On1, a]":                    "Fn::If requires a list argument with the first element being a condition",
		"!If [Loop, a, b]":                "Circular dependency between conditions",
		"!And [!Condition On1]":           "every Fn::And object requires a list of at least 2",
		"!Not [x]":                        "Conditions can only be boolean operations",
		"!Equals [a]":                     "every Fn::Equals object requires a list of 2 string parameters",
		"!Sub '${a-b}'":                   "variable names in Fn::Sub syntax must contain only alphanumeric",
		"!Sub [a, b, c]":                  "don't specify expected arguments",
		"!Sub '${L}'":                     "does not resolve to a string",
		"!ImportValue other":              "No export named other found",
		"!Cidr [10.0.0.0/24, 300, 2]":     "does not hold 300 blocks",
		"!Cidr [10.0.0.0/24, 5, 6]":       "does not hold 5 blocks",
		"!Cidr [ten, 1, 2]":               "is not an IP block",
		"!GetAtt R":                       "every Fn::GetAtt object requires two non-empty parameters",
		"!Base64 [a]":                     "every Fn::Base64 object must have a String-typed value",
		"!Transform {Name: AWS::Include}": "Fn::Transform is not supported by this endpoint",
		"[a, ~]":                          "'null' values are not allowed in templates",
		"!Length a":                       "every Fn::Length object requires a list",
	} {
		s, n := scope(t, expression)
		if v, err := s.Evaluate(n); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v; want an error with %q", expression, v, err, says)
		}
	}
}

// TestLiveBranch: of Fn::If only what is chosen makes a resource wait.
func TestLiveBranch(t *testing.T) {
	s, n := scope(t, "[!If [On1, !Ref A, !Ref B], !If [Off1, !GetAtt C.x, {d: !Sub '${D}'}]]")
	var names []string
	for _, r := range template.References(n, s.Live) {
		names = append(names, r.Name)
	}
	if got := strings.Join(names, " "); got != "A D" {
		t.Errorf("it names %s", got)
	}
}
