package eksctl

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/manifest"
)

// Read reads the ClusterConfig of a file, or of standard input when path is
// manifest.Stdin. What the file leaves out stays empty: see SetDefaults. An error
// is of type manifest.Problems and holds everything that is wrong.
func Read(path string, stdin io.Reader) (*ClusterConfig, error) {
	documents, text, err := manifest.Documents(path, stdin)
	var problems manifest.Problems
	if errors.As(err, &problems) && text != nil {
		return nil, lostKeys(problems, string(text))
	}
	if err != nil {
		return nil, err
	}
	name := path
	if path == manifest.Stdin {
		name = "standard input"
	}
	var config *ClusterConfig
	for _, document := range documents {
		read, found := Decode(document)
		problems = append(problems, found...)
		switch {
		case read == nil:
		case config != nil:
			problems = append(problems, manifest.Problem{
				File: name, Line: document.Line(), Message: "is a second ClusterConfig; a file holds one: read the others one by one",
			})
		default:
			config = read
		}
	}
	if len(documents) == 0 {
		problems = append(problems, manifest.Problem{File: name, Message: "has no ClusterConfig in it; is the input empty?"})
	}
	if len(problems) > 0 {
		return nil, sorted(problems)
	}
	return config, nil
}

func sorted(problems manifest.Problems) manifest.Problems {
	slices.SortStableFunc(problems, func(a, b manifest.Problem) int { return cmp.Compare(a.Line, b.Line) })
	return problems
}

// Decode reads one document as a ClusterConfig, nil when it is none. All that can be said about it is said at once,
// except that rules are for values that could be read.
func Decode(document manifest.Document) (*ClusterConfig, manifest.Problems) {
	problems := identify(document)
	if len(problems) > 0 {
		return nil, problems
	}
	problems = append(problems, unexpanded(document)...)
	config := &ClusterConfig{}
	wrong := document.Decode(config)
	problems = append(problems, wrong...)
	if len(wrong) == 0 {
		for _, finding := range Validate(config) {
			problems = append(problems, document.Problem(finding.Field, finding.Message, finding.Right))
		}
	}
	return config, distinct(problems)
}

// distinct keeps what is said first about each field: a variable that was not
// expanded is no valid name either.
func distinct(problems manifest.Problems) manifest.Problems {
	seen := map[string]bool{}
	return slices.DeleteFunc(problems, func(p manifest.Problem) bool {
		twice := p.Field != "" && seen[p.Field]
		seen[p.Field] = true
		return twice
	})
}

func identify(document manifest.Document) manifest.Problems {
	version, kind := document.Text("apiVersion"), document.Text("kind")
	switch {
	case kind != Kind:
		what := "is missing: this is not a ClusterConfig"
		if kind != "" {
			what = fmt.Sprintf("is %q; only a ClusterConfig can be read here", kind)
		}
		return manifest.Problems{document.Problem("kind", what, near(kind, []string{Kind}))}
	case version != APIVersion:
		return manifest.Problems{document.Problem("apiVersion", fmt.Sprintf("is %q", version), APIVersion)}
	}
	return nil
}

func near(given string, candidates []string) string {
	if given == "" {
		return ""
	}
	return manifest.Nearest(given, candidates)
}

var variable = regexp.MustCompile(`\$(?:\{[A-Za-z_][A-Za-z0-9_]*[^}]*\}|[A-Za-z_][A-Za-z0-9_]*)`)

// callout is what AsciiDoc pages put behind lines that they explain.
var callout = regexp.MustCompile(` <\d+>$`)

// isScript tells fields in which a dollar sign belongs to a program.
func isScript(field string) bool {
	return strings.Contains(field, "preBootstrapCommands") || strings.HasSuffix(field, "overrideBootstrapCommand") ||
		strings.Contains(field, "bottlerocket.settings") || strings.Contains(field, "ttachPolicy") || strings.Contains(field, "permissionPolicy")
}

// unexpanded names variables that a shell or envsubst should have replaced, and
// keys that were left without a value, which is what an unset variable becomes.
func unexpanded(document manifest.Document) manifest.Problems {
	var problems manifest.Problems
	for _, value := range document.Values() {
		if value.Empty {
			problems = append(problems, manifest.Problem{
				File: document.File, Line: value.Line, Field: value.Field,
				Message: "has no value; was a variable not set, or are the lines below it lost or not indented? Leave the key out for the default",
			})
			continue
		}
		if mark := callout.FindString(value.Text); mark != "" {
			problems = append(problems, manifest.Problem{
				File: document.File, Line: value.Line, Field: value.Field,
				Message: fmt.Sprintf("ends with%s, the mark of a note on the page that it was copied from; remove it", mark),
			})
		}
		if isScript(value.Field) {
			continue
		}
		first := value.Line
		if value.Block {
			first++
		}
		for i, line := range strings.Split(value.Text, "\n") {
			for _, found := range variable.FindAllString(line, -1) {
				problems = append(problems, manifest.Problem{
					File: document.File, Line: first + i, Field: value.Field,
					Message: fmt.Sprintf("%s was not replaced by its value; set the variable and run `envsubst < FILE | drover ... -f -`", found),
				})
			}
		}
	}
	return problems
}
