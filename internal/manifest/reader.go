package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/workload"
)

type reader struct {
	input    *Input
	kinds    []kind
	problems Problems
	handle   map[string]func(Document) Problems
	// at is the index of each object in input.Objects.
	at map[objectKey]int
}

type objectKey struct{ kind, namespace, name string }

func (r *reader) problem(file string, line int, format string, args ...any) {
	r.problems = append(r.problems, Problem{File: file, Line: line, Message: fmt.Sprintf(format, args...)})
}

// file reads one file: any number of documents.
func (r *reader) file(file string, stdin io.Reader) {
	text, err := content(file, stdin)
	if err != nil {
		r.problem(file, 0, "%s", plainError(err))
		return
	}
	r.input.Files++
	if file == Stdin {
		file = "standard input"
	}
	roots, problems := documents(file, text)
	r.problems = append(r.problems, problems...)
	for _, root := range roots {
		r.document(file, root, text)
	}
	if len(roots)+len(problems) == 0 {
		r.problem(file, 0, "has no object in it")
	}
}

// documents parses the documents of a file that hold something, up to the first
// that is no YAML.
func documents(file string, text []byte) ([]*yaml.Node, Problems) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if json.Valid(text) {
		// A tab in JSON can only be indentation, which YAML does not allow.
		text = bytes.ReplaceAll(text, []byte("\t"), []byte(" "))
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var roots []*yaml.Node
	var problems Problems
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return roots, problems
		}
		if err != nil {
			line, message := syntaxError(err)
			return roots, append(problems, Problem{File: file, Line: line, Message: "not YAML: " + message})
		}
		if problem := aliasProblem(&document); problem != "" {
			problems = append(problems, Problem{File: file, Line: document.Line, Message: problem})
			continue
		}
		if root := plain(document.Content[0]); root.Kind != yaml.ScalarNode || root.ShortTag() != "!!null" {
			roots = append(roots, root)
		}
	}
}

