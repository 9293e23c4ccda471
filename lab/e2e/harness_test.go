package e2e

import (
	"cmp"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// tools are the programs under test and the clients that drive them.
type tools struct {
	dir string // bin folder put first on PATH
}

// buildTools compiles drover and drover-lab from this checkout, and kubectl
// where the machine has none.
func buildTools(dir string) (tools, error) {
	builds := []struct{ module, out, pkg string }{
		{"../..", "drover", "./cmd/drover"},
		{"..", "drover-lab", "./cmd/drover-lab"},
	}
	if _, err := exec.LookPath("kubectl"); err != nil {
		builds = append(builds, struct{ module, out, pkg string }{"..", "kubectl", "k8s.io/kubernetes/cmd/kubectl"})
	}
	for _, b := range builds {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, b.out), b.pkg)
		cmd.Dir = b.module
		if out, err := cmd.CombinedOutput(); err != nil {
			return tools{}, fmt.Errorf("building %s: %w\n%s", b.out, err, out)
		}
	}
	return tools{dir: dir}, nil
}

var built tools

func TestMain(m *testing.M) {
	testscript.Main(withTools{m}, map[string]func(){eventuallyProgram: runEventually})
}

// withTools builds the programs before the tests run.
type withTools struct{ tests *testing.M }

func (w withTools) Run() int {
	dir, err := os.MkdirTemp("", "drover-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if built, err = buildTools(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return w.tests.Run()
}

func TestScripts(t *testing.T) {
	examples := examplesDir(t)
	texts := textsFor(t, os.Getenv("DROVER_REGION"))
	limit := 18 * time.Minute
	if os.Getenv("DROVER_LONG") != "" {
		limit = time.Hour
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join(texts, "script"),
		RequireExplicitExec: true,
		Deadline:            time.Now().Add(limit),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", built.dir+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("EXAMPLES", examples)
			env.Setenv("LAB_DATA", filepath.Join(env.WorkDir, "lab"))
			env.Setenv("CLI", filepath.Join(texts, "cli"))
			env.Setenv("REGION", cmp.Or(os.Getenv("DROVER_REGION"), homeRegion))
			env.Setenv("CLAIMS", filepath.Join(examples, "../docs/reference/lab-aws.md"))
			env.Setenv("AWS_PYTHON", awsPython())
			env.Values[expanderKey] = &expander{}
			return setPorts(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"lab":        cmdLab,
			"eventually": cmdEventually,
			"one-to-one": cmdOneToOne,
			"kill9":      cmdKill9,
			"expander":   cmdExpander,
		},
		Condition: func(name string) (bool, error) {
			if program, ok := strings.CutPrefix(name, "has:"); ok {
				_, err := exec.LookPath(program)
				return err == nil, nil
			}
			switch name {
			case "long":
				return os.Getenv("DROVER_LONG") != "", nil
			case "aws-in-python":
				return awsPython() != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
	})
}

func setPorts(env *testscript.Env) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	env.Setenv("API_PORT", ports[0])
	env.Setenv("AWS_PORT", ports[1])
	return nil
}

// freePorts asks the kernel for ports nobody listens on now.
func freePorts(count int) ([]string, error) {
	listeners := make([]net.Listener, 0, count)
	defer func() {
		for _, listener := range listeners {
			_ = listener.Close()
		}
	}()
	var ports []string
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, listener)
		ports = append(ports, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}

func examplesDir(tb testing.TB) string {
	tb.Helper()
	dir, err := filepath.Abs("../../examples")
	if err != nil {
		tb.Fatal(err)
	}
	return dir
}

// homeRegion is the region that the scripts are written for.
const homeRegion = "us-west-2"

// textsFor is the folder of the scripts; for another region than their own a copy
// that names that region.
func textsFor(t *testing.T, region string) string {
	t.Helper()
	texts, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if region == "" || region == homeRegion {
		return texts
	}
	translated := t.TempDir()
	err = fs.WalkDir(os.DirFS(texts), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(translated, path), 0o755)
		}
		text, err := os.ReadFile(filepath.Join(texts, path))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(translated, path), []byte(strings.ReplaceAll(string(text), homeRegion, region)), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return translated
}
