package check

import (
	"fmt"
	"sort"

	"github.com/drover-project/drover/internal/model"
)

const hostname = "kubernetes.io/hostname"

// domains are the values of key that the place has or may get: one for a node
// that exists, several for a launch that may become one of several offerings.
func (p *place) domains(key string) []string {
	if key == hostname {
		return []string{p.name}
	}
	seen := map[string]bool{}
	for _, labels := range p.labels {
		value, ok := label(labels, key)
		if !ok {
			value = unknownName
		}
		seen[value] = true
	}
	var values []string
	for value := range seen {
		values = append(values, value)
	}
	sort.Strings(values)
	return values
}

// domain is the one value of key; false when there is none. A rule that needs
// to know and cannot is a violation of its own.
func (a *audit) domain(p *place, key, rule string) (string, bool) {
	values := p.domains(key)
	if len(values) > 1 {
		a.report(rule, p.name, "may come up with several values of %s: %q", key, values)
	}
	if len(values) == 0 || values[0] == unknownName {
		return "", false
	}
	return values[0], true
}

// spread checks the state after the plan: in a domain that gets pods with a
// DoNotSchedule constraint, their number exceeds the least domain's by at most
// maxSkew. Along the hostname, nodes that have joined are filled before new ones
// do.
func (a *audit) spread() {
	done := map[string]bool{}
	for _, p := range a.places {
		for _, pod := range p.planned {
			for _, s := range pod.TopologySpread {
				if s.ScheduleAnyway {
					continue
				}
				question := fmt.Sprint(p.name, pod.Namespace, pod.Labels, s, s.Selector, pod.NodeSelector, pod.RequiredNodeAffinity, pod.Tolerations)
				if !done[question] {
					done[question] = true
					a.spreadAt(p, pod, s)
				}
			}
		}
	}
}

func (a *audit) spreadAt(p *place, pod *model.Pod, s model.TopologySpread) {
	own, ok := a.domain(p, s.TopologyKey, "TopologySpread")
	if !ok {
		a.report("TopologySpread", p.name, "%s needs the label %s", pod.PodKey, s.TopologyKey)
		return
	}
	early := s.TopologyKey == hostname && p.ready && !a.waits(pod) && a.spreadsEarly(p, pod)
	counts, known := map[string]int{}, map[string]bool{}
	for _, other := range a.places {
		if early && !other.existing {
			continue
		}
		for i, domain := range a.countedIn(other, pod, s) {
			n := 0
			if i == 0 {
				for _, q := range other.pods() {
					if counted(q, pod, s) {
						n++
					}
				}
			}
			counts[domain] += n
			if !early || other.ready {
				known[domain] = true
			}
		}
	}
	least := leastOf(counts)
	if len(known) < int(s.MinDomains) {
		least = 0
	}
	if counts[own]-least > int(s.MaxSkew) {
		a.report("TopologySpread", p.name, "%s: %d in %s %s, %d in the least domain, maxSkew %d", pod.PodKey, counts[own], s.TopologyKey, own, least, s.MaxSkew)
	}
}

func leastOf(counts map[string]int) int {
	least := -1
	for _, n := range counts {
		if least < 0 || n < least {
			least = n
		}
	}
	return max(least, 0)
}

// spreadsEarly reports whether the pod's constraints other than those along the
// hostname hold at p among the nodes that have joined. Where they do not, the pod
// is bound after new nodes have joined.
func (a *audit) spreadsEarly(p *place, pod *model.Pod) bool {
	for _, s := range pod.TopologySpread {
		if s.ScheduleAnyway || s.TopologyKey == hostname {
			continue
		}
		own, _ := label(p.labels[0], s.TopologyKey)
		counts := map[string]int{}
		for _, other := range a.places {
			domain, ok := label(other.labels[0], s.TopologyKey)
			if !ok || !other.ready || !eligible(other.labels[0], other, pod, s) {
				continue
			}
			counts[domain] += 0
			for _, q := range other.pods() {
				if counted(q, pod, s) {
					counts[domain]++
				}
			}
		}
		least := leastOf(counts)
		if len(counts) < int(s.MinDomains) {
			least = 0
		}
		if counts[own]-least > int(s.MaxSkew) {
			return false
		}
	}
	return true
}

// waits reports whether the pod must be beside pods of which none runs and which
// it is not one of: it is bound after new nodes have joined.
func (a *audit) waits(pod *model.Pod) bool {
	terms := requiredTerms(pod.PodAffinity)
	if len(terms) == 0 || matchesAll(terms, pod, pod) {
		return false
	}
	for _, p := range a.places {
		for _, bound := range p.bound {
			if matchesAll(terms, pod, bound) {
				return false
			}
		}
	}
	return true
}

// countedIn returns the domains of a place whose pods the constraint counts.
func (a *audit) countedIn(other *place, pod *model.Pod, s model.TopologySpread) []string {
	var labelSets []map[string]string
	for _, labels := range other.labels {
		if eligible(labels, other, pod, s) {
			labelSets = append(labelSets, labels)
		}
	}
	matching := 0
	for _, q := range other.planned {
		if counted(q, pod, s) {
			matching++
		}
	}
	// Along the hostname a launch that may not count can only help.
	if s.TopologyKey != hostname && len(labelSets) > 0 && len(labelSets) < len(other.labels) && matching > 0 {
		a.report("TopologySpread", other.name, "may or may not count for %s", pod.PodKey)
	}
	domains := (&place{name: other.name, labels: labelSets}).domains(s.TopologyKey)
	if len(labelSets) == 0 {
		return nil
	}
	if len(domains) > 1 && matching > 0 {
		a.report("TopologySpread", other.name, "may come up with several values of %s: %q", s.TopologyKey, domains)
	}
	return domains
}

