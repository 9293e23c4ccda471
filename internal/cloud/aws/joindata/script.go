package joindata

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/shell"
	"mvdan.cc/sh/v3/syntax"

	"github.com/drover-project/drover/internal/model"
)

// parseScript finds the calls of Amazon Linux 2's bootstrap.sh, whatever
// conditions they stand under.
func parseScript(text string) ([]Join, error) {
	file, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return nil, fmt.Errorf("reading the script: %w", err)
	}
	script := &script{variables: map[string]string{}}
	syntax.Walk(file, func(node syntax.Node) bool {
		if call, ok := node.(*syntax.CallExpr); ok {
			script.call(call)
		}
		return true
	})
	return script.joins, errors.Join(script.problems...)
}

// script is what is known while walking: variables that were given literal
// values.
type script struct {
	variables map[string]string
	joins     []Join
	problems  []error
}

func (s *script) call(call *syntax.CallExpr) {
	if len(call.Args) == 0 {
		for _, assign := range call.Assigns {
			if value, known := s.literal(assign.Value); known && assign.Name != nil {
				s.variables[assign.Name.Value] = value
			}
		}
		return
	}
	words := call.Args
	if name, _ := s.literal(words[0]); path.Base(name) == "bash" || path.Base(name) == "sh" {
		words = words[1:]
	}
	if len(words) == 0 {
		return
	}
	if name, known := s.literal(words[0]); !known || path.Base(name) != "bootstrap.sh" {
		return
	}
	join, err := s.bootstrap(words[1:])
	if err != nil {
		s.problems = append(s.problems, fmt.Errorf("the arguments of bootstrap.sh: %w", err))
	}
	s.joins = append(s.joins, join)
}

// literal expands a word; it is not known when it holds a command's output or a
// variable without a literal value.
func (s *script) literal(word *syntax.Word) (string, bool) {
	if word == nil {
		return "", true
	}
	known := true
	syntax.Walk(word, func(node syntax.Node) bool {
		switch part := node.(type) {
		case *syntax.CmdSubst, *syntax.ArithmExp, *syntax.ProcSubst:
			known = false
		case *syntax.ParamExp:
			if _, set := s.variables[part.Param.Value]; !set {
				known = false
			}
		}
		return known
	})
	if !known {
		return "", false
	}
	environment := expand.FuncEnviron(func(name string) string { return s.variables[name] })
	text, err := expand.Literal(&expand.Config{Env: environment}, word)
	return text, err == nil
}

// bootstrap reads the arguments; the first that is no flag is the cluster.
func (s *script) bootstrap(words []*syntax.Word) (Join, error) {
	join := Join{Kind: Bootstrap}
	for i := 0; i < len(words); i++ {
		text, known := s.literal(words[i])
		text = strings.TrimSpace(text)
		name, value, joined := strings.Cut(text, "=")
		switch {
		case text == "" && known:
		case !strings.HasPrefix(text, "--"):
			if known && join.Cluster == "" {
				join.Cluster = text
			}
		default:
			if !joined && i+1 < len(words) {
				i++
				value, known = s.literal(words[i])
			}
			if err := join.bootstrapFlag(name, value, known); err != nil {
				return join, err
			}
		}
	}
	return join, nil
}

func (j *Join) bootstrapFlag(name, value string, known bool) error {
	switch name {
	case "--kubelet-extra-args":
		if !known {
			j.Undecided = append(j.Undecided, name)
			return nil
		}
		words, err := shell.Fields(value, func(string) string { return "" })
		if err != nil {
			return fmt.Errorf("%s %q: %w", name, value, err)
		}
		return j.flags(words)
	case "--use-max-pods":
		if value == "false" && j.MaxPods == 0 {
			j.MaxPods = kubeletMaxPods
		}
	}
	return nil
}

// kubeletMaxPods is what a kubelet takes when nobody tells it.
const kubeletMaxPods = 110

// certain is what holds whichever of the calls is made.
func certain(calls []Join) Join {
	all := calls[0]
	all.Labels = maps.Clone(all.Labels)
	undecided := map[string]bool{}
	for _, call := range calls {
		for key := range call.Labels {
			for _, other := range calls {
				if value, there := other.Labels[key]; !there || value != call.Labels[key] {
					undecided[key] = true
				}
			}
		}
		if call.Cluster != all.Cluster {
			all.Cluster = ""
		}
		for _, taint := range call.Taints {
			if !slices.Contains(all.Taints, taint) {
				all.Taints = append(slices.Clone(all.Taints), taint)
			}
		}
		if all.MaxPods == 0 || call.MaxPods > 0 && call.MaxPods < all.MaxPods {
			all.MaxPods = call.MaxPods
		}
		for _, name := range call.Undecided {
			undecided[name] = true
		}
	}
	for key := range undecided {
		delete(all.Labels, key)
	}
	all.Undecided = slices.Sorted(maps.Keys(undecided))
	sortTaints(all.Taints)
	return all
}

func sortTaints(taints []model.Taint) {
	slices.SortFunc(taints, func(a, b model.Taint) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Effect, b.Effect))
	})
}
