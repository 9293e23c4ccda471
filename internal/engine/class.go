package engine

import (
	"slices"
	"sort"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// class is a set of pending pods that are interchangeable. All work is done
// per class; names are handed out at the end.
type class struct {
	members
	id      int
	request vector
	whole   bool                     // request has all that the pods ask for
	terms   []model.NodeSelectorTerm // alternatives, the node selector merged into each
	granted grants                   // preferred rules to keep
	fault   *model.Reason            // why no plan can take the class into account

	labelled bitset // configs whose labels and taints admit the class; shared
	family   int    // number of that set
	fits     bitset // of those: large enough and known to have capacity; may be shared
	fitsID   int    // equal for classes of one family and request

	bundle []share // the pods of a bundle, which is no class of the problem

	touches []touch // topology rules over node labels other than the hostname
	hosts   []touch // topology rules per node
}

// members are the pods of a class, whatever a plan makes of them.
type members struct {
	pod     *model.Pod     // any one of them, as rules see it
	keys    []model.PodKey // in order
	held    int            // last of keys that are left out, for others or for their group
	refused *model.Reason  // why all of them are, when that is settled
}

// count is how many of the pods ask for a place.
func (m *members) count() int { return len(m.keys) - m.held }

// groupPods finds the classes of the pending pods, in an order that does not
// depend on the order of input: by signature.
func groupPods(snapshot *model.Snapshot, s *signer) []*members {
	bySignature := map[string]int32{}
	var signatures []string
	var first, counts []int32 // by number of the signature
	numbers := make([]int32, len(snapshot.Pending))
	for i := range snapshot.Pending {
		pod := &snapshot.Pending[i]
		if numbers[i] = -1; pod.OwnedByDaemonSet {
			continue
		}
		signature := s.sign(pod)
		if last := len(signatures) - 1; last >= 0 && string(signature) == signatures[last] {
			numbers[i] = int32(last) // mostly
			counts[last]++
			continue
		}
		number, known := bySignature[string(signature)]
		if !known {
			number = int32(len(signatures))
			signatures = append(signatures, string(signature))
			bySignature[signatures[number]] = number
			first, counts = append(first, int32(i)), append(counts, 0)
		}
		numbers[i] = number
		counts[number]++
	}
	made, keys := make([]members, len(signatures)), make([]model.PodKey, len(snapshot.Pending))
	for number := range made {
		made[number].pod = &snapshot.Pending[first[number]]
		made[number].keys, keys = keys[:0:counts[number]], keys[counts[number]:]
	}
	for i, number := range numbers {
		if number >= 0 {
			made[number].keys = append(made[number].keys, snapshot.Pending[i].PodKey)
		}
	}
	sort.Strings(signatures)
	classes := make([]*members, len(signatures))
	for i, signature := range signatures {
		classes[i] = &made[bySignature[signature]]
		sortPodKeys(classes[i].keys)
	}
	return classes
}

func sortPodKeys(keys []model.PodKey) {
	if !slices.IsSortedFunc(keys, compareKeys) {
		slices.SortFunc(keys, compareKeys)
	}
}

func compareKeys(a, b model.PodKey) int {
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

func lessKey(a, b model.PodKey) bool { return compareKeys(a, b) < 0 }

// selectorTerms merges node selector and required affinity into alternatives.
// No alternative at all means that every node is admitted.
func selectorTerms(pod *model.Pod) []model.NodeSelectorTerm {
	var base []model.Requirement
	for _, key := range sortedKeys(pod.NodeSelector) {
		base = append(base, model.Requirement{Key: key, Operator: model.In, Values: []string{pod.NodeSelector[key]}})
	}
	if len(pod.RequiredNodeAffinity) == 0 {
		if len(base) == 0 {
			return nil
		}
		return []model.NodeSelectorTerm{{Labels: base}}
	}
	terms := make([]model.NodeSelectorTerm, 0, len(pod.RequiredNodeAffinity))
	for _, term := range pod.RequiredNodeAffinity {
		if len(term.Labels) == 0 && len(term.Fields) == 0 {
			continue // an empty term selects no node
		}
		labels := append(append([]model.Requirement(nil), base...), term.Labels...)
		terms = append(terms, model.NodeSelectorTerm{Labels: labels, Fields: term.Fields})
	}
	if len(terms) == 0 {
		terms = append(terms, model.NodeSelectorTerm{Fields: []model.Requirement{{Key: fieldNodeName, Operator: model.In}}})
	}
	return terms
}

// podFault finds what makes a pod impossible to plan for, whatever the cluster.
func podFault(pod *model.Pod) *model.Reason {
	if len(pod.Blocked) > 0 {
		var messages []string
		for _, reason := range pod.Blocked {
			messages = append(messages, reason.Message)
		}
		return &model.Reason{Code: pod.Blocked[0].Code, Message: strings.Join(boundedList(messages, 4), "; ")}
	}
	if len(pod.Unsupported) > 0 {
		return &model.Reason{Code: model.CodeUnsupported,
			Message: "not planned for: " + strings.Join(boundedList(pod.Unsupported, 5), ", ") + "; remove it from the pod or place the pod by hand"}
	}
	for _, term := range pod.RequiredNodeAffinity {
		for _, r := range append(append([]model.Requirement(nil), term.Labels...), term.Fields...) {
			if fault := requirementFault(r); fault != "" {
				return &model.Reason{Code: model.CodeInvalidRequirement, Message: "required node affinity: " + fault}
			}
		}
	}
	for _, s := range pod.TopologySpread {
		if s.TopologyKey == "" || s.MaxSkew < 1 {
			return &model.Reason{Code: model.CodeInvalidRequirement,
				Message: "topology spread: needs a topologyKey and a maxSkew of at least 1"}
		}
		if fault := selectorFault(s.Selector); fault != "" {
			return &model.Reason{Code: model.CodeInvalidRequirement, Message: "topology spread: " + fault}
		}
	}
	for _, t := range append(append([]model.PodAffinityTerm(nil), pod.PodAffinity...), pod.PodAntiAffinity...) {
		if t.TopologyKey == "" {
			return &model.Reason{Code: model.CodeInvalidRequirement, Message: "pod affinity: a term needs a topologyKey"}
		}
		if fault := selectorFault(t.Selector); fault != "" {
			return &model.Reason{Code: model.CodeInvalidRequirement, Message: "pod affinity: " + fault}
		}
	}
	return nil
}

func selectorFault(s *model.LabelSelector) string {
	if s == nil {
		return ""
	}
	for _, r := range s.Requirements {
		if fault := requirementFault(r); fault != "" {
			return fault
		}
	}
	return ""
}

// requires splits the required from the preferred terms of an affinity list.
func requires(t model.PodAffinityTerm) bool { return t.Weight == 0 }
