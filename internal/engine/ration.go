package engine

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// Bounds of rationing: how many groups may be taken out of a plan, how many
// priorities are favoured, and how many plans are made to find how many less
// important pods may stay.
const (
	maxBrokenGroups = 32
	maxFavoured     = 8
	maxRationTrials = 24
)

// ration decides who goes without when not every pod finds a place: pods of
// lower priority before those of higher, and pod groups as a whole.
type ration struct {
	base    *problem
	signer  *signer
	classes []*members
	steps   int
	trials  int
}

// solve makes the plan. The usual case, that all pods are placed or none wants
// to be favoured, costs one solve.
func (r *ration) solve() *solution {
	r.refuseSmallGroups()
	s := r.favour(r.attempt(nil))
	for n := 0; n < maxBrokenGroups; n++ {
		group, reason := r.brokenGroup(s)
		if group == "" {
			break
		}
		r.hold(group, reason)
		s = r.favour(r.attempt(nil))
	}
	return s
}

// attempt solves with some pods of each class held back, nil for none. Groups
// that were given up stay held.
func (r *ration) attempt(held []int) *solution {
	classes := grant(r.classes, nil)
	for i, c := range classes {
		switch {
		case c.refused != nil:
			c.held = len(c.keys)
		case held != nil:
			c.held = held[i]
		default:
			c.held = 0
		}
	}
	s := solve(r.base.withClasses(classes, r.signer), r.base.settings.MaxSteps)
	r.steps += s.steps
	r.trials++
	return s
}

func (r *ration) exhausted() bool {
	return r.trials >= maxRationTrials || r.trials > 2 && r.steps >= 4*r.base.settings.MaxSteps
}

// favour gives scarce room, limits and domains to the pods of higher priority: when
// such a pod has no place, and would have one without less important pods, only as
// many of those are kept as leave it its place.
func (r *ration) favour(s *solution) *solution {
	favoured := 0
	for _, priority := range r.priorities() {
		if favoured >= maxFavoured || r.exhausted() {
			break
		}
		if s.missing(priority) == 0 || !s.placesBelow(priority) {
			continue
		}
		favoured++
		alone := r.attempt(r.keep(s, priority, 0))
		if alone.missingAbove(priority, s) {
			s = r.refill(alone, s, priority)
		}
	}
	r.adopt(s)
	s.release()
	return s
}

// release lets the pods that were held back for more important ones try once
// more, beside the finished plan.
func (s *solution) release() {
	released := false
	for i, c := range s.p.classes {
		if c.refused == nil && c.held > 0 {
			s.unplaced[i] += c.held
			c.held, released = 0, true
		}
	}
	if released {
		s.beside(s.p.settings.MaxSteps)
		s.topUp(s.known)
		s.finish()
	}
}

// priorities of the classes, highest first.
func (r *ration) priorities() []int32 {
	seen := map[int32]bool{}
	var list []int32
	for _, c := range r.classes {
		if !seen[c.pod.Priority] {
			seen[c.pod.Priority] = true
			list = append(list, c.pod.Priority)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i] > list[j] })
	return list
}

// missing counts the pods of a priority without a place that could have one if they were
// alone.
func (s *solution) missing(priority int32) int {
	n := 0
	for i, c := range s.p.classes {
		left := s.unplaced[i] + c.held
		if left > 0 && c.pod.Priority == priority && c.refused == nil && s.p.hopes(c) {
			n += left
		}
	}
	return n
}

// hopes reports whether the class would find a place if it were alone.
func (p *problem) hopes(c *class) bool {
	if c.fault != nil || !c.fits.empty() {
		return c.fault == nil
	}
	for _, n := range p.nodes {
		if c.request.fits(n.room) && n.admitsClass(c) {
			return true
		}
	}
	return false
}

func (p *problem) limits() bool {
	for _, pool := range p.pools {
		if len(pool.limited) > 0 {
			return true
		}
	}
	return false
}

// limited reports whether pods are left that new nodes could hold.
func (s *solution) limited() bool {
	for i, c := range s.p.classes {
		if s.unplaced[i] > 0 && !c.fits.empty() {
			return true
		}
	}
	return false
}

// keepsImportant reports whether no priority has fewer places than in other,
// higher ones alike.
func (s *solution) keepsImportant(other *solution) bool {
	return !other.missingAbove(math.MinInt32, s)
}

func (s *solution) placesBelow(priority int32) bool {
	for i, c := range s.p.classes {
		if c.pod.Priority < priority && c.count() > s.unplaced[i] {
			return true
		}
	}
	return false
}

// missingAbove reports whether s leaves fewer pods of at least that priority
// without a place than other does; the highest priority counts first.
func (s *solution) missingAbove(priority int32, other *solution) bool {
	levels := map[int32]int{}
	for i, c := range s.p.classes {
		if c.pod.Priority >= priority && c.fault == nil {
			levels[c.pod.Priority] += s.unplaced[i] + c.held - other.unplaced[i] - other.p.classes[i].held
		}
	}
	var order []int32
	for level := range levels {
		order = append(order, level)
	}
	sort.Slice(order, func(i, j int) bool { return order[i] > order[j] })
	for _, level := range order {
		if levels[level] != 0 {
			return levels[level] < 0
		}
	}
	return false
}

