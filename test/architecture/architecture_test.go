package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

const (
	root = "github.com/drover-project/drover"
	lab  = root + "/lab"
)

// rule says what the packages below From may import, with the reason that a
// failure prints.
type rule struct {
	from string
	// only lists the allowed imports outside the standard library; nil allows
	// everything that never does not forbid.
	only []string
	// never lists what must not be imported.
	never []string
	// deep applies never to dependencies of dependencies as well.
	deep   bool
	reason string
}

var rules = []rule{
	{
		from: root + "/internal/model", only: []string{},
		reason: "the vocabulary is plain data: it must print, compare, store and replay anywhere",
	},
	{
		from: root + "/internal/engine", only: []string{root + "/internal/model", root + "/internal/engine"},
		never: []string{
			"time", "math/rand", "math/rand/v2", "crypto/rand", "log", "log/slog", "os", "net", "net/http",
			"context", "sync", "sync/atomic",
		},
		reason: "the same input must give the same plan on every machine: no clock, chance, input or goroutine order",
	},
	{
		from: root + "/internal/engine/check", only: []string{root + "/internal/model"},
		reason: "an auditor that shares code with the solver shares its mistakes",
	},
	{
		from: lab + "/oracle", never: []string{root + "/internal/observe", root + "/internal/translate"},
		reason: "a judge that shares the translation shares its mistakes",
	},
	{
		from: root + "/internal/engine/bound", only: []string{}, never: []string{root + "/internal"},
		reason: "a proof that shares code with the solver shares its mistakes",
	},
	{
		from:   root + "/internal/cloud",
		never:  []string{"github.com/aws/aws-sdk-go-v2/service/ec2$", "github.com/aws/aws-sdk-go-v2/config"},
		reason: "the port speaks drover's words; only its adapter speaks to AWS",
	},
	{
		from: root + "/internal/catalog", only: []string{"github.com/aws/amazon-vpc-resource-controller-k8s/pkg/aws/vpc"},
		reason: "facts that drover and the lab share: a table has no opinion on who reads it",
	},
	{
		from: root + "/internal/instancetype",
		never: []string{
			root + "/internal/cloud", root + "/internal/catalog", root + "/internal/observe", "github.com/aws/aws-sdk-go-v2",
			"sigs.k8s.io/controller-runtime", "k8s.io/client-go",
		},
		reason: "arithmetic on plain facts, so that every source of facts can use it",
	},
	{
		from: root + "/internal/observe",
		never: []string{
			root + "/internal/engine", root + "/internal/apply", root + "/internal/controllers",
			root + "/internal/cloud/aws", "github.com/aws/aws-sdk-go-v2",
		},
		reason: "observing translates and decides nothing",
	},
	{
		from: root + "/internal/apply",
		never: []string{
			root + "/internal/engine", root + "/internal/controllers",
			root + "/internal/cloud/aws", "github.com/aws/aws-sdk-go-v2",
		},
		reason: "executors make no choices",
	},
	{
		from:   root + "/internal/controllers",
		never:  []string{root + "/internal/cloud/aws", "github.com/aws/aws-sdk-go-v2"},
		reason: "controllers know the cloud only through its port",
	},
	{
		from:   root + "/internal/agent",
		never:  []string{root + "/internal/controllers", root + "/internal/engine", root + "/internal/cloud/aws", "github.com/aws/aws-sdk-go-v2"},
		reason: "the agent records and empties its node; what is planned is the controller's",
	},
	{
		from:   root + "/internal/manifest",
		never:  notForSolve(),
		reason: "`drover solve` decides in one place, and needs neither a cluster nor AWS",
	},
	{
		from:   root + "/internal/offline",
		never:  notForSolve(),
		reason: "`drover solve` decides in one place, and needs neither a cluster nor AWS",
	},
	{
		from:   root + "/internal/offers",
		never:  notForSolve(),
		reason: "`drover solve` decides in one place, and needs neither a cluster nor AWS",
	},
	{
		from:   root + "/internal/groupfiles",
		never:  notForSolve(),
		reason: "`drover solve` decides in one place, and needs neither a cluster nor AWS",
	},
	{
		from:   root + "/internal/groupnodes",
		never:  notForSolve(),
		reason: "arithmetic on plain facts, so that every source of groups can use it",
	},
	{
		from:   root + "/internal/present",
		never:  notForSolve(),
		reason: "`drover solve` decides in one place, and needs neither a cluster nor AWS",
	},
	{
		from: root + "/internal/eksctl",
		never: []string{
			root + "/internal/nodegroups", root + "/internal/cloud/aws/region", "github.com/aws/aws-sdk-go-v2", "k8s.io/client-go",
		},
		reason: "a file format and the stacks it stands for are data: they call nobody",
	},
	{
		from: root + "/internal/stack", only: []string{root + "/internal/eks"},
		reason: "a stack is carried through the same whatever it is for, and whoever makes it",
	},
	{
		from: root + "/internal/nodegroups", never: notForCommands(),
		reason: "commands say what they need of AWS; the adapter has it",
	},
	{
		from: root + "/internal/serviceaccounts", never: notForCommands(),
		reason: "commands say what they need of AWS; the adapter has it",
	},
	{
		from: root + "/internal/addons", never: notForCommands(),
		reason: "commands say what they need of AWS; the adapter has it",
	},
	{
		from: root, never: []string{lab}, deep: true,
		reason: "the production binary stays lean: the lab brings all of Kubernetes with it",
	},
	{
		from: lab, never: []string{root + "/internal/cloud/aws"}, deep: true,
		reason: "a simulator must not share the mistakes of its client",
	},
	{
		// kube-openapi is a validator of JSON schemas, by which add-ons are configured.
		from:   lab + "/region",
		never:  []string{lab + "/nodes", "k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/kubernetes"},
		reason: "the region knows machines, not what runs on them",
	},
	{
		from: lab + "/imds", never: []string{lab + "/region", lab + "/nodes", "github.com/aws/aws-sdk-go-v2"},
		reason: "the metadata service shows a machine; it asks the region for nothing but credentials",
	},
	{
		from: lab + "/nodes", never: []string{lab + "/region", "github.com/aws/aws-sdk-go-v2"},
		reason: "a node learns what a real one learns: from its machine and its user data",
	},
}

