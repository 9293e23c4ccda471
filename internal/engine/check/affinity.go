package check

import (
	"cmp"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

const hostname = "kubernetes.io/hostname"

// located is a group of planned pods with where it is.
type located struct {
	group
	*place
}

// affinity replays the plan: pods are added as soon as their required affinity
// is met by those already there; who can never be added breaks it. A pod that
// needs no other, because none that it selects is there, must not depend on being
// bound before those: only priority decides who is bound first.
func (a *audit) affinity() {
	all := a.located()
	first := a.replay([][]located{all})
	if len(first) == 0 || len(a.replay(byPriority(all))) == 0 {
		return
	}
	for _, v := range first {
		a.report(v.Rule, v.Where, "%s", v.Message)
	}
}

func (a *audit) located() []located {
	var all []located
	for _, p := range a.places {
		for _, g := range p.groups {
			all = append(all, located{g, p})
		}
	}
	return all
}

// byPriority parts the groups, the highest priority first.
func byPriority(all []located) [][]located {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(x, y located) int { return cmp.Compare(y.Priority, x.Priority) })
	var turns [][]located
	for i, l := range sorted {
		if i == 0 || l.Priority != sorted[i-1].Priority {
			turns = append(turns, nil)
		}
		turns[len(turns)-1] = append(turns[len(turns)-1], l)
	}
	return turns
}

// replay adds groups turn by turn: in each, first those that need nobody or whom
// they need, then those that open their domain, who keeps most others from that
// first. It returns what is wrong.
func (a *audit) replay(turns [][]located) []Violation {
	r := a.newReplay(slices.Concat(turns...))
	end := 0
	for _, turn := range turns {
		begin := end
		end += len(turn)
		for i := begin; i < end; i++ {
			r.follow(r.try(i, false))
		}
		for _, i := range r.openers(end) {
			if !r.added[i] {
				r.follow(r.try(i, true))
			}
		}
	}
	for i, l := range r.order {
		if !r.added[i] {
			r.faults.reportAll(l.group, "PodAffinity", l.name, "%s is not beside the pods it requires")
		}
	}
	return r.faults.found
}

// replay is the state of the cluster while pods are added to it.
type replay struct {
	order   []located
	added   []bool
	wants   map[*kind]*want
	about   map[*face][]*want
	waiting map[lack][]int
	faults  findings
}

// want is what pods with the same required affinity look for: domains in which
// there is a pod that all of the terms select.
type want struct {
	terms  []model.PodAffinityTerm
	self   map[*face]bool // what they select
	there  map[domain]bool
	unsure []*place // have such pods, and nobody knows in which domain
}

type domain struct{ key, value string }

// lack is the domain for want of which groups wait.
type lack struct {
	*want
	domain
}

func (a *audit) newReplay(order []located) *replay {
	r := &replay{order: order, added: make([]bool, len(order)), wants: map[*kind]*want{}, about: map[*face][]*want{}, waiting: map[lack][]int{}}
	known := map[string]*want{}
	for _, l := range order {
		terms := requiredTerms(l.PodAffinity)
		if len(terms) == 0 || r.wants[l.kind] != nil {
			continue
		}
		key := text([]any{l.kind.Namespace, terms})
		if known[key] == nil {
			w := &want{terms: terms, self: map[*face]bool{}, there: map[domain]bool{}}
			for _, f := range a.matchingAll(terms, l.kind.Namespace) {
				w.self[f] = true
				r.about[f] = append(r.about[f], w)
			}
			known[key] = w
		}
		r.wants[l.kind] = known[key]
	}
	for f := range r.about {
		for _, at := range a.at[f] {
			if len(at.bound) > 0 {
				r.add(f, at.place)
			}
		}
	}
	return r
}

// openers are the groups before end that wait and select themselves.
func (r *replay) openers(end int) []int {
	var list []int
	for i, l := range r.order[:end] {
		if w := r.wants[l.kind]; !r.added[i] && w.self[l.face] {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(i, j int) int { return cmp.Compare(len(r.about[r.order[j].face]), len(r.about[r.order[i].face])) })
	return list
}

// follow tries those again that waited for a group, and who waited for them.
func (r *replay) follow(woken []int) {
	for len(woken) > 0 {
		woken = append(woken[1:], r.try(woken[0], false)...)
	}
}

// try adds a group if it can be, and returns those that waited for it. With opens
// it may be the first of those that it selects.
func (r *replay) try(i int, opens bool) []int {
	l := r.order[i]
	w := r.wants[l.kind]
	if w == nil {
		r.added[i] = true
		return r.add(l.face, l.place)
	}
	for _, p := range w.unsure {
		for _, term := range w.terms {
			r.faults.domain(p, term.TopologyKey, "PodAffinity")
		}
	}
	w.unsure = nil
	opens = opens && len(w.there) == 0
	for _, term := range w.terms {
		own, ok := r.faults.domain(l.place, term.TopologyKey, "PodAffinity")
		if !ok {
			return nil
		}
		if d := (domain{term.TopologyKey, own}); !opens && !w.there[d] {
			r.waiting[lack{w, d}] = append(r.waiting[lack{w, d}], i)
			return nil
		}
	}
	r.added[i] = true
	return r.add(l.face, l.place)
}

// add notes pods of a face at a place, and returns who waited for them.
func (r *replay) add(f *face, p *place) []int {
	var woken []int
	for _, w := range r.about[f] {
		for _, term := range w.terms {
			values := p.domains(term.TopologyKey)
			if len(values) > 1 {
				w.unsure = append(w.unsure, p)
			}
			if len(values) == 0 || values[0] == unknownName {
				continue
			}
			d := domain{term.TopologyKey, values[0]}
			if !w.there[d] {
				w.there[d] = true
				woken = append(woken, r.waiting[lack{w, d}]...)
				delete(r.waiting, lack{w, d})
			}
		}
	}
	return woken
}

// domain is the one value of key; false when there is none. A rule that needs
// to know and cannot is a violation of its own.
func (f *findings) domain(p *place, key, rule string) (string, bool) {
	values := p.domains(key)
	if len(values) > 1 {
		f.report(rule, p.name, "may come up with several values of %s: %q", key, values)
	}
	if len(values) == 0 || values[0] == unknownName {
		return "", false
	}
	return values[0], true
}