// refill finds how many of the pods below the priority can stay, most important
// first, by halving.
func (r *ration) refill(alone, all *solution, priority int32) *solution {
	best, most := alone, 0
	for _, c := range r.classes {
		if c.pod.Priority < priority {
			most += len(c.keys)
		}
	}
	least := 0
	for most-least > 1 && !r.exhausted() {
		middle := (least + most) / 2
		next := r.attempt(r.keep(all, priority, middle))
		if alone.missingAbove(priority, next) {
			most = middle
		} else {
			best, least = next, middle
		}
	}
	return best
}

// keep returns what each class holds back so that only count pods below the
// priority take part, the most important first.
func (r *ration) keep(s *solution, priority int32, count int) []int {
	held := make([]int, len(r.classes))
	var below []int
	for i, c := range r.classes {
		held[i] = s.p.classes[i].held
		if c.pod.Priority < priority {
			below = append(below, i)
		}
	}
	sort.SliceStable(below, func(a, b int) bool {
		return r.classes[below[a]].pod.Priority > r.classes[below[b]].pod.Priority
	})
	for _, i := range below {
		kept := min(count, len(r.classes[i].keys))
		held[i] = len(r.classes[i].keys) - kept
		count -= kept
	}
	return held
}

// adopt remembers what the solution holds back, for the plans that follow.
func (r *ration) adopt(s *solution) {
	for i, c := range s.p.classes {
		r.classes[i].held = c.held
	}
}

// refuseSmallGroups holds pods of groups that are not complete yet.
func (r *ration) refuseSmallGroups() {
	exist := r.members(func(i int) int { return len(r.classes[i].keys) })
	for _, g := range r.groups() {
		if exist[g.Name] < g.MinCount {
			r.hold(g.Name, model.Reason{Code: model.CodePodGroup, Message: fmt.Sprintf(
				"pod group %s needs %d pods at once and has %d: create the others", g.Name, g.MinCount, exist[g.Name])})
		}
	}
}

// groups that some pending pod names, by name.
func (r *ration) groups() []model.PodGroup {
	named := map[string]bool{}
	for _, c := range r.classes {
		named[c.pod.Group] = true
	}
	var list []model.PodGroup
	for _, g := range r.base.snapshot.PodGroups {
		if named[g.Name] {
			list = append(list, g)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// members counts the pods of each group that run already and those that
// pending counts of each class.
func (r *ration) members(pending func(class int) int) map[string]int {
	counts := map[string]int{}
	for i := range r.base.snapshot.Nodes {
		for j := range r.base.snapshot.Nodes[i].Pods {
			if pod := &r.base.snapshot.Nodes[i].Pods[j]; pod.Group != "" && !pod.Terminating {
				counts[pod.Group]++
			}
		}
	}
	for i, c := range r.classes {
		if c.pod.Group != "" {
			counts[c.pod.Group] += pending(i)
		}
	}
	return counts
}

// hold takes all pods of a group out of the plan.
func (r *ration) hold(group string, reason model.Reason) {
	for _, c := range r.classes {
		if c.pod.Group == group {
			c.held, c.refused = len(c.keys), &reason
		}
	}
}

// brokenGroup returns the least important group of which some pods were placed
// but too few, with the reason.
func (r *ration) brokenGroup(s *solution) (string, model.Reason) {
	placed := r.members(func(i int) int { return s.p.classes[i].count() - s.unplaced[i] })
	broken, priority := model.PodGroup{}, int32(0)
	for _, g := range r.groups() {
		started := false
		highest := int32(0)
		for i, c := range s.p.classes {
			if c.pod.Group == g.Name {
				started = started || c.count() > s.unplaced[i]
				highest = max(highest, c.pod.Priority)
			}
		}
		if started && placed[g.Name] < g.MinCount && (broken.Name == "" || highest < priority) {
			broken, priority = g, highest
		}
	}
	if broken.Name == "" {
		return "", model.Reason{}
	}
	return broken.Name, model.Reason{Code: model.CodePodGroup, Message: fmt.Sprintf(
		"pod group %s needs %d pods at once, and only %d find a place: %s", broken.Name, broken.MinCount, placed[broken.Name],
		strings.Join(boundedList(s.groupReasons(broken.Name), 2), "; "))}
}

// groupReasons says why the pods of a group that found no place did not.
func (s *solution) groupReasons(group string) []string {
	var list []string
	for i, c := range s.p.classes {
		if c.pod.Group == group && s.unplaced[i]+c.held > 0 {
			list = append(list, s.whyNot(c).Message)
		}
	}
	return list
}
