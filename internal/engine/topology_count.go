package engine

import (
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// boundOwners records the anti-affinity of pods that already run.
func (t *topology) boundOwners() {
	for i, n := range t.p.nodes {
		for j := range n.spec.Pods {
			pod := &n.spec.Pods[j]
			for _, term := range pod.PodAntiAffinity {
				if !requires(term) || selectorFault(term.Selector) != "" {
					continue
				}
				r := t.rule(antiRule, term.TopologyKey, []matcher{affinityMatcher(term, pod.Namespace)}, "", nil)
				if d := r.domainOfNode(i); d >= 0 {
					r.own[d]++
				}
			}
		}
	}
}

// boundCounts counts the running pods that the rules select; pods that look the
// same to every rule are matched once.
func (t *topology) boundCounts() {
	if len(t.rules) == 0 {
		return
	}
	selected := map[string][]*rule{}
	for i, n := range t.p.nodes {
		for j := range n.spec.Pods {
			profile := t.signer.profile(&n.spec.Pods[j])
			rules, known := selected[string(profile)]
			if !known {
				key := string(profile)
				rules = t.selecting(&n.spec.Pods[j])
				selected[key] = rules
			}
			for _, r := range rules {
				// Spreading looks past pods that are on their way out.
				leaving := r.kind == spreadRule && n.spec.Pods[j].Terminating
				if d := r.domainOfNode(i); d >= 0 && !leaving {
					r.count[d]++
					r.total++
				}
			}
		}
	}
}

// indexRules sorts the rules by a label that every selected pod has.
func (t *topology) indexRules() {
	t.byLabel = map[string][]*rule{}
	for _, r := range t.rules {
		s := r.matchers[0].selector
		if s == nil {
			continue // selects nothing
		}
		if keys := sortedKeys(s.MatchLabels); len(keys) > 0 {
			pair := keys[0] + "=" + s.MatchLabels[keys[0]]
			t.byLabel[pair] = append(t.byLabel[pair], r)
			continue
		}
		pairs := neededValues(s)
		for _, pair := range pairs {
			t.byLabel[pair] = append(t.byLabel[pair], r)
		}
		if pairs == nil {
			t.general = append(t.general, r)
		}
	}
}

// neededValues are labels of which a selected pod has exactly one, by the selector's
// requirements; none where there are no such.
func neededValues(s *model.LabelSelector) []string {
	for _, r := range s.Requirements {
		if r.Operator != model.In || len(r.Values) == 0 {
			continue
		}
		values := slices.Clone(r.Values)
		slices.Sort(values)
		var pairs []string
		for _, value := range slices.Compact(values) {
			pairs = append(pairs, r.Key+"="+value)
		}
		return pairs
	}
	return nil
}

// selecting returns the rules that count the pod, in order.
func (t *topology) selecting(pod *model.Pod) []*rule {
	var rules []*rule
	for _, r := range t.general {
		if r.selects(pod) {
			rules = append(rules, r)
		}
	}
	for _, key := range t.signer.labels {
		value, ok := pod.Labels[key]
		if !ok {
			continue
		}
		for _, r := range t.byLabel[key+"="+value] {
			if r.selects(pod) {
				rules = append(rules, r)
			}
		}
	}
	slices.SortFunc(rules, func(x, y *rule) int { return x.id - y.id })
	return rules
}

// touches sorts out which rules the class has to do with.
func (t *topology) touches(c *class, owned []touch) {
	if c.fault != nil {
		return
	}
	all := owned
	for _, r := range t.selecting(c.pod) {
		if at := touching(owned, r); at >= 0 {
			all[at].matched = true
		} else {
			all = append(all, touch{rule: r, matched: true})
		}
	}
	slices.SortFunc(all, func(x, y touch) int { return x.rule.id - y.rule.id })
	waits := waitsForOthers(all)
	hosts := 0
	for i := range all {
		if all[i].rule.axis.host {
			hosts++
		}
	}
	list, others := t.lists.take(len(all)), len(all)-hosts
	c.touches, c.hosts = list[:0:others], list[others:others]
	for i := range all {
		r := all[i].rule
		if all[i].owns && r.kind == spreadRule && !r.axis.host {
			r.markDomains(r.universe, c.fits)
		}
		r.waits = r.waits || waits && all[i].owns
		if r.axis.host {
			c.hosts = append(c.hosts, all[i])
		} else {
			c.touches = append(c.touches, all[i])
		}
	}
}

// waitsForOthers reports whether a class must be beside pods of which none runs
// and which it is not one of.
func waitsForOthers(touches []touch) bool {
	for i := range touches {
		t := &touches[i]
		if t.owns && !t.matched && t.rule.kind == affinityRule && t.rule.total == 0 {
			return true
		}
	}
	return false
}
