package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// consoleBlock is a block of a page that begins with a run of drover solve.
var consoleBlock = regexp.MustCompile("(?s)```console\n\\$ (drover solve [^\n]*)\n(.*?)```\n")

// TestTheReferenceShowsRealOutput runs what the page runs, in the folder of the
// examples, and compares what both say.
func TestTheReferenceShowsRealOutput(t *testing.T) {
	page, err := filepath.Abs("../../docs/reference/solve.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../../examples/solve")
	runs := 0
	shown := consoleBlock.ReplaceAllFunc(text, func(block []byte) []byte {
		runs++
		line := string(consoleBlock.FindSubmatch(block)[1])
		return []byte("```console\n$ " + line + "\n" + said(t, strings.Fields(line)[1:]) + "```\n")
	})
	if runs == 0 {
		t.Fatal("the page shows no run of drover solve")
	}
	if bytes.Equal(text, shown) {
		return
	}
	if *rewrite {
		if err := os.WriteFile(page, shown, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("docs/reference/solve.md is out of date: run `go test ./cmd/drover -rewrite` and read the diff")
}

// said is everything that a run of drover writes.
func said(t *testing.T, args []string) string {
	t.Helper()
	var out bytes.Buffer
	command := newCommand()
	command.SetArgs(args)
	command.SetOut(&out)
	command.SetErr(&out)
	if err := command.ExecuteContext(t.Context()); err != nil {
		report(&out, err)
	}
	return out.String()
}