// notForSolve is what the parts of `drover solve` must not import.
func notForSolve() []string {
	return []string{
		root + "/internal/engine", root + "/internal/apply", root + "/internal/controllers", root + "/internal/cloud",
		"github.com/aws/aws-sdk-go-v2", "k8s.io/client-go/kubernetes",
	}
}

// notForCommands is what acts on clusters from a command must not import.
func notForCommands() []string {
	return []string{root + "/internal/cloud", root + "/internal/engine", "github.com/aws/aws-sdk-go-v2"}
}

// onlyAdapters lists what may be imported in one place alone.
func TestOnlyTheAdapterImportsTheSDK(t *testing.T) {
	allowed := []string{root + "/internal/cloud/aws", lab}
	for _, pkg := range packages(t) {
		for _, imported := range pkg.Imports {
			if !strings.HasPrefix(imported, "github.com/aws/aws-sdk-go-v2") {
				continue
			}
			if !underAny(pkg.ImportPath, allowed) {
				t.Errorf("%s imports %s: only %s speaks to AWS", pkg.ImportPath, imported, allowed[0])
			}
		}
	}
}

func TestArrows(t *testing.T) {
	all := packages(t)
	for _, r := range rules {
		t.Run(strings.TrimPrefix(r.from, root+"/"), func(t *testing.T) { r.check(t, all) })
	}
}

func (r rule) check(t *testing.T, all []pkg) {
	found := false
	for _, p := range all {
		if !under(p.ImportPath, r.from) || (r.from == root && under(p.ImportPath, lab)) {
			continue
		}
		if r.from == root+"/internal/cloud" && under(p.ImportPath, root+"/internal/cloud/aws") {
			continue
		}
		found = true
		r.checkPackage(t, p)
	}
	if !found {
		t.Errorf("no package %s: the rule has lost its target, remove it or mend its path", r.from)
	}
}

func (r rule) checkPackage(t *testing.T, p pkg) {
	for _, imported := range p.Imports {
		if r.only != nil && strings.Contains(imported, ".") && !underAny(imported, r.only) {
			t.Errorf("%s imports %s: %s", p.ImportPath, imported, r.reason)
		}
	}
	imports := p.Imports
	if r.deep {
		imports = p.Deps
	}
	for _, imported := range imports {
		if forbidden(imported, r.never) {
			t.Errorf("%s imports %s: %s", p.ImportPath, imported, r.reason)
		}
	}
}

func forbidden(path string, never []string) bool {
	for _, n := range never {
		exact, isExact := strings.CutSuffix(n, "$")
		if path == exact || (!isExact && under(path, n)) {
			return true
		}
	}
	return false
}

func under(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

func underAny(path string, folders []string) bool {
	for _, folder := range folders {
		if under(path, folder) {
			return true
		}
	}
	return false
}

type pkg struct {
	ImportPath string
	Doc        string
	Name       string
	Imports    []string
	Deps       []string
}

// packages lists the packages of the project and of its lab.
func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := listed()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// listed asks once for all tests.
var listed = sync.OnceValues(func() ([]pkg, error) {
	ours, err := packagesIn("../..")
	if err != nil {
		return nil, err
	}
	labs, err := packagesIn("../../lab")
	return append(ours, labs...), err
})

// packagesIn lists the packages of the module in dir.
func packagesIn(dir string) ([]pkg, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports,Deps", "./...")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w\n%s", dir, err, stderr.String())
	}
	var list []pkg
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("package %s has no package comment", p.ImportPath)
		}
	}
}
