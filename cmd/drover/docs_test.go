package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// consoleBlock is a block of a page that begins with a run of drover.
var consoleBlock = regexp.MustCompile("(?s)```console\n\\$ (drover [^\n]*)\n(.*?)```\n")

// TestTheReferenceShowsRealOutput runs what the pages run, in the folders of
// their examples, and compares what both say.
func TestTheReferenceShowsRealOutput(t *testing.T) {
	for page, examples := range map[string]string{"solve.md": "solve", "cli.md": "eksctl"} {
		t.Run(page, func(t *testing.T) {
			path, err := filepath.Abs(filepath.Join("../../docs/reference", page))
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(filepath.Join("../../examples", examples))
			checkPage(t, path)
		})
	}
}

func checkPage(t *testing.T, page string) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	shown := consoleBlock.ReplaceAllFunc(text, func(block []byte) []byte {
		runs++
		line := string(consoleBlock.FindSubmatch(block)[1])
		return []byte("```console\n$ " + line + "\n" + said(t, strings.Fields(line)[1:]) + "```\n")
	})
	if runs == 0 {
		t.Fatal("the page shows no run of drover")
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
	t.Errorf("%s is out of date: run `go test ./cmd/drover -rewrite` and read the diff", page)
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
