package engine

import (
	"github.com/drover-project/drover/internal/model"
)

// selects is Kubernetes' label selector: nil selects nothing, empty everything.
func selects(s *model.LabelSelector, labels map[string]string) bool {
	if s == nil {
		return false
	}
	for key, value := range s.MatchLabels {
		if have, ok := labels[key]; !ok || have != value {
			return false
		}
	}
	for _, r := range s.Requirements {
		value, ok := labels[r.Key]
		if !holds(r, value, ok) {
			return false
		}
	}
	return true
}

// matcher selects pods by namespace and label.
type matcher struct {
	namespaces []string
	selector   *model.LabelSelector
	// same holds the labels that matchLabelKeys copies from the asking pod.
	same map[string]string
}

func (m *matcher) matches(namespace string, labels map[string]string) bool {
	if !contains(m.namespaces, namespace) || !selects(m.selector, labels) {
		return false
	}
	for key, value := range m.same {
		if have, ok := labels[key]; !ok || have != value {
			return false
		}
	}
	return true
}

func affinityMatcher(term model.PodAffinityTerm, namespace string) matcher {
	namespaces := term.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{namespace}
	}
	return matcher{namespaces: namespaces, selector: term.Selector}
}

// spreadMatcher follows kube-scheduler in that an empty selector counts no pod
// at all.
func spreadMatcher(s model.TopologySpread, pod *model.Pod) matcher {
	m := matcher{namespaces: []string{pod.Namespace}, selector: s.Selector}
	if s.Selector == nil {
		return m
	}
	for _, key := range s.MatchLabelKeys {
		if value, ok := pod.Labels[key]; ok {
			if m.same == nil {
				m.same = map[string]string{}
			}
			m.same[key] = value
		}
	}
	if len(m.same) == 0 && len(s.Selector.MatchLabels) == 0 && len(s.Selector.Requirements) == 0 {
		m.selector = nil
	}
	return m
}

// relevantLabels are the label keys by which some rule of the snapshot tells
// pods apart; all others (a StatefulSet's pod index) do not split classes.
func relevantLabels(snapshot *model.Snapshot) []string {
	seen := map[string]bool{}
	for i := range snapshot.Pending {
		collectKeys(&snapshot.Pending[i], seen)
	}
	for i := range snapshot.Nodes {
		for j := range snapshot.Nodes[i].Pods {
			collectTerms(snapshot.Nodes[i].Pods[j].PodAntiAffinity, seen)
		}
	}
	for i := range snapshot.DaemonSets {
		collectTerms(snapshot.DaemonSets[i].Template.PodAntiAffinity, seen)
	}
	return sortedKeys(seen)
}

func collectKeys(pod *model.Pod, seen map[string]bool) {
	for i := range pod.TopologySpread {
		s := &pod.TopologySpread[i]
		collectSelector(s.Selector, seen)
		for _, key := range s.MatchLabelKeys {
			seen[key] = true
		}
	}
	collectTerms(pod.PodAffinity, seen)
	collectTerms(pod.PodAntiAffinity, seen)
}

func collectTerms(terms []model.PodAffinityTerm, seen map[string]bool) {
	for i := range terms {
		collectSelector(terms[i].Selector, seen)
	}
}

func collectSelector(s *model.LabelSelector, seen map[string]bool) {
	if s == nil {
		return
	}
	for key := range s.MatchLabels {
		seen[key] = true
	}
	for _, r := range s.Requirements {
		seen[r.Key] = true
	}
}
