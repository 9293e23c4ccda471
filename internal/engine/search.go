package engine

import "sort"

// purchase is the buying half of a plan while it goes from the heaviest pools
// to the lightest.
type purchase struct {
	p       *problem
	demands []*demand
	left    map[*demand]int // still without a node
	used    usage
	seated  map[int]bool // affinity rules per node that already have pods somewhere
	budget  int          // steps left
	thrifty bool         // try variant.thrifty where pods are left
	worth   []int64      // of a pod by class, in nanoDollars per hour, when patterns were looked for
}

// packTier packs what is left on the pools of one weight and returns the bins.
func (u *purchase) packTier(tier bitset) []bin {
	k := newPacker(u, tier)
	if len(k.items) == 0 {
		return nil
	}
	counts := make([]int, len(k.items))
	for i, it := range k.items {
		counts[i] = u.left[it.demand]
	}
	best := k.solveExactly(counts, u.used)
	if best == nil {
		best = k.search(counts, u)
	}
	u.settle(k, best)
	k.seatRest(best)
	u.settle(k, best)
	u.budget -= k.steps
	return best.bins
}

// closeEnough is the gap to what the pods' resources cost at least at which
// the search rests.
const closeEnough = 0.005

// search runs the greedy packing with several sets of values and bounds, and
// improves the best, until it is close to what the resources cost at least.
func (k *packer) search(counts []int, u *purchase) *packing {
	// Runs and improvements have a share of the budget, patterns all of it.
	budget := u.budget / greedyShare
	best := k.runEven(counts, u)
	before := k.steps
	if best == nil || !k.rests(best, before, budget) {
		best = k.runAgain(variant{}, counts, u, best)
	}
	if float64(best.cost) > float64(k.linear*(1+farAway)) {
		budget = u.budget / farShare
	}
	first, last := max(k.steps-before, before/4), best
	values, runs := k.values(), []*packing{best}
	for _, v := range []variant{{}, {ranked: true}} {
		for round := 0; round < maxRepricings && !k.rests(best, first, budget); round++ {
			k.reprice(last)
			last = k.run(v, counts, u.used.clone())
			runs = append(runs, last)
			if last.better(best) {
				best = last
			}
		}
		if len(k.slots) == 0 {
			break
		}
	}
	if !k.rests(best, first, budget) {
		last = k.run(variant{plain: true}, counts, u.used.clone())
		runs = append(runs, last)
		if last.better(best) {
			best = last
		}
	}
	k.setValues(values)
	if u.thrifty && best.pods < k.pods {
		best = k.runAgain(variant{thrifty: true}, counts, u, best)
	}
	for _, v := range k.variants(counts) {
		if k.rests(best, first, budget) {
			break
		}
		best = k.runAgain(v, counts, u, best)
	}
	if float64(best.cost) > float64(k.linear*(1+worthPatterns)) {
		if next := k.packPatterns(counts, runs, u.used, u.budget); next != nil {
			u.notePrices(k)
			if next.better(best) {
				best = next
			}
		}
	}
	k.improve(best, max(budget, k.steps+budget/4))
	return best
}

// notePrices keeps what the patterns say the pods are worth, for the proof.
func (u *purchase) notePrices(k *packer) {
	for i, it := range k.items {
		if u.worth == nil {
			u.worth = make([]int64, len(u.p.classes))
		}
		u.worth[it.class.id] = max(u.worth[it.class.id], k.prices[i])
	}
}

// greedyShare is the part of the budget that greedy runs may use, farShare that
// when the first run ends farther than farAway from what the resources cost.
const (
	greedyShare = 30
	farShare    = 5
	farAway     = 0.05
)

// runAgain returns the better of a run and what is there.
func (k *packer) runAgain(v variant, counts []int, u *purchase, best *packing) *packing {
	if next := k.run(v, counts, u.used.clone()); best == nil || next.better(best) {
		return next
	}
	return best
}

