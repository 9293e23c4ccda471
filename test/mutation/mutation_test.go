package mutation

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutate also runs the engine's tests on each broken engine: some minutes, so
// `make mutate` asks for it.
var mutate = flag.Bool("mutate", false, "run the engine's tests with each rule broken")

// TestEveryBrokenRuleIsNoticed: the places to break are still there and, with
// -mutate, the engine's scenarios or properties fail for each.
func TestEveryBrokenRuleIsNoticed(t *testing.T) {
	folder, err := filepath.Abs("../../internal/engine")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutations() {
		t.Run(strings.ReplaceAll(m.rule, " ", "_"), func(t *testing.T) {
			path := filepath.Join(folder, m.file)
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.old); n != 1 {
				t.Fatalf("%s has %q %d times: say anew how to break the rule", m.file, m.old, n)
			}
			if *mutate {
				m.mustFail(t, path, strings.Replace(string(source), m.old, m.new, 1))
			}
		})
	}
}

// mustFail tests the engine with other source in place of a file.
func (m mutation) mustFail(t *testing.T, path, source string) {
	t.Helper()
	folder := t.TempDir()
	broken, overlay := filepath.Join(folder, "broken.go"), filepath.Join(folder, "overlay.json")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{broken: []byte(source), overlay: list} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-overlay", overlay, "./internal/engine")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the broken engine does not build: %v\n%s", err, out)
	}
	test := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-failfast", "-run", "Scenarios|PlansBreakNoRule",
		"./internal/engine", "-rapid.checks=1000", "-rapid.nofailfile", "-rapid.shrinktime=0s")
	test.Dir = "../.."
	if out, err := test.CombinedOutput(); err == nil {
		t.Errorf("nobody notices:\n%s", out)
	}
}
