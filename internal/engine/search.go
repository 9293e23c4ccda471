package engine

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
	mixed   []bin        // nodes of the mixtures that patterns made then
}

// packTier packs what is left on the pools of one weight and returns the bins.
func (u *purchase) packTier(tier bitset) []bin {
	if u.ties(tier) {
		return u.packBundles(tier)
	}
	best := u.pack(selection{demands: u.demands, left: u.left}, tier)
	if best == nil {
		return nil
	}
	return u.keep(best)
}

// outcome is a packing of a selection.
type outcome struct {
	selection selection
	k         *packer
	*packing
}

// pack packs the selection; nil when there is nothing in it for the tier.
func (u *purchase) pack(s selection, tier bitset) *outcome {
	k := newPacker(u.p, s, tier)
	if len(k.items) == 0 {
		return nil
	}
	counts := k.counts(s)
	best := k.solveExactly(counts, u.used)
	if best == nil {
		best = k.search(counts, u)
	}
	u.budget -= k.steps
	return &outcome{s, k, best}
}

func (k *packer) counts(s selection) []int {
	counts := make([]int, len(k.items))
	for i, it := range k.items {
		counts[i] = s.left[it.demand]
	}
	return counts
}

// keep takes over what a packing has used and left, and returns its bins.
func (u *purchase) keep(o *outcome) []bin {
	u.used = o.usage
	for i, it := range o.k.items {
		u.took(it.demand, o.selection.left[it.demand]-o.left[i])
	}
	for i := range o.bins {
		o.bins[i].unbundled()
	}
	return o.bins
}

// closeEnough is the gap to what the pods' resources cost at least at which
// the search rests.
const closeEnough = 0.005

// search runs the greedy packing with several sets of values and bounds, and
// improves the best, until it is close to what the resources cost at least.
func (k *packer) search(counts []int, u *purchase) *packing {
	h := &hunt{k: k, counts: counts, used: u.used, values: k.values(), budget: u.budget / greedyShare}
	h.begin()
	if float64(h.best.cost) > float64(k.linear*(1+farAway)) {
		h.budget = u.budget / farShare
		if len(k.slots) == 0 {
			h.refine()
		}
	}
	k.most = k.steps + h.budget/2
	if len(k.slots) > 0 {
		h.try(variant{ranked: true})
	}
	h.tryRepriced()
	if u.thrifty && h.best.pods < k.pods {
		h.best = h.best.orBetter(h.run(variant{thrifty: true}))
	}
	if len(k.slots) == 0 && h.wantsPatterns() {
		k.most += h.budget // patterns would take far more
	}
	h.shake()
	h.try(variant{plain: true})
	if h.best.pods < k.pods {
		for _, v := range k.variants(h.counts, h.best) {
			h.try(v)
		}
	}
	rival := h.best
	if h.wantsPatterns() {
		if next := k.packPatterns(h.counts, h.runs, u.used, min(u.budget, k.steps+k.patternSteps(h.best))); next != nil {
			u.notePrices(k)
			h.best = h.best.orBetter(next)
		}
	}
	k.most = k.steps + h.improvement()
	k.improve(h.best)
	if rival != h.best && rival.pods == h.best.pods && float64(rival.cost) < float64(h.best.cost)*(1+rivalAbove) {
		k.most = k.steps + h.improvement()
		k.improve(rival)
		h.best = h.best.orBetter(rival)
	}
	return h.best
}

// improvement is how many steps one may take: fewer where little is left to save.
func (h *hunt) improvement() int {
	if float64(h.best.cost) < float64(h.k.linear*(1+farImproved)) {
		return h.budget / 2
	}
	return h.budget * 2 / 3
}

// rivalAbove is how much more than the best, improved, a packing may cost before it is
// improved for it to be worth it.
const rivalAbove = 0.02

// wantsPatterns reports whether patterns may help.
func (h *hunt) wantsPatterns() bool {
	return float64(h.best.cost) > float64(h.k.linear*(1+worthPatterns)) && !h.pinned()
}

// hunt is one search for a cheap packing.
type hunt struct {
	k      *packer
	counts []int
	used   usage
	values []int64 // of the items, before anything was learned
	priced []int64 // those of the best repriced run; nil without one
	budget int     // steps for greedy runs and improvements
	best   *packing
	runs   []*packing // complete ones, for patterns to start from
	first  int        // steps of the longest run so far
}

// begin makes the packings that are made in any case.
func (h *hunt) begin() {
	before := h.k.steps
	h.best = h.k.runEven(h.counts, h.used, h.budget)
	h.first = h.k.steps - before
	if h.best == nil || h.k.steps*2 <= h.budget && !h.k.close(h.best) {
		h.best = h.best.orBetter(h.run(variant{}))
	}
	h.runs = append(h.runs, h.best)
}

// refine looks closer at what pods are worth.
func (h *hunt) refine() {
	order := h.k.refine(h.counts)
	counts, left := make([]int, len(order)), make([]int, len(order))
	for n, i := range order {
		counts[n], left[n] = h.counts[i], h.best.left[i]
	}
	h.counts, h.best.left = counts, left
	h.values = h.k.values()
	h.k.most = h.k.steps + h.budget/2
	if !h.rests() {
		h.best = h.best.orBetter(h.run(variant{limit: h.k.limit(h.best, repricedLimit)}))
		h.runs = append(h.runs, h.best)
	}
}

