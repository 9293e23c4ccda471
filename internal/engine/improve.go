package engine

import (
	"cmp"
	"slices"
)

// maxCandidates bounds how many nodes the improvement looks at: those that
// waste most.
const maxCandidates = 64

// improve takes the nodes that waste most apart, several at a time, and packs
// their pods again; it keeps what is cheaper until a round brings little.
func (k *packer) improve(best *packing) {
	k.improveIn(best, k.worstFirst)
	if gap := float64(best.cost)/k.linear - 1; gap > farImproved && gap < hopeless {
		k.improveIn(best, k.opposite)
	}
}

// farImproved is the gap to what the resources cost at least above which nodes are
// put together in another order, hopeless the one above which that cost says too
// little for it to be worth the steps.
const (
	farImproved = 0.04
	hopeless    = 0.10
)

// improveIn does so with the nodes in one order. Many at a time save most; what those
// leave, fewer find.
func (k *packer) improveIn(best *packing, order ordering) {
	for idle := 0; idle < maxIdle; {
		start := best.cost
		for _, size := range [...]int{16, 8, 4, 24, 12, 6, 32, 2, 3} {
			before := best.cost
			k.improveBy(best, size, order)
			if idle++; before-best.cost > int64(float64(before)*leastProgress) {
				idle = 0
			}
			if idle == maxIdle || k.steps >= k.most || k.close(best) {
				return
			}
		}
		if best.cost == start {
			return
		}
	}
}

// leastProgress is the part of the cost that a size must save to count, and
// maxIdle how many sizes may save less one after the other.
const (
	leastProgress = 0.0002
	maxIdle       = 3
)

// improveBy repacks so many nodes at a time.
func (k *packer) improveBy(best *packing, size int, order ordering) {
	k.steps += 8 * len(best.bins)
	bins, movable := order(best.bins)
	movable = min(movable, maxCandidates)
	for from := 0; movable > 1 && from+min(size, movable) <= movable && k.steps < k.most; {
		to := min(from+size, movable)
		next := k.repack(best, bins, from, to)
		if next == nil {
			from += size
			continue
		}
		bins = slices.Concat(bins[:from], next.bins, bins[to:])
		movable += len(next.bins) - (to - from)
		from += len(next.bins)
		best.bins, best.usage = bins, next.usage
		best.cost, best.nodes = k.p.cost(bins)
	}
}

// ordering puts bins in the order in which they are taken apart together, and tells
// how many of them may be.
type ordering func(bins []bin) ([]bin, int)

// opposite puts nodes that have much of one main resource unused beside those that
// have much of the other.
func (k *packer) opposite(bins []bin) ([]bin, int) {
	sorted, movable := k.worstFirst(bins)
	movable = min(movable, maxCandidates)
	tilts, order := make([]float64, movable), make([]int, movable)
	for i := range order {
		rest := k.p.space.configs[sorted[i].config].room.clone()
		rest.add(k.p.requests(&sorted[i]), -1)
		tilts[i], order[i] = k.scale.tilt(rest), i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(tilts[i], tilts[j]) })
	paired := make([]bin, 0, len(sorted))
	for low, high := 0, movable-1; low <= high; low, high = low+1, high-1 {
		paired = append(paired, sorted[order[low]])
		if low < high {
			paired = append(paired, sorted[order[high]])
		}
	}
	return append(paired, sorted[movable:]...), movable
}

// leastGain is the part of the price of some nodes that must be unused before
// they are packed anew.
const leastGain = 0.002

// worstFirst splits repeated bins as far as candidates go and sorts by the
// money that a node's pods leave unused. It also returns how many may be taken
// apart; the repeated ones come after them.
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
	fixed := func(i int) bool { return split[i].times > 1 }
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case fixed(i) == fixed(j):
			return cmp.Compare(wastes[j], wastes[i])
		case fixed(j):
			return -1
		}
		return 1
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

// repack packs the pods of bins[from:to] anew and returns that when it is
// cheaper, or as cheap on fewer nodes.
func (k *packer) repack(best *packing, bins []bin, from, to int) *packing {
	old := &packing{}
	old.cost, old.nodes = k.p.cost(bins[from:to])
	linear := 0.0
	for _, b := range bins[from:to] {
		for _, s := range b.shares {
			old.pods += s.count
			linear += float64(k.items[k.index[s.demand]].linear * float64(s.count))
		}
	}
	if float64(old.cost) < float64(linear*(1+leastGain)) {
		return nil
	}
	used := best.usage.clone()
	for _, b := range bins[from:to] {
		used.add(k.p.space.configs[b.config].pool, b.charge, -1)
	}
	part, counts := k.part(bins[from:to])
	next := part.repackAll(counts, used, old)
	k.steps = part.steps
	return next
}

// repackAll packs everything and returns that when it is better than the old.
func (k *packer) repackAll(counts []int, used usage, old *packing) *packing {
	if next := k.solveExactly(counts, used); next != nil {
		if next.better(old) {
			return next
		}
		return nil
	}
	for _, v := range []variant{{limit: old.cost}, {limit: old.cost, plain: true}} {
		if next := k.run(v, counts, used.clone()); next.better(old) {
			return next
		}
	}
	return nil
}

// part is a packer of nothing but the items in some bins, with their counts. It
// is valid until the next.
func (k *packer) part(bins []bin) (*packer, []int) {
	if k.some == nil {
		k.some = &packer{p: k.p, scale: k.scale, slots: k.slots, configs: k.configs, byPrice: k.cheapestFirst()}
		k.inPart = make([]int, len(k.items))
	}
	some := k.some
	some.steps, some.most, some.items = k.steps, k.most, some.items[:0]
	list := k.partItems[:0]
	for _, b := range bins {
		for _, s := range b.shares {
			i := k.index[s.demand]
			if k.inPart[i] == 0 {
				list = append(list, i)
			}
			k.inPart[i] += s.count
		}
	}
	slices.Sort(list)
	k.partItems = list
	counts := make([]int, len(list))
	for n, i := range list {
		some.items = append(some.items, k.items[i])
		counts[n], k.inPart[i] = k.inPart[i], 0
	}
	return some, counts
}
