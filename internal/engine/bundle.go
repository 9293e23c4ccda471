package engine

import (
	"cmp"
	"math"
	"slices"
)

// A bundle is pods that must share a node, packed as if they were one pod: what
// an affinity per node asks for, whatever follows that, to any depth. Since it
// brings all that its pods wait for, it may be on any node that has the room.

// selection is what a packing packs: demands, and how many pods of each.
type selection struct {
	demands []*demand
	left    map[*demand]int
}

// bundler makes bundles of the demands that one tier can serve.
type bundler struct {
	u     *purchase
	tier  bitset
	rooms []int  // of space.rooms that the tier has and limits leave
	ties  []*tie // more important and smaller ones first
	// by rule: how many ties it selects, how many of them have been dealt with,
	// and whether pods of a stack are among them
	selects, dealt []int
	met            bitset
	stacks         []*stack
	buffer         *occupancy
	largest        vector // of each resource, on any node of the tier
}

// tie is a demand that selects pods on its node, or whose pods others select.
type tie struct {
	demand  *demand
	configs bitset // of the tier
	left    int    // pods that are in no stack
	owns    []int  // affinity rules per node that its pods carry
	meets   []int  // those that select its pods
	opens   bool   // its first pod needs no other there
	size    float64
}

// maxBundlings bounds how often the pods that bundles left out are bundled again:
// where limits kept them out, smaller ones may do.
const maxBundlings = 3

// packBundles packs for a tier in which some pods must share nodes.
func (u *purchase) packBundles(tier bitset) []bin {
	var bins []bin
	for round := 0; round < maxBundlings && u.ties(tier); round++ {
		best := u.packOneByOne(tier)
		if best == nil {
			best = u.packBundled(tier)
		}
		if best == nil || len(best.bins) == 0 {
			break
		}
		bins = append(bins, u.keep(best)...)
	}
	return bins
}

// ties reports whether pods that are left must share nodes of the tier.
func (u *purchase) ties(tier bitset) bool {
	return u.p.drawsPerNode() && slices.ContainsFunc(u.demands, func(d *demand) bool {
		owns := false
		d.class.eachAffinity(func(t *touch) { owns = owns || t.owns })
		return owns && u.left[d] > 0 && d.configs.meets(tier, tier)
	})
}

// packOneByOne looks at all ways to pack few pods; nil when they are too many.
func (u *purchase) packOneByOne(tier bitset) *outcome {
	s := selection{demands: u.demands, left: u.left}
	k := newPacker(u.p, s, tier)
	best := k.solveExactly(k.counts(s), u.used)
	u.budget -= k.steps
	if best == nil {
		return nil
	}
	return &outcome{s, k, best}
}

// packBundled packs bundles. Where that leaves much unused, it packs only the
// least that each node must have as bundles, and lets the others join those.
func (u *purchase) packBundled(tier bitset) *outcome {
	b := newBundler(u, tier)
	b.bundle(math.MaxInt, nil)
	if whole := b.missing(); whole != nil {
		stacks := b.stacks
		if b.bundle(1, nil); slices.Compare(b.missing(), whole) >= 0 {
			b.stacks = stacks
		}
	}
	best := u.pack(b.selection(false), tier)
	if best == nil {
		return nil
	}
	nodes, whole := best.nodesByRoot(), best
	for _, part := range []float64{1, 0.75, 0.5} {
		if whole.k.close(best.packing) {
			break
		}
		few := map[*demand]int{}
		for d, n := range nodes {
			few[d] = max(1, int(part*float64(n)))
		}
		b.bundle(1, few)
		if !slices.ContainsFunc(b.ties, func(x *tie) bool { return len(x.owns) > 0 && x.left > 0 }) {
			break
		}
		if next := u.pack(b.selection(true), tier); next != nil && next.beats(best) {
			best = next
		}
	}
	return best
}

// nodesByRoot counts the nodes that have bundles which begin with a demand.
func (o *outcome) nodesByRoot() map[*demand]int {
	nodes := map[*demand]int{}
	for i := range o.bins {
		seen := map[*demand]bool{}
		for _, s := range o.bins[i].shares {
			if bundle := s.demand.class.bundle; bundle != nil && !seen[bundle[0].demand] {
				seen[bundle[0].demand] = true
				nodes[bundle[0].demand] += o.bins[i].times
			}
		}
	}
	return nodes
}

// beats reports whether a packing, of other bundles perhaps, is better.
func (o *outcome) beats(other *outcome) bool {
	x, y := *o.packing, *other.packing
	x.pods, y.pods = podsOf(x.bins), podsOf(y.bins)
	return x.better(&y)
}