// runEven packs onto nodes of about equal worth when a rule per node forces so
// many of them that it has a price; nil when none does.
func (k *packer) runEven(counts []int, u *purchase) *packing {
	nodes := 0
	for i := range k.slots {
		if s := &k.slots[i]; s.price > 0 {
			nodes = max(nodes, (s.count+s.room-1)/s.room)
		}
	}
	if nodes < 2 {
		return nil
	}
	total := int64(0)
	for i, it := range k.items {
		total += it.value * int64(counts[i])
	}
	var best *packing
	for _, v := range evenVariants(total / int64(nodes)) {
		if best != nil && k.rests(best, k.steps, u.budget/greedyShare) {
			break
		}
		best = k.runAgain(v, counts, u, best)
	}
	return best
}

func evenVariants(even int64) []variant {
	return []variant{{largest: even * 5 / 4, smallest: even * 3 / 4}, {largest: even * 9 / 8, smallest: even * 7 / 8}, {largest: even * 3 / 2, smallest: even / 2}}
}

func (k *packer) values() []int64 {
	values := make([]int64, len(k.items))
	for i, it := range k.items {
		values[i] = it.value
	}
	return values
}

func (k *packer) setValues(values []int64) {
	for i, it := range k.items {
		it.value = values[i]
	}
	k.promiseWorth()
}

// rests reports whether another run that takes so many steps is not worth it,
// or not within the budget.
func (k *packer) rests(best *packing, steps, budget int) bool {
	return k.steps+steps > budget || k.close(best)
}

func (k *packer) close(x *packing) bool {
	return x.pods == k.pods && float64(x.cost) <= float64(k.linear*(1+closeEnough))
}

// maxRepricings bounds how often pods are valued anew.
const maxRepricings = 3

// reprice moves each item's value towards what its pods really cost in a
// packing: pods that ended on badly filled nodes are worth more, and get better
// company the next time.
func (k *packer) reprice(x *packing) {
	paid, count := make([]float64, len(k.items)), make([]float64, len(k.items))
	for i := range x.bins {
		b := &x.bins[i]
		worth := 0.0
		for _, s := range b.shares {
			worth += float64(float64(k.items[k.index[s.demand]].value) * float64(s.count))
		}
		factor := float64(k.p.space.configs[b.config].price) / worth
		for _, s := range b.shares {
			pods := float64(s.count * b.times)
			i := k.index[s.demand]
			paid[i] += float64(float64(float64(k.items[i].value)*factor) * pods)
			count[i] += pods
		}
	}
	for i, it := range k.items {
		if n := count[i]; n > 0 {
			it.value = (it.value + int64(paid[i]/n)) / 2
		}
	}
	k.promiseWorth()
}

// settle takes over what a packing has used and left.
func (u *purchase) settle(k *packer, best *packing) {
	u.used = best.usage
	for i, it := range k.items {
		if best.left[i] < u.left[it.demand] {
			it.class.eachAffinity(func(t *touch) { u.seated[t.rule.id] = u.seated[t.rule.id] || t.matched })
		}
		u.left[it.demand] = best.left[i]
	}
}

// seatRest gives pods that no node held all together a node for some of them.
func (k *packer) seatRest(best *packing) {
	for i, it := range k.items {
		if it.sticky() && best.left[i] > 0 {
			rest := k.run(variant{apart: true}, best.left, best.usage)
			best.bins = append(best.bins, rest.bins...)
			best.left = rest.left
			return
		}
	}
}

// variants bound the size of nodes in several ways: pods of which only few may
// share a node need many nodes, and then large ones stay empty.
func (k *packer) variants(counts []int) []variant {
	total, spread := int64(0), 1
	for i, it := range k.items {
		total += it.value * int64(counts[i])
		if it.perNode < counts[i] {
			spread = max(spread, (counts[i]+it.perNode-1)/it.perNode)
		}
	}
	dearest := int64(0)
	for _, i := range k.configs {
		dearest = max(dearest, k.p.space.configs[i].price)
	}
	variants := []variant{{plain: true}}
	for _, parts := range []int{spread, spread * 2, spread / 2, 2, 4, 8, 16, 32} {
		if parts > 1 && total*5/4/int64(parts) < dearest {
			variants = append(variants, variant{largest: total * 5 / 4 / int64(parts)})
		}
	}
	return variants
}

