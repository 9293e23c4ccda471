package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestTablesAreUpToDate generates the tables again: the committed ones must be
// those of the SDK versions in go.mod.
func TestTablesAreUpToDate(t *testing.T) {
	fresh, committed := t.TempDir(), filepath.Join("..", "tables")
	if err := run(fresh); err != nil {
		t.Fatal(err)
	}
	want, err := filepath.Glob(filepath.Join(fresh, "zz_generated*.go"))
	if err != nil || len(want) != len(sources())+1 {
		t.Fatalf("generated %d files for %d services, %v", len(want), len(sources()), err)
	}
	have, _ := filepath.Glob(filepath.Join(committed, "zz_generated*.go"))
	if len(have) != len(want) {
		t.Errorf("%d tables are committed, want %d; run go generate ./awswire/...", len(have), len(want))
	}
	for _, file := range want {
		generated, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		if old, _ := os.ReadFile(filepath.Join(committed, name)); !bytes.Equal(old, generated) {
			t.Errorf("%s is not what the SDK in go.mod gives; run go generate ./awswire/...", name)
		}
	}
}
