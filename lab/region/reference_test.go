package region_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/reference/lab-aws.md anew")

// referenceHead is what stands above the operations.
const referenceHead = `# What the lab does of AWS

Generated from the code by ` + "`cd lab && go test ./region -run TestReference -update`" + `; a test fails when it is out of date.

The lab serves these operations on one endpoint, for every AWS client. Any other
operation is answered with the error that the service itself has for an unknown
one, and counted in ` + "`drover_lab_unimplemented_total`" + `. A parameter that an operation here
does not honour is refused, not ignored: ` + "`UnsupportedOperation`" + ` in EC2, the
service's validation error elsewhere.
`

// served are the titles of the services and the folders of their code, by the
// name in the SigV4 credential scope.
func served() map[string]struct{ title, folder string } {
	return map[string]struct{ title, folder string }{
		"autoscaling": {"Auto Scaling", "asgapi"},
		"ec2":         {"Elastic Compute Cloud", "ec2api"}, "eks": {"Elastic Kubernetes Service", "eksapi"},
		"iam": {"Identity and Access Management", "iamapi"}, "pricing": {"Price List", "pricingapi"},
		"ssm": {"Systems Manager", "ssmapi"}, "sts": {"Security Token Service", "stsapi"},
	}
}

func TestReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "..", "docs", "reference", "lab-aws.md")
	want := reference(t, open(t))
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the code does (%v): run go test ./region -run TestReference -update", file, err)
	}
}

func reference(t *testing.T, l *lab) string {
	t.Helper()
	text := &strings.Builder{}
	text.WriteString(referenceHead)
	implementations := l.services()
	var names []string
	for name := range implementations {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		about, known := served()[name]
		if !known {
			t.Fatalf("no title for service %s", name)
		}
		synopses := synopses(t, about.folder)
		fmt.Fprintf(text, "\n## %s (%s)\n\n| operation | what it does here |\n|---|---|\n", about.title, name)
		for _, operation := range operations(implementations[name]) {
			fmt.Fprintf(text, "| %s | %s |\n", operation, synopsis(t, operation, synopses[operation]))
		}
	}
	return text.String()
}

// synopsis is the first sentence of an operation's comment without its name.
func synopsis(t *testing.T, operation, comment string) string {
	t.Helper()
	says, named := strings.CutPrefix((&doc.Package{}).Synopsis(comment), operation+" ")
	if !named {
		t.Errorf("the comment of %s does not begin with its name: %q", operation, comment)
	}
	return strings.ReplaceAll(says, "|", `\|`)
}

// synopses are the comments of all methods in a folder, by name.
func synopses(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no code in %s: %v", folder, err)
	}
	comments := map[string]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, isFunc := d.(*ast.FuncDecl); isFunc && f.Recv != nil {
				comments[f.Name.Name] = f.Doc.Text()
			}
		}
	}
	return comments
}