// run packs everything.
func (h *hunt) run(v variant) *packing {
	before := h.k.steps
	x := h.k.run(v, h.counts, h.used.clone())
	h.first = max(h.first, h.k.steps-before)
	return x
}

// rests reports whether another run is not worth it, or not within the budget.
func (h *hunt) rests() bool {
	return h.k.steps+h.first > h.k.most || h.k.close(h.best)
}

// try runs a variant unless it is time to rest.
func (h *hunt) try(v variant) {
	if h.rests() {
		return
	}
	v.limit = h.k.limit(h.best, 1)
	h.best = h.best.orBetter(h.run(v))
}

// tryRepriced values the pods anew by what they cost in the last packing, as long
// as that helps.
func (h *hunt) tryRepriced() {
	last := h.best
	for round := 0; round < maxRepricings && !h.rests(); round++ {
		h.k.reprice(last)
		values := h.k.values()
		last = h.run(variant{limit: h.k.limit(h.best, repricedLimit)})
		if last.pods < h.best.pods {
			break
		}
		h.runs = append(h.runs, last)
		if last.better(h.best) {
			h.best, h.priced = last, values
		}
	}
	h.k.setValues(h.values)
}

// orBetter returns the better of two packings; the first may be nil.
func (x *packing) orBetter(next *packing) *packing {
	if x == nil || next.better(x) {
		return next
	}
	return x
}

// mostPatternSteps bounds the steps that patterns may take; the smaller the gap to
// what the resources cost at least, the fewer: wholeGap is where it is all of them. Few
// pods leave little to save: they get so many for each pair. A search that may take several
// times the usual steps takes as many times these. Many pods get patternStepsEach in any
// case, up to mostStepsEach.
const (
	patternPairSteps  = 25
	mostPatternSteps  = 40_000_000
	leastPatternSteps = 500_000
	patternStepsEach  = 200
	mostStepsEach     = 10_000_000
	wholeGap          = 0.10
)

func (k *packer) patternSteps(best *packing) int {
	part := min((float64(best.cost)/max(k.linear, 1)-1)/wholeGap, 1)
	byGap := k.p.effort * min(int(mostPatternSteps*float64(part*part*part)), patternPairSteps*k.pods*k.pods)
	return leastPatternSteps + max(byGap, min(patternStepsEach*k.pods, mostStepsEach))
}

// notePrices keeps what the patterns say the pods are worth, for the proof.
func (u *purchase) notePrices(k *packer) {
	u.mixed = append(u.mixed, k.mixed...)
	for i, it := range k.items {
		if u.worth == nil {
			u.worth = make([]int64, len(u.p.classes))
		}
		if it.class.bundle == nil {
			u.worth[it.class.id] = max(u.worth[it.class.id], k.worths[i])
		}
		for _, of := range it.class.bundle {
			c := of.demand.class
			part := k.scale.worth(c.request) / max(k.scale.worth(it.class.request), 1)
			u.worth[c.id] = max(u.worth[c.id], wholePrice(float64(k.worths[i])*part))
		}
	}
}

// greedyShare is the part of the budget that greedy runs may use, farShare that
// when the first run ends farther than farAway from what the resources cost.
const (
	greedyShare = 250
	farShare    = 32
	farAway     = 0.05
)

// repricedLimit is how much more than the best a run may cost whose prices are
// worth learning from.
const repricedLimit = 1.02

// limit is the cost above which a run is of no use; none while pods are missing.
func (k *packer) limit(best *packing, factor float64) int64 {
	if best.pods < k.pods {
		return 0
	}
	return int64(float64(best.cost) * factor)
}

// runEven packs onto nodes of about equal worth when a rule per node forces so
// many of them that it has a price; nil when none does.
func (k *packer) runEven(counts []int, used usage, budget int) *packing {
	nodes := forcedNodes(k.slots)
	if nodes < 2 {
		return nil
	}
	total := int64(0)
	for i, it := range k.items {
		total += it.value * int64(counts[i])
	}
	var best *packing
	for _, v := range evenVariants(total / int64(nodes)) {
		if best != nil && (k.steps*2 > budget || k.close(best)) {
			break
		}
		best = best.orBetter(k.run(v, counts, used.clone()))
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
}

func (k *packer) close(x *packing) bool {
	return x.pods == k.pods && float64(x.cost) <= float64(k.linear*(1+closeEnough))
}

// maxRepricings bounds how often pods are valued anew.
const maxRepricings = 2

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
}

// variants bound the size of nodes in several ways: where limits leave pods out,
// smaller nodes may use them better.
func (k *packer) variants(counts []int, best *packing) []variant {
	total, spread := int64(0), 1
	for i, it := range k.items {
		total += it.value * int64(counts[i])
		if it.perNode < counts[i] {
			spread = max(spread, (counts[i]+it.perNode-1)/it.perNode)
		}
	}
	dearest := int64(0) // bought so far: bounds above it change nothing
	for i := range best.bins {
		dearest = max(dearest, k.p.space.configs[best.bins[i].config].price)
	}
	var variants []variant
	for _, parts := range []int{spread, spread * 2, spread / 2, 2, 4, 8, 16, 32} {
		if parts > 1 && total*5/4/int64(parts) < dearest {
			variants = append(variants, variant{largest: total * 5 / 4 / int64(parts)})
		}
	}
	return variants
}