// podsOf counts pods, those in bundles one by one.
func podsOf(bins []bin) int {
	pods := 0
	for i := range bins {
		for _, s := range bins[i].shares {
			each := 1
			if s.demand.class.bundle != nil {
				each = 0
			}
			for _, of := range s.demand.class.bundle {
				each += of.count
			}
			pods += each * s.count * bins[i].times
		}
	}
	return pods
}

func newBundler(u *purchase, tier bitset) *bundler {
	b := &bundler{u: u, tier: tier}
	b.findTies()
	b.findRooms()
	return b
}

// bundle makes the bundles: at first with up to so many pods of each demand, so
// that there is room for those behind them, then with the rest. With few, it makes
// no more than that of each root, and leaves the rest out.
func (b *bundler) bundle(most int, few map[*demand]int) {
	clear(b.met)
	clear(b.dealt)
	b.stacks = nil
	for _, x := range b.ties {
		x.left = b.u.left[x.demand]
	}
	waiting := slices.Clone(b.ties)
	for at := b.next(waiting); at >= 0; at = b.next(waiting) {
		x := waiting[at]
		waiting = slices.Delete(waiting, at, at+1)
		for _, r := range x.meets {
			b.dealt[r]++
		}
		switch {
		case len(x.owns) == 0:
			times := x.left
			if few != nil {
				times = min(times, few[x.demand])
			}
			b.found(x, times)
		case b.joins(x):
			b.join(x, most)
		case b.opens(x):
			b.found(x, 1).root = nil
			b.join(x, most-1)
		}
	}
	if few != nil {
		return
	}
	for _, x := range b.ties {
		b.join(x, math.MaxInt)
	}
}

// missing counts the pods that found no bundle, by priority, the highest first;
// nil when there are none.
func (b *bundler) missing() []int {
	var counts []int
	missing, last := 0, int32(0)
	for n, x := range b.ties {
		if priority := x.demand.class.pod.Priority; n == 0 || priority != last {
			counts, last = append(counts, 0), priority
		}
		counts[len(counts)-1] += x.left
		missing += x.left
	}
	if missing == 0 {
		return nil
	}
	return counts
}

// findTies finds the demands of the tier that affinities per node tie together.
func (b *bundler) findTies() {
	rules := len(b.u.p.rules)
	carried := newBitset(rules)
	b.selects, b.dealt, b.met = make([]int, rules), make([]int, rules), newBitset(rules)
	var serves []*demand
	for _, d := range b.u.demands {
		if b.u.left[d] > 0 && d.configs.meets(b.tier, b.tier) {
			serves = append(serves, d)
			d.class.eachAffinity(func(t *touch) {
				if t.owns {
					carried.set(t.rule.id)
				}
			})
		}
	}
	for _, d := range serves {
		if x := b.tie(d, carried); len(x.owns)+len(x.meets) > 0 {
			x.configs = d.configs.clone()
			x.configs.and(b.tier)
			b.ties = append(b.ties, x)
		}
	}
}

func (b *bundler) tie(d *demand, carried bitset) *tie {
	x := &tie{demand: d, left: b.u.left[d], opens: true}
	d.class.eachAffinity(func(t *touch) {
		if t.owns {
			x.owns = append(x.owns, t.rule.id)
			x.opens = x.opens && t.matched && t.rule.total == 0 && !b.u.seated[t.rule.id]
			for _, sibling := range t.rule.siblings {
				x.opens = x.opens && sibling.total == 0
			}
		}
		if t.matched && carried.has(t.rule.id) {
			x.meets = append(x.meets, t.rule.id)
			b.selects[t.rule.id]++
		}
	})
	return x
}

// drawsPerNode reports whether some pod must share its node with others.
func (p *problem) drawsPerNode() bool {
	return slices.ContainsFunc(p.rules, func(r *rule) bool { return r.kind == affinityRule && r.axis.host })
}

// findRooms finds the rooms of the tier that limits still leave, and how much of
// it each tie asks for.
func (b *bundler) findRooms() {
	p := b.u.p
	b.largest = make(vector, len(p.resources.names))
	for r := range p.space.rooms {
		same := &p.space.rooms[r]
		bought := slices.ContainsFunc(same.configs, func(i int) bool {
			c := &p.space.configs[i]
			return b.tier.has(i) && b.u.used.times(c.pool, c.capacity, 1) > 0
		})
		if bought {
			b.rooms = append(b.rooms, r)
			for i, amount := range same.room {
				b.largest[i] = max(b.largest[i], amount)
			}
		}
	}
	for _, x := range b.ties {
		x.size = x.demand.class.request.share(b.largest)
	}
	slices.SortStableFunc(b.ties, func(x, y *tie) int {
		return cmp.Or(cmp.Compare(y.demand.class.pod.Priority, x.demand.class.pod.Priority), cmp.Compare(x.size, y.size))
	})
}