// maxCandidates bounds how many nodes the improvement looks at: those that
// waste most.
const maxCandidates = 64

// improve takes the nodes that waste most apart, several at a time, and packs
// their pods again; it keeps what is cheaper until nothing is.
func (k *packer) improve(best *packing, budget int) {
	for improved := true; improved && k.steps < budget && !k.close(best); {
		improved = false
		k.steps += 8 * len(best.bins)
		bins, movable := k.worstFirst(best.bins)
		movable = min(movable, maxCandidates)
		for _, size := range []int{2, 3, 4, 6, 8, 12, 16, 24, 32} {
			for from := 0; from+min(size, movable) <= movable && movable > 1; from += size {
				if k.steps >= budget {
					break
				}
				if k.repack(best, bins, from, min(from+size, movable)) {
					improved = true
					break
				}
			}
			if improved {
				break
			}
		}
	}
}

// worstFirst splits repeated bins as far as candidates go and sorts by the
// money that a node's pods leave unused. It also returns how many may be taken
// apart; the sticky and the repeated ones come after them.
func (k *packer) worstFirst(bins []bin) ([]bin, int) {
	waste := func(b *bin) int64 {
		unused := k.p.space.configs[b.config].price
		for _, s := range b.shares {
			unused -= k.items[k.index[s.demand]].value * int64(s.count)
		}
		return unused
	}
	var split []bin
	for _, b := range bins {
		for copies := 0; b.times > 1 && copies < maxCandidates; copies++ {
			single := b
			single.times = 1
			split = append(split, single)
			b.times--
		}
		split = append(split, b)
	}
	wastes := make([]int64, len(split))
	order := make([]int, len(split))
	for i := range split {
		wastes[i], order[i] = waste(&split[i]), i
	}
	fixed := func(i int) bool { return split[i].sticky || split[i].times > 1 }
	sort.SliceStable(order, func(a, b int) bool {
		i, j := order[a], order[b]
		if fixed(i) != fixed(j) {
			return fixed(j)
		}
		return wastes[i] > wastes[j]
	})
	sorted := make([]bin, len(split))
	movable := 0
	for n, i := range order {
		sorted[n] = split[i]
		if !fixed(i) {
			movable = n + 1
		}
	}
	return sorted, movable
}

// repack packs the pods of bins[from:to] anew and reports whether the result is
// cheaper, or as cheap on fewer nodes; best is then changed.
func (k *packer) repack(best *packing, bins []bin, from, to int) bool {
	counts := make([]int, len(k.items))
	used := best.usage.clone()
	pods := 0
	for _, b := range bins[from:to] {
		for _, s := range b.shares {
			counts[k.index[s.demand]] += s.count
			pods += s.count
		}
		used.add(k.p.space.configs[b.config].pool, b.charge, -1)
	}
	oldCost, oldNodes := k.p.cost(bins[from:to])
	old := &packing{pods: pods, cost: oldCost, nodes: oldNodes}
	total := int64(0)
	for i, it := range k.items {
		total += it.value * int64(counts[i])
	}
	for _, next := range k.repackings(counts, used, total) {
		if !next.better(old) {
			continue
		}
		kept := append(append([]bin(nil), bins[:from]...), bins[to:]...)
		best.bins = append(kept, next.bins...)
		best.cost, best.nodes = k.p.cost(best.bins)
		best.usage = next.usage
		return true
	}
	return false
}

// repackings packs the pods exactly when they are few, else in several ways.
func (k *packer) repackings(counts []int, used usage, total int64) []*packing {
	if best := k.solveExactly(counts, used); best != nil {
		return []*packing{best}
	}
	var all []*packing
	for _, v := range []variant{{}, {plain: true}, {largest: total}, {largest: total * 2 / 3}, {largest: total / 2}, {largest: total / 3}} {
		all = append(all, k.run(v, counts, used.clone()))
	}
	return all
}
