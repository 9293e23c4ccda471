package check

import (
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// presence is how many pods of a face are at a place.
type presence struct {
	place          *place
	bound, planned []*model.Pod
}

// findPods notes where pods of each face are.
func (a *audit) findPods() {
	a.at = map[*face][]presence{}
	for _, p := range a.places {
		here := map[*face]int{}
		note := func(pod *model.Pod) *presence {
			f := a.faces[pod]
			i, known := here[f]
			if !known {
				i = len(a.at[f])
				here[f] = i
				a.at[f] = append(a.at[f], presence{place: p})
			}
			return &a.at[f][i]
		}
		for _, pod := range p.bound {
			at := note(pod)
			at.bound = append(at.bound, pod)
		}
		for _, pod := range p.planned {
			at := note(pod)
			at.planned = append(at.planned, pod)
		}
	}
}

// spread checks the state after the plan: in a domain that gets pods with a
// DoNotSchedule constraint, their number exceeds the least domain's by at most
// maxSkew. Along the hostname, nodes that have joined are filled before new ones
// do.
func (a *audit) spread() {
	s := &spreads{audit: a, asked: map[*kind][]*spread{}, late: map[*kind]bool{}, known: map[string]*spread{}, grounds: map[string]*ground{}}
	for _, p := range a.places {
		for _, g := range p.groups {
			for _, one := range s.of(g.kind) {
				s.check(p, g, one)
			}
		}
	}
}

// spreads answers each question about constraints once, however many pods and
// places ask.
type spreads struct {
	*audit
	asked   map[*kind][]*spread
	late    map[*kind]bool // kinds that wait for new nodes
	known   map[string]*spread
	grounds map[string]*ground
}

// spread is a constraint of some pods: which others it counts and on what ground.
type spread struct {
	rule    model.TopologySpread
	pod     *model.Pod // one of those that have it
	faces   []*face
	ground  *ground
	tallies [3]*tally // by stage
}

// stage is when a pod is bound: with all nodes there, or before the new ones.
type stage int

const (
	afterAll stage = iota
	beforeNew
	amongReady // as beforeNew, without the nodes that are still on their way
)

func (s stage) has(p *place) bool {
	return s == afterAll || s == beforeNew && p.existing || s == amongReady && p.ready
}

// tally is the number of counted pods by domain, and that of the domain with
// fewest.
type tally struct {
	counts map[string]int
	least  int
}

// of lists the DoNotSchedule constraints of a kind.
func (s *spreads) of(k *kind) []*spread {
	all, known := s.asked[k]
	if known {
		return all
	}
	s.late[k] = s.waits(k)
	for _, rule := range k.TopologySpread {
		if !rule.ScheduleAnyway {
			all = append(all, s.question(k, rule))
		}
	}
	s.asked[k] = all
	return all
}

func (s *spreads) question(k *kind, rule model.TopologySpread) *spread {
	ground := s.groundOf(k, rule)
	same := map[string]string{}
	for _, key := range rule.MatchLabelKeys {
		if value, ok := k.Pod.Labels[key]; ok {
			same[key] = value
		}
	}
	key := text([]any{ground.key, k.Namespace, rule, same})
	if s.known[key] == nil {
		s.known[key] = &spread{rule: rule, pod: k.Pod, faces: s.counted(k, rule, same), ground: ground}
	}
	return s.known[key]
}

// counted are the faces that count for the constraint; an empty selector counts
// nothing.
func (s *spreads) counted(k *kind, rule model.TopologySpread, same map[string]string) []*face {
	if rule.Selector == nil || len(rule.Selector.MatchLabels)+len(rule.Selector.Requirements)+len(same) == 0 {
		return nil
	}
	all := s.selected([]string{k.Namespace}, rule.Selector)
	return slices.DeleteFunc(all, func(f *face) bool {
		return f.terminating || !selected(&model.LabelSelector{MatchLabels: same}, f.labels)
	})
}

func (s *spreads) check(p *place, g group, one *spread) {
	key := one.rule.TopologyKey
	own, ok := s.domain(p, key, "TopologySpread")
	if !ok {
		s.report("TopologySpread", p.name, "%s needs the label %s", g.pods[0].PodKey, key)
		return
	}
	when := afterAll
	if key == hostname && p.ready && !s.late[g.kind] && s.holdsAmongReady(p, g.kind) {
		when = beforeNew
	}
	t := s.tally(one, when)
	if t.counts[own]-t.least > int(one.rule.MaxSkew) {
		s.report("TopologySpread", p.name, "%s: %d in %s %s, %d in the least domain, maxSkew %d", g.pods[0].PodKey, t.counts[own], key, own, t.least, one.rule.MaxSkew)
	}
}

// holdsAmongReady reports whether the kind's constraints other than those along the
// hostname hold at p among the nodes that have joined. Where they do not, the pod
// is bound after new nodes have joined.
func (s *spreads) holdsAmongReady(p *place, k *kind) bool {
	for _, other := range s.of(k) {
		if other.rule.TopologyKey == hostname {
			continue
		}
		own, _ := label(p.variants[0].labels, other.rule.TopologyKey)
		if t := s.tally(other, amongReady); t.counts[own]-t.least > int(other.rule.MaxSkew) {
			return false
		}
	}
	return true
}

// waits reports whether the pods must be beside pods of which none runs and which
// they are not among: they are bound after new nodes have joined.
func (a *audit) waits(k *kind) bool {
	terms := requiredTerms(k.PodAffinity)
	if len(terms) == 0 {
		return false
	}
	faces := a.matchingAll(terms, k.Namespace)
	runs := func(at presence) bool { return len(at.bound) > 0 }
	return !slices.ContainsFunc(faces, func(f *face) bool { return f == k.face || slices.ContainsFunc(a.at[f], runs) })
}

// tally counts the pods; the first time, it says where it cannot be sure.
func (s *spreads) tally(one *spread, when stage) *tally {
	if one.tallies[when] != nil {
		return one.tallies[when]
	}
	t := &tally{counts: map[string]int{}}
	for _, f := range one.faces {
		for _, at := range s.at[f] {
			if domains := one.ground.domainsOf(at.place); when.has(at.place) && len(domains) > 0 {
				t.counts[domains[0]] += len(at.bound) + len(at.planned)
				if len(at.planned) > 0 {
					one.ground.doubt(s.audit, at.place, one.pod)
				}
			}
		}
	}
	all, sure := one.ground.domains(when)
	if len(t.counts) >= all && sure >= int(one.rule.MinDomains) {
		t.least = leastOf(t.counts)
	}
	one.tallies[when] = t
	return t
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
