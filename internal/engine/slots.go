package engine

import (
	"cmp"
	"slices"
)

// slot is a rule that lets only so many of the pods it selects share a node:
// to prices it is one more resource, of which every node has the same.
type slot struct {
	rule    *rule
	room    int    // pods on one node
	count   int    // pods
	configs bitset // that admit one of them
	price   float64
}

// maxSlots bounds the rules that are priced: those that force most nodes.
const maxSlots = 8

// slots are gathered class by class.
type slots struct {
	p      *problem
	byRule map[*rule]*slot
	made   slab[slot]
	words  slab[uint64]
	// strict leaves out what another plan need not keep to: a spread over nodes
	// lets more onto one when every node has some.
	strict bool
}

func (g *slots) add(c *class, count int, configs bitset) {
	for i := range c.hosts {
		t := &c.hosts[i]
		room := g.roomOf(t)
		if room == 0 || count == 0 {
			continue
		}
		s := g.byRule[t.rule]
		if s == nil {
			s = &g.made.take(1)[0]
			*s = slot{rule: t.rule, room: room, configs: g.words.take(len(configs))}
			g.byRule[t.rule] = s
		}
		s.room = min(s.room, room)
		s.count += count
		s.configs.or(configs)
	}
}

func (g *slots) roomOf(t *touch) int {
	switch {
	case !t.owns || !t.matched:
		return 0
	case t.rule.kind == antiRule:
		return 1
	case t.rule.kind == spreadRule && !g.strict:
		return t.maxSkew
	}
	return 0
}

// list returns those that force most nodes.
func (g *slots) list() []slot {
	var list []slot
	for _, s := range g.byRule {
		if s.count > s.room {
			list = append(list, *s)
		}
	}
	slices.SortFunc(list, func(x, y slot) int {
		a, b := x.count*y.room, y.count*x.room
		if a != b {
			return cmp.Compare(b, a)
		}
		return x.rule.id - y.rule.id
	})
	return list[:min(len(list), maxSlots)]
}

// slotWorth is what the places that a pod of the class takes cost.
func slotWorth(list []slot, c *class) float64 {
	worth := 0.0
	for n := range list {
		for i := range c.hosts {
			if t := &c.hosts[i]; t.rule == list[n].rule && t.owns && t.matched {
				worth += list[n].price
			}
		}
	}
	return worth
}

// forcedNodes is how many nodes the rules that have a price need at least.
func forcedNodes(rules []slot) int {
	nodes := 0
	for i := range rules {
		if s := &rules[i]; s.price > 0 {
			nodes = max(nodes, (s.count+s.room-1)/s.room)
		}
	}
	return nodes
}

// Of at least manyPods pods, those whose rules force the nodes may have so small a part of
// the worth that the others fill the nodes well however they are mixed.
const (
	manyPods   = 4_000
	smallShare = 0.25
)

// pinned reports whether about as many nodes are bought for many pods as rules per node
// force.
func pinned(nodes, pods int, rules []slot) bool {
	return pods >= manyPods && nodes <= forcedNodes(rules)*5/4
}

// pinned reports whether rules pin the best packing's nodes, of which their pods are a small
// part: mixing them takes long there and saves next to nothing.
func (h *hunt) pinned() bool {
	if !pinned(h.best.nodes, h.k.pods, h.k.slots) {
		return false
	}
	worth := 0.0
	for i, it := range h.k.items {
		if it.slot > 0 {
			worth += float64(it.linear * float64(h.counts[i]))
		}
	}
	return worth < h.k.linear*smallShare
}

// pinned reports the same of a plan.
func (b *bounding) pinned(s *solution) bool {
	pods := 0
	for _, count := range b.bought {
		pods += count
	}
	prices, rules := b.prices()
	if !pinned(s.nodes, pods, rules) {
		return false
	}
	all, worth := 0.0, 0.0
	for _, c := range b.p.classes {
		each := float64(worthAt(prices[b.familyOf[c.id]], c.request) * float64(b.bought[c.id]))
		slots := float64(slotWorth(rules, c) * float64(b.bought[c.id]))
		if all += each + slots; slots > 0 {
			worth += each + slots
		}
	}
	return worth < all*smallShare
}
