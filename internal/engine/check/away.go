package check

import (
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// antiAffinity holds in both directions between planned pods and all others.
func (a *audit) antiAffinity() {
	f := &fences{audit: a, asked: map[*kind][]*fence{}, known: map[string]*fence{}}
	for _, p := range a.places {
		for _, g := range p.groups {
			f.keepAway(p, g, true)
		}
		for _, pod := range p.bound {
			if k := a.kinds[pod]; k != nil {
				f.keepAway(p, group{k, []*model.Pod{pod}}, false)
			}
		}
	}
}

// fences answers each question about anti-affinity once.
type fences struct {
	*audit
	asked map[*kind][]*fence
	known map[string]*fence
}

func (f *fences) of(k *kind) []*fence {
	all, known := f.asked[k]
	if known {
		return all
	}
	for _, term := range requiredTerms(k.PodAntiAffinity) {
		key := text([]any{k.Namespace, term})
		if f.known[key] == nil {
			f.known[key] = f.newFence(term, k.Namespace)
		}
		all = append(all, f.known[key])
	}
	f.asked[k] = all
	return all
}

// keepAway reports pods that the group keeps out of where they are, one for each
// of its terms.
func (f *fences) keepAway(p *place, g group, planned bool) {
	for _, one := range f.of(g.kind) {
		for _, pod := range g.pods {
			if other := one.meets(p, pod, planned); other != nil {
				f.report("PodAntiAffinity", p.name, "%s keeps %s out of its %s", pod.PodKey, other.PodKey, one.topology)
			}
		}
	}
}

// fence holds the pods that an anti-affinity term selects, by the domains in which
// they may be: of each domain two, so that there is another than a certain one.
type fence struct {
	topology     string
	all, planned map[string][]*model.Pod
}

func (a *audit) newFence(term model.PodAffinityTerm, owner string) *fence {
	f := &fence{topology: term.TopologyKey, all: map[string][]*model.Pod{}, planned: map[string][]*model.Pod{}}
	for _, face := range a.matching(term, owner) {
		for _, at := range a.at[face] {
			for _, value := range at.place.domains(f.topology) {
				if value != unknownName {
					f.all[value] = two(two(f.all[value], at.bound), at.planned)
					f.planned[value] = two(f.planned[value], at.planned)
				}
			}
		}
	}
	return f
}

// two adds different pods up to two.
func two(some, more []*model.Pod) []*model.Pod {
	for _, pod := range more {
		if len(some) == 2 {
			break
		}
		if !slices.Contains(some, pod) {
			some = append(some, pod)
		}
	}
	return some
}

// meets returns another pod than the owner that may be in a domain of the
// owner's place; where the owner runs already, a planned one.
func (f *fence) meets(p *place, owner *model.Pod, planned bool) *model.Pod {
	others := f.all
	if !planned {
		others = f.planned
	}
	for _, value := range p.domains(f.topology) {
		for _, other := range others[value] {
			if other != owner {
				return other
			}
		}
	}
	return nil
}