func eligible(labels map[string]string, p *place, pod *model.Pod, s model.TopologySpread) bool {
	for _, t := range pod.TopologySpread {
		if _, ok := label(labels, t.TopologyKey); !ok && !t.ScheduleAnyway {
			return false
		}
	}
	name := ""
	if p.existing {
		name = p.name
	}
	if !s.IgnoreNodeAffinity && !admitted(pod, labels, name) {
		return false
	}
	return !s.HonorNodeTaints || firstUntolerated(p.taints, pod.Tolerations) == nil
}

// counted reports whether q counts for the constraint of pod; an empty selector
// counts nothing.
func counted(q, pod *model.Pod, s model.TopologySpread) bool {
	if q.Terminating || q.Namespace != pod.Namespace || s.Selector == nil || !selected(s.Selector, q.Labels) {
		return false
	}
	conditions := len(s.Selector.MatchLabels) + len(s.Selector.Requirements)
	for _, key := range s.MatchLabelKeys {
		want, ok := pod.Labels[key]
		if !ok {
			continue
		}
		conditions++
		if have, ok := q.Labels[key]; !ok || have != want {
			return false
		}
	}
	return conditions > 0
}

// planned pairs a pod with where it is.
type located struct {
	pod   *model.Pod
	place *place
}

// affinity replays the plan: pods are added as soon as their required affinity
// is met by those already there; who can never be added breaks it.
func (a *audit) affinity() {
	var there []located
	var waiting []located
	for _, p := range a.places {
		for _, pod := range p.bound {
			there = append(there, located{pod, p})
		}
		for _, pod := range p.planned {
			if len(requiredTerms(pod.PodAffinity)) > 0 {
				waiting = append(waiting, located{pod, p})
			} else {
				there = append(there, located{pod, p})
			}
		}
	}
	for progress := true; progress; {
		progress = false
		var still []located
		for _, w := range waiting {
			if a.affinityMet(w, there) {
				there = append(there, w)
				progress = true
			} else {
				still = append(still, w)
			}
		}
		waiting = still
	}
	for _, w := range waiting {
		a.report("PodAffinity", w.place.name, "%s is not beside the pods it requires", w.pod.PodKey)
	}
}

func (a *audit) affinityMet(w located, there []located) bool {
	terms := requiredTerms(w.pod.PodAffinity)
	counts := map[[2]string]int{}
	for _, other := range there {
		if !matchesAll(terms, w.pod, other.pod) {
			continue
		}
		for _, term := range terms {
			if domain, ok := a.domain(other.place, term.TopologyKey, "PodAffinity"); ok {
				counts[[2]string{term.TopologyKey, domain}]++
			}
		}
	}
	opens := len(counts) == 0 && matchesAll(terms, w.pod, w.pod)
	for _, term := range terms {
		own, ok := a.domain(w.place, term.TopologyKey, "PodAffinity")
		if !ok || !opens && counts[[2]string{term.TopologyKey, own}] == 0 {
			return false
		}
	}
	return true
}

// antiAffinity holds in both directions between planned pods and all others.
func (a *audit) antiAffinity() {
	var all []located
	planned := map[*model.Pod]bool{}
	for _, p := range a.places {
		for _, pod := range p.pods() {
			all = append(all, located{pod, p})
		}
		for _, pod := range p.planned {
			planned[pod] = true
		}
	}
	for _, owner := range all {
		for _, term := range requiredTerms(owner.pod.PodAntiAffinity) {
			for _, other := range all {
				if other.pod == owner.pod || !planned[owner.pod] && !planned[other.pod] || !matches(term, owner.pod, other.pod) {
					continue
				}
				if a.mayMeet(owner.place, other.place, term.TopologyKey) {
					a.report("PodAntiAffinity", owner.place.name, "%s keeps %s out of its %s", owner.pod.PodKey, other.pod.PodKey, term.TopologyKey)
				}
			}
		}
	}
}

// mayMeet reports whether two places can end up in one domain.
func (a *audit) mayMeet(p, q *place, key string) bool {
	if p == q {
		return len(p.domains(key)) > 1 || p.domains(key)[0] != unknownName
	}
	for _, x := range p.domains(key) {
		for _, y := range q.domains(key) {
			if x == y && x != unknownName {
				return true
			}
		}
	}
	return false
}

func requiredTerms(terms []model.PodAffinityTerm) []model.PodAffinityTerm {
	var required []model.PodAffinityTerm
	for _, t := range terms {
		if t.Weight == 0 {
			required = append(required, t)
		}
	}
	return required
}

func matches(term model.PodAffinityTerm, owner, other *model.Pod) bool {
	inNamespace := len(term.Namespaces) == 0 && other.Namespace == owner.Namespace
	for _, namespace := range term.Namespaces {
		inNamespace = inNamespace || namespace == other.Namespace
	}
	return inNamespace && selected(term.Selector, other.Labels)
}

func matchesAll(terms []model.PodAffinityTerm, owner, other *model.Pod) bool {
	for _, t := range terms {
		if !matches(t, owner, other) {
			return false
		}
	}
	return true
}
