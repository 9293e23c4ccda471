package template

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestYAMLAndJSONAreOneLanguage: tags are the functions of JSON.
func TestYAMLAndJSONAreOneLanguage(t *testing.T) {
	fromYAML, err := read([]byte(`
A: !Ref B
C: !GetAtt D.E.F
G: !Sub "${H}"
I: !If [J, !Base64 k, 1]
L: !Condition M
N: {Fn::Join: [",", [a, yes, 'yes', 010, 2020-01-01, ~]]}
`))
	if err != nil {
		t.Fatal(err)
	}
	fromJSON, err := read([]byte(`{"A": {"Ref": "B"}, "C": {"Fn::GetAtt": ["D", "E.F"]}, "G": {"Fn::Sub": "${H}"},
	 "I": {"Fn::If": ["J", {"Fn::Base64": "k"}, 1]}, "L": {"Condition": "M"},
	 "N": {"Fn::Join": [",", ["a", true, "yes", 10, "2020-01-01", null]]}}`))
	if err != nil {
		t.Fatal(err)
	}
	// JSON has no octal numbers; CloudFormation keeps numbers as written.
	fromJSON.Get("N").Get("Fn::Join").Items[1].Items[3].Text = "010"
	if a, b := outline(fromYAML), outline(fromJSON); a != b {
		t.Errorf("YAML gives\n%s\nJSON gives\n%s", a, b)
	}
}

// outline is a node without its positions.
func outline(n *Node) string {
	var b strings.Builder
	var write func(*Node)
	write = func(n *Node) {
		b.WriteString(n.Kind.String() + "(" + n.Text)
		for _, item := range n.Items {
			write(item)
		}
		for _, f := range n.Fields {
			b.WriteString(f.Name + "=")
			write(f.Value)
		}
		b.WriteString(")")
	}
	write(n)
	return b.String()
}

func TestPositions(t *testing.T) {
	for name, text := range map[string]string{
		"yaml": "Resources:\n  G:\n    Type: AWS::EC2::InternetGateway\n    Properties:\n      Tags: !Ref X\n",
		"json": "{\"Resources\":\n  {\"G\":{\n    \"Type\": \"AWS::EC2::InternetGateway\",\n    \"Properties\": {\n      \"Tags\": {\"Ref\": \"X\"}}}}}",
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			refs := References(parsed.Resources[0].Properties, nil)
			if len(refs) != 1 || refs[0].Name != "X" || refs[0].At.Line != 5 || refs[0].At.Column < 7 {
				t.Errorf("references %+v", refs)
			}
		})
	}
}

func TestErrorsSayWhere(t *testing.T) {
	for text, at := range map[string]Position{
		"{\"Resources\": {\n  \"A\": 1}}":                                   {2, 3},
		"Resources:\n  A: {Type: x}\n  A: {Type: y}\n":                      {3, 3},
		"Resources:\n  A-b: {Type: x}\n":                                    {2, 3},
		"Resources:\n  A: {Type: x, Colour: red}\n":                         {2, 16},
		"Resources:\n  A: {Type: x}\nParameters:\n  P: {Type: Colour}\n":    {4, 3},
		"Resources:\n  A: {Type: x, DeletionPolicy: Keep}\n":                {2, 32},
		"Resources:\n  A: {Type: x}\nOutputs:\n  O: {Description: nothing}": {4, 3},
		"{\"Resources\": {\"A\": {\"Type\": \"x\"}}} x":                     {1, 37},
	} {
		_, err := Parse(text)
		var wrong *Error
		if !errors.As(err, &wrong) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if at.Line != wrong.At.Line {
			t.Errorf("%q: %v at %v, want %v", text, err, wrong.At, at)
		}
	}
}

func TestReferencesInText(t *testing.T) {
	n, err := read([]byte("!Sub ['${A} ${B.C} ${!D} ${E} ${AWS::Region}', {E: !Ref F}]"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range References(n, nil) {
		names = append(names, r.Name+"."+r.Attribute)
	}
	if want := []string{"A.", "B.C", "AWS::Region.", "F."}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

// FuzzParse: whatever is sent is a template or an error of CloudFormation's, and
// positions are within the text.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"Resources: {A: {Type: 'AWS::IAM::Role'}}", `{"Resources": {"A": {"Type": "AWS::IAM::Role", "Properties": {"X": {"Fn::GetAtt": ["B", "C"]}}}}}`,
		"!Sub x", "a: !GetAtt b", "a: &b c\nd: *b", "{", "[", "- a\n- b: !If [x, y]", "<<: {a: b}", "a: !!binary aGk=", "? [a]\n: b",
		"Parameters: {P: {Type: Number, Default: 3, MinValue: 1}}\nResources: {A: {Type: x}}", "a: |\n  text\n", "\ufeff{}", "{\"a\":\t1}", "a: !Ref [x]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := Parse(text)
		if err != nil {
			var wrong *Error
			if !errors.As(err, &wrong) || wrong.Message == "" {
				t.Fatalf("%q gives %v", text, err)
			}
			return
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
		for _, r := range parsed.Resources {
			r.Properties.Walk(func(n *Node) {
				if n.At.Line < 1 || n.At.Line > lines {
					t.Fatalf("%q has a value in line %d of %d", text, n.At.Line, lines)
				}
			})
			References(r.Properties, nil)
		}
	})
}
