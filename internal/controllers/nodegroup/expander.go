package nodegroup

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/groupnodes"
	"github.com/drover-project/drover/internal/model"
)

// Expanders that order groups, by cluster-autoscaler's names.
const (
	expanderPrice      = "price"
	expanderLeastWaste = "least-waste"
	expanderMostPods   = "most-pods"
	expanderLeastNodes = "least-nodes"
	expanderPriority   = "priority"
	expanderRandom     = "random"
	// expanderGRPC asks an external expander.
	expanderGRPC = "grpc"
)

// ParseExpanders reads --expander: names in the order in which they decide.
func ParseExpanders(text string) ([]string, error) {
	known := []string{expanderPrice, expanderLeastWaste, expanderMostPods, expanderLeastNodes, expanderPriority, expanderRandom, expanderGRPC}
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		switch {
		case !slices.Contains(known, name):
			return nil, fmt.Errorf("--expander=%s: %q is not one of %s", text, name, strings.Join(known, ", "))
		case slices.Contains(names, name):
			return nil, fmt.Errorf("--expander=%s: %s is given twice", text, name)
		case name == expanderGRPC && slices.Contains(names, expanderPrice):
			return nil, fmt.Errorf("--expander=%s: price leaves nothing for grpc to choose among: put grpc before it", text)
		}
		names = append(names, name)
	}
	return names, nil
}

// priorities are the patterns of the priority expander: groups by name, the
// highest number first.
type priorities []priorityLevel

type priorityLevel struct {
	priority int
	patterns []*regexp.Regexp
}

// parsePriorities reads the key `priorities` of the ConfigMap: numbers with lists
// of regular expressions.
func parsePriorities(text string) (priorities, error) {
	var read map[int][]string
	if err := yaml.Unmarshal([]byte(text), &read); err != nil {
		return nil, fmt.Errorf("priorities must be numbers with lists of regular expressions, such as `10: [\".*spot.*\"]`: %w", err)
	}
	var levels priorities
	for priority, patterns := range read {
		level := priorityLevel{priority: priority}
		for _, pattern := range patterns {
			compiled, err := regexp.Compile(pattern)
			if err != nil {
				return nil, fmt.Errorf("priority %d: %w", priority, err)
			}
			level.patterns = append(level.patterns, compiled)
		}
		levels = append(levels, level)
	}
	slices.SortFunc(levels, func(a, b priorityLevel) int { return b.priority - a.priority })
	return levels, nil
}

// of is the highest priority with a pattern that matches the group's name.
func (p priorities) of(group string) (int, bool) {
	for _, level := range p {
		for _, pattern := range level.patterns {
			if pattern.MatchString(group) {
				return level.priority, true
			}
		}
	}
	return 0, false
}

// ranking scores groups: more is better; equal scores are decided by what comes
// next, and in the end by price.
type ranking struct {
	snapshot *model.Snapshot
	settings model.Settings
	seed     uint64
	levels   priorities
	alone    map[string]option
	// external asks the external expander; nil when there is none.
	external func([]candidateGroup) verdict
	// verdict is what it said, and held are the groups that do not grow for that.
	verdict verdict
	held    map[string]bool
}

// option is what a group could do for the pods all by itself.
type option struct {
	pods, nodes int
	waste       float64
	keys        []model.PodKey // of those pods
}

// rank returns the snapshot with the groups' priorities as the expanders have
// them. It does not change the snapshot it is given.
func (r *ranking) rank(expanders []string) *model.Snapshot {
	if len(expanders) == 0 || expanders[0] == expanderPrice || len(r.snapshot.NodeGroups) == 0 {
		return r.snapshot
	}
	ranked := *r.snapshot
	ranked.NodeGroups = slices.Clone(r.snapshot.NodeGroups)
	scores := make([][]float64, len(ranked.NodeGroups))
	for _, expander := range expanders {
		if expander == expanderPrice {
			break
		}
		if expander == expanderGRPC {
			r.consult(ranked.NodeGroups, scores)
			continue
		}
		for i := range ranked.NodeGroups {
			scores[i] = append(scores[i], r.score(expander, &ranked.NodeGroups[i]))
		}
	}
	distinct := slices.Clone(scores)
	slices.SortFunc(distinct, slices.Compare)
	distinct = slices.CompactFunc(distinct, func(a, b []float64) bool { return slices.Compare(a, b) == 0 })
	for i := range ranked.NodeGroups {
		at, _ := slices.BinarySearchFunc(distinct, scores[i], slices.Compare)
		ranked.NodeGroups[i].Priority = int32(at)
	}
	return &ranked
}

func (r *ranking) score(expander string, g *model.NodeGroup) float64 {
	switch expander {
	case expanderPriority:
		priority, matched := r.levels.of(g.Name)
		if !matched && len(r.levels) > 0 && g.NotReadyReason == "" {
			g.NotReadyReason = "no pattern of the priority expander matches it"
		}
		return float64(priority)
	case expanderRandom:
		return r.chance(g.Name)
	case expanderMostPods:
		return float64(r.option(g).pods)
	case expanderLeastNodes:
		return -float64(r.option(g).nodes)
	case expanderLeastWaste:
		return -r.option(g).waste
	}
	return 0
}

// chance is a number that the seed, the pods and the group decide, so that the
// same question has the same answer.
func (r *ranking) chance(group string) float64 {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%d/%s", r.seed, group)
	for i := range r.snapshot.Pending {
		fmt.Fprintf(hash, "/%s", r.snapshot.Pending[i].UID)
	}
	return float64(hash.Sum64() >> 11)
}

// option asks the engine what the group alone would do for the pods. A group
// that can do nothing wastes all.
func (r *ranking) option(g *model.NodeGroup) option {
	if known, ok := r.alone[g.Name]; ok {
		return known
	}
	alone := *r.snapshot
	alone.NodePools, alone.NodeGroups = nil, []model.NodeGroup{*g}
	plan, _ := engine.Solve(&alone, r.settings)
	found := option{nodes: len(plan.Launches), waste: 2}
	if found.nodes == 0 {
		found.nodes = 1 << 30
	} else {
		found.waste = waste(plan.Launches, g)
	}
	for i := range plan.Launches {
		found.pods += len(plan.Launches[i].Pods)
		found.keys = append(found.keys, plan.Launches[i].Pods...)
	}
	if r.alone == nil {
		r.alone = map[string]option{}
	}
	r.alone[g.Name] = found
	return found
}

// waste is the unused part of cpu plus that of memory, of nodes of the least
// capacity that the group may bring.
func waste(launches []model.Launch, g *model.NodeGroup) float64 {
	capacity := groupnodes.SharedByAll(g.Types, "").Capacity
	sum := 0.0
	for _, resource := range []string{model.CPU, model.Memory} {
		has, used := float64(capacity[resource])*float64(len(launches)), 0.0
		for i := range launches {
			used += float64(launches[i].Requests[resource])
		}
		if has > 0 {
			sum += (has - used) / has
		}
	}
	return sum
}
