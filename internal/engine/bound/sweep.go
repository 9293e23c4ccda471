package bound

// sweepShare is the part of all steps that one sweep may take. Proofs of fewer than
// leastSweepSteps have none for it: a sweep that is cut off proves next to nothing.
const (
	sweepShare      = 24
	leastSweepSteps = 4_000_000
)

// sweep finds the most that pods on a node are worth, exactly for its two scarcest
// resources: class by class it goes through the amounts that pods may use of them,
// without those from which nothing above what is known already can come. The other
// resources are paid for at the node's multipliers.
type sweep struct {
	n             *node
	first, second int // resources
	others        int64
	best          int64
	kept, next    []used
}

// used are amounts of the two resources with the most that pods are worth, less their
// other resources, which use that much.
type used struct{ first, second, worth int64 }

// bySweep returns what no pods on the node are worth more than, or the goal where they
// are worth less.
func (n *node) bySweep(goal int64) int64 {
	scarcest := n.scarcestFirst()
	s := sweep{n: n, first: scarcest[0], second: scarcest[min(1, len(scarcest)-1)], kept: []used{{}}}
	s.others = s.othersOf(n.room)
	s.best = max(goal, s.others)
	rates := s.rates()
	for at, limit := 0, min(n.c.allSteps/sweepShare, n.c.steps); at < len(n.classes); at++ {
		open := s.prune(n.rest[at], rates[at])
		if len(s.kept) == 0 {
			break
		}
		if limit <= 0 {
			return max(s.best, open)
		}
		k := n.classes[at]
		each := k.worth - s.othersOf(k.request)
		for left, size := n.most[at], int64(1); each > 0 && left > 0; size *= 2 {
			count := min(left, size)
			left -= count
			limit -= len(s.kept)
			n.c.steps -= len(s.kept)/2 + 1
			s.add(used{k.request[s.first] * count, k.request[s.second] * count, each * count})
		}
	}
	return s.best
}

// othersOf is what amounts of the other resources cost.
func (s *sweep) othersOf(amounts []int64) int64 {
	return s.n.cost(amounts) - s.cost(amounts[s.first], amounts[s.second])
}

// cost is what amounts of the two resources cost.
func (s *sweep) cost(first, second int64) int64 {
	if s.first == s.second {
		return s.n.multipliers[s.first] * first
	}
	return s.n.multipliers[s.first]*first + s.n.multipliers[s.second]*second
}

// rates are by position the most that classes from there on pay for what their part of
// the two resources costs; a price of zero is no limit.
func (s *sweep) rates() []ratio {
	rates := make([]ratio, len(s.n.classes))
	highest := ratio{worth: 0, price: 1}
	for at := len(rates) - 1; at >= 0; at-- {
		k := s.n.classes[at]
		rate := ratio{worth: max(k.worth-s.othersOf(k.request), 0), price: s.cost(k.request[s.first], k.request[s.second])}
		if highest.price > 0 && (rate.price == 0 || highest.less(rate)) {
			highest = rate
		}
		rates[at] = highest
	}
	return rates
}

// prune drops amounts from which nothing above the best can come and returns the most
// that can, where the classes that are left are worth so much beyond their resources and
// pay at most that rate.
func (s *sweep) prune(rest int64, rate ratio) (open int64) {
	kept := s.kept[:0]
	for _, x := range s.kept {
		left := s.cost(s.n.room[s.first]-x.first, s.n.room[s.second]-x.second)
		most := s.others + x.worth + left + rest
		if most <= s.best || rate.price > 0 && !(ratio{worth: s.best - s.others - x.worth, price: left}).less(rate) {
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
	from := 0
	for _, x := range s.kept {
		with := used{x.first + pods.first, x.second + pods.second, x.worth + pods.worth}
		if with.first > s.n.room[s.first] || with.second > s.n.room[s.second] {
			continue
		}
		for from < len(s.kept) && s.kept[from].before(with) {
			s.next = append(s.next, s.kept[from])
			from++
		}
		if from < len(s.kept) && s.kept[from].first == with.first && s.kept[from].second == with.second {
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
	return x.first < y.first || x.first == y.first && x.second < y.second
}
