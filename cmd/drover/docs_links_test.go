package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// pages are the documentation's, by path, with what they say.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir("../../docs", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d pages, %v", len(all), err)
	}
	return all
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fence   = regexp.MustCompile("(?s)```.*?```")
)

// anchors are the headings of a page as links name them.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		found[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, match[1])] = true
	}
	return found
}

func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	all := pages(t)
	for path, text := range all {
		for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := path
			if target != "" {
				to = filepath.Join(filepath.Dir(path), target)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: the link %s leads nowhere", path, match[1])
			}
			if text, isPage := all[to]; isPage && anchor != "" && !anchors(text)[anchor] {
				t.Errorf("%s: the link %s leads to no heading of that page", path, match[1])
			}
		}
	}
}

func TestEveryGuideIsInBothLanguages(t *testing.T) {
	for path := range pages(t) {
		for _, languages := range [][2]string{{"/en/", "/ko/"}, {"/ko/", "/en/"}} {
			other := strings.Replace(path, languages[0], languages[1], 1)
			if _, err := os.Stat(other); err != nil {
				t.Errorf("%s has no counterpart %s", path, other)
			}
		}
	}
}

// others are programs whose output is part of a line.
var others = regexp.MustCompile(`\$\((?:aws|head|kubectl) [^)]*\)`)

var runOfDrover = regexp.MustCompile(`(?m)(?:^\s*\$ (?:bin/)?|\| (?:bin/)?|\$\((?:bin/)?)drover ([^|>&)\n]*)`)

func TestGuidesUseCommandsAndFlagsThatThereAre(t *testing.T) {
	runs := 0
	for path, text := range pages(t) {
		if !strings.Contains(path, "how-to") && !strings.Contains(path, "tutorials") {
			continue
		}
		for _, match := range runOfDrover.FindAllStringSubmatch(others.ReplaceAllString(strings.ReplaceAll(text, "\\\n", " "), "X"), -1) {
			runs++
			command, rest, err := newCommand().Find(strings.Fields(match[1]))
			if err != nil || !command.Runnable() {
				t.Errorf("%s: there is no command `drover %s`: %v", path, match[1], err)
				continue
			}
			for _, word := range rest {
				name, isFlag := strings.CutPrefix(word, "--")
				if name, _, _ = strings.Cut(name, "="); isFlag && command.Flags().Lookup(name) == nil {
					t.Errorf("%s: `%s` has no flag --%s", path, command.CommandPath(), name)
				}
			}
		}
	}
	if runs == 0 {
		t.Error("the guides run drover nowhere")
	}
}
