package engine

import (
	"cmp"
	"math"
	"slices"
)

// variant is one way to run the greedy packing; several are tried and the
// cheapest is kept.
type variant struct {
	largest  int64 // most a node may cost; 0: no bound
	smallest int64 // least a node may cost, as long as such nodes do
	plain    bool
	thrifty  bool // nodes that use little of the pools' limits, whatever they cost
	ranked   bool // largest first among pods that rules spread over nodes
	// limit ends the run as soon as it surely costs more, or takes too many steps;
	// 0: no limit. What was packed until then has pods missing.
	limit int64
}

// packing is the outcome of one run over one tier.
type packing struct {
	bins  []bin
	left  []int // by item
	pods  int   // placed
	cost  int64
	nodes int
	usage usage
}

func (x *packing) better(y *packing) bool {
	if x.pods != y.pods {
		return x.pods > y.pods
	}
	if x.cost != y.cost {
		return x.cost < y.cost
	}
	return x.nodes < y.nodes
}

// usage is the capacity that counts against each pool's limits.
type usage map[*pool][]int64

// clone may be the same: where nothing is limited, nothing changes.
func (u usage) clone() usage {
	limited := false
	for _, amounts := range u {
		limited = limited || len(amounts) > 0
	}
	if !limited {
		return u
	}
	copied := make(usage, len(u))
	for p, amounts := range u {
		copied[p] = append([]int64(nil), amounts...)
	}
	return copied
}

func (u usage) add(p *pool, amounts []int64, times int) {
	for i, amount := range amounts {
		u[p][i] += amount * int64(times)
	}
}

// times returns how often the limits still allow these amounts, up to most.
func (u usage) times(p *pool, amounts []int64, most int) int {
	for i, amount := range amounts {
		if amount > 0 {
			most = min(most, int(max(0, p.limit[i]-u[p][i])/amount))
		}
	}
	return most
}

// packer packs the demands of one tier into nodes to buy.
type packer struct {
	p       *problem
	items   []*item
	scale   scale
	slots   []slot
	configs []int           // worth trying, most promising first
	byPrice []int           // the same, cheapest first, once asked for
	index   map[*demand]int // of the item
	linear  float64         // what all pods' resources cost at least
	pods    int
	prices  []int64 // of a pod by item, from patterns
	worths  []int64 // likewise, such that no node holds much more of them than it costs
	mixed   []bin   // the nodes of the cheapest mixture, from patterns
	steps   int
	filler  *filler // of the runs, which are one after the other
	choice  *choice // likewise
	most    int     // steps at which runs with a limit end
	// of part: its packer, how many pods of each item are in it, and which are
	some      *packer
	inPart    []int
	partItems []int
	exact     *exact // buffers
}

func newPacker(p *problem, s selection, tier bitset) *packer {
	k := &packer{p: p}
	k.items = newItems(s.demands, s.left, tier)
	families, admitted := findFamilies(p, k.items)
	describeItems(k.items)
	usable := newBitset(len(p.space.configs))
	for _, it := range k.items {
		usable.or(it.configs)
	}
	k.configs = p.undominated(usable, admitted)
	k.scale, k.slots = priceItems(p, k.items, families, k.configs, s.left)
	k.items = dearestFirst(k.items)
	k.index = make(map[*demand]int, len(k.items))
	left := make([]int, len(k.items))
	for i, it := range k.items {
		k.index[it.demand], left[i] = i, s.left[it.demand]
		k.pods += s.left[it.demand]
		k.linear += float64(it.linear * float64(s.left[it.demand]))
	}
	k.rankConfigs(left)
	return k
}

// dearestFirst orders items by what a pod is worth, and else as they come.
func dearestFirst(items []*item) []*item {
	type valued struct {
		value int64
		at    int
	}
	order, sorted := make([]valued, len(items)), make([]*item, len(items))
	for i, it := range items {
		order[i] = valued{it.value, i}
	}
	slices.SortFunc(order, func(x, y valued) int { return cmp.Or(cmp.Compare(y.value, x.value), x.at-y.at) })
	for n := range order {
		sorted[n] = items[order[n].at]
	}
	return sorted
}

// rankConfigs orders configs by the most that a dollar could buy with them.
func (k *packer) rankConfigs(left []int) {
	worth := make([]float64, len(k.configs))
	k.promises(left, worth)
	type ranked struct {
		config  int
		promise float64
	}
	order := make([]ranked, len(k.configs))
	for n, i := range k.configs {
		order[n] = ranked{i, worth[n] / float64(k.p.space.configs[i].price)}
	}
	slices.SortFunc(order, func(x, y ranked) int {
		if x.promise != y.promise {
			return cmp.Compare(y.promise, x.promise)
		}
		return x.config - y.config
	})
	for n := range order {
		k.configs[n] = order[n].config
	}
}

