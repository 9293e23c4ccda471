package bound

import "math"

// sweepShare is the part of all steps that a first sweep may take, lastSweepShare that of
// those left for one where nothing else has helped. Proofs of fewer than
// leastSweepSteps have none for it: a sweep that is cut off proves next to nothing. Nor
// does one end soon that has kept more than mostKept.
const (
	sweepShare      = 24
	lastSweepShare  = 4
	leastSweepSteps = 4_000_000
	mostKept        = 400_000 // amounts, which take 32 bytes each
)

// fewUnits is how much of a resource a node has at most that counts as one of few units:
// devices, mostly.
const fewUnits = 16

// sweep finds the most that pods on a node are worth, exactly for its two scarcest
// resources, and for one of few units: class by class it goes through the amounts that
// pods may use of them, without those from which nothing above what is known already can
// come. The other resources are paid for at the node's multipliers.
type sweep struct {
	n             *node
	first, second int // resources
	few           int // likewise, -1 for none
	others        int64
	best          int64
	kept, next    []used
}

// used are amounts of these resources with the most that pods are worth, less their
// other resources, which use that much.
type used struct{ first, second, few, worth int64 }

// bySweep returns what no pods on the node are worth more than, or the goal where they
// are worth less, in about so many steps.
func (n *node) bySweep(goal int64, steps int) int64 {
	s := sweep{n: n, kept: append(n.c.kept[:0], used{}), next: n.c.next}
	defer func() { n.c.kept, n.c.next = s.kept, s.next }()
	s.choose(n.scarcestFirst())
	s.others = s.othersOf(n.room)
	s.best = max(goal, s.others)
	offers := s.offers()
	for at, limit := 0, min(steps, n.c.steps); at < len(n.classes); at++ {
		open := s.prune(n.rest[at], offers[at])
		if len(s.kept) == 0 {
			break
		}
		if limit <= 0 || len(s.kept) > mostKept {
			return max(s.best, open)
		}
		k := n.classes[at]
		each, pod := k.worth-s.othersOf(k.request), s.of(k.request)
		for left, size := n.most[at], int64(1); each > 0 && left > 0; size *= 2 {
			count := min(left, size)
			left -= count
			limit -= len(s.kept)
			n.c.steps -= len(s.kept)/2 + 1
			s.add(used{pod.first * count, pod.second * count, pod.few * count, each * count})
		}
	}
	return s.best
}

// choose takes the first resource of few units, and the first two of the others.
func (s *sweep) choose(scarcest []int) {
	s.few = -1
	var chosen []int
	for _, r := range scarcest {
		if s.few < 0 && s.n.room[r] <= fewUnits {
			s.few = r
		} else {
			chosen = append(chosen, r)
		}
	}
	if len(chosen) == 0 {
		chosen, s.few = []int{s.few}, -1
	}
	s.first, s.second = chosen[0], chosen[min(1, len(chosen)-1)]
}

// of takes the resources of the sweep out of all.
func (s *sweep) of(amounts []int64) used {
	u := used{first: amounts[s.first], second: amounts[s.second]}
	if s.few >= 0 {
		u.few = amounts[s.few]
	}
	return u
}

// othersOf is what amounts of the other resources cost.
func (s *sweep) othersOf(amounts []int64) int64 {
	return s.n.cost(amounts) - s.cost(s.of(amounts))
}

// cost is what amounts of the resources of the sweep cost.
func (s *sweep) cost(u used) int64 {
	cost := s.n.multipliers[s.first] * u.first
	if s.first != s.second {
		cost += s.n.multipliers[s.second] * u.second
	}
	if s.few >= 0 {
		cost += s.n.multipliers[s.few] * u.few
	}
	return cost
}

// offer is what classes from a position on have to offer at most.
type offer struct {
	rate  ratio // of what they pay for what their part of these resources costs; a price of zero is no limit
	least used  // amounts that any of them uses
}

// offers are by position.
func (s *sweep) offers() []offer {
	offers := make([]offer, len(s.n.classes))
	last := offer{rate: ratio{worth: 0, price: 1}, least: used{math.MaxInt64, math.MaxInt64, math.MaxInt64, 0}}
	for at := len(offers) - 1; at >= 0; at-- {
		k := s.n.classes[at]
		pod := s.of(k.request)
		last.least = used{min(last.least.first, pod.first), min(last.least.second, pod.second), min(last.least.few, pod.few), 0}
		rate := ratio{worth: max(k.worth-s.othersOf(k.request), 0), price: s.cost(pod)}
		if last.rate.price > 0 && (rate.price == 0 || last.rate.less(rate)) {
			last.rate = rate
		}
		offers[at] = last
	}
	return offers
}

// prune drops amounts from which nothing above the best can come and returns the most
// that can, where the classes that are left are worth so much beyond their resources and
// offer no more than that.
func (s *sweep) prune(rest int64, o offer) (open int64) {
	kept, room := s.kept[:0], s.of(s.n.room)
	all := s.cost(room)
	for _, x := range s.kept {
		if x.first > room.first-o.least.first || x.second > room.second-o.least.second || x.few > room.few-o.least.few {
			continue
		}
		left := all - s.cost(x)
		most := s.others + x.worth + left + rest
		if most <= s.best || o.rate.price > 0 && !(ratio{worth: s.best - s.others - x.worth, price: left}).less(o.rate) {
			continue
		}
		kept, open = append(kept, x), max(open, most)
	}
	s.kept = kept
	return open
}

// add lets some pods be taken together or not: two lists in the order of amounts become
// one.
func (s *sweep) add(pods used) {
	s.next = s.next[:0]
	from, room := 0, s.of(s.n.room)
	for _, x := range s.kept {
		with := used{x.first + pods.first, x.second + pods.second, x.few + pods.few, x.worth + pods.worth}
		if with.first > room.first || with.second > room.second || with.few > room.few {
			continue
		}
		for from < len(s.kept) && s.kept[from].before(with) {
			s.next = append(s.next, s.kept[from])
			from++
		}
		if from < len(s.kept) && !with.before(s.kept[from]) {
			with.worth = max(with.worth, s.kept[from].worth)
			from++
		}
		s.best = max(s.best, s.others+with.worth)
		s.next = append(s.next, with)
	}
	s.next = append(s.next, s.kept[from:]...)
	s.kept, s.next = s.next, s.kept
}

func (x used) before(y used) bool {
	return x.first < y.first || x.first == y.first && (x.second < y.second || x.second == y.second && x.few < y.few)
}
