package check

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/drover-project/drover/internal/engine/enginetest"
	"github.com/drover-project/drover/internal/model"
)

// drawPlan puts each pending pod of a drawn cluster anywhere: most plans break
// rules.
func drawPlan(t *rapid.T) (*model.Snapshot, model.Plan) {
	draw := func(label string, least, most int) int { return rapid.IntRange(least, most).Draw(t, label) }
	s := enginetest.Draw(draw)
	var plan model.Plan
	for range draw("launches", 1, 4) {
		pool := s.NodePools[draw("launchPool", 0, len(s.NodePools)-1)]
		offerings := s.Catalogs[pool.NodeClass].Offerings
		if len(offerings) == 0 {
			continue
		}
		launch := model.Launch{NodePool: pool.Name}
		for range draw("offerings", 1, 2) {
			launch.Offerings = append(launch.Offerings, offerings[draw("offering", 0, len(offerings)-1)])
		}
		plan.Launches = append(plan.Launches, launch)
	}
	for i := range s.Pending {
		switch at := draw("place", 0, len(s.Nodes)+len(plan.Launches)); {
		case at < len(s.Nodes):
			plan.Placements = append(plan.Placements, model.Placement{Pod: s.Pending[i].PodKey, Node: s.Nodes[at].Name})
		case at-len(s.Nodes) < len(plan.Launches):
			launch := &plan.Launches[at-len(s.Nodes)]
			launch.Pods = append(launch.Pods, s.Pending[i].PodKey)
		}
	}
	return s, plan
}

// audited is the audit of a plan with its places, and by rule where it found it
// broken.
func audited(s *model.Snapshot, plan *model.Plan) (*audit, func(rule string) []string) {
	a := &audit{crowd: newCrowd(s), snapshot: s, plan: plan}
	found := a.look()
	return a, func(rule string) []string {
		where := map[string]bool{}
		for _, v := range found {
			if v.Rule == rule {
				where[v.Where] = true
			}
		}
		return slices.Sorted(maps.Keys(where))
	}
}

// TestAntiAffinityPodByPod compares with every pair of pods looked at by itself.
func TestAntiAffinityPodByPod(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, plan := drawPlan(t)
		a, found := audited(s, &plan)
		broken := map[string]bool{}
		for _, p := range a.places {
			for _, owner := range slices.Concat(p.bound, p.planned) {
				if slices.ContainsFunc(owner.PodAntiAffinity, func(term model.PodAffinityTerm) bool { return term.Weight == 0 && a.isMet(p, owner, term) }) {
					broken[p.name] = true
				}
			}
		}
		if want := slices.Sorted(maps.Keys(broken)); !slices.Equal(want, found("PodAntiAffinity")) {
			t.Fatalf("found at %v, pod by pod at %v\n%s\n%s", found("PodAntiAffinity"), want, text(s), text(plan))
		}
	})
}

// isMet reports whether a pod that the term selects may be in the owner's domain,
// one of the two being planned.
func (a *audit) isMet(p *place, owner *model.Pod, term model.PodAffinityTerm) bool {
	for _, q := range a.places {
		for _, other := range slices.Concat(q.bound, q.planned) {
			planned := slices.Contains(p.planned, owner) || slices.Contains(q.planned, other)
			if other == owner || !planned || !matches(term, owner.Namespace, &face{namespace: other.Namespace, labels: other.Labels}) {
				continue
			}
			for _, value := range p.domains(term.TopologyKey) {
				if value != unknownName && slices.Contains(q.domains(term.TopologyKey), value) {
					return true
				}
			}
		}
	}
	return false
}

// TestSpreadPodByPod compares, along keys that all launches are certain of, with a
// count of its own for every pod.
func TestSpreadPodByPod(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, plan := drawPlan(t)
		for i := range plan.Launches {
			plan.Launches[i].Offerings = plan.Launches[i].Offerings[:1]
		}
		for i := range s.Pending { // along the hostname, ready nodes come first: another matter
			s.Pending[i].TopologySpread = slices.DeleteFunc(slices.Clone(s.Pending[i].TopologySpread),
				func(r model.TopologySpread) bool { return r.TopologyKey == hostname })
		}
		a, found := audited(s, &plan)
		broken := map[string]bool{}
		for _, p := range a.places {
			for _, pod := range p.planned {
				for _, rule := range pod.TopologySpread {
					broken[p.name] = broken[p.name] || !rule.ScheduleAnyway && a.isSkewed(p, pod, rule)
				}
			}
		}
		maps.DeleteFunc(broken, func(_ string, is bool) bool { return !is })
		if want := slices.Sorted(maps.Keys(broken)); !slices.Equal(want, found("TopologySpread")) {
			t.Fatalf("found at %v, pod by pod at %v\n%s\n%s", found("TopologySpread"), want, text(s), text(plan))
		}
	})
}