// promises bound from above what each config's node can be worth when filled with
// what is left, with each resource at its highest worth to any item.
func (k *packer) promises(left []int, promise []float64) {
	best := make([]float64, len(k.p.resources.names))
	least, most, mixed := 1.0, 0.0, k.scale.first != k.scale.second
	for i, it := range k.items {
		if left[i] == 0 {
			continue
		}
		own := k.scale.worth(it.class.request)
		if own > 0 {
			factor := max(float64(it.value)-it.slot, 0) / own
			for r := range best {
				best[r] = max(best[r], float64(factor*k.scale.prices[r]))
			}
			least, most = min(least, it.tilt), max(most, it.tilt)
			continue
		}
		mixed = false
		for r, amount := range it.class.request {
			if amount > 0 {
				best[r] = max(best[r], float64(it.value)/float64(amount))
			}
		}
	}
	for n, i := range k.configs {
		room, worth := k.p.space.configs[i].room, 0.0
		for r, price := range best {
			worth += float64(price * float64(max(room[r], 0)))
		}
		if mixed {
			worth -= k.scale.unusable(best, room, least, most)
		}
		promise[n] = worth
	}
	for s := range k.slots {
		worth := float64(k.slots[s].price * float64(k.slots[s].room))
		for n, i := range k.configs {
			if k.slots[s].configs.has(i) {
				promise[n] += worth
			}
		}
	}
}

// unusable is what the room's two main resources are worth that pods with a tilt
// between least and most cannot use: when one has run out, there is some left of
// the other.
func (s scale) unusable(best []float64, room vector, least, most float64) float64 {
	a := float64(best[s.first] * float64(max(room[s.first], 0)))
	b := float64(best[s.second] * float64(max(room[s.second], 0)))
	used := a + b
	if most < 1 {
		used = min(used, b/(1-most))
	}
	if least > 0 {
		used = min(used, a/least)
	}
	return (a + b - used) * (1 - 1e-9)
}

// run packs left (by item) greedily: again and again the node that gives most
// worth for its price.
func (k *packer) run(v variant, left []int, used usage) *packing {
	out := &packing{left: append([]int(nil), left...), usage: used}
	if k.filler == nil {
		k.filler = newFiller(k.p, k.items, k.scale, out.left)
	} else {
		k.filler.begin(k.items, out.left)
	}
	f := k.filler
	f.plain, f.ranked, f.thrifty = v.plain, v.ranked, v.thrifty
	remaining, linear := int64(0), 0.0
	for i, it := range k.items {
		remaining += it.value * int64(left[i])
		linear += float64(it.linear * float64(left[i]))
	}
	g := k.newChoice(f, v, used, remaining)
	for remaining > 0 {
		config := g.choose(out.usage, remaining)
		if config < 0 {
			if g.largest == 0 && g.smallest == 0 {
				break
			}
			g.unbound(remaining)
			continue
		}
		b := k.settle(f, config, out.usage)
		if b.times == 0 {
			g.ban(config, remaining)
			continue
		}
		worth, least := k.commit(f, out, b)
		remaining -= worth
		linear -= least
		if v.limit > 0 && remaining > 0 && (float64(out.cost)+linear > float64(v.limit)+1 || k.steps+f.steps > k.most) {
			break
		}
		f.compact()
	}
	k.steps += f.steps + len(k.configs)
	return out
}

// settle turns the fill of a config into a bin: on the cheapest config that
// holds it, within the minimum of choices its pool asks for, as often as what
// is left and the limits allow.
func (k *packer) settle(f *filler, config int, used usage) bin {
	b := bin{config: config, times: math.MaxInt32}
	b.shares = make([]share, len(f.touched))
	for n, i := range f.touched {
		b.shares[n] = share{demand: k.items[i].demand, count: f.taken[i]}
	}
	for !k.p.flexible(&b, used) {
		if !shrink(&b) {
			return bin{config: config}
		}
	}
	if !f.thrifty {
		k.p.rightSize(&b, used)
	}
	for n, i := range f.touched {
		if count := b.count(k.items[i].demand, n); count > 0 {
			b.times = min(b.times, f.left[i]/count)
		}
	}
	b.times = used.times(k.p.space.configs[b.config].pool, b.charge, b.times)
	return b
}

func (b *bin) count(d *demand, hint int) int {
	if hint < len(b.shares) && b.shares[hint].demand == d {
		return b.shares[hint].count
	}
	for _, s := range b.shares {
		if s.demand == d {
			return s.count
		}
	}
	return 0
}

// shrink halves what a bin holds; false when it holds one pod already.
func shrink(b *bin) bool {
	total := 0
	for _, s := range b.shares {
		total += s.count
	}
	room := total / 2
	var smaller []share
	for _, s := range b.shares {
		if s.count = min(s.count, room); s.count > 0 {
			smaller = append(smaller, s)
			room -= s.count
		}
	}
	b.shares = smaller
	return total > 1
}

// commit takes the bin's pods off what is left and returns their worth and what
// their resources cost at least.
func (k *packer) commit(f *filler, out *packing, b bin) (worth int64, least float64) {
	for n, i := range f.touched {
		it := k.items[i]
		count := b.count(it.demand, n) * b.times
		out.left[i] -= count
		out.pods += count
		worth += it.value * int64(count)
		least += float64(it.linear * float64(count))
	}
	c := &k.p.space.configs[b.config]
	out.bins = append(out.bins, b)
	out.cost += c.price * int64(b.times)
	out.nodes += b.times
	out.usage.add(c.pool, b.charge, b.times)
	return worth, least
}
