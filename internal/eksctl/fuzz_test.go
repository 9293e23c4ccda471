package eksctl

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/drover-project/drover/internal/manifest"
)

// FuzzRead: whatever is read is taken or refused with problems, and what is
// taken can be completed.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("stacks/testdata/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\n  name: a\n  - name: b\n      c: d\n")
	f.Add(head + "nodeGroups: [{name: a, taints: {a: b}, iam: {}, ssh: {}, instancesDistribution: {}}]")
	f.Fuzz(func(t *testing.T, text string) {
		config, err := readText(text)
		var problems manifest.Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("an error that is no list of problems: %v", err)
		}
		if err != nil && len(problems) == 0 {
			t.Fatal("refused without a reason")
		}
		if err == nil {
			_ = SetDefaults(config, "1.34") // a family that this version has no AMIs of is refused
		}
	})
}
