package engine

import (
	"slices"
	"sort"
)

// stack is a bundle while it grows, times times over.
type stack struct {
	times   int
	shares  []share
	request vector
	configs bitset
	rooms   []int
	stale   bool   // some of rooms may be too small
	meets   bitset // affinity rules that select one of its pods
	ruled   bool   // it has pods with other rules per node
	root    *tie   // whose pods may as well go elsewhere; nil when they may not
}

func (b *bundler) joins(x *tie) bool {
	return slices.ContainsFunc(b.stacks, func(s *stack) bool { return s.takes(x) })
}

// takes reports whether all that x must be beside is in the stack.
func (s *stack) takes(x *tie) bool {
	for _, r := range x.owns {
		if !s.meets.has(r) {
			return false
		}
	}
	return s.configs.meets(x.configs, x.configs)
}

// found begins a stack for each of so many pods.
func (b *bundler) found(x *tie, times int) *stack {
	s := &stack{times: times, request: make(vector, len(b.largest)), configs: x.configs, rooms: b.rooms, meets: newBitset(len(b.u.p.rules)), root: x}
	b.put(s, x, 1)
	b.stacks = append(b.stacks, s)
	return s
}

// put adds count pods to each of the stack's bundles.
func (b *bundler) put(s *stack, x *tie, count int) {
	c := x.demand.class
	x.left -= count * s.times
	s.request.add(c.request, count)
	if s.configs = s.configs.clone(); len(s.shares) > 0 {
		s.configs.and(x.configs)
	}
	for _, r := range x.meets {
		s.meets.set(r)
		b.met.set(r)
	}
	s.ruled = s.ruled || c.ruledOtherwise()
	last := len(s.shares) - 1
	if last >= 0 && s.shares[last].demand == x.demand {
		s.shares[last].count += count
	} else {
		s.shares = append(s.shares, share{demand: x.demand, count: count})
	}
	s.stale = true
}

// narrow leaves out the rooms that are too small.
func (s *stack) narrow(p *problem) {
	if !s.stale {
		return
	}
	kept := make([]int, 0, len(s.rooms))
	for _, r := range s.rooms {
		if same := &p.space.rooms[r]; s.request.fits(same.room) && hasAny(s.configs, same.configs) {
			kept = append(kept, r)
		}
	}
	s.rooms, s.stale = kept, false
}

func hasAny(set bitset, list []int) bool {
	return slices.ContainsFunc(list, set.has)
}

// ruledOtherwise reports whether rules other than affinity bear on a node's pods
// of the class.
func (c *class) ruledOtherwise() bool {
	return len(c.pod.HostPorts) > 0 || slices.ContainsFunc(c.hosts, func(t touch) bool { return t.rule.kind != affinityRule })
}

// room returns how many pods of x, up to want, each bundle of the stack still has
// room for.
func (b *bundler) room(s *stack, x *tie, want int) int {
	p, most := b.u.p, 0
	s.narrow(p)
	for _, r := range s.rooms {
		same := &p.space.rooms[r]
		if most == want || !hasAny(x.configs, same.configs) {
			continue
		}
		rest := same.room.clone()
		rest.add(s.request, -1)
		if n := x.demand.class.request.times(rest, want); n > most && hasBoth(s.configs, x.configs, same.configs) {
			most = n
		}
	}
	if most == 0 || !s.ruled && !x.demand.class.ruledOtherwise() {
		return most
	}
	if b.buffer == nil {
		b.buffer = newOccupancy(len(p.rules))
	}
	b.buffer.reset(p, &daemonShare{})
	for _, sh := range s.shares {
		b.buffer.add(sh.demand.class, sh.count)
	}
	return b.buffer.room(x.demand.class, most, true)
}

func hasBoth(x, y bitset, list []int) bool {
	return slices.ContainsFunc(list, func(i int) bool { return x.has(i) && y.has(i) })
}

// vacancy is room for a demand in the bundles of a stack.
type vacancy struct {
	stack *stack
	room  int // in each bundle
}

// join spreads the pods of x evenly over the bundles that have what they must be
// beside, up to most for each, as far as those have room: the emptiest first.
func (b *bundler) join(x *tie, most int) {
	if x.left == 0 || most == 0 || len(x.owns) == 0 {
		return
	}
	vacancies := b.vacancies(x)
	level := 1
	for ; ; level++ {
		total, grows := 0, false
		for _, o := range vacancies {
			total += min(o.room, level) * o.stack.times
			grows = grows || o.room > level
		}
		if total >= x.left || !grows || level == most {
			break
		}
	}
	for _, o := range vacancies {
		if count := min(o.room, level-1); count > 0 {
			b.put(o.stack, x, count)
		}
	}
	for _, o := range vacancies {
		if o.room < level || x.left == 0 {
			continue
		}
		if o.stack.times > x.left {
			b.part(o.stack, x.left)
		}
		b.put(o.stack, x, 1)
	}
}

// vacancies are the stacks that take pods of x, emptiest first: as many as there
// are pods.
func (b *bundler) vacancies(x *tie) []vacancy {
	order := make([]int, 0, len(b.stacks))
	size := make([]float64, len(b.stacks))
	for n, s := range b.stacks {
		if s.takes(x) {
			order = append(order, n)
			size[n] = s.request.share(b.largest)
		}
	}
	sort.SliceStable(order, func(i, j int) bool { return size[order[i]] < size[order[j]] })
	var list []vacancy
	total := 0
	for _, n := range order {
		if total >= x.left {
			break
		}
		if room := b.room(b.stacks[n], x, x.left); room > 0 {
			list = append(list, vacancy{b.stacks[n], room})
			total += b.stacks[n].times
		}
	}
	return list
}

// part leaves so many bundles in the stack and puts the others into a new one.
func (b *bundler) part(s *stack, times int) {
	rest := *s
	rest.times, s.times = s.times-times, times
	rest.request, rest.shares, rest.meets = s.request.clone(), slices.Clone(s.shares), s.meets.clone()
	b.stacks = append(b.stacks, &rest)
}
