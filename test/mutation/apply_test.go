package mutation

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the module's folder as seen from here.
const root = "../.."

// mutant is one rule broken on purpose: in file, the text old, which occurs
// once, becomes new.
type mutant struct {
	rule string
	file string
	old  string
	new  string
}

// apply returns the file with the rule broken.
func (m mutant) apply() (string, error) {
	source, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	if found := strings.Count(string(source), m.old); found != 1 {
		return "", fmt.Errorf("%s: the text %q occurs %d times, it must occur once: write the mutant for what the file says now", m.file, m.old, found)
	}
	return strings.Replace(string(source), m.old, m.new, 1), nil
}

// TestMutantsApply keeps the list true without running it.
func TestMutantsApply(t *testing.T) {
	names := map[string]bool{}
	for _, m := range mutants() {
		if names[m.rule] {
			t.Errorf("two mutants are called %q", m.rule)
		}
		names[m.rule] = true
		if _, err := m.apply(); err != nil {
			t.Errorf("%s: %v", m.rule, err)
		}
	}
}
