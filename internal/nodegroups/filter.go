package nodegroups

import (
	"fmt"
	"path"
	"strings"
)

// Filter chooses groups by name, with globs as in a shell. A name is chosen when
// an include pattern matches it (or there is none) and no exclude pattern does.
type Filter struct{ Include, Exclude []string }

// Check reports patterns that are none.
func (f Filter) Check() error {
	for _, pattern := range append(append([]string{}, f.Include...), f.Exclude...) {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("%q is no pattern: use * and ?, as in ng-*", pattern)
		}
	}
	return nil
}

// Match reports whether a name is chosen.
func (f Filter) Match(name string) bool {
	return (len(f.Include) == 0 || matches(f.Include, name)) && !matches(f.Exclude, name)
}

func matches(patterns []string, name string) bool {
	for _, pattern := range patterns {
		if ok, err := path.Match(pattern, name); err == nil && ok {
			return true
		}
	}
	return false
}

// choose splits names and tells about it in eksctl's words.
func (m *Manager) choose(names []string, filter Filter) (included []string) {
	var excluded []string
	for _, name := range names {
		if filter.Match(name) {
			included = append(included, name)
		} else {
			excluded = append(excluded, name)
		}
	}
	for _, one := range []struct {
		names []string
		what  string
	}{{included, "included"}, {excluded, "excluded"}} {
		switch len(one.names) {
		case 0:
		case 1:
			m.Log.Info("1 nodegroup (%s) was %s (based on the include/exclude rules)", one.names[0], one.what)
		default:
			m.Log.Info("%d nodegroups (%s) were %s (based on the include/exclude rules)", len(one.names), strings.Join(one.names, ", "), one.what)
		}
	}
	if len(included) == 0 {
		m.Log.Info("no nodegroups were included (based on the include/exclude rules)")
	}
	return included
}
