package engine

import "github.com/drover-project/drover/internal/engine/bound"

// wholes finds sets of classes whose pods are all on one node in any plan that
// has them all, because affinities per node leave no other way: to the proof they
// are one pod.
type wholes struct {
	p        *problem
	parents  []int  // by class: a class of the same set, or itself
	one      []bool // by the last of these: the set is on one node
	selected map[int][]*class
}

// findWholes returns a number of each class's set, and 0 for classes whose pods
// may be apart, or that are alone.
func findWholes(p *problem) []int {
	numbers := make([]int, len(p.classes))
	if !p.drawsPerNode() {
		return numbers
	}
	w := &wholes{p: p, parents: make([]int, len(p.classes)), one: make([]bool, len(p.classes)), selected: map[int][]*class{}}
	for i, c := range p.classes {
		w.parents[i], w.one[i] = i, len(c.keys) == 1
		c.eachAffinity(func(t *touch) {
			if t.matched {
				w.selected[t.rule.id] = append(w.selected[t.rule.id], c)
			}
		})
	}
	for w.joinAll() {
	}
	sizes := make([]int, len(p.classes))
	for i, c := range p.classes {
		sizes[w.set(i)] += len(c.keys)
	}
	for i := range numbers {
		if set := w.set(i); w.one[set] && sizes[set] > 1 {
			numbers[i] = set + 1
		}
	}
	return numbers
}

// joinAll reports whether some sets became one.
func (w *wholes) joinAll() bool {
	joined := false
	for _, c := range w.p.classes {
		c.eachAffinity(func(t *touch) {
			if t.owns && w.binds(t.rule) {
				joined = w.join(c, t) || joined
			}
		})
	}
	return joined
}

func (w *wholes) set(class int) int {
	for w.parents[class] != class {
		w.parents[class] = w.parents[w.parents[class]]
		class = w.parents[class]
	}
	return class
}

// join puts a class into one set with those that its rule selects where these are
// on one node, and so is it. Where all that the rule selects carry it, each after
// the first must be beside one that is there.
func (w *wholes) join(c *class, t *touch) bool {
	selected := w.selected[t.rule.id]
	for _, other := range selected {
		if t.matched && !other.carries(t.rule) || !t.matched && (w.set(other.id) != w.set(selected[0].id) || !w.one[w.set(other.id)]) {
			return false // some may be elsewhere
		}
	}
	joined := false
	for _, other := range selected {
		if set := w.set(other.id); set != w.set(c.id) || !w.one[set] {
			w.parents[set] = w.set(c.id)
			w.one[w.set(c.id)], joined = true, true
		}
	}
	return joined
}

func (c *class) carries(r *rule) bool {
	carries := false
	c.eachAffinity(func(t *touch) { carries = carries || t.rule == r && t.owns })
	return carries
}

// binds reports whether only pods that are planned can be what the rule asks for.
func (w *wholes) binds(r *rule) bool {
	if r.total > 0 {
		return false
	}
	for _, rules := range w.p.daemonRules {
		for _, id := range rules {
			if id == r.id {
				return false
			}
		}
	}
	return true
}

// addWhole adds a class that is all or part of a pod of the proof.
func (b *bounding) addWhole(c *class, made bound.Class, numbers map[int]int) {
	number, found := numbers[b.wholes[c.id]]
	if !found {
		number = len(b.problem.Classes)
		numbers[b.wholes[c.id]] = number
		b.problem.Classes = append(b.problem.Classes, bound.Class{Request: make([]int64, len(made.Request)), Family: made.Family, Count: 1})
	}
	whole := &b.problem.Classes[number]
	for r, amount := range made.Request {
		whole.Request[r] += amount * made.Count
	}
	if b.families[made.Family].configs.count() < b.families[whole.Family].configs.count() {
		whole.Family = made.Family
	}
	if whole.Exclusive == 0 {
		whole.Exclusive = made.Exclusive
	}
	b.numberOf[c.id] = number
}