// isSkewed counts for one pod at one place; every place has one variant at most.
func (a *audit) isSkewed(p *place, pod *model.Pod, rule model.TopologySpread) bool {
	if len(p.variants) == 0 {
		return true
	}
	own, there := label(p.variants[0].labels, rule.TopologyKey)
	if !there {
		return true
	}
	counts := map[string]int{}
	for _, q := range a.places {
		if len(q.variants) == 0 || !(&ground{pod: pod, rule: rule}).isEligible(q.variants[0], q) {
			continue
		}
		domain, _ := label(q.variants[0].labels, rule.TopologyKey)
		counts[domain] += 0
		for _, other := range slices.Concat(q.bound, q.planned) {
			if countsFor(other, pod, rule) {
				counts[domain]++
			}
		}
	}
	least := leastOf(counts)
	if len(counts) < int(rule.MinDomains) {
		least = 0
	}
	return counts[own]-least > int(rule.MaxSkew)
}

func countsFor(other, pod *model.Pod, rule model.TopologySpread) bool {
	conditions := 0
	if rule.Selector != nil {
		conditions = len(rule.Selector.MatchLabels) + len(rule.Selector.Requirements)
	}
	for _, key := range rule.MatchLabelKeys {
		if value, asked := pod.Labels[key]; asked {
			conditions++
			if have, there := other.Labels[key]; !there || have != value {
				return false
			}
		}
	}
	return conditions > 0 && !other.Terminating && other.Namespace == pod.Namespace && selected(rule.Selector, other.Labels)
}

// TestAcceptedAffinityHasAnOrder: where the audit finds every affinity kept, the
// pods can be bound one by one in some order.
func TestAcceptedAffinityHasAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, plan := drawPlan(t)
		a, found := audited(s, &plan)
		b := binding{failed: map[int]bool{}}
		for _, p := range a.places {
			for _, pod := range p.bound {
				b.bound = append(b.bound, seat{pod, p})
			}
			for _, pod := range p.planned {
				b.pods = append(b.pods, seat{pod, p})
			}
		}
		if len(b.pods) <= 12 && len(found("PodAffinity")) == 0 && !b.goesOn(0) {
			t.Fatalf("no order\n%s\n%s", text(s), text(plan))
		}
	})
}

type seat struct {
	*model.Pod
	place *place
}

// binding tries every order.
type binding struct {
	bound, pods []seat
	failed      map[int]bool // sets of pods after which not all can be bound
}

// goesOn reports whether the pods that are not in the set done can be bound.
func (b *binding) goesOn(done int) bool {
	if done == 1<<len(b.pods)-1 {
		return true
	}
	if b.failed[done] {
		return false
	}
	for i := range b.pods {
		if done&(1<<i) == 0 && b.canBeNext(i, done) && b.goesOn(done|1<<i) {
			return true
		}
	}
	b.failed[done] = true
	return false
}

func (b *binding) canBeNext(i, done int) bool {
	next := b.pods[i]
	terms := requiredTerms(next.PodAffinity)
	there := slices.Clone(b.bound)
	for j := range b.pods {
		if done&(1<<j) != 0 {
			there = append(there, b.pods[j])
		}
	}
	is := func(pod *model.Pod) bool {
		return !slices.ContainsFunc(terms, func(t model.PodAffinityTerm) bool {
			return !matches(t, next.Namespace, &face{namespace: pod.Namespace, labels: pod.Labels})
		})
	}
	somewhere, met := false, 0
	for _, term := range terms {
		own := next.place.domains(term.TopologyKey)
		if len(own) != 1 || own[0] == unknownName {
			return false
		}
		beside := false
		for _, other := range there {
			if values := other.place.domains(term.TopologyKey); is(other.Pod) && len(values) > 0 && values[0] != unknownName {
				somewhere = true
				beside = beside || values[0] == own[0]
			}
		}
		if beside {
			met++
		}
	}
	return met == len(terms) || !somewhere && is(next.Pod)
}
