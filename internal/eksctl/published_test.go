package eksctl

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
)

// publishedVersion is the release that the types are held against.
const publishedVersion = "v0.230.0"

// published is the folder of eksctl's own module. Without a Go proxy there is
// none, and what is held against it is skipped.
func published(t *testing.T) string {
	t.Helper()
	command := exec.Command("go", "mod", "download", "-json", "github.com/weaveworks/eksctl@"+publishedVersion)
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := command.Output()
	var module struct{ Dir, Error string }
	if decoding := json.Unmarshal(out, &module); err != nil || decoding != nil || module.Dir == "" {
		t.Skipf("eksctl %s cannot be downloaded to compare with: %v %s", publishedVersion, err, module.Error)
	}
	return module.Dir
}

// schemaNode is what the comparison needs of a JSON schema.
type schemaNode struct {
	Ref                  string                 `json:"$ref"`
	Type                 string                 `json:"type"`
	Items                *schemaNode            `json:"items"`
	Properties           map[string]*schemaNode `json:"properties"`
	OneOf                []*schemaNode          `json:"oneOf"`
	AdditionalProperties json.RawMessage        `json:"additionalProperties"`
}

type schema struct {
	t           *testing.T
	Definitions map[string]*schemaNode `json:"definitions"`
	compared    int
	inside      map[string]bool
}

// TestFieldsAreThoseOfThePublishedSchema compares every field and its type with
// the schema that eksctl publishes, in both directions.
func TestFieldsAreThoseOfThePublishedSchema(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(published(t), "pkg/apis/eksctl.io/v1alpha5/assets/schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := schema{t: t, inside: map[string]bool{}}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	s.object("ClusterConfig", s.Definitions["ClusterConfig"], reflect.TypeFor[ClusterConfig]())
	if s.compared < 350 {
		t.Errorf("only %d fields were compared: the schema is not read as it is meant", s.compared)
	}
	t.Logf("%d fields compared", s.compared)
}

func (s *schema) resolve(node *schemaNode) *schemaNode {
	for node.Ref != "" {
		node = s.Definitions[strings.TrimPrefix(node.Ref, "#/definitions/")]
		if node == nil {
			return &schemaNode{}
		}
	}
	return node
}

func (s *schema) object(path string, node *schemaNode, goType reflect.Type) {
	key := path + goType.Name()
	if s.inside[key] {
		return
	}
	s.inside[key] = true
	properties := map[string]*schemaNode{}
	for name, property := range node.Properties {
		properties[name] = property
	}
	for _, one := range node.OneOf {
		for name, property := range s.resolve(one).Properties {
			properties[name] = property
		}
	}
	fields := typesOf(goType)
	var names []string
	for name := range properties {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fieldType, known := fields[name]
		if !known {
			s.t.Errorf("%s.%s is in eksctl's schema and not here", path, name)
			continue
		}
		s.compared++
		s.value(path+"."+name, properties[name], fieldType)
	}
	for name := range fields {
		if properties[name] == nil {
			s.t.Errorf("%s.%s is not in eksctl's schema", path, name)
		}
	}
}

func (s *schema) value(path string, node *schemaNode, goType reflect.Type) {
	node = s.resolve(node)
	for goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	kinds := map[string][]reflect.Kind{
		"string": {reflect.String}, "boolean": {reflect.Bool}, "integer": {reflect.Int}, "number": {reflect.Float64},
		"array": {reflect.Slice}, "object": {reflect.Map, reflect.Struct}, "": {reflect.String, reflect.Struct},
	}
	if !slices.Contains(kinds[node.Type], goType.Kind()) {
		s.t.Errorf("%s is %q in eksctl's schema and %s here", path, node.Type, goType)
		return
	}
	switch {
	case goType.Kind() == reflect.Slice:
		s.value(path+"[]", node.Items, goType.Elem())
	case goType.Kind() == reflect.Struct:
		s.object(path, node, goType)
	case goType.Kind() == reflect.Map && goType.Elem().Kind() == reflect.Struct:
		var element schemaNode
		if err := json.Unmarshal(node.AdditionalProperties, &element); err != nil {
			s.t.Fatal(err)
		}
		s.value(path+"{}", &element, goType.Elem())
	}
}

func typesOf(goType reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for i := range goType.NumField() {
		field := goType.Field(i)
		if field.Anonymous {
			for name, inner := range typesOf(field.Type) {
				all[name] = inner
			}
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		all[name] = field.Type
	}
	return all
}

// refused are the examples of eksctl that are refused, with what is said.
func refused() map[string]string {
	return map[string]string{
		// eksctl refuses it too: nodes of such an AMI would not know how to join.
		"05-advanced-nodegroups.yaml": "overrideBootstrapCommand: is needed with an AMI of one's own of AmazonLinux2",
	}
}

// TestExamplesOfEksctlAreRead reads every example of eksctl: each is taken, or
// refused with the reason that is written down here.
func TestExamplesOfEksctlAreRead(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(published(t), "examples", "*.yaml"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%d examples: %v", len(files), err)
	}
	reasons := refused()
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			config, err := Read(file, nil)
			reason, isRefused := reasons[name]
			switch {
			case err == nil && isRefused:
				t.Errorf("is read, and should be refused with %q", reason)
			case err != nil && (!isRefused || !strings.Contains(err.Error(), reason)):
				t.Errorf("%v", err)
			case err == nil:
				if err := SetDefaults(config, "1.34"); err != nil && !isRefused {
					t.Logf("with Kubernetes 1.34: %v", err)
				}
			}
		})
	}
}
