package engine

import (
	"math"
	"sort"
)

// Ranks in which a node is filled: what has the fewest other places first.
const (
	rankPerNode    = iota // rules limit its number per node
	rankFollower          // must share a node with others
	rankRestricted        // only some configs will do
	rankFree
	ranks
)

// item is a demand as one pool tier sees it.
type item struct {
	demand  *demand
	class   *class
	configs bitset // of this tier
	rank    int
	value   int64 // nanoDollars per hour that a pod is worth, a little more when hard to place
	tilt    float64
	solo    int // most pods of it that one node of this tier holds
	perNode int // rough cap by per-node rules
	follows []int
	anchors []int // rules for which others wait beside it
}

// restrictedBonus makes nodes full of pods that have few places win over equal
// ones, so that the free pods are there to fill the last gaps.
const restrictedBonus = 1.02

// newItems prices the demands that this tier can serve and puts them in order.
func newItems(p *problem, demands []*demand, left map[*demand]int, tier bitset) ([]*item, scale) {
	var items []*item
	for _, d := range demands {
		configs := d.configs.clone()
		configs.and(tier)
		if left[d] > 0 && !configs.empty() {
			items = append(items, &item{demand: d, class: d.class, configs: configs, perNode: math.MaxInt32})
		}
	}
	widest := 0
	for _, it := range items {
		widest = max(widest, it.configs.count())
	}
	for _, it := range items {
		it.describe(p, widest)
	}
	markAnchors(p, items, freelySelected(demands, left))
	overall := priceItems(p, items, left)
	sort.SliceStable(items, func(i, j int) bool { return items[i].value > items[j].value })
	return items, overall
}

func (it *item) describe(p *problem, widest int) {
	it.rank = rankFree
	if it.configs.count() < widest {
		it.rank = rankRestricted
	}
	it.configs.each(func(i int) {
		it.solo = max(it.solo, it.class.request.times(p.space.configs[i].room, math.MaxInt32))
	})
	if len(it.class.pod.HostPorts) > 0 {
		it.rank, it.perNode = rankPerNode, 1
	}
	for i := range it.class.hosts {
		t := &it.class.hosts[i]
		if !t.owns {
			continue
		}
		switch t.rule.kind {
		case spreadRule:
			it.perNode = min(it.perNode, t.maxSkew)
		case antiRule:
			if t.matched {
				it.perNode = 1
			}
		case affinityRule:
			it.follows = append(it.follows, t.rule.id)
		}
		it.rank = rankPerNode
	}
}

// sticky items stay where they were packed: others depend on them.
func (it *item) sticky() bool { return len(it.follows) > 0 || len(it.anchors) > 0 }

// markAnchors finds who waits for whom to share a node: pods with an affinity
// follow pods that it selects and that do not have it themselves. Where there
// are none, the first of them opens the node that all then share.
func markAnchors(p *problem, items []*item, free map[int]bool) {
	waiting := map[int]bool{}
	for _, it := range items {
		it.class.eachAffinity(func(t *touch) {
			if t.owns && (!t.matched || free[t.rule.id]) {
				waiting[t.rule.id] = true
				it.rank = rankFollower
			}
		})
	}
	for _, it := range items {
		it.class.eachAffinity(func(t *touch) {
			if t.matched && !t.owns && waiting[t.rule.id] {
				it.anchors = append(it.anchors, t.rule.id)
				if it.rank != rankFollower {
					it.rank = rankPerNode
				}
			}
		})
	}
	for _, it := range items {
		if it.rank != rankFollower {
			continue
		}
		it.solo = 0
		for _, anchor := range items {
			if shareRule(anchor.anchors, it.follows) {
				it.solo = max(it.solo, it.soloBeside(p, anchor))
			}
		}
	}
}

// freelySelected are the affinity rules per node that select pods, of this tier
// or a later one, which do not carry them.
func freelySelected(demands []*demand, left map[*demand]int) map[int]bool {
	free := map[int]bool{}
	for _, d := range demands {
		if left[d] > 0 {
			d.class.eachAffinity(func(t *touch) { free[t.rule.id] = free[t.rule.id] || t.matched && !t.owns })
		}
	}
	return free
}

// eachAffinity calls do for every affinity rule per node that touches the class.
func (c *class) eachAffinity(do func(*touch)) {
	for i := range c.hosts {
		if t := &c.hosts[i]; t.rule.kind == affinityRule {
			do(t)
		}
	}
}

// soloBeside is the most pods of the item that one node holds beside an anchor.
func (it *item) soloBeside(p *problem, anchor *item) int {
	most := 0
	it.configs.each(func(c int) {
		if anchor.configs.has(c) {
			rest := p.space.configs[c].room.clone()
			rest.add(anchor.class.request, -1)
			most = max(most, it.class.request.times(rest, it.demand.count))
		}
	})
	return most
}

// scale weighs resources against each other: by the prices that hold for the
// demand as a whole, on the two resources that most money goes to.
type scale struct {
	prices        []float64
	first, second int
}

// tilt is the share of the first main resource in the worth of both.
func (s scale) tilt(v vector) float64 {
	a := float64(s.prices[s.first] * float64(v[s.first]))
	b := float64(s.prices[s.second] * float64(v[s.second]))
	if s.first == s.second || a+b <= 0 {
		return 0
	}
	return a / (a + b)
}

// worth is what the resources of v cost at least.
func (s scale) worth(v vector) float64 {
	worth := 0.0
	for r, amount := range v {
		worth += float64(s.prices[r] * float64(amount))
	}
	return worth
}

// priceItems values each pod at the dual prices of the configs it may use:
// what its resources cost at best, given what else wants them.
func priceItems(p *problem, items []*item, left map[*demand]int) scale {
	families := map[string][]*item{}
	union := newBitset(len(p.space.configs))
	for _, it := range items {
		key := bitsKey(it.configs)
		families[key] = append(families[key], it)
		union.or(it.configs)
	}
	overall := familyScale(p, items, union, left)
	for _, key := range sortedKeys(families) {
		own := overall
		if len(families) > 1 {
			own = familyScale(p, families[key], families[key][0].configs, left)
		}
		for _, it := range families[key] {
			worth := own.worth(it.class.request)
			if it.rank != rankFree {
				worth = float64(worth * restrictedBonus)
			}
			it.value = int64(worth) + 1000 // even a pod that asks for nothing needs a place
			it.tilt = overall.tilt(it.class.request)
		}
	}
	return overall
}

func familyScale(p *problem, family []*item, configs bitset, left map[*demand]int) scale {
	demand := make(vector, len(p.resources.names))
	for _, it := range family {
		demand.add(it.class.request, left[it.demand])
	}
	var list []*config
	configs.each(func(i int) { list = append(list, &p.space.configs[i]) })
	s := scale{prices: resourcePrices(list, demand)}
	s.first, s.second = mainResources(s.prices, demand)
	return s
}

func bitsKey(b bitset) string {
	key := make([]byte, 0, len(b)*8)
	for _, word := range b {
		for shift := 0; shift < 64; shift += 8 {
			key = append(key, byte(word>>shift))
		}
	}
	return string(key)
}

// mainResources are the two that the money goes to.
func mainResources(prices []float64, demand vector) (int, int) {
	order := make([]int, len(demand))
	for r := range order {
		order[r] = r
	}
	sort.SliceStable(order, func(i, j int) bool {
		a, b := order[i], order[j]
		return float64(prices[a]*float64(demand[a])) > float64(prices[b]*float64(demand[b]))
	})
	if len(order) == 1 {
		return order[0], order[0]
	}
	return min(order[0], order[1]), max(order[0], order[1])
}
