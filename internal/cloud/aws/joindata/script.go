package joindata

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/shell"

	"github.com/drover-project/drover/internal/cloud/aws/bootscript"
	"github.com/drover-project/drover/internal/model"
)

// parseScript finds the calls of Amazon Linux 2's bootstrap.sh that the script may
// make on the machine.
func parseScript(text string, machine Machine) ([]Join, error) {
	calls, err := bootscript.Calls(text, "bootstrap.sh", machine)
	if err != nil {
		return nil, err
	}
	var joins []Join
	var problems []error
	for _, words := range calls {
		join, err := bootstrap(words)
		if err != nil {
			problems = append(problems, fmt.Errorf("the arguments of bootstrap.sh: %w", err))
		}
		joins = append(joins, join)
	}
	return joins, errors.Join(problems...)
}

// bootstrap reads the arguments; the first that is no flag is the cluster.
func bootstrap(words []bootscript.Word) (Join, error) {
	join := Join{Kind: Bootstrap}
	named := false
	for i := 0; i < len(words); i++ {
		text, known := strings.TrimSpace(words[i].Text), words[i].Known
		name, value, joined := strings.Cut(text, "=")
		switch {
		case text == "" && known:
		case !known && named:
			// Whatever it is, it may be flags.
			join.Undecided = append(join.Undecided, anyFlag)
		case !strings.HasPrefix(text, "--"):
			if known && !named && !strings.Contains(text, bootscript.Opaque) {
				join.Cluster = text
			}
			named = true
		default:
			if !joined && i+1 < len(words) {
				i++
				value, known = words[i].Text, words[i].Known
			}
			if err := join.bootstrapFlag(name, value, known); err != nil {
				return join, err
			}
		}
	}
	return join, nil
}

// anyFlag is undecided where the script makes up whole flags of the kubelet.
const anyFlag = "--kubelet-extra-args"

func (j *Join) bootstrapFlag(name, value string, known bool) error {
	switch name {
	case anyFlag:
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

// Certain is what holds whichever of several it is.
func Certain(joins []Join) Join {
	all := joins[0]
	all.Labels = maps.Clone(all.Labels)
	undecided := map[string]bool{}
	for _, call := range joins {
		for key := range call.Labels {
			for _, other := range joins {
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
