//go:build mutation

package mutation

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMutantsAreFound builds the tests with one rule broken, by an overlay that
// leaves the files alone, and wants them red.
func TestMutantsAreFound(t *testing.T) {
	for _, m := range mutants() {
		t.Run(strings.ReplaceAll(m.rule, " ", "_"), func(t *testing.T) {
			overlay := m.overlay(t)
			run := "."
			if m.folder() == "./internal/engine" {
				run = "TestScenarios|Replac|Moves" // the same every time, and quick
			}
			if !isRed(t, m, overlay, run) {
				t.Errorf("with %q in place of %q in %s every test passes: write one that does not", m.new, m.old, m.file)
			}
		})
	}
}

// folder is the package whose tests must go red.
func (m mutant) folder() string { return "./" + filepath.Dir(m.file) }

// overlay writes the broken file and says in whose place it stands.
func (m mutant) overlay(t *testing.T) string {
	t.Helper()
	broken, err := m.apply()
	if err != nil {
		t.Fatal(err)
	}
	original, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	replacement, list := filepath.Join(folder, "mutant.go"), filepath.Join(folder, "overlay.json")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {original: replacement}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{replacement: []byte(broken), list: text} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// isRed runs the package's tests; a mutant that does not compile proves nothing.
func isRed(t *testing.T, m mutant, overlay, run string) bool {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-failfast", "-vet=off", "-overlay", overlay, "-run", run, m.folder())
	command.Dir = root
	output, err := command.CombinedOutput()
	if bytes.Contains(output, []byte("[build failed]")) || bytes.Contains(output, []byte("[setup failed]")) {
		t.Fatalf("the mutant does not compile:\n%s", output)
	}
	return err != nil
}