var syntaxLine = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): `)

// syntaxError takes the line out of the parser's message.
func syntaxError(err error) (int, string) {
	message := err.Error()
	found := syntaxLine.FindStringSubmatch(message)
	if found == nil {
		return 0, strings.TrimPrefix(message, "yaml: ")
	}
	line, _ := strconv.Atoi(found[1])
	return line, strings.TrimPrefix(message, found[0])
}

// document reads an object, a list of them, or a neutral workload.
func (r *reader) document(file string, root *yaml.Node, text []byte) {
	if root.Kind != yaml.MappingNode {
		r.problem(file, root.Line, "must be a Kubernetes object, not %s", kindOf(root))
		return
	}
	id := identity{apiVersion: textOf(root, "apiVersion"), kind: textOf(root, "kind")}
	if id.kind == "" && id.apiVersion == "" && lookup(root, "groups") != nil {
		r.workload(file, text)
		return
	}
	if items := lookup(root, "items"); strings.HasSuffix(id.kind, "List") && items != nil {
		r.list(file, id, items)
		return
	}
	if handle := r.handle[id.group()]; handle != nil {
		r.problems = append(r.problems, handle(Document{File: file, root: root})...)
		return
	}
	r.object(file, root, id)
}

func (r *reader) list(file string, id identity, items *yaml.Node) {
	if items.Kind != yaml.SequenceNode {
		r.problem(file, items.Line, "field items: must be a list, not %s", kindOf(items))
		return
	}
	for _, item := range items.Content {
		item = plain(item)
		own := identity{apiVersion: textOf(item, "apiVersion"), kind: textOf(item, "kind")}
		if own.kind == "" && id.kind != "List" {
			// A list of one kind, as the API server answers, names it only once.
			own = identity{apiVersion: id.apiVersion, kind: strings.TrimSuffix(id.kind, "List")}
		}
		if item.Kind != yaml.MappingNode {
			r.problem(file, item.Line, "must be a Kubernetes object, not %s", kindOf(item))
			continue
		}
		r.object(file, item, own)
	}
}

func (r *reader) workload(file string, text []byte) {
	read, err := workload.Decode(bytes.NewReader(text), file)
	if err != nil {
		r.problem(file, 0, "%s", strings.TrimPrefix(err.Error(), file+": "))
		return
	}
	r.input.Workloads = append(r.input.Workloads, read)
}

func (r *reader) object(file string, root *yaml.Node, id identity) {
	known, found, right := find(r.kinds, id)
	switch {
	case id.kind == "":
		r.problems = append(r.problems, Problem{File: file, Line: root.Line, Field: "kind", Message: "is missing: this is not a Kubernetes object"})
	case id.apiVersion == "":
		r.problems = append(r.problems, Problem{File: file, Line: root.Line, Field: "apiVersion", Message: "is missing", Right: r.versionOf(id.kind)})
	case found:
		r.typed(file, root, known)
	case right != "":
		r.problems = append(r.problems, Problem{
			File: file, Line: lookup(root, "apiVersion").Line, Field: "apiVersion",
			Message: fmt.Sprintf("%q has no kind %s", id.apiVersion, id.kind), Right: right,
		})
	default:
		r.unknown(file, root, id)
	}
}

// unknown counts an object of another kind, unless its kind or its group looks
// like a mistake.
func (r *reader) unknown(file string, root *yaml.Node, id identity) {
	var names []string
	for _, k := range r.kinds {
		if k.apiVersion == id.apiVersion {
			names = append(names, k.name)
		}
	}
	if near := nearest(id.kind, names); near != "" && !isOtherKind(id) {
		r.problems = append(r.problems, Problem{
			File: file, Line: lookup(root, "kind").Line, Field: "kind", Message: fmt.Sprintf("%s has no kind %q", id.apiVersion, id.kind), Right: near,
		})
		return
	}
	r.input.Others[id.kind]++
}

// isOtherKind names kinds that exist although they look like a mistake for one
// that matters here.
func isOtherKind(id identity) bool {
	switch id.kind {
	case "Secret", "Service", "Event", "Binding", "Endpoints", "ConfigMap", "PodTemplate", "ControllerRevision", "VolumeAttachment", "CSIDriver":
		return true
	}
	return false
}

func (r *reader) versionOf(kindName string) string {
	for _, k := range r.kinds {
		if k.name == kindName {
			return k.apiVersion
		}
	}
	return ""
}

// typed checks and decodes an object of a kind that matters.
func (r *reader) typed(file string, root *yaml.Node, k kind) {
	w := &walker{file: file}
	if metadata := lookup(root, "metadata"); metadata != nil {
		w.fromCluster = textOf(metadata, "uid") != ""
	}
	w.value(root, k.goType, "")
	for _, field := range w.newer {
		r.input.NewerFields = append(r.input.NewerFields, k.name+" "+field)
	}
	object := k.new()
	if len(w.problems) == 0 {
		encoded, err := json.Marshal(jsonValue(root))
		if err == nil {
			err = json.Unmarshal(encoded, object)
		}
		if err != nil {
			w.note(root, "", err.Error(), "")
		}
	}
	if len(w.problems) == 0 {
		check(w, root, object)
	}
	if len(w.problems) > 0 {
		r.problems = append(r.problems, w.problems...)
		return
	}
	if k.namespaced && object.GetNamespace() == "" {
		object.SetNamespace(corev1.NamespaceDefault)
	}
	if !k.namespaced {
		object.SetNamespace("")
	}
	if object.GetName() == "" {
		object.SetName(r.generated(k.name, object.GetNamespace(), object.GetGenerateName()))
	}
	r.keep(Object{Object: object, Kind: k.name, File: file, Line: root.Line})
}

// generated is a name for an object that leaves it to the API server.
func (r *reader) generated(kindName, namespace, prefix string) string {
	for n := 1; ; n++ {
		name := prefix + strconv.Itoa(n)
		if _, taken := r.at[objectKey{kindName, namespace, name}]; !taken {
			return name
		}
	}
}

func (r *reader) keep(object Object) {
	key := objectKey{object.Kind, object.GetNamespace(), object.GetName()}
	i, twice := r.at[key]
	if !twice {
		r.at[key] = len(r.input.Objects)
		r.input.Objects = append(r.input.Objects, object)
		return
	}
	first := r.input.Objects[i]
	if first.File == object.File {
		r.problem(object.File, object.Line, "%s %s is already in line %d of this file", object.Kind, nameOf(object), first.Line)
		return
	}
	r.input.Objects[i] = object
	r.input.Replaced = append(r.input.Replaced, fmt.Sprintf("%s %s of %s is replaced by the one in %s", object.Kind, nameOf(object), first.File, object.File))
}

func nameOf(object Object) string {
	if object.GetNamespace() == "" {
		return object.GetName()
	}
	return object.GetNamespace() + "/" + object.GetName()
}
